//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func edgeOps() []op {
	return []op{
		{
			OpInfo: info("canny", "imgproc", "Find edges: white where one is, black elsewhere.",
				pipeline.Float("low", 50, 0, 1e6, "an edge goes on while the gradient is above this").Elsewhere("threshold1"),
				pipeline.Float("high", 150, 0, 1e6, "an edge begins where the gradient is above this").Elsewhere("threshold2"),
				pipeline.Int("apertureSize", 3, 3, 7, "kernel of the gradient").OnlyOdd(),
				pipeline.Bool("L2gradient", false, "measure the gradient by its exact length")).
				WithReturns("gray u8 of the same size: 255 on edges, 0 elsewhere").WithExample("gray | canny low=50 high=150"),
			bind: func(a pipeline.Args) (step, error) {
				low, high, aperture, l2 := a.Float("low"), a.Float("high"), a.Int("apertureSize"), a.Bool("L2gradient")
				s := filter(input{}.of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return canny(src, dst, low, high, aperture, l2)
				})
				s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatGray; return in, nil }
				return s, nil
			},
		}, {
			OpInfo: info("sobel", "imgproc", "Derive in x, y or both.",
				ddepthParam(),
				pipeline.Int("dx", 1, 0, 30, "order of the derivative in x"),
				pipeline.Int("dy", 0, 0, 30, "order of the derivative in y"),
				pipeline.Int("ksize", 3, 1, 31, "side of the kernel").OnlyOdd(),
				scaleParam(), deltaParam(), borderType()).
				WithReturns(derived).WithExample("gray | sobel ddepth=s16 dx=1 dy=0"),
			bind: sobel,
		}, {
			OpInfo: info("scharr", "imgproc", "Derive in x or in y, by the kernel of 3x3 that is most exact.",
				ddepthParam(),
				pipeline.Int("dx", 1, 0, 1, "order of the derivative in x"),
				pipeline.Int("dy", 0, 0, 1, "order of the derivative in y"),
				scaleParam(), deltaParam(), borderType()).
				WithReturns(derived).WithExample("gray | scharr ddepth=s16 dx=0 dy=1"),
			bind: scharr,
		}, {
			OpInfo: info("spatial_gradient", "imgproc", "Derive a gray picture in x and in y at once, by Sobel's kernel of 3x3.",
				pipeline.Choice("borderType", []string{"reflect101", "replicate"}, "what lies outside the picture")).
				WithReturns("c2 s16 of the same size: the derivative in x and the one in y").WithExample("gray | spatial_gradient"),
			bind: func(a pipeline.Args) (step, error) {
				border := borders[a.String("borderType")]
				s := filter(only(frame.FormatGray).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return spatialGradient(src, dst, border)
				})
				s.shape = func(in frame.Geometry) (frame.Geometry, error) {
					in.Format, in.Depth = frame.FormatC2, frame.S16
					return in, nil
				}
				return s, nil
			},
		}, {
			OpInfo: info("laplacian", "imgproc", "Sum the second derivatives in x and y.",
				ddepthParam(),
				pipeline.Int("ksize", 1, 1, 31, "side of the kernel").OnlyOdd(),
				scaleParam(), deltaParam(), borderType()).
				WithReturns(derived).WithExample("gray | laplacian ddepth=s16 ksize=3"),
			bind: func(a pipeline.Args) (step, error) {
				k, scale, delta, border := a.Int("ksize"), a.Float("scale"), a.Float("delta"), borders[a.String("borderType")]
				return derivative(a.String("ddepth"), func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error {
					return gocv.Laplacian(src, dst, ddepth, k, scale, delta, border)
				}), nil
			},
		},
	}
}

// derived is what derivative returns.
const derived = "a picture of the same size and channels, of depth ddepth"

func sobel(a pipeline.Args) (step, error) {
	dx, dy, k := a.Int("dx"), a.Int("dy"), a.Int("ksize")
	switch {
	case dx+dy == 0:
		return step{}, wrong("dx dy", "dx=0 dy=0 derives nothing: one must be above 0")
	case max(dx, dy) >= max(k, 3):
		return step{}, wrong("dx dy ksize", "dx=%d dy=%d needs ksize above %d, got %d", dx, dy, max(dx, dy), k)
	}
	scale, delta, border := a.Float("scale"), a.Float("delta"), borders[a.String("borderType")]
	return derivative(a.String("ddepth"), func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error {
		return gocv.Sobel(src, dst, ddepth, dx, dy, k, scale, delta, border)
	}), nil
}

func scharr(a pipeline.Args) (step, error) {
	dx, dy := a.Int("dx"), a.Int("dy")
	if dx+dy != 1 {
		return step{}, wrong("dx dy", "dx=%d dy=%d is not allowed: one is 1, the other 0", dx, dy)
	}
	scale, delta, border := a.Float("scale"), a.Float("delta"), borders[a.String("borderType")]
	return derivative(a.String("ddepth"), func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error {
		return gocv.Scharr(src, dst, ddepth, dx, dy, scale, delta, border)
	}), nil
}

func scaleParam() pipeline.Param {
	return pipeline.Float("scale", 1, math.Inf(-1), math.Inf(1), "factor of the result")
}

func deltaParam() pipeline.Param {
	return pipeline.Float("delta", 0, math.Inf(-1), math.Inf(1), "is added to the result")
}

func ddepthParam() pipeline.Param {
	return pipeline.Choice("ddepth", []string{"same", "s16", "f32", "f64"},
		"element type of the result; same is the input's, which loses what is negative in u8")
}

// derivative makes a step whose result may be deeper than its input.
func derivative(ddepth string, apply func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error) step {
	number, takes := gocv.MatType(-1), filterable()
	deeper := map[string]struct {
		depth frame.Depth
		takes input
	}{
		"s16": {frame.S16, input{}.of(frame.U8)},
		"f32": {frame.F32, input{}.of(frame.U8, frame.U16, frame.S16, frame.F32)},
		"f64": {frame.F64, input{}.of(frame.U8, frame.U16, frame.S16, frame.F64)},
	}
	want, ok := deeper[ddepth]
	if ok {
		number, takes = gocv.MatType(want.depth), want.takes.by("ddepth")
	}
	s := filter(takes, func(src gocv.Mat, dst *gocv.Mat) error { return apply(src, dst, number) })
	if ok {
		s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Depth = want.depth; return in, nil }
	}
	return s
}
