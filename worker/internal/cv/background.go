//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// foreground is the JSON of background subtraction.
type foreground struct {
	Frames     uint64  `json:"frames"`
	Foreground int     `json:"foreground"`
	Part       float64 `json:"part"`
}

func subtractor(knn bool, threshold string) func(pipeline.Args) (step, error) {
	return func(a pipeline.Args) (step, error) {
		history, limit, shadows, rate := a.Int("history"), a.Float(threshold), a.Bool("detectShadows"), a.Float("learningRate")
		if rate < 0 && rate != -1 {
			return step{}, wrong("learningRate", "learningRate=%v is not allowed: it is -1, or from 0 to 1", rate)
		}
		begin := func() (*native, error) {
			return newNative(func(out *C.kept) *C.char {
				return C.bridge_background(C.bool(knn), C.int(history), C.double(limit), C.bool(shadows), out)
			})
		}
		return step{
			takes: channels(1, 3).of(frame.U8),
			shape: func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatGray; return in, nil },
			evolve: func(kept *serve.State, src picture, dst *gocv.Mat) (any, error) {
				model, err := goOn(kept, src, begin)
				if err != nil {
					return nil, err
				}
				var n C.int
				err = bridged(C.bridge_background_apply(model.of.k, ptr(&src.Mat), ptr(dst), C.double(rate), &n))
				return foreground{model.frames, int(n), float64(n) / float64(src.g.Width*src.g.Height)}, err
			},
		}, nil
	}
}
