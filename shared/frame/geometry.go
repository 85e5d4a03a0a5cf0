package frame

import (
	"fmt"
	"math/bits"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// Depth is the type of one element, numbered as OpenCV's CV_8U … CV_16F.
type Depth uint8

// The element types.
const (
	U8 Depth = iota
	S8
	U16
	S16
	S32
	F32
	F64
	F16
)

var depths = [...]struct {
	name string
	size int
}{{"u8", 1}, {"s8", 1}, {"u16", 2}, {"s16", 2}, {"s32", 4}, {"f32", 4}, {"f64", 8}, {"f16", 2}}

// Bytes is the size of one element; 0 for an unknown depth.
func (d Depth) Bytes() int {
	if int(d) < len(depths) {
		return depths[d].size
	}
	return 0
}

func (d Depth) String() string {
	if int(d) < len(depths) {
		return depths[d].name
	}
	return fmt.Sprintf("depth(%d)", uint8(d))
}

// Format is what the channels of a pixel mean. The numbers travel between processes: the list only grows.
type Format uint8

// The formats. Colour is BGR by OpenCV's habit.
const (
	FormatNone    Format = iota // no frame at all
	FormatEncoded               // bytes of an image file; width, height and depth unknown
	FormatGray
	FormatBGR
	FormatBGRA
	FormatRGB
	FormatRGBA
	FormatHSV
	FormatHLS
	FormatLab
	FormatLuv
	FormatYCrCb
	FormatYUV
	FormatXYZ
	FormatC2 // two channels of no agreed meaning
	FormatC3
	FormatC4
)

var formats = [...]struct {
	name     string
	channels int
}{
	{"none", 0}, {"encoded", 0}, {"gray", 1}, {"bgr", 3}, {"bgra", 4}, {"rgb", 3}, {"rgba", 4}, {"hsv", 3}, {"hls", 3},
	{"lab", 3}, {"luv", 3}, {"ycrcb", 3}, {"yuv", 3}, {"xyz", 3}, {"c2", 2}, {"c3", 3}, {"c4", 4},
}

// Channels is the number of elements in a pixel; 0 where there are no pixels, or for an unknown format.
func (f Format) Channels() int {
	if int(f) < len(formats) {
		return formats[f].channels
	}
	return 0
}

func (f Format) String() string {
	if int(f) < len(formats) {
		return formats[f].name
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// Geometry is the size and type of a picture. The zero Geometry is no picture.
type Geometry struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Format Format `json:"format"`
	Depth  Depth  `json:"depth"`
}

// MaxSide is the largest width or height: OpenCV's own limit for decoding is 1<<20.
const MaxSide = 1 << 20

// MaxBytes bounds the pixels of one picture.
const MaxBytes = 1 << 33

// Size is the number of bytes of dense pixels. It fails for encoded bytes, for no picture, for unknown formats and depths, and
// beyond MaxSide and MaxBytes.
func (g Geometry) Size() (int, error) {
	channels, depth := g.Format.Channels(), g.Depth.Bytes()
	if channels == 0 || depth == 0 {
		return 0, errorf("%v %v has no pixels", g.Format, g.Depth)
	}
	if g.Width < 1 || g.Height < 1 || g.Width > MaxSide || g.Height > MaxSide {
		return 0, errorf("%dx%d is not a size: each side is 1 to %d", g.Width, g.Height, MaxSide)
	}
	hi, n := bits.Mul64(uint64(g.Width)*uint64(channels*depth), uint64(g.Height))
	if hi != 0 || n > MaxBytes {
		return 0, errorf("%v is larger than %d bytes", g, MaxBytes)
	}
	return int(n), nil
}

// RowBytes is the length of one dense row. It is meaningful only where Size does not fail.
func (g Geometry) RowBytes() int { return g.Width * g.Format.Channels() * g.Depth.Bytes() }

// IsPixels reports whether there are pixels, as against encoded bytes or nothing.
func (g Geometry) IsPixels() bool { return g.Format.Channels() > 0 }

// String is such as "1920x1080 bgr u8", "bgr u8" where the size is not known, "encoded" or "none".
func (g Geometry) String() string {
	switch {
	case !g.IsPixels():
		return g.Format.String()
	case g.Width == 0 && g.Height == 0:
		return fmt.Sprintf("%v %v", g.Format, g.Depth)
	}
	return fmt.Sprintf("%dx%d %v %v", g.Width, g.Height, g.Format, g.Depth)
}

func errorf(format string, args ...any) error { return fault.Errorf(fault.Invalid, format, args...) }
