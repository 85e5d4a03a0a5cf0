//go:build opencv

package cv

import (
	"strings"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// colourAgreements has a case for every code there is, and for every colour map.
func colourAgreements() []agreement {
	list := []agreement{
		{"extract_channel", "img if img.ndim == 2 else cv2.extractChannel(img, 0)", nil, numbers},
		{"extract_channel coi=2", "cv2.extractChannel(img, 2)", nil, "colour odd one pixel row"},
		{"mix_channels fromTo=0,2,1,1,2,0", "cv2.mixChannels([img], [np.zeros(img.shape[:2] + (3,), img.dtype)], [0, 2, 1, 1, 2, 0])[0] if img.ndim == 3 else refuse", nil, "colour odd one pixel row u16 f32"},
		{"mix_channels fromTo=2,0,-1,1", "cv2.mixChannels([img], [np.ones(img.shape[:2] + (2,), img.dtype)], [2, 0, -1, 1])[0] if img.ndim == 3 else refuse", nil, "colour odd one pixel row u16 f32"},
		{"transform m=0.131,0.534,0.272/0.168,0.686,0.349/0.189,0.769,0.393", "cv2.transform(img, np.float64([[0.131, 0.534, 0.272], [0.168, 0.686, 0.349], [0.189, 0.769, 0.393]]))", nil, "colour odd one pixel row u16 f32"},
		{"transform m=0.1,0.2,0.3,4", "cv2.transform(img, np.float64([[0.1, 0.2, 0.3, 4]]))", nil, "colour odd one pixel row u16 f32"},
		{"in_range lowerb=50 upperb=150.5", "cv2.inRange(img, (50, 50, 50, 50), (150.5, 150.5, 150.5, 150.5))", nil, numbers},
		{"in_range lowerb=10,20,30 upperb=90,120,200", "cv2.inRange(img, (10, 20, 30, 0), (90, 120, 200, 0))", nil, "colour odd one pixel row u16 f32"},
	}
	for _, name := range colorMaps {
		list = append(list, agreement{"apply_color_map colormap=" + name, "cv2.applyColorMap(img, cv2.COLORMAP_" + strings.ToUpper(name) + ")",
			nil, "colour gray odd one pixel row column"})
	}
	for _, c := range conversions() {
		op, call := "cvt_color", "cvtColor"
		if c.ofMosaic() {
			op, call = "demosaicing", "demosaicing"
		}
		list = append(list, agreement{op + " code=" + c.code, "cv2." + call + "(img, cv2.COLOR_" + c.code + ")", nil, takenBy(c)})
	}
	return list
}

// takenBy names inputs that a conversion must take, beside the one that any case must take. The pictures of the test are gray, BGR, BGRA or of two channels: what
// they are said to be is up to the code.
func takenBy(c conversion) string {
	switch {
	case c.kind == fromPlanes:
		return "none"
	case c.kind == fromPairs:
		return "pairs"
	case c.in == frame.FormatGray:
		return "gray odd column"
	case c.in.Channels() == 4:
		return "alpha"
	case c.in.Channels() == 2:
		return "pairs"
	}
	if c.kind == toPlanes {
		return "colour"
	}
	return "colour odd one pixel row"
}
