//go:build opencv

package cv

/*
#include "bridge_compare.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// motionOps keep an average of the stream's frames. The first frame is the first average.
func motionOps() []op {
	alpha := pipeline.Float("alpha", 0.05, 0, 1, "share of each frame in the average")
	return []op{
		{
			OpInfo: stateful(info("running_average", "imgproc", "Average the frames of a stream, the latest counting most.", alpha).
				WithReturns(`the average so far, of the frame's size, format and depth; {"frames": how many it is of}`).
				WithExample("running_average alpha=0.1")),
			bind: func(a pipeline.Args) (step, error) {
				share := a.Float("alpha")
				return averages(nil, func(v *average, src picture, dst *gocv.Mat) (any, error) {
					if err := v.add(src, share); err != nil {
						return nil, err
					}
					return averaged{v.frames}, bridged(C.bridge_average(ptr(&v.mat), C.int(src.g.Depth), ptr(dst)))
				}), nil
			},
		}, {
			OpInfo: stateful(info("motion", "imgproc",
				"Tell what moves: where a frame differs from the average of those before it in its stream.", alpha,
				pipeline.Float("threshold", 25, 0, 1e9, "how much any channel differs where something moves")).
				WithReturns(`gray u8 of the same size, 255 where something moves; {"frames": how many the average is of, ` +
					`"moving": pixels that move, "part": of all pixels}; of the first frame, nothing moves`).
				WithExample("motion alpha=0.05 threshold=25")),
			bind: motion,
		},
	}
}

// average is what is kept for a stream.
type average struct {
	g      frame.Geometry
	mat    gocv.Mat // f32
	frames uint64
}

// Close frees the average, at the end of the stream.
func (v *average) Close() error { return v.mat.Close() }

func (v *average) add(src picture, share float64) error {
	v.frames++
	return bridged(C.bridge_accumulate(ptr(&src.Mat), ptr(&v.mat), C.double(share)))
}

// averaged is the JSON of running_average.
type averaged struct {
	Frames uint64 `json:"frames"`
}

// averages makes a step that keeps an average.
func averages(shape func(frame.Geometry) (frame.Geometry, error), f func(v *average, src picture, dst *gocv.Mat) (any, error)) step {
	return step{
		takes: input{}.of(frame.U8, frame.U16, frame.F32),
		shape: shape,
		evolve: func(kept *serve.State, src picture, dst *gocv.Mat) (any, error) {
			v, _ := kept.Value.(*average)
			if v == nil {
				v = &average{g: src.g, mat: gocv.NewMat()}
				kept.Value = v
			}
			if err := steady(v.g, src.g); err != nil {
				return nil, err
			}
			return f(v, src, dst)
		},
	}
}

// moved is the JSON of motion.
type moved struct {
	Frames uint64  `json:"frames"`
	Moving int     `json:"moving"`
	Part   float64 `json:"part"`
}

func motion(a pipeline.Args) (step, error) {
	share, threshold := a.Float("alpha"), a.Float("threshold")
	mask := func(in frame.Geometry) (frame.Geometry, error) {
		in.Format, in.Depth = frame.FormatGray, frame.U8
		return in, nil
	}
	return averages(mask, func(v *average, src picture, dst *gocv.Mat) (any, error) {
		before := v.frames
		if before == 0 {
			if err := v.add(src, share); err != nil {
				return nil, err
			}
		}
		t, err := find(func(out *C.numbers) *C.char {
			return C.bridge_motion(ptr(&src.Mat), ptr(&v.mat), ptr(dst), C.double(threshold), out)
		})
		if err != nil {
			return nil, err
		}
		n := t.int()
		found := moved{before, n, float64(n) / float64(src.g.Width*src.g.Height)}
		if before > 0 {
			err = v.add(src, share)
		}
		return found, err
	}), nil
}
