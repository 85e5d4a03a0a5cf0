//go:build opencv

package cv

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func thresholdOps() []op {
	return []op{
		{
			OpInfo: info("threshold", "imgproc", "Compare each element with one threshold; tells the threshold that was used.",
				anyNumber("thresh", 127, "the threshold, where it is not found automatically"),
				anyNumber("maxval", 255, "the value for binary and binary_inv"),
				pipeline.Choice("type", []string{"binary", "binary_inv", "trunc", "tozero", "tozero_inv"}, "what to do with them"),
				pipeline.Choice("auto", []string{"none", "otsu", "triangle"}, "how to find the threshold, of a gray picture")).
				WithReturns(sameGeometry + ", and the data thresh: the threshold that was used").
				WithExample("gray | threshold auto=otsu"),
			bind: thresholdStep,
		}, {
			OpInfo: info("adaptive_threshold", "imgproc", "Compare each pixel of a gray picture with its neighbourhood.",
				anyNumber("maxValue", 255, "the value of pixels that pass"),
				pipeline.Choice("adaptiveMethod", []string{"mean", "gaussian"}, "how neighbours are weighed"),
				pipeline.Choice("thresholdType", []string{"binary", "binary_inv"}, "which pixels pass"),
				pipeline.Int("blockSize", 11, 3, maxKernel, "side of the neighbourhood").OnlyOdd(),
				anyNumber("C", 2, "is subtracted from the mean")).
				WithExample("gray | adaptive_threshold blockSize=11 C=2"),
			bind: func(a pipeline.Args) (step, error) {
				maxval, block, c := a.Float("maxValue"), a.Int("blockSize"), a.Float("C")
				method, kind := gocv.AdaptiveThresholdMean, thresholdTypes[a.String("thresholdType")]
				if a.String("adaptiveMethod") == "gaussian" {
					method = gocv.AdaptiveThresholdGaussian
				}
				return filter(only(frame.FormatGray).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return adaptiveThreshold(src, dst, maxval, method, kind, block, c)
				}), nil
			},
		},
	}
}

var thresholdTypes = map[string]gocv.ThresholdType{
	"binary": gocv.ThresholdBinary, "binary_inv": gocv.ThresholdBinaryInv, "trunc": gocv.ThresholdTrunc,
	"tozero": gocv.ThresholdToZero, "tozero_inv": gocv.ThresholdToZeroInv,
	"none": 0, "otsu": gocv.ThresholdOtsu, "triangle": gocv.ThresholdTriangle,
}

// foundThreshold is what the threshold op finds.
type foundThreshold struct {
	Thresh float64 `json:"thresh"`
}

func thresholdStep(a pipeline.Args) (step, error) {
	thresh, maxval := a.Float("thresh"), a.Float("maxval")
	kind := thresholdTypes[a.String("type")] | thresholdTypes[a.String("auto")]
	takes := filterable()
	switch a.String("auto") {
	case "otsu":
		takes = only(frame.FormatGray).of(frame.U8, frame.U16).by("auto")
	case "triangle":
		takes = only(frame.FormatGray).of(frame.U8).by("auto")
	}
	return step{takes: takes, apply: func(src picture, dst *gocv.Mat) (any, error) {
		used, err := threshold(src.Mat, dst, thresh, maxval, kind)
		return foundThreshold{used}, err
	}}, nil
}
