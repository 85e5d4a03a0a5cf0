//go:build opencv

package cv

import (
	"image"
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// maxWarp is the longest side that OpenCV's warps take and make.
const maxWarp = math.MaxInt16 - 1

// warpOps move pixels by a formula.
func warpOps() []op {
	return []op{
		{
			OpInfo: info("rotate_angle", "imgproc", "Turn by any angle.", append([]pipeline.Param{
				anyNumber("angle", 0, "degrees, counterclockwise").Required(),
				centerParam(),
				pipeline.Float("scale", 1, 1e-3, 1e3, "factor of the size of what is turned"),
				pipeline.Bool("expand", false, "make the picture as large as what is turned needs; only about the middle"),
			}, warpParams()...)...).
				WithReturns("a picture of the same size, or of the size that holds all").WithExample("rotate_angle angle=30 borderValue=255"),
			bind: rotateAngle,
		}, {
			OpInfo: info("warp_affine", "imgproc", "Move pixels by a matrix of two rows, or three points to three others.", append([]pipeline.Param{
				pipeline.Matrix("M", "", 2, 3, "where a pixel x,y goes: M·(x,y,1)"), dsizeParam(), inverseParam(),
			}, append(warpParams(), cornerParams("three")...)...)...).
				WithReturns("a picture of size dsize").WithExample("warp_affine M=1,0.2,0/0,1,10 dsize=320x240"),
			bind: func(a pipeline.Args) (step, error) { return matrixWarp(a, 3, warpAffine) },
		}, {
			OpInfo: info("warp_perspective", "imgproc", "Move pixels by a homography, or four points to four others.", append([]pipeline.Param{
				pipeline.Matrix("M", "", 3, 3, "where a pixel x,y goes: M·(x,y,1), divided by its third number"), dsizeParam(), inverseParam(),
			}, append(warpParams(), cornerParams("four")...)...)...).
				WithReturns("a picture of size dsize").
				WithExample("warp_perspective src=60,40/300,70/320,200/30,180 dst=0,0/320,0/320,200/0,200 dsize=320x200"),
			bind: func(a pipeline.Args) (step, error) { return matrixWarp(a, 4, warpPerspective) },
		}, {
			OpInfo: info("warp_polar", "imgproc", "Unroll circles about a center: radius to the right, angle downwards.",
				dsizeParam(), centerParam(), radiusParam("maxRadius"), pipeline.Bool("log", false, "logarithm of the radius"),
				inverseParam(), flagsParam()).
				WithReturns("a picture of size dsize").WithExample("warp_polar dsize=200x360 maxRadius=120"),
			bind: warpPolarStep,
		}, {
			OpInfo: info("linear_polar", "imgproc", "Unroll circles about a center, at the same size.",
				centerParam(), radiusParam("maxRadius"), inverseParam(), flagsParam()),
			bind: func(a pipeline.Args) (step, error) {
				return polar(a, a.Float("maxRadius"), nearestEdge, linearPolar), nil
			},
		}, {
			OpInfo: info("log_polar", "imgproc", "Unroll circles about a center, at the same size, by the logarithm of the radius.",
				centerParam(), pipeline.Float("M", 0, 0, 1e6, "pixels for each unit of the logarithm; 0 to fit the picture"), inverseParam(), flagsParam()),
			bind: func(a pipeline.Args) (step, error) { return polar(a, a.Float("M"), logOfNearestEdge, logPolar), nil },
		},
	}
}

func dsizeParam() pipeline.Param {
	return pipeline.SizeOf("dsize", "0", 0, maxWarp, "width and height of the result; a side of 0 is the input's")
}

func inverseParam() pipeline.Param {
	return pipeline.Bool("inverse", false, "go the other way, as with cv2.WARP_INVERSE_MAP")
}

func flagsParam() pipeline.Param {
	return pipeline.Choice("flags", []string{"linear", "nearest", "cubic", "lanczos4"}, "how to interpolate between pixels")
}

func radiusParam(name string) pipeline.Param {
	return pipeline.Float(name, 0, 0, 1e6, "radius of the outermost circle; 0 to reach the nearest edge from the middle")
}

func warpParams() []pipeline.Param {
	return []pipeline.Param{
		flagsParam(),
		pipeline.Choice("borderMode", []string{"constant", "replicate", "reflect", "wrap", "reflect101"}, "what lies outside the picture"),
		pipeline.Scalar("borderValue", "0", "the colour of a constant border"),
	}
}

// cornerParams are the points from which OpenCV makes the matrix.
func cornerParams(many string) []pipeline.Param {
	return []pipeline.Param{
		pipeline.Points("src", "", -frame.MaxSide, frame.MaxSide, "instead of M: "+many+" points x,y of the frame, no three on a line"),
		pipeline.Points("dst", "", -frame.MaxSide, frame.MaxSide, "where each of src goes"),
	}
}

// OpenCV's flags beside the interpolation.
const (
	warpFillOutliers gocv.InterpolationFlags = 8
	warpInverseMap   gocv.InterpolationFlags = 16
	warpPolarLog     gocv.InterpolationFlags = 256
)

func warpFlags(a pipeline.Args) gocv.InterpolationFlags {
	flags := interpolations[a.String("flags")]
	if inverse, ok := a["inverse"].(bool); ok && inverse {
		flags |= warpInverseMap
	}
	return flags
}

// warp makes a step that moves pixels into a picture of another size, by the params. It refuses what OpenCV's remap has no numbers
// for.
func warp(params string, size func(in frame.Geometry) image.Point, apply func(src picture, dst *gocv.Mat, size image.Point) error) step {
	return step{
		takes: filterable(),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			s := size(in)
			if max(in.Width, in.Height, s.X, s.Y) > maxWarp {
				blamed := params
				if max(in.Width, in.Height) > maxWarp {
					blamed = "" // no value helps
				}
				return in, wrong(blamed, "%v cannot become %dx%d: the limit of a side is %d", in, s.X, s.Y, maxWarp)
			}
			return sized(in, s.X, s.Y)
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) { return nil, apply(src, dst, size(src.g)) },
	}
}

// outsideOf is the border that the arguments ask for, of pictures like in.
func outsideOf(a pipeline.Args, in frame.Geometry) (outside, error) {
	v, err := perChannel("borderValue", a.Floats("borderValue"), in)
	return outside{borders[a.String("borderMode")], v}, err
}

// bordered adds to a warp that its border has a colour for each channel.
func bordered(a pipeline.Args, s step) step {
	s.fits = both(s.fits, forChannels("borderValue", a.Floats("borderValue")))
	return s
}

func dsizeOf(a pipeline.Args) func(in frame.Geometry) image.Point {
	size := a.Size("dsize")
	return func(in frame.Geometry) image.Point {
		s := image.Pt(size.Width, size.Height)
		if s.X == 0 {
			s.X = in.Width
		}
		if s.Y == 0 {
			s.Y = in.Height
		}
		return s
	}
}

type warper func(src gocv.Mat, dst *gocv.Mat, m []float64, size image.Point, flags gocv.InterpolationFlags, o outside) error

// matrixWarp makes a step that moves pixels by M, or by n points.
func matrixWarp(a pipeline.Args, n int, move warper) (step, error) {
	m, err := matrixOf(a, n)
	flags := warpFlags(a)
	s := bordered(a, warp("dsize", dsizeOf(a), func(src picture, dst *gocv.Mat, size image.Point) error {
		o, err := outsideOf(a, src.g)
		if err != nil {
			return err
		}
		return move(src.Mat, dst, m, size, flags, o)
	}))
	s.fits = both(s.fits, forSize("dsize", a.Size("dsize")))
	return s, err
}

func rotateAngle(a pipeline.Args) (step, error) {
	angle, scale, flags := a.Float("angle"), a.Float("scale"), warpFlags(a)
	expand, center := a.Bool("expand"), a.Floats("center")
	if expand && center != nil {
		return step{}, wrong("center expand", "takes center or expand=true, not both")
	}
	size := func(in frame.Geometry) image.Point {
		if !expand {
			return image.Pt(in.Width, in.Height)
		}
		return rotatedSize(in, angle, scale)
	}
	return bordered(a, warp("scale expand", size, func(src picture, dst *gocv.Mat, size image.Point) error {
		c := centerOf(center, src.g)
		m, err := rotationMatrix(c, angle, scale)
		if err != nil {
			return err
		}
		if expand { // middle onto middle
			m[2] += float64(size.X-1)/2 - c.x
			m[5] += float64(size.Y-1)/2 - c.y
		}
		o, err := outsideOf(a, src.g)
		if err != nil {
			return err
		}
		return warpAffine(src.Mat, dst, m, size, flags, o)
	})), nil
}

// rotatedSize is the size that holds a picture after it was turned.
func rotatedSize(in frame.Geometry, angle, scale float64) image.Point {
	sin, cos := math.Sincos(math.Mod(angle, 360) * math.Pi / 180)
	sin, cos = math.Abs(sin)*scale, math.Abs(cos)*scale
	w, h := float64(in.Width), float64(in.Height)
	side := func(v float64) int { return max(1, int(math.Round(min(v, frame.MaxSide)))) }
	return image.Pt(side(w*cos+h*sin), side(w*sin+h*cos))
}

// polarFlags make what lies outside the picture zero. OpenCV's default leaves there what the memory of the result held before.
func polarFlags(a pipeline.Args) gocv.InterpolationFlags { return warpFlags(a) | warpFillOutliers }

func warpPolarStep(a pipeline.Args) (step, error) {
	center, radius, flags := a.Floats("center"), a.Float("maxRadius"), polarFlags(a)
	if a.Bool("log") {
		flags |= warpPolarLog
	}
	s := warp("dsize", dsizeOf(a), func(src picture, dst *gocv.Mat, size image.Point) error {
		r := radius
		if r == 0 {
			r = nearestEdge(src.g)
		}
		return warpPolar(src.Mat, dst, size, centerOf(center, src.g), r, flags)
	})
	s.fits = forSize("dsize", a.Size("dsize"))
	return s, nil
}

type unroller func(src gocv.Mat, dst *gocv.Mat, center point, scale float64, flags gocv.InterpolationFlags) error

// polar makes a step of the size of its input. scaleOf tells the scale that fits a picture, for a scale of 0.
func polar(a pipeline.Args, scale float64, scaleOf func(frame.Geometry) float64, unroll unroller) step {
	center, flags := a.Floats("center"), polarFlags(a)
	same := func(in frame.Geometry) image.Point { return image.Pt(in.Width, in.Height) }
	return warp("", same, func(src picture, dst *gocv.Mat, _ image.Point) error {
		s := scale
		if s == 0 {
			s = scaleOf(src.g)
		}
		return unroll(src.Mat, dst, centerOf(center, src.g), s, flags)
	})
}

// nearestEdge is the radius that reaches the nearest edge from the middle.
func nearestEdge(in frame.Geometry) float64 { return max(1, float64(min(in.Width, in.Height))/2) }

// logOfNearestEdge spreads that radius over the width.
func logOfNearestEdge(in frame.Geometry) float64 {
	return float64(in.Width) / math.Log(max(2, nearestEdge(in)))
}
