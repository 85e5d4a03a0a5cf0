//go:build opencv

package cv

import (
	"image"
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func filterOps() []op { return append(smoothingOps(), kernelOps()...) }

// smoothingOps blur.
func smoothingOps() []op {
	return []op{
		{
			OpInfo: info("blur", "imgproc", "Smooth by the mean of a rectangle.",
				pipeline.SizeOf("ksize", "3", 1, maxKernel, "the rectangle"), borderType()).
				WithExample("blur ksize=5"),
			bind: func(a pipeline.Args) (step, error) {
				k, border := a.Size("ksize"), borders[a.String("borderType")]
				return filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error {
					return blur(src, dst, k.Width, k.Height, border)
				}), nil
			},
		}, {
			OpInfo: info("gaussian_blur", "imgproc", "Smooth by a Gaussian.",
				pipeline.SizeOf("ksize", "5", 0, maxKernel, "the kernel, odd; 0 to take it from sigma"),
				pipeline.Float("sigmaX", 0, 0, maxKernel, "standard deviation in x; 0 to take it from ksize"),
				pipeline.Float("sigmaY", 0, 0, maxKernel, "standard deviation in y; 0 for sigmaX"), borderType()).
				WithExample("gaussian_blur ksize=5 sigmaX=1.5"),
			bind: gaussianBlur,
		}, {
			OpInfo: info("median_blur", "imgproc", "Replace each pixel by the median of a square.",
				pipeline.Int("ksize", 5, 1, 255, "side of the square; beyond 5 for u8 only").OnlyOdd()).
				WithExample("median_blur ksize=5"),
			bind: func(a pipeline.Args) (step, error) {
				k, takes := a.Int("ksize"), channels(1, 3, 4).of(frame.U8, frame.U16, frame.F32)
				if k > 5 {
					takes = takes.of(frame.U8).by("ksize")
				}
				return filter(takes, func(src gocv.Mat, dst *gocv.Mat) error { return gocv.MedianBlur(src, dst, k) }), nil
			},
		}, {
			OpInfo: info("bilateral", "imgproc", "Smooth and keep edges. Slow.",
				pipeline.Int("d", 9, 0, 255, "diameter of the neighbourhood; 0 to take it from sigmaSpace"),
				pipeline.Float("sigmaColor", 75, 0, math.Inf(1), "how far colours may differ and still mix"),
				pipeline.Float("sigmaSpace", 75, 0, 170, "how far pixels that mix may lie apart"), borderType()).
				WithExample("bilateral d=9 sigmaColor=75 sigmaSpace=75"),
			bind: func(a pipeline.Args) (step, error) {
				d, color, space := a.Int("d"), a.Float("sigmaColor"), a.Float("sigmaSpace")
				border := borders[a.String("borderType")]
				return filter(channels(1, 3).of(frame.U8, frame.F32), func(src gocv.Mat, dst *gocv.Mat) error {
					return bilateral(src, dst, d, color, space, border)
				}), nil
			},
		}, {
			OpInfo: info("pyr_mean_shift_filtering", "imgproc", "Flatten colours that are alike and lie near. Slow.",
				pipeline.Float("sp", 10, 0.5, 100, "how far pixels may lie apart").Required(),
				pipeline.Float("sr", 20, 0.5, 255, "how far colours may differ").Required(),
				pipeline.Int("maxLevel", 1, 0, 8, "levels of the pyramid")).
				WithExample("resize dsize=100x0 | pyr_mean_shift_filtering sp=10 sr=20"),
			bind: func(a pipeline.Args) (step, error) {
				sp, sr, levels := a.Float("sp"), a.Float("sr"), a.Int("maxLevel")
				return filter(channels(3).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return meanShift(src, dst, sp, sr, levels)
				}), nil
			},
		},
	}
}

// maxKernel bounds the sides of kernels: larger ones are a mistake and take minutes.
const maxKernel = 1023

// borders are what OpenCV may take the pixels outside the picture for; not every function knows every one.
var borders = map[string]gocv.BorderType{
	"reflect101": gocv.BorderReflect101, "replicate": gocv.BorderReplicate, "reflect": gocv.BorderReflect,
	"constant": gocv.BorderConstant, "wrap": gocv.BorderWrap,
}

func borderType() pipeline.Param {
	return pipeline.Choice("borderType", []string{"reflect101", "replicate", "reflect", "constant"},
		"what lies outside the picture; constant is zero")
}

// filterable is what OpenCV's linear filters and morphology take.
func filterable() input { return input{}.of(frame.U8, frame.U16, frame.S16, frame.F32, frame.F64) }

func gaussianBlur(a pipeline.Args) (step, error) {
	k, sx, sy := a.Size("ksize"), a.Float("sigmaX"), a.Float("sigmaY")
	for _, side := range []int{k.Width, k.Height} {
		if side%2 == 0 && side != 0 {
			return step{}, wrong("ksize", "ksize=%dx%d is not allowed: each side is odd, or 0 to take it from sigma", k.Width, k.Height)
		}
	}
	if sx == 0 && k.Width == 0 || sx == 0 && sy == 0 && k.Height == 0 {
		return step{}, wrong("ksize sigmaX", "ksize=%dx%d needs sigmaX above 0", k.Width, k.Height)
	}
	border := borders[a.String("borderType")]
	return filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error {
		return gocv.GaussianBlur(src, dst, image.Pt(k.Width, k.Height), sx, sy, border)
	}), nil
}
