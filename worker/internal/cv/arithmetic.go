//go:build opencv

package cv

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func arithmeticOps() []op {
	return []op{
		{
			OpInfo: info("bitwise_not", "core", "Turn dark into bright: invert every bit."),
			bind: func(pipeline.Args) (step, error) {
				return filter(input{}.of(frame.U8, frame.U16), gocv.BitwiseNot), nil
			},
		},
	}
}
