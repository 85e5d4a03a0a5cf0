//go:build opencv

package cv

import "github.com/cvfarm/cvfarm/shared/pipeline"

// dataOps leave the picture as it is.
func dataOps() []op {
	return []op{
		{
			OpInfo: info("stats", "core", "Measure mean, standard deviation, least and largest value of each channel.").
				WithReturns("the picture as it came, and the data mean, stddev, min and max, each with one number per channel"),
			bind: func(pipeline.Args) (step, error) {
				return step{
					takes: input{}.of(numeric...),
					find:  func(src picture) (any, error) { return stats(src.Mat) },
				}, nil
			},
		}, {
			OpInfo: info("echo", "core", "Return what came in.").WithReturns("the picture or the bytes as they came"),
			bind:   func(pipeline.Args) (step, error) { return step{takes: input{bytes: true}}, nil },
		},
	}
}
