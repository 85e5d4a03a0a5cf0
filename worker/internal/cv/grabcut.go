//go:build opencv

package cv

/*
#include "bridge_contours.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// cutOut is the JSON of grab_cut.
type cutOut struct {
	Area int `json:"area"`
}

func grabCut(a pipeline.Args, in serve.Inputs) (step, error) {
	switch {
	case a.String("mask") == "":
		return grabFromBox(a)
	case a.Floats("rect") != nil:
		return step{}, wrong("rect mask", "takes rect or mask, not both")
	}
	return beside("mask", grabFromMask)(a, in)
}

func grabFromBox(a pipeline.Args) (step, error) {
	rect := within10th
	if r := a.Floats("rect"); r != nil {
		corner, err := wholePoint("rect", r[0], r[1])
		if err != nil {
			return step{}, err
		}
		size, err := wholePoint("rect", r[2], r[3])
		if err != nil {
			return step{}, err
		}
		if size[0] < 1 || size[1] < 1 {
			return step{}, wrong("rect", "rect=%d,%d,%d,%d has nothing in it: width and height are 1 and more", corner[0], corner[1], size[0], size[1])
		}
		rect = func(frame.Geometry) bbox { return bbox{corner[0], corner[1], size[0], size[1]} }
	}
	within := func(in frame.Geometry) (frame.Geometry, error) {
		r := rect(in)
		switch {
		case r[2] < 1 || r[3] < 1 || r[0]+r[2] > in.Width || r[1]+r[3] > in.Height:
			return in, wrong("rect", "%dx%d at %d,%d does not lie within %v", r[2], r[3], r[0], r[1], in)
		case r[2] == in.Width && r[3] == in.Height:
			return in, wrong("rect", "%dx%d at %d,%d is all of %v: what lies outside of it is the background, and there must be some",
				r[2], r[3], r[0], r[1], in)
		}
		return in, nil
	}
	iterations, cut := C.int(a.Int("iterCount")), C.bool(a.Bool("cut"))
	return grabbing(a, within, func(src picture, dst *gocv.Mat) (*tape, error) {
		r := rect(src.g)
		return find(func(out *C.numbers) *C.char {
			return C.bridge_grab_cut(ptr(&src.Mat), ptr(dst), C.int(r[0]), C.int(r[1]), C.int(r[2]), C.int(r[3]), iterations, cut, out)
		})
	}), nil
}

// within10th is the picture without a tenth at each side.
func within10th(in frame.Geometry) bbox {
	x, y := in.Width/10, in.Height/10
	return bbox{x, y, in.Width - 2*x, in.Height - 2*y}
}

func grabFromMask(a pipeline.Args, r *reference) (step, error) {
	if err := r.fitsMask(frame.Geometry{}); err != nil {
		return step{}, err
	}
	if err := r.checkClasses(); err != nil {
		return step{}, err
	}
	iterations, cut := C.int(a.Int("iterCount")), C.bool(a.Bool("cut"))
	return grabbing(a, passing(r.mask), func(src picture, dst *gocv.Mat) (*tape, error) {
		m, err := r.mask(src.g)
		if err != nil {
			return nil, err
		}
		return find(func(out *C.numbers) *C.char {
			return C.bridge_grab_cut_from(ptr(&src.Mat), ptr(&m.mat), ptr(dst), iterations, cut, out)
		})
	}), nil
}

// checkClasses refuses a mask of other numbers than those of the four classes, and one with nothing to learn from.
func (r *reference) checkClasses() error {
	for _, v := range r.variants {
		if v.g.Format != frame.FormatGray || v.g.Depth != frame.U8 {
			continue
		}
		var seen [2]bool // background, thing
		for _, class := range v.mat.ToBytes() {
			if class > 3 {
				return wrong("mask", "%s has the number %d: 0 is background, 1 the thing, 2 perhaps background, 3 perhaps the thing", r.name, class)
			}
			seen[class&1] = true
		}
		if !seen[0] || !seen[1] {
			return wrong("mask", "%s must have some background (0 or 2) and some of the thing (1 or 3)", r.name)
		}
	}
	return nil
}

// grabbing makes a step of a way to begin. check passes pictures on.
func grabbing(a pipeline.Args, check func(frame.Geometry) (frame.Geometry, error),
	grab func(src picture, dst *gocv.Mat) (*tape, error)) step {
	return step{
		takes: only(frame.FormatBGR).of(frame.U8),
		shape: after(check, func(in frame.Geometry) (frame.Geometry, error) {
			if !a.Bool("cut") {
				in.Format = frame.FormatGray
			}
			return in, nil
		}),
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			t, err := grab(src, dst)
			if err != nil {
				return nil, err
			}
			return cutOut{t.int()}, nil
		},
	}
}
