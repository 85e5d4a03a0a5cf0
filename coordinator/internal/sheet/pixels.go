package sheet

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// Shrink returns the picture of a frame so small that each side is at most side pixels; a tiny one is enlarged by a whole factor,
// so that its pixels can be seen. The frame is not kept.
//
// Bytes are shown as they are. Elements of another depth are spread so that the least is black and the greatest white; the text
// says which these are. Colour spaces other than BGR and RGB are shown as if they were BGR, as OpenCV's imshow does.
func Shrink(f frame.Frame, side int) (small image.Image, text string, err error) {
	p, err := newPixels(f)
	if err != nil {
		return nil, "", err
	}
	out := image.NewRGBA(fitInto(f.Width, f.Height, side))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.Gray{0xcc}), image.Point{}, draw.Src) // behind what is transparent
	scaler := draw.Scaler(draw.BiLinear)
	if out.Rect.Dx() >= f.Width {
		scaler = draw.NearestNeighbor
	}
	scaler.Scale(out, out.Bounds(), p, p.Bounds(), draw.Over, nil)
	if f.Depth != frame.U8 {
		text = fmt.Sprintf("%.4g black to %.4g white", p.least, p.greatest)
	}
	return out, text, nil
}

func fitInto(width, height, side int) image.Rectangle {
	longer := max(width, height)
	if longer <= side {
		factor := side / longer
		return image.Rect(0, 0, width*factor, height*factor)
	}
	scaled := func(n int) int { return max(1, int(float64(n)*float64(side)/float64(longer)+0.5)) }
	return image.Rect(0, 0, scaled(width), scaled(height))
}

// pixels makes an image.Image of a frame, without a copy.
type pixels struct {
	frame.Frame
	element         func([]byte) float64
	bytes, channels int     // of an element, of a pixel
	order           [4]int  // which channels are red, green, blue and alpha; -1 none
	least, greatest float64 // shown as black and as white
	opaque          float64 // what full alpha is
	brightness      float64
}

func newPixels(f frame.Frame) (*pixels, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	p := &pixels{Frame: f, element: elementOf(f.Depth), bytes: f.Depth.Bytes(), channels: f.Format.Channels(), order: orderOf(f.Format)}
	if p.element == nil || p.channels == 0 {
		return nil, fmt.Errorf("cannot show %v", f.Geometry)
	}
	switch f.Depth {
	case frame.U8:
		p.opaque, p.greatest, p.brightness = 255, 255, 1.0/255
		return p, nil
	case frame.U16:
		p.opaque = math.MaxUint16
	default:
		p.opaque = 1
	}
	p.least, p.greatest = p.bounds()
	if p.greatest > p.least {
		p.brightness = 1 / (p.greatest - p.least)
	}
	return p, nil
}

// orderOf tells what the channels of a format are to be shown as.
func orderOf(f frame.Format) [4]int {
	switch f {
	case frame.FormatRGB:
		return [4]int{0, 1, 2, -1}
	case frame.FormatRGBA:
		return [4]int{0, 1, 2, 3}
	case frame.FormatBGRA:
		return [4]int{2, 1, 0, 3}
	}
	switch f.Channels() {
	case 1:
		return [4]int{0, 0, 0, -1}
	case 2:
		return [4]int{-1, 1, 0, -1}
	}
	return [4]int{2, 1, 0, -1}
}

func elementOf(d frame.Depth) func([]byte) float64 {
	native := binary.NativeEndian
	switch d {
	case frame.U8:
		return func(b []byte) float64 { return float64(b[0]) }
	case frame.S8:
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case frame.U16:
		return func(b []byte) float64 { return float64(native.Uint16(b)) }
	case frame.S16:
		return func(b []byte) float64 { return float64(int16(native.Uint16(b))) }
	case frame.S32:
		return func(b []byte) float64 { return float64(int32(native.Uint32(b))) }
	case frame.F32:
		return func(b []byte) float64 { return float64(math.Float32frombits(native.Uint32(b))) }
	case frame.F64:
		return func(b []byte) float64 { return math.Float64frombits(native.Uint64(b)) }
	case frame.F16:
		return func(b []byte) float64 { return half(native.Uint16(b)) }
	}
	return nil
}

// half reads IEEE 754's binary16.
func half(bits uint16) float64 {
	sign := 1 - 2*float64(bits>>15)
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(fraction+0x400, exponent-25)
}

// bounds are the least and the greatest finite element outside the alpha channel.
func (p *pixels) bounds() (least, greatest float64) {
	least, greatest = math.Inf(1), math.Inf(-1)
	for i, at := 0, 0; at < len(p.Pix); i, at = i+1, at+p.bytes {
		if v := p.element(p.Pix[at:]); i%p.channels != p.order[3] && !math.IsInf(v, 0) && !math.IsNaN(v) {
			least, greatest = min(least, v), max(greatest, v)
		}
	}
	if least > greatest {
		return 0, 0
	}
	return least, greatest
}

// ColorModel makes pixels an image.RGBA64Image, which can be scaled without an allocation for each pixel.
func (p *pixels) ColorModel() color.Model { return color.RGBA64Model }

// Bounds is the whole picture.
func (p *pixels) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// At is RGBA64At.
func (p *pixels) At(x, y int) color.Color { return p.RGBA64At(x, y) }

// RGBA64At returns the pixel as it is shown.
func (p *pixels) RGBA64At(x, y int) color.RGBA64 {
	pixel := p.Pix[(y*p.Width+x)*p.channels*p.bytes:]
	alpha := 1.0
	if a := p.order[3]; a >= 0 {
		alpha = unit(p.element(pixel[a*p.bytes:]) / p.opaque)
	}
	var rgb [3]uint16
	for i := range rgb {
		if c := p.order[i]; c >= 0 {
			rgb[i] = uint16(alpha*unit((p.element(pixel[c*p.bytes:])-p.least)*p.brightness)*math.MaxUint16 + 0.5)
		}
	}
	return color.RGBA64{R: rgb[0], G: rgb[1], B: rgb[2], A: uint16(alpha*math.MaxUint16 + 0.5)}
}

// unit clips to 0..1; what is no number is 0.
func unit(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(v, 1)
}
