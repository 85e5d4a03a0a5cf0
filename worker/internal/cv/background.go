//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// backgroundOps learn what stands still in a stream.
func backgroundOps() []op {
	const returns = `gray u8 of the same size: 255 where something is in front of the background, 127 in shadows, 0 elsewhere; ` +
		`{"frames": of the stream so far, "foreground": pixels of 255, "part": of all pixels}`
	history := pipeline.Int("history", 500, 1, 1<<20, "how many frames the background is made of")
	shadows := pipeline.Bool("detectShadows", true, "tell shadows, which takes longer")
	rate := pipeline.Float("learningRate", -1, -1, 1, "share of each frame: 0 learns nothing, 1 only the last frame, -1 by history")
	return []op{
		{
			OpInfo: stateful(info("background_subtractor_mog2", "video",
				"Tell what is in front of a stream's background, by mixtures of Gaussians.", history,
				pipeline.Float("varThreshold", 16, 0, math.Inf(1), "how far, squared, a pixel is from the background's colours"),
				shadows, rate).
				WithReturns(returns).WithExample("background_subtractor_mog2 history=200 detectShadows=false")),
			bind: subtractor(false, "varThreshold"),
		}, {
			OpInfo: stateful(info("background_subtractor_knn", "video",
				"Tell what is in front of a stream's background, by nearest neighbours.", history,
				pipeline.Float("dist2Threshold", 400, 0, math.Inf(1), "how far, squared, a pixel is from the background's samples"),
				shadows, rate).
				WithReturns(returns).WithExample("background_subtractor_knn dist2Threshold=600")),
			bind: subtractor(true, "dist2Threshold"),
		},
	}
}

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
			return step{}, refuse("learningRate=%v is not allowed: it is -1, or from 0 to 1", rate)
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
