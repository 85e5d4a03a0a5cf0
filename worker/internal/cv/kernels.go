//go:build opencv

package cv

import (
	"image"
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// kernelOps compute each pixel from its neighbourhood by a kernel.
func kernelOps() []op {
	return []op{
		{
			OpInfo: info("box_filter", "imgproc", "Sum or average a rectangle.", append([]pipeline.Param{ddepthParam()}, boxParams()...)...).
				WithReturns(derived).WithExample("box_filter ksize=5"),
			bind: func(a pipeline.Args) (step, error) {
				w, err := windowOf(a)
				return derivative(a.String("ddepth"), func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error {
					return boxFilter(src, dst, int(ddepth), w)
				}), err
			},
		}, {
			OpInfo: info("sqr_box_filter", "imgproc", "Sum or average the squares in a rectangle.", boxParams()...).
				WithReturns("a picture of the same size and channels, f32; f64 for floats").WithExample("gray | sqr_box_filter ksize=5"),
			bind: func(a pipeline.Args) (step, error) {
				w, err := windowOf(a)
				s := filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error { return sqrBoxFilter(src, dst, -1, w) })
				s.shape = func(in frame.Geometry) (frame.Geometry, error) {
					if err := w.fitsSquares(in); err != nil {
						return in, err
					}
					if in.Depth >= frame.F32 {
						in.Depth = frame.F64
					} else {
						in.Depth = frame.F32
					}
					return in, nil
				}
				return s, err
			},
		}, {
			OpInfo: info("filter2d", "imgproc", "Sum the neighbours of each pixel, weighed by a kernel.", ddepthParam(),
				pipeline.Kernel("kernel", "", maxCustomKernel, "the weights").Required(),
				anchorParam(), deltaParam(), borderType()).
				WithReturns(derived).WithExample("filter2d kernel=0,-1,0/-1,5,-1/0,-1,0"),
			bind: func(a pipeline.Args) (step, error) {
				k := a.Matrix("kernel")
				anchor, err := anchorOf(a, image.Pt(k.Cols, k.Rows))
				return kernelStep(a, k, anchor), err
			},
		}, {
			OpInfo: info("sep_filter2d", "imgproc", "Sum the neighbours of each pixel, weighed by a row and a column.", ddepthParam(),
				pipeline.Kernel("kernelX", "", maxCustomKernel, "the row of weights").Required(),
				pipeline.Kernel("kernelY", "", maxCustomKernel, "the column of weights, written as a row").Required(),
				deltaParam(), borderType()).
				WithReturns(derived).WithExample("sep_filter2d kernelX=0.25,0.5,0.25 kernelY=-1,0,1"),
			bind: sepFilter,
		}, {
			OpInfo: info("gabor", "imgproc", "Find stripes of a direction and a width, by cv2.getGaborKernel.", ddepthParam(),
				pipeline.SizeOf("ksize", "21", 1, maxCustomKernel, "the kernel").OnlyOdd(),
				pipeline.Float("sigma", 4, 0.01, 1e3, "standard deviation of the envelope"),
				anyNumber("theta", 0, "direction across the stripes, in radians"),
				pipeline.Float("lambd", 10, 0.01, 1e4, "pixels from stripe to stripe"),
				pipeline.Float("gamma", 0.5, 0.001, 1e3, "how round the envelope is"),
				anyNumber("psi", math.Pi/2, "phase, in radians"), deltaParam(), borderType()).
				WithReturns(derived).WithExample("gray | gabor ddepth=f32 theta=0.785 lambd=8"),
			bind: func(a pipeline.Args) (step, error) {
				k, err := gaborKernel(a.Size("ksize"), a.Float("sigma"), a.Float("theta"), a.Float("lambd"), a.Float("gamma"), a.Float("psi"))
				return kernelStep(a, k, image.Pt(-1, -1)), err
			},
		}, {
			OpInfo: info("unsharp", "imgproc", "Sharpen: add what a Gaussian takes away.",
				pipeline.Float("sigma", 1.5, 0.1, 100, "standard deviation of the Gaussian"),
				pipeline.Float("amount", 1, 0, 100, "how much")).WithExample("unsharp sigma=2 amount=0.7"),
			bind: func(a pipeline.Args) (step, error) {
				sigma, amount := a.Float("sigma"), a.Float("amount")
				return filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error { return unsharp(src, dst, sigma, amount) }), nil
			},
		},
	}
}

// maxCustomKernel bounds the kernels that are written as numbers.
const maxCustomKernel = 63

func boxParams() []pipeline.Param {
	return []pipeline.Param{
		pipeline.SizeOf("ksize", "3", 1, maxKernel, "the rectangle"), anchorParam(),
		pipeline.Bool("normalize", true, "the average, not the sum"), borderType(),
	}
}

func windowOf(a pipeline.Args) (window, error) {
	k := a.Size("ksize")
	size := image.Pt(k.Width, k.Height)
	anchor, err := anchorOf(a, size)
	return window{size, anchor, a.Bool("normalize"), borders[a.String("borderType")]}, err
}

// fitsSquares refuses an anchor that lies outside the rectangle that sqrBoxFilter takes of a single row or column, which is as thin.
func (w window) fitsSquares(in frame.Geometry) error {
	thin := w.normalize && w.border != gocv.BorderConstant
	if thin && (in.Height == 1 && w.anchor.Y > 0 || in.Width == 1 && w.anchor.X > 0) {
		return wrong("anchor", "anchor=%d,%d lies outside %v, to whose single row or column OpenCV narrows the kernel: take -1 or 0 across it",
			w.anchor.X, w.anchor.Y, in)
	}
	return nil
}

func anchorParam() pipeline.Param {
	return pipeline.Floats("anchor", "-1,-1", []int{2}, -1, maxKernel, "x,y of the pixel within the kernel; -1 for the middle")
}

// anchorOf is the anchor that the arguments ask for, within a kernel of that size.
func anchorOf(a pipeline.Args, size image.Point) (image.Point, error) {
	v := a.Floats("anchor")
	p := image.Pt(int(v[0]), int(v[1]))
	switch {
	case v[0] != float64(p.X) || v[1] != float64(p.Y):
		return p, wrong("anchor", "anchor=%v,%v is not allowed: it is two whole numbers", v[0], v[1])
	case p.X >= size.X || p.Y >= size.Y:
		return p, wrong("anchor", "anchor=%d,%d lies outside a kernel of %dx%d", p.X, p.Y, size.X, size.Y)
	}
	return p, nil
}

func kernelStep(a pipeline.Args, k pipeline.Numbers, anchor image.Point) step {
	delta, border := a.Float("delta"), borders[a.String("borderType")]
	return derivative(a.String("ddepth"), func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error {
		return filter2D(src, dst, int(ddepth), k, anchor, delta, border)
	})
}

func sepFilter(a pipeline.Args) (step, error) {
	x, y := a.Matrix("kernelX"), a.Matrix("kernelY")
	for _, name := range []string{"kernelX", "kernelY"} {
		if k := a.Matrix(name); k.Rows != 1 {
			return step{}, wrong(name, "%s has %d rows: both are one row", name, k.Rows)
		}
	}
	delta, border := a.Float("delta"), borders[a.String("borderType")]
	return derivative(a.String("ddepth"), func(src gocv.Mat, dst *gocv.Mat, ddepth gocv.MatType) error {
		return sepFilter2D(src, dst, int(ddepth), x.Values, y.Values, delta, border)
	}), nil
}
