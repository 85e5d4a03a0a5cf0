//go:build opencv

package cv

/*
#include "bridge_compare.h"
*/
import "C"

import (
	"slices"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// blendingOps take a second picture.
func blendingOps() []op {
	return []op{
		combine("add_weighted", "Blend with a picture: alpha times the frame, plus beta times the picture, plus gamma.",
			" alpha=0.7 beta=0.3",
			func(a pipeline.Args, x, y, dst *gocv.Mat) error {
				return bridged(C.bridge_add_weighted(ptr(x), C.double(a.Float("alpha")), ptr(y), C.double(a.Float("beta")),
					C.double(a.Float("gamma")), ptr(dst)))
			},
			pipeline.Float("alpha", 0.5, -1e12, 1e12, "weight of the frame"),
			pipeline.Float("beta", 0.5, -1e12, 1e12, "weight of the picture"),
			pipeline.Float("gamma", 0, -1e12, 1e12, "is added")),
		masked("copy_to", "core", "Keep what a mask lets through; the rest is black.", "0 where it is not to pass",
			input{}.of(numeric...), func(_ pipeline.Args, src, mask, dst *gocv.Mat) error {
				return bridged(C.bridge_copy_masked(ptr(src), ptr(mask), ptr(dst)))
			}),
		masked("inpaint", "photo", "Fill holes from what is around them.", "not 0 where the holes are",
			channels(1, 3).of(frame.U8), func(a pipeline.Args, src, mask, dst *gocv.Mat) error {
				flags := C.int(index(inpaintFlags, a.String("flags")))
				return bridged(C.bridge_inpaint(ptr(src), ptr(mask), ptr(dst), C.double(a.Float("inpaintRadius")), flags))
			},
			pipeline.Float("inpaintRadius", 3, 0.1, 50, "how far to look"),
			pipeline.Choice("flags", inpaintFlags, "the method: Navier-Stokes, or Telea's")),
		{
			OpInfo: info("seamless_clone", "photo", "Put a part of a picture into the frame as if it had always been there.",
				pipeline.Image("src", "the picture that has the part; no larger than the frame"),
				pipeline.Image("mask", "not 0 on the part; of the size of src"),
				pipeline.Floats("p", "", []int{0, 2}, 0, frame.MaxSide, "x,y where the middle of the part goes; the frame's middle unless told"),
				pipeline.Choice("flags", cloneFlags, "normal, mixed with the frame, or without the part's colour")).
				WithExample("seamless_clone src=part.png mask=mask.png flags=mixed"),
			with: seamlessClone,
		},
	}
}

var (
	inpaintFlags = []string{"ns", "telea"}                   // in OpenCV's order
	cloneFlags   = []string{"normal", "mixed", "monochrome"} // in OpenCV's order, from 1
)

// pairDoc says what a picture beside the frame must be.
const pairDoc = "of the frame's size and depth; for gray frames it is taken in gray"

// combine makes an op of the frame, x, and a picture of the same geometry, y.
func combine(name, doc, example string, f func(a pipeline.Args, x, y, dst *gocv.Mat) error,
	own ...pipeline.Param) op {
	params := slices.Concat([]pipeline.Param{pipeline.Image("image", "the picture, "+pairDoc)}, own)
	return op{
		OpInfo: info(name, "core", doc, params...).WithExample(name + " image=other.png" + example),
		with: beside("image", func(a pipeline.Args, r *reference) (step, error) {
			return step{takes: input{}.of(numeric...), fits: r.fits, shape: passing(r.over), apply: func(src picture, dst *gocv.Mat) (any, error) {
				other, err := r.over(src.g)
				if err != nil {
					return nil, err
				}
				return nil, f(a, &src.Mat, &other.mat, dst)
			}}, nil
		}),
	}
}

// masked makes an op of the frame and a mask.
func masked(name, module, doc, maskDoc string, takes input, f func(a pipeline.Args, src, mask, dst *gocv.Mat) error,
	own ...pipeline.Param) op {
	params := slices.Concat([]pipeline.Param{pipeline.Image("mask", maskDoc+"; of the frame's size, taken as gray u8")}, own)
	return op{
		OpInfo: info(name, module, doc, params...).WithExample(name + " mask=mask.png"),
		with: beside("mask", func(a pipeline.Args, r *reference) (step, error) {
			return step{takes: takes, fits: r.fitsMask, shape: passing(r.mask), apply: func(src picture, dst *gocv.Mat) (any, error) {
				mask, err := r.mask(src.g)
				if err != nil {
					return nil, err
				}
				return nil, f(a, &src.Mat, &mask.mat, dst)
			}}, nil
		}),
	}
}

func seamlessClone(a pipeline.Args, in serve.Inputs) (step, error) {
	return beside("src", func(a pipeline.Args, part *reference) (step, error) {
		return beside("mask", func(a pipeline.Args, mask *reference) (step, error) { return cloneOf(a, part, mask) })(a, in)
	})(a, in)
}

func cloneOf(a pipeline.Args, part, mask *reference) (step, error) {
	from, err := part.like(frame.Geometry{Format: frame.FormatBGR, Depth: frame.U8})
	if err != nil {
		return step{}, wrong("src", "%s is %v: it must be bgr u8", part.name, part.variants[0].g)
	}
	m, err := mask.mask(from.g)
	if err != nil {
		return step{}, err
	}
	at, err := cloneMiddle(a.Floats("p"))
	if err != nil {
		return step{}, err
	}
	flags := C.int(1 + index(cloneFlags, a.String("flags")))
	return step{takes: only(frame.FormatBGR).of(frame.U8), apply: func(src picture, dst *gocv.Mat) (any, error) {
		p := at(src.g)
		err := bridged(C.bridge_seamless_clone(ptr(&from.mat), ptr(&src.Mat), ptr(&m.mat), C.int(p[0]), C.int(p[1]), ptr(dst), flags))
		if err != nil && !lacksMemory(err) {
			return nil, refuse("the part of %s, around %d,%d, does not fit into %v", part.name, p[0], p[1], src.g)
		}
		return nil, err
	}}, nil
}

// cloneMiddle is where the middle of the part goes.
func cloneMiddle(p []float64) (func(frame.Geometry) pixel, error) {
	if p == nil {
		return func(g frame.Geometry) pixel { return pixel{g.Width / 2, g.Height / 2} }, nil
	}
	at, err := wholePoint("p", p[0], p[1])
	return func(frame.Geometry) pixel { return at }, err
}
