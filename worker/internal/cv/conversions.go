//go:build opencv

package cv

import (
	"slices"
	"strings"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"gocv.io/x/gocv"
)

// conversion is a code of cvtColor, with what its numbers mean before and after.
type conversion struct {
	code    string
	number  gocv.ColorConversionCode
	in, out frame.Format
	kind    conversionKind
}

// conversionKind says which depths and sizes a conversion takes.
type conversionKind string

const (
	channelwise conversionKind = "channelwise" // u8, u16 and f32
	curved      conversionKind = "curved"      // u8 and f32
	bytewise    conversionKind = "bytewise"    // u8
	fromPlanes  conversionKind = "from planes" // one and a half times the height, gray, to the picture
	toPlanes    conversionKind = "to planes"   // the other way
	fromPairs   conversionKind = "from pairs"  // two pixels share their colour
	mosaic      conversionKind = "mosaic"      // one colour in each pixel
	mosaicVNG   conversionKind = "mosaic, VNG" // the same, u8 only
)

var conversionDepths = map[conversionKind][]frame.Depth{
	channelwise: {frame.U8, frame.U16, frame.F32}, curved: {frame.U8, frame.F32}, mosaic: {frame.U8, frame.U16},
	bytewise: {frame.U8}, fromPlanes: {frame.U8}, toPlanes: {frame.U8}, fromPairs: {frame.U8}, mosaicVNG: {frame.U8},
}

// codes are the names of the conversions that are kept.
func codes(keep func(conversion) bool) []string {
	var names []string
	for _, c := range conversions() {
		if keep(c) {
			names = append(names, c.code)
		}
	}
	return names
}

// ofMosaic reports whether the conversion is one of demosaicing.
func (c conversion) ofMosaic() bool { return strings.HasPrefix(string(c.kind), string(mosaic)) }

// isUsual reports whether the formats alone say what the conversion does.
func (c conversion) isUsual() bool { return c.kind == channelwise || c.kind == curved }

// takes is the conversion's input. Channels of no agreed meaning are taken for what the code says.
func (c conversion) takes() input {
	formats := []frame.Format{c.in}
	switch c.in.Channels() {
	case 3:
		formats = append(formats, frame.FormatC3)
	case 4:
		formats = append(formats, frame.FormatC4)
	}
	return only(formats...).of(conversionDepths[c.kind]...).by("code")
}

// shape is what the conversion makes of in.
func (c conversion) shape(in frame.Geometry) (frame.Geometry, error) {
	out := in
	out.Format = c.out
	switch {
	case c.kind == fromPlanes && (in.Width%2 != 0 || in.Height%3 != 0):
		return in, fault.Errorf(fault.Invalid, "%s needs an even width and a height that 3 divides, got %v", c.code, in)
	case c.kind == toPlanes && (in.Width%2 != 0 || in.Height%2 != 0):
		return in, fault.Errorf(fault.Invalid, "%s needs even sides, got %v", c.code, in)
	case c.kind == fromPairs && in.Width%2 != 0:
		return in, fault.Errorf(fault.Invalid, "%s needs an even width, got %v", c.code, in)
	case c.kind == fromPlanes:
		out.Height = in.Height / 3 * 2
	case c.kind == toPlanes:
		out.Height = in.Height / 2 * 3
	}
	return out, nil
}

func cvtColor(code string) step {
	all := conversions()
	c := all[slices.IndexFunc(all, func(c conversion) bool { return c.code == code })]
	s := filter(c.takes(), func(src gocv.Mat, dst *gocv.Mat) error { return gocv.CvtColor(src, dst, c.number) })
	s.shape = c.shape
	return s
}
