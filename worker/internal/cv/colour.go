//go:build opencv

package cv

import (
	"fmt"
	"strings"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func colourOps() []op {
	return []op{
		{
			OpInfo: info("gray", "imgproc", "Convert a colour picture to one gray channel; a gray one passes.").
				WithReturns("one gray channel of the same size and depth"),
			bind: func(pipeline.Args) (step, error) { return gray(), nil },
		}, {
			OpInfo: info("cvt_color", "imgproc", "Convert from one colour space, or layout of a camera, to another.",
				pipeline.Choice("code", codes(func(conversion) bool { return true }),
					"from and to, as in cv2.COLOR_BGR2HSV; YUV with planes is a gray picture of one and a half times the height, with pairs one of two channels")).
				WithReturns("a picture of the same depth, in the other colour space").WithExample("cvt_color code=BGR2HSV"),
			bind: func(a pipeline.Args) (step, error) { return cvtColor(a.String("code")), nil },
		}, {
			OpInfo: info("demosaicing", "imgproc", "Make a colour picture of what a sensor with a Bayer pattern saw.",
				pipeline.Choice("code", codes(conversion.ofMosaic), "pattern and result, as in cv2.COLOR_BayerBG2BGR")).
				WithReturns("a colour or gray picture of the same size and depth").WithExample("gray | demosaicing code=BayerRG2BGR"),
			bind: func(a pipeline.Args) (step, error) { return cvtColor(a.String("code")), nil },
		}, {
			OpInfo: info("extract_channel", "core", "Take one channel.", pipeline.Int("coi", 0, 0, 3, "which, from 0")).
				WithReturns("one gray channel of the same size and depth").WithExample("extract_channel coi=2"),
			bind: func(a pipeline.Args) (step, error) { return extractChannel(a.Int("coi")), nil },
		}, {
			OpInfo: info("mix_channels", "core", "Take channels in another order.",
				pipeline.Floats("fromTo", "", []int{2, 4, 6, 8}, -1, 3,
					"pairs of a channel of the input and one of the result, from 0; a first of -1 makes the second zero").Required()).
				WithReturns("a picture of the same size and depth, with as many channels as were named").
				WithExample("mix_channels fromTo=0,2,1,1,2,0"),
			bind: func(a pipeline.Args) (step, error) { return mixChannelsStep(a.Floats("fromTo")) },
		}, {
			OpInfo: info("transform", "core", "Multiply the channels of each pixel by a matrix.",
				pipeline.Kernel("m", "", 5, "a row for each channel of the result: a factor for each channel of the input, and what is added, if anything").Required()).
				WithReturns("a picture of the same size and depth, with as many channels as the matrix has rows").
				WithExample("transform m=0.131,0.534,0.272/0.168,0.686,0.349/0.189,0.769,0.393"),
			bind: func(a pipeline.Args) (step, error) { return transformStep(a.Matrix("m")) },
		}, {
			OpInfo: info("in_range", "core", "Find the pixels all channels of which lie between two bounds.",
				pipeline.Scalar("lowerb", "0", "the least value"), pipeline.Scalar("upperb", "255", "the largest value")).
				WithReturns("gray u8 of the same size: 255 within, 0 elsewhere").
				WithExample("cvt_color code=BGR2HSV | in_range lowerb=20,60,60 upperb=35,255,255"),
			bind: inRangeStep,
		}, {
			OpInfo: info("apply_color_map", "imgproc", "Show brightness as colour.", pipeline.Choice("colormap", colorMaps, "as in cv2.COLORMAP_JET")).
				WithReturns("bgr u8 of the same size").WithExample("gray | apply_color_map colormap=turbo"),
			bind: func(a pipeline.Args) (step, error) {
				number := gocv.ColormapTypes(index(colorMaps, a.String("colormap")))
				s := filter(only(frame.FormatGray, frame.FormatBGR).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return gocv.ApplyColorMap(src, dst, number)
				})
				s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatBGR; return in, nil }
				return s, nil
			},
		},
	}
}

// colorMaps are in the order of OpenCV's numbers.
var colorMaps = strings.Fields(`autumn bone jet winter rainbow ocean summer spring cool hsv pink hot parula magma inferno plasma viridis
	cividis twilight twilight_shifted turbo deepgreen`)

// gray chooses the conversion by the format that comes: the weights of red and blue differ.
func gray() step {
	codes := map[frame.Format]gocv.ColorConversionCode{
		frame.FormatBGR: gocv.ColorBGRToGray, frame.FormatBGRA: gocv.ColorBGRAToGray,
		frame.FormatRGB: gocv.ColorRGBToGray, frame.FormatRGBA: gocv.ColorRGBAToGray,
	}
	takes := only(frame.FormatBGR, frame.FormatBGRA, frame.FormatRGB, frame.FormatRGBA).of(frame.U8, frame.U16, frame.F32)
	return step{
		idle: isGray,
		fits: func(in frame.Geometry) error {
			if isGray(in) {
				return nil
			}
			return takes.check(in)
		},
		shape: func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatGray; return in, nil },
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			return nil, gocv.CvtColor(src.Mat, dst, codes[src.g.Format])
		},
	}
}

func isGray(g frame.Geometry) bool { return g.Format == frame.FormatGray }

func extractChannel(coi int) step {
	s := filter(input{}.of(numeric...), func(src gocv.Mat, dst *gocv.Mat) error { return gocv.ExtractChannel(src, dst, coi) })
	s.idle = isGray
	s.fits = func(in frame.Geometry) error {
		if n := in.Format.Channels(); coi >= n {
			return wrong("coi", "coi=%d: %v has channels 0 to %d", coi, in, n-1)
		}
		return nil
	}
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatGray; return in, nil }
	return s
}

// usual is what so many channels mean where nobody says otherwise; FormatNone of more than four.
func usual(channels int) frame.Format {
	return map[int]frame.Format{1: frame.FormatGray, 2: frame.FormatC2, 3: frame.FormatBGR, 4: frame.FormatBGRA}[channels]
}

// withChannels is in with so many channels; they mean what they meant where the number stays.
func withChannels(in frame.Geometry, n int) frame.Geometry {
	if in.Format.Channels() != n {
		in.Format = usual(n)
	}
	return in
}

func mixChannelsStep(list []float64) (step, error) {
	fromTo, n, from := make([]int32, len(list)), len(list)/2, -1
	made := map[int32]bool{}
	for i, v := range list {
		if fromTo[i] = int32(v); v != float64(fromTo[i]) {
			return step{}, wrong("fromTo", "fromTo=%s: %v is no channel", commas(list), v)
		}
		if i%2 == 0 {
			from = max(from, int(v))
		} else if made[fromTo[i]] = true; v < 0 || int(v) >= n {
			return step{}, wrong("fromTo", "fromTo=%s: %s, not %v", commas(list), pairsMake(n), v)
		}
	}
	if len(made) < n {
		return step{}, wrong("fromTo", "fromTo=%s: %d pairs make %d channels, and each must be made once", commas(list), n, n)
	}
	s := filter(input{}.of(numeric...), func(src gocv.Mat, dst *gocv.Mat) error { return mixChannels(src, dst, n, fromTo) })
	s.fits = func(in frame.Geometry) error {
		if from >= in.Format.Channels() {
			return wrong("fromTo", "fromTo=%s: %v has no channel %d", commas(list), in, from)
		}
		return nil
	}
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { return withChannels(in, n), nil }
	return s, nil
}

func pairsMake(n int) string {
	if n == 1 {
		return "1 pair makes the channel 0"
	}
	return fmt.Sprintf("%d pairs make the channels 0 to %d", n, n-1)
}

func transformStep(m pipeline.Numbers) (step, error) {
	if m.Rows > 4 {
		return step{}, wrong("m", "m has %d rows: a picture has up to 4 channels", m.Rows)
	}
	s := filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error { return transform(src, dst, m) })
	s.fits = func(in frame.Geometry) error {
		if n := in.Format.Channels(); m.Cols != n && m.Cols != n+1 {
			return wrong("m", "m has rows of %d numbers: %v needs %d or %d", m.Cols, in, n, n+1)
		}
		return nil
	}
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { return withChannels(in, m.Rows), nil }
	return s, nil
}

func inRangeStep(a pipeline.Args) (step, error) {
	lowerb, upperb := a.Floats("lowerb"), a.Floats("upperb")
	return step{
		takes: input{}.of(numeric...),
		fits:  both(forChannels("lowerb", lowerb), forChannels("upperb", upperb)),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			in.Format, in.Depth = frame.FormatGray, frame.U8
			return in, nil
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			lower, err := perChannel("lowerb", lowerb, src.g)
			if err != nil {
				return nil, err
			}
			upper, err := perChannel("upperb", upperb, src.g)
			if err != nil {
				return nil, err
			}
			return nil, inRange(src.Mat, lower, upper, dst)
		},
	}, nil
}
