//go:build opencv

package cv

import (
	"image"

	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func morphologyOps() []op {
	return []op{
		{
			OpInfo: info("dilate", "imgproc", "Grow what is bright: the largest value under a kernel.", kernelParams()...).
				WithExample("dilate shape=ellipse ksize=5"),
			bind: func(a pipeline.Args) (step, error) { return morphology(gocv.MorphDilate, a), nil },
		}, {
			OpInfo: info("erode", "imgproc", "Shrink what is bright: the smallest value under a kernel.", kernelParams()...).
				WithExample("erode shape=cross ksize=3 iterations=2"),
			bind: func(a pipeline.Args) (step, error) { return morphology(gocv.MorphErode, a), nil },
		}, {
			OpInfo: info("morphology", "imgproc", "Combine erosion and dilation.", append([]pipeline.Param{
				pipeline.Choice("op", []string{"open", "close", "gradient", "tophat", "blackhat"}, "how"),
			}, kernelParams()...)...).WithExample("morphology op=close shape=ellipse ksize=9"),
			bind: func(a pipeline.Args) (step, error) {
				kinds := map[string]gocv.MorphType{"open": gocv.MorphOpen, "close": gocv.MorphClose,
					"gradient": gocv.MorphGradient, "tophat": gocv.MorphTophat, "blackhat": gocv.MorphBlackhat}
				return morphology(kinds[a.String("op")], a), nil
			},
		},
	}
}

func kernelParams() []pipeline.Param {
	return []pipeline.Param{
		pipeline.Choice("shape", []string{"rect", "cross", "ellipse"}, "shape of the kernel"),
		pipeline.SizeOf("ksize", "3", 1, 255, "size of the kernel"),
		pipeline.Int("iterations", 1, 1, 100, "how many times"),
		pipeline.Choice("borderType", []string{"constant", "reflect101", "replicate", "reflect"},
			"what lies outside the picture; constant never wins"),
	}
}

// morphology goes through MorphologyEx for erosion and dilation too: gocv's DilateWithParams takes a colour for the border, and
// so cannot say "smaller than any value", which is OpenCV's default.
func morphology(kind gocv.MorphType, a pipeline.Args) step {
	shapes := map[string]gocv.MorphShape{"rect": gocv.MorphRect, "cross": gocv.MorphCross, "ellipse": gocv.MorphEllipse}
	size, n, border := a.Size("ksize"), a.Int("iterations"), borders[a.String("borderType")]
	kernel := gocv.GetStructuringElement(shapes[a.String("shape")], image.Pt(size.Width, size.Height))
	s := filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error {
		return gocv.MorphologyExWithParams(src, dst, kind, kernel, n, border)
	})
	s.close = func() { kernel.Close() }
	return s
}
