//go:build opencv

package cv

/*
#include "bridge_contours.h"
*/
import "C"

import (
	"slices"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

func segmentationOps() []op {
	return []op{
		{
			OpInfo: info("watershed", "imgproc", "Tell things that touch apart, by growing regions from their middles.",
				pipeline.Image("markers", "the middles, each painted with a number of its own from 1, 0 between them: gray u8, u16 or s32, of the "+
					"frame's size; without it they are found by type, iterations and ratio").Optional(),
				pipeline.Choice("type", []string{"binary", "binary_inv"}, "things are brighter than the background, or with binary_inv darker"),
				pipeline.Int("iterations", 2, 0, 100, "of the opening that takes away what is small"),
				pipeline.Float("ratio", 0.7, 0.01, 0.99, "a middle is what is this far from the background, as a part of the largest distance"),
				pipeline.Bool("labels", false, "make a picture of labels instead: the numbers of the markers, or 1 for the background and from 2 "+
					"the things; -1 what is between"),
				colorParam("0,0,255"), maxCount(1000, "in the order of their labels")).
				WithReturns(`the borders drawn on the picture, or with labels=true gray s32 of the same size; ` +
					`{"count", "regions": [{"label", "box": [x, y, width, height], "area"}, ...]}, those of all markers, or those that were ` +
					`found, without the background: ` + countDoc).
				WithExample("watershed type=binary_inv"),
			with: watershed,
		}, {
			OpInfo: info("grab_cut", "imgproc", "Cut a thing out of its background, given a rectangle around it, or a rough mask.",
				pipeline.Floats("rect", "", []int{0, 4}, 0, frame.MaxSide,
					"x,y,width,height around the thing, in whole pixels; without it all but a tenth at each side"),
				pipeline.Image("mask", "instead of rect: gray u8 of the frame's size, 0 on what is background, 1 on the thing, 2 on what may be "+
					"background and 3 on what may be the thing; convert alpha=0.004 beta=2 makes it of black and white").Optional(),
				pipeline.Int("iterCount", 5, 1, 100, "how often to refine"),
				pipeline.Bool("cut", false, "make a picture of the thing on black instead of a mask")).
				WithReturns(`gray u8 of the same size, 255 on the thing and 0 elsewhere, or with cut=true bgr u8; {"area": pixels of the thing}`).
				WithExample("resize dsize=160x0 | grab_cut iterCount=1 cut=true"),
			with: grabCut,
		}, {
			OpInfo: info("flood_fill", "imgproc", "Paint what is connected with a pixel and like it.",
				pointParam("seedPoint", "0,0", "the pixel"),
				pipeline.Scalar("newVal", "255", "what to paint with"),
				pipeline.Scalar("loDiff", "0", "how much darker a neighbour may be"),
				pipeline.Scalar("upDiff", "0", "how much brighter a neighbour may be"),
				pipeline.Choice("connectivity", []string{"4", "8"}, "how many neighbours a pixel has"),
				pipeline.Bool("fixed_range", false, "compare with the first pixel instead of with the neighbour")).
				WithReturns(`a picture of the same size, format and depth; {"area", "box": [x, y, width, height]} of what was painted`).
				WithExample("flood_fill seedPoint=5,5 newVal=0,0,255 loDiff=10 upDiff=10"),
			bind: floodFill,
		},
	}
}

type (
	region struct {
		Label int  `json:"label"`
		Box   bbox `json:"box"`
		Area  int  `json:"area"`
	}
	regionList struct {
		Count   int      `json:"count"`
		Regions []region `json:"regions"`
	}
)

// grower puts the label of each pixel into labels, -1 on the borders, and finds the regions.
type grower func(src picture, labels *gocv.Mat) (*tape, error)

func watershed(a pipeline.Args, in serve.Inputs) (step, error) {
	if a.String("markers") != "" {
		return beside("markers", growFromMarkers)(a, in)
	}
	kind := thresholdTypes[a.String("type")]
	return growing(a, nil, func(src picture, labels *gocv.Mat) (*tape, error) {
		return find(func(out *C.numbers) *C.char {
			return C.bridge_watershed(ptr(&src.Mat), ptr(labels), C.int(kind), C.int(a.Int("iterations")), C.double(a.Float("ratio")), out)
		})
	}), nil
}

func growFromMarkers(a pipeline.Args, r *reference) (step, error) {
	return growing(a, r, func(src picture, labels *gocv.Mat) (*tape, error) {
		markers, err := r.labels(src.g)
		if err != nil {
			return nil, err
		}
		return find(func(out *C.numbers) *C.char {
			return C.bridge_watershed_from(ptr(&src.Mat), ptr(&markers.mat), ptr(labels), out)
		})
	}), nil
}

// growing makes the step of a grower. markers may be nil.
func growing(a pipeline.Args, markers *reference, grow grower) step {
	found := func(src picture, labels *gocv.Mat) (any, error) {
		t, err := grow(src, labels)
		if err != nil {
			return nil, err
		}
		return t.regions(a.Int("max_count")), nil
	}
	s := step{takes: only(frame.FormatBGR).of(frame.U8), fits: forColor(a), apply: drawingBorders(found, scalarOf(a, "color"))}
	if a.Bool("labels") {
		s.fits, s.shape = nil, labelled
		s.apply = func(src picture, dst *gocv.Mat) (any, error) { return found(src, dst) }
	}
	if markers != nil {
		s.fits = both(markers.fitsLabels, s.fits)
		s.shape = after(passing(markers.labels), s.shape)
	}
	return s
}

// drawingBorders makes of what puts labels into a picture what draws the borders between them.
func drawingBorders(label func(src picture, labels *gocv.Mat) (any, error), color [4]float64) func(picture, *gocv.Mat) (any, error) {
	return func(src picture, dst *gocv.Mat) (any, error) {
		labels := gocv.NewMat()
		defer labels.Close()
		found, err := label(src, &labels)
		if err != nil {
			return nil, err
		}
		if err := src.CopyTo(dst); err != nil {
			return nil, err
		}
		return found, bridged(C.bridge_borders(ptr(dst), ptr(&labels), cScalar(&color)))
	}
}

// cScalar is v for the bridge.
func cScalar(v *[4]float64) *C.double { return (*C.double)(&v[0]) }

func (t *tape) regions(limit int) regionList {
	list := all(t, func() region { return region{t.int(), t.box(), t.int()} })
	return regionList{len(list), first(list, limit)}
}

// painted is the JSON of flood_fill.
type painted struct {
	Area int  `json:"area"`
	Box  bbox `json:"box"`
}

func floodFill(a pipeline.Args) (step, error) {
	seed, err := pointOf(a, "seedPoint")
	if err != nil {
		return step{}, err
	}
	color, low, high := scalarOf(a, "newVal"), scalarOf(a, "loDiff"), scalarOf(a, "upDiff")
	flags := map[string]int{"4": 4, "8": 8}[a.String("connectivity")]
	if a.Bool("fixed_range") {
		flags |= 1 << 16
	}
	if seed[0] < 0 || seed[1] < 0 {
		return step{}, wrong("seedPoint", "seedPoint=%d,%d lies in no picture: neither may be below 0", seed[0], seed[1])
	}
	for _, name := range []string{"loDiff", "upDiff"} {
		if v := slices.Min(a.Floats(name)); v < 0 {
			return step{}, wrong(name, "%s=%v is not allowed: it is not below 0", name, v)
		}
	}
	return step{
		takes: channels(1, 3).of(frame.U8, frame.S32, frame.F32),
		fits:  forWhole(a, "newVal", "loDiff", "upDiff"),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			if seed[0] >= in.Width || seed[1] >= in.Height {
				return in, wrong("seedPoint", "seedPoint=%d,%d does not lie within %v", seed[0], seed[1], in)
			}
			return in, nil
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			if err := src.CopyTo(dst); err != nil {
				return nil, err
			}
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_flood_fill(ptr(dst), C.int(seed[0]), C.int(seed[1]), cScalar(&color), cScalar(&low), cScalar(&high),
					C.int(flags), out)
			})
			if err != nil {
				return nil, err
			}
			return painted{t.int(), t.box()}, nil
		},
	}, nil
}
