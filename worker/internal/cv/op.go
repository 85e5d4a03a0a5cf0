//go:build opencv

package cv

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// op is an entry of the catalogue: its description, and how its arguments become a step.
type op struct {
	pipeline.OpInfo
	bind func(a pipeline.Args) (step, error)
	// with is bind for an op with image or file parameters. What it keeps of the inputs it copies.
	with func(a pipeline.Args, in serve.Inputs) (step, error)
}

func (o op) step(a pipeline.Args, in serve.Inputs) (step, error) {
	if o.with != nil {
		return o.with(a, in)
	}
	return o.bind(a)
}

// picture is a Mat, what its numbers mean, and its place in the stream it came from.
type picture struct {
	gocv.Mat
	g     frame.Geometry
	index uint64
}

// step is an op with its arguments. At most one of apply, evolve, find, watch, view, decode and encode is set; with none, the picture passes
// as it is.
//
// src is read-only, whoever owns it. dst comes with memory for the geometry that shape told; OpenCV may give it other memory.
// The functions are called concurrently.
type step struct {
	takes input
	// fits refuses, of the formats and depths that the step takes, those that its arguments do not suit. It does not look at the
	// size, which may not be known. It may be nil.
	fits func(in frame.Geometry) error
	// shape tells what comes out of a picture that the step takes; nil where that is what went in. A zero Width means: size
	// known only when it is there.
	shape func(in frame.Geometry) (frame.Geometry, error)
	// idle reports that there is nothing to do with such a picture; nil for never.
	idle func(in frame.Geometry) bool

	apply  func(src picture, dst *gocv.Mat) (found any, err error)                    // makes a picture, and may find data
	evolve func(kept *serve.State, src picture, dst *gocv.Mat) (found any, err error) // apply, of what the stream's frames before it left
	find   func(src picture) (found any, err error)                                   // finds data; the picture passes
	watch  func(kept *serve.State, src picture) (found any, err error)                // find, of what the stream's frames before it left
	view   func(in frame.Geometry) image.Rectangle                                    // takes a part, without a copy; shape has checked it
	decode *decoder                                                                   // makes a picture of bytes; the first step
	encode *encoder                                                                   // makes bytes of a picture; the last step

	close func() // frees what bind allocated; may be nil
}

// filter makes a step whose output has the geometry of its input.
func filter(takes input, apply func(src gocv.Mat, dst *gocv.Mat) error) step {
	return step{takes: takes, apply: plain(apply)}
}

// plain is an apply that finds no data and need not know what the numbers mean.
func plain(f func(src gocv.Mat, dst *gocv.Mat) error) func(picture, *gocv.Mat) (any, error) {
	return func(src picture, dst *gocv.Mat) (any, error) { return nil, f(src.Mat, dst) }
}

// passes reports whether the step leaves pictures of geometry g as they are.
func (s *step) passes(g frame.Geometry) bool {
	return s.apply == nil && s.evolve == nil && s.view == nil && s.decode == nil && s.encode == nil || s.idle != nil && s.idle(g)
}

// geometry is what comes out of g. It fails where the step does not take g.
func (s *step) geometry(g frame.Geometry) (frame.Geometry, error) {
	if err := s.suits(g); err != nil {
		return g, err
	}
	if s.shape == nil {
		return g, nil
	}
	return s.shape(g)
}

// suits fails where the step takes no picture of g's format and depth, of whatever size.
func (s *step) suits(g frame.Geometry) error {
	if err := s.takes.check(g); err != nil || s.fits == nil {
		return err
	}
	return s.fits(g)
}

// both is a fits that asks two. Either may be nil.
func both(first, second func(frame.Geometry) error) func(frame.Geometry) error {
	if first == nil || second == nil {
		if first == nil {
			return second
		}
		return first
	}
	return func(in frame.Geometry) error {
		if err := first(in); err != nil {
			return err
		}
		return second(in)
	}
}

// input says which pictures a step takes. The zero input is any picture.
type input struct {
	formats  []frame.Format // nil for any
	channels []int          // nil for any
	depths   []frame.Depth  // nil for any
	bytes    bool           // encoded bytes as well
	param    string         // whose value makes it so; empty for none
}

// only takes these formats.
func only(formats ...frame.Format) input { return input{formats: formats} }

// channels takes any format with so many channels.
func channels(n ...int) input { return input{channels: n} }

// of takes these depths.
func (t input) of(depths ...frame.Depth) input { t.depths = depths; return t }

// by says that it is so because of the value of a parameter.
func (t input) by(param string) input { t.param = param; return t }

func (t input) check(g frame.Geometry) error {
	switch {
	case !g.IsPixels() && t.bytes:
		return nil
	case !g.IsPixels():
		return fault.Errorf(fault.Invalid, "needs a picture, got %v bytes: put decode before it", g)
	case t.formats != nil && !slices.Contains(t.formats, g.Format),
		t.channels != nil && !slices.Contains(t.channels, g.Format.Channels()),
		t.depths != nil && !slices.Contains(t.depths, g.Depth):
		return wrong(t.param, "needs %v, got %v%s", t, g, t.hint(g))
	}
	return nil
}

// String is such as "gray u8" or "1 or 3 channels of u8 or f32".
func (t input) String() string {
	var words []string
	if t.formats != nil {
		words = append(words, list(t.formats))
	}
	if t.channels != nil {
		words = append(words, list(t.channels)+" channels of")
	}
	if t.depths != nil {
		words = append(words, list(t.depths))
	}
	return strings.Join(words, " ")
}

func list[T any](items []T) string {
	var b strings.Builder
	for i, item := range items {
		switch {
		case i > 0 && i == len(items)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, item)
	}
	return b.String()
}

// hint names the op that makes of g what the step takes, where one op does.
func (t input) hint(g frame.Geometry) string {
	if t.depths != nil && !slices.Contains(t.depths, g.Depth) {
		return depthHint(g.Depth, t.nearest(g.Depth))
	}
	for _, c := range conversions() {
		if c.in != g.Format || !c.isUsual() || t.formats != nil && !slices.Contains(t.formats, c.out) ||
			t.channels != nil && !slices.Contains(t.channels, c.out.Channels()) {
			continue
		}
		if c.out == frame.FormatGray {
			return ": put gray before it"
		}
		return ": put cvt_color code=" + c.code + " before it"
	}
	return ""
}

// nearest is the depth, of those that the step takes, that holds the values of another one; the first where none does.
func (t input) nearest(from frame.Depth) frame.Depth {
	for _, d := range map[frame.Depth][]frame.Depth{
		frame.U8: {frame.U16, frame.S16, frame.S32, frame.F32, frame.F64}, frame.S8: {frame.S16, frame.S32, frame.F32, frame.F64},
		frame.U16: {frame.S32, frame.F32, frame.F64}, frame.S16: {frame.S32, frame.F32, frame.F64},
		frame.S32: {frame.F64, frame.F32}, frame.F32: {frame.F64}, frame.F64: {frame.F32},
	}[from] {
		if slices.Contains(t.depths, d) {
			return d
		}
	}
	return t.depths[0]
}

// depthHint names the convert that keeps a picture's content, or nothing where that hangs on what its numbers are. To cut u16 to u8
// as it is would make white of nearly all, and s32, such as labels and sums, fits no smaller whole number.
func depthHint(from, to frame.Depth) string {
	switch {
	case from == frame.U16 && to == frame.U8:
		return ": put convert depth=u8 alpha=0.00389 before it" // 1/257
	case from == frame.S32 && to != frame.F32 && to != frame.F64:
		return ""
	}
	return fmt.Sprintf(": put convert depth=%v before it", to)
}
