//go:build opencv

package cv

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func histogramOps() []op {
	return []op{
		{
			OpInfo: info("equalize_hist", "imgproc", "Spread the histogram of a gray picture over the whole range.").
				WithExample("gray | equalize_hist"),
			bind: func(pipeline.Args) (step, error) {
				return filter(only(frame.FormatGray).of(frame.U8), gocv.EqualizeHist), nil
			},
		},
	}
}
