//go:build opencv

package cv

import (
	"errors"
	"strings"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// The shapes that the JSON of several ops has.
type (
	pixel [2]int     // [x, y]
	spot  [2]float32 // [x, y], finer than pixels
	bbox  [4]int     // [x, y, width, height]
)

// The words for them in what ops say of their results.
const (
	countDoc  = "count is how many there are, of which max_count at most are told"
	passesDoc = "the picture passes, or with draw=true what was found is drawn on it, in bgr where it was gray; "
)

// maxCount bounds what an op tells, so that a noisy picture does not make megabytes of JSON.
func maxCount(def int, which string) pipeline.Param {
	return pipeline.Int("max_count", def, 0, 1<<20, "how many to tell at most: "+which)
}

// first returns at most n of the items.
func first[T any](items []T, n int) []T { return items[:min(n, len(items))] }

// tape is what a bridge function found; it is read in the order in which it was written.
type tape struct{ rest []float64 }

func (t *tape) float() float64 {
	v := t.rest[0]
	t.rest = t.rest[1:]
	return v
}

func (t *tape) single() float32 { return float32(t.float()) }
func (t *tape) int() int        { return int(t.float()) }
func (t *tape) bool() bool      { return t.float() != 0 }
func (t *tape) point() pixel    { return pixel{t.int(), t.int()} }
func (t *tape) spot() spot      { return spot{t.single(), t.single()} }
func (t *tape) box() bbox       { return bbox{t.int(), t.int(), t.int(), t.int()} }

// some reads n items.
func some[T any](t *tape, n int, item func() T) []T {
	items := make([]T, n)
	for i := range items {
		items[i] = item()
	}
	return items
}

// all reads a list: its length and its items.
func all[T any](t *tape, item func() T) []T { return some(t, t.int(), item) }

// finding is an op that finds data, and that draws what it found on request. T is the shape of its JSON.
type finding[T any] struct {
	takes input
	fits  func(in frame.Geometry) error // as a step's; may be nil
	check func(in frame.Geometry) error // what takes cannot say; may be nil
	find  func(src picture) (T, error)
	draw  func(m *gocv.Mat, found T, i ink) error
}

// step binds the finding. Its parameters include those of drawing.
func (f finding[T]) step(a pipeline.Args) step {
	shape := func(in frame.Geometry) (frame.Geometry, error) {
		if f.check != nil {
			return in, f.check(in)
		}
		return in, nil
	}
	if !a.Bool("draw") {
		return step{takes: f.takes, fits: f.fits, shape: shape, find: func(src picture) (any, error) { return f.search(src) }}
	}
	i := inkOf(a)
	return step{takes: f.takes, fits: both(f.fits, forColorOver(a)), shape: overlaid(shape), apply: func(src picture, dst *gocv.Mat) (any, error) {
		found, err := f.search(src)
		if err != nil {
			return nil, err
		}
		if err := overlay(src.Mat, dst); err != nil {
			return nil, err
		}
		return found, f.draw(dst, found, i)
	}}
}

func (f finding[T]) search(src picture) (T, error) {
	found, err := f.find(src)
	return found, tooSmall(src.g, err)
}

// tooSmall says what OpenCV's error about a small picture most often comes from: a scale or a window of it that is empty.
func tooSmall(g frame.Geometry, err error) error {
	var known *fault.Error
	if err == nil || min(g.Width, g.Height) >= 256 || errors.As(err, &known) || lacksMemory(err) {
		return err
	}
	return refuse("%v is too small for these parameters, or OpenCV has another reason: it needs %s", g, demand(err))
}

// overlaid is the shape of a picture that is drawn on in colour.
func overlaid(shape func(frame.Geometry) (frame.Geometry, error)) func(frame.Geometry) (frame.Geometry, error) {
	return func(in frame.Geometry) (frame.Geometry, error) {
		out, err := shape(in)
		if out.Format == frame.FormatGray {
			out.Format = frame.FormatBGR
		}
		return out, err
	}
}

// drawing are the parameters of a finding, after its own.
func drawing(own ...pipeline.Param) []pipeline.Param {
	return strokes(append(own, pipeline.Bool("draw", false, "draw what was found"))...)
}

// steady refuses a frame unlike those before it in its stream.
func steady(were, is frame.Geometry) error {
	if is != were {
		return refuse("the stream's frames were %v, this one is %v", were, is)
	}
	return nil
}

// refuse is an error of the frame.
func refuse(format string, args ...any) error { return fault.Errorf(fault.Invalid, format, args...) }

// wrong is an error of values. params names their parameters, with blanks between them and the likeliest first.
func wrong(params, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, format, args...).Of(strings.Fields(params)...)
}
