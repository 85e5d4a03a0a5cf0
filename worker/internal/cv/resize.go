//go:build opencv

package cv

import (
	"image"
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// crop is a view, so that in the middle of a pipeline it costs nothing.
func crop(a pipeline.Args) (step, error) {
	if a.Int("x")+max(a.Int("width"), 1) > frame.MaxSide || a.Int("y")+max(a.Int("height"), 1) > frame.MaxSide {
		return step{}, wrong("x y width height", "%dx%d at %d,%d lies in no picture: the limit of a side is %d", a.Int("width"), a.Int("height"),
			a.Int("x"), a.Int("y"), frame.MaxSide)
	}
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
				return in, wrong("width height x y", "%dx%d at %d,%d does not lie within %v", r.Dx(), r.Dy(), r.Min.X, r.Min.Y, in)
			}
			in.Width, in.Height = r.Dx(), r.Dy()
			return in, nil
		},
	}, nil
}

// interpolations have OpenCV's numbers; gocv has no name for the two that are exact.
var interpolations = map[string]gocv.InterpolationFlags{
	"linear": gocv.InterpolationLinear, "nearest": gocv.InterpolationNearestNeighbor, "area": gocv.InterpolationArea,
	"cubic": gocv.InterpolationCubic, "lanczos4": gocv.InterpolationLanczos4, "linear_exact": 5, "nearest_exact": 6,
}

func resize(a pipeline.Args) (step, error) {
	size, fx, fy := a.Size("dsize"), a.Float("fx"), a.Float("fy")
	bySize := size.Width > 0 || size.Height > 0
	switch {
	case bySize && (fx > 0 || fy > 0):
		return step{}, wrong("fx fy dsize", "takes dsize or fx and fy, not both")
	case !bySize && fx == 0 && fy == 0:
		return step{}, wrong("dsize fx fy", "needs dsize, such as dsize=320x240, or fx and fy")
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
	interpolation := interpolations[a.String("interpolation")]
	return step{
		takes: filterable(),
		fits:  forSize("dsize", size),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			out, err := shape(in)
			if _, tooLarge := out.Size(); err == nil && tooLarge != nil {
				err = wrong("dsize fx fy", "%v cannot become %dx%d: %v", in, out.Width, out.Height, tooLarge)
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
