//go:build opencv

package cv

import (
	"fmt"
	"image"
	"math"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func geometryOps() []op {
	return []op{
		{
			OpInfo: info("resize", "imgproc", "Change the size, by dsize or by the factors fx and fy.",
				pipeline.SizeOf("dsize", "0", 0, frame.MaxSide, "new width and height, 320x240; a side of 0 keeps the aspect"),
				pipeline.Float("fx", 0, 0, math.Inf(1), "factor of the width; 0 for fy"),
				pipeline.Float("fy", 0, 0, math.Inf(1), "factor of the height; 0 for fx"),
				pipeline.Choice("interpolation", []string{"linear", "nearest", "area", "cubic", "lanczos4"},
					"area is best for making smaller, cubic for making larger")).
				WithReturns("a picture of the new size").WithExample("resize dsize=320x0 interpolation=area"),
			bind: resize,
		}, {
			OpInfo: info("crop", "core", "Cut a rectangle out.",
				pipeline.Int("x", 0, 0, frame.MaxSide, "left edge"),
				pipeline.Int("y", 0, 0, frame.MaxSide, "top edge"),
				pipeline.Int("width", 0, 0, frame.MaxSide, "0 for what is right of x"),
				pipeline.Int("height", 0, 0, frame.MaxSide, "0 for what is below y")).
				WithReturns("the rectangle").WithExample("crop x=10 y=20 width=100 height=80"),
			bind: crop,
		}, {
			OpInfo: info("flip", "core", "Mirror.",
				pipeline.Int("flipCode", 1, -1, 1, "1 swaps left and right, 0 top and bottom, -1 both")).
				WithExample("flip flipCode=1"),
			bind: func(a pipeline.Args) (step, error) {
				code := a.Int("flipCode")
				return filter(input{}, func(src gocv.Mat, dst *gocv.Mat) error { return gocv.Flip(src, dst, code) }), nil
			},
		}, {
			OpInfo: info("rotate", "core", "Turn by a multiple of 90 degrees.",
				pipeline.Choice("rotateCode", []string{"90_clockwise", "180", "90_counterclockwise"}, "by how much")).
				WithReturns("the picture turned; of 90 degrees, width and height change places").WithExample("rotate rotateCode=180"),
			bind: func(a pipeline.Args) (step, error) {
				code := map[string]gocv.RotateFlag{"90_clockwise": gocv.Rotate90Clockwise, "180": gocv.Rotate180Clockwise,
					"90_counterclockwise": gocv.Rotate90CounterClockwise}[a.String("rotateCode")]
				s := filter(input{}, func(src gocv.Mat, dst *gocv.Mat) error { return gocv.Rotate(src, dst, code) })
				if code != gocv.Rotate180Clockwise {
					s.shape = func(in frame.Geometry) (frame.Geometry, error) {
						in.Width, in.Height = in.Height, in.Width
						return in, nil
					}
				}
				return s, nil
			},
		},
	}
}

// crop is a view, so that in the middle of a pipeline it costs nothing.
func crop(a pipeline.Args) (step, error) {
	rect := func(in frame.Geometry) image.Rectangle {
		w, h := a.Int("width"), a.Int("height")
		if w == 0 {
			w = max(in.Width-a.Int("x"), 1)
		}
		if h == 0 {
			h = max(in.Height-a.Int("y"), 1)
		}
		return image.Rect(0, 0, w, h).Add(image.Pt(a.Int("x"), a.Int("y")))
	}
	return step{
		view: rect,
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			r := rect(in)
			if !r.In(image.Rect(0, 0, in.Width, in.Height)) {
				return in, fault.Errorf(fault.Invalid, "%dx%d at %d,%d does not lie within %v", r.Dx(), r.Dy(), r.Min.X, r.Min.Y, in)
			}
			in.Width, in.Height = r.Dx(), r.Dy()
			return in, nil
		},
	}, nil
}

func resize(a pipeline.Args) (step, error) {
	size, fx, fy := a.Size("dsize"), a.Float("fx"), a.Float("fy")
	bySize := size.Width > 0 || size.Height > 0
	switch {
	case bySize && (fx > 0 || fy > 0):
		return step{}, fmt.Errorf("takes dsize or fx and fy, not both")
	case !bySize && fx == 0 && fy == 0:
		return step{}, fmt.Errorf("needs dsize, such as dsize=320x240, or fx and fy")
	case fx == 0:
		fx = fy
	case fy == 0:
		fy = fx
	}
	shape := func(in frame.Geometry) (frame.Geometry, error) {
		in.Width, in.Height = scaled(in, fx, fy)
		return in, nil
	}
	if bySize {
		shape = func(in frame.Geometry) (frame.Geometry, error) {
			in.Width, in.Height = fitted(in, size)
			return in, nil
		}
	}
	interpolation := map[string]gocv.InterpolationFlags{"linear": gocv.InterpolationLinear, "area": gocv.InterpolationArea,
		"nearest": gocv.InterpolationNearestNeighbor, "cubic": gocv.InterpolationCubic,
		"lanczos4": gocv.InterpolationLanczos4}[a.String("interpolation")]
	return step{
		takes: filterable(),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			out, err := shape(in)
			if _, tooLarge := out.Size(); err == nil && tooLarge != nil {
				err = fault.Errorf(fault.Invalid, "%v cannot become %dx%d: %v", in, out.Width, out.Height, tooLarge)
			}
			return out, err
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			if bySize {
				return nil, gocv.Resize(src.Mat, dst, image.Pt(fitted(src.g, size)), 0, 0, interpolation)
			}
			return nil, gocv.Resize(src.Mat, dst, image.Point{}, fx, fy, interpolation)
		},
	}, nil
}

// scaled rounds as OpenCV does: halves to even. What no int holds becomes 0, which is no size.
func scaled(in frame.Geometry, fx, fy float64) (width, height int) {
	side := func(n int, factor float64) int {
		if v := math.RoundToEven(float64(n) * factor); v <= frame.MaxSide {
			return int(v)
		}
		return frame.MaxSide + 1
	}
	return side(in.Width, fx), side(in.Height, fy)
}

// fitted fills in the side that is 0 by the aspect of the input.
func fitted(in frame.Geometry, size pipeline.Size) (width, height int) {
	width, height = size.Width, size.Height
	if width == 0 {
		width = max(1, int(math.Round(float64(in.Width)*float64(height)/float64(in.Height))))
	}
	if height == 0 {
		height = max(1, int(math.Round(float64(in.Height)*float64(width)/float64(in.Width))))
	}
	return width, height
}
