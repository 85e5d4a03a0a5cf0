//go:build opencv

package cv

import (
	"image"
	"math"
	"slices"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func geometryOps() []op { return slices.Concat(shapeOps(), warpOps(), lensOps(), []op{remapOp()}) }

// shapeOps need no matrix.
func shapeOps() []op {
	return []op{
		{
			OpInfo: info("resize", "imgproc", "Change the size, by dsize or by the factors fx and fy.",
				pipeline.SizeOf("dsize", "0", 0, frame.MaxSide, "new width and height, 320x240; a side of 0 keeps the aspect"),
				pipeline.Float("fx", 0, 0, math.Inf(1), "factor of the width; 0 for fy"),
				pipeline.Float("fy", 0, 0, math.Inf(1), "factor of the height; 0 for fx"),
				pipeline.Choice("interpolation", []string{"linear", "nearest", "area", "cubic", "lanczos4", "linear_exact", "nearest_exact"},
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
		}, {
			OpInfo: info("transpose", "core", "Swap rows and columns.").WithReturns("a picture of swapped width and height"),
			bind: func(pipeline.Args) (step, error) {
				s := filter(input{}, gocv.Transpose)
				s.shape = func(in frame.Geometry) (frame.Geometry, error) {
					in.Width, in.Height = in.Height, in.Width
					return in, nil
				}
				return s, nil
			},
		}, {
			OpInfo: info("repeat", "core", "Tile the picture.", pipeline.Int("ny", 1, 1, 1024, "how often downwards"),
				pipeline.Int("nx", 1, 1, 1024, "how often to the right")).
				WithReturns("a picture of nx times the width and ny times the height").WithExample("repeat ny=2 nx=3"),
			bind: func(a pipeline.Args) (step, error) {
				ny, nx := a.Int("ny"), a.Int("nx")
				s := filter(input{}, func(src gocv.Mat, dst *gocv.Mat) error { return gocv.Repeat(src, ny, nx, dst) })
				s.shape = func(in frame.Geometry) (frame.Geometry, error) { return sized(in, nx*in.Width, ny*in.Height) }
				s.idle = func(frame.Geometry) bool { return nx == 1 && ny == 1 }
				return s, nil
			},
		}, {
			OpInfo: info("copy_make_border", "core", "Add a border.",
				pipeline.Int("top", 0, 0, maxBorder, "pixels above"), pipeline.Int("bottom", 0, 0, maxBorder, "pixels below"),
				pipeline.Int("left", 0, 0, maxBorder, "pixels to the left"), pipeline.Int("right", 0, 0, maxBorder, "pixels to the right"),
				pipeline.Choice("borderType", []string{"constant", "replicate", "reflect", "wrap", "reflect101"}, "what the border is made of"),
				pipeline.Scalar("value", "0", "the colour of a constant border")).
				WithReturns("a picture that is larger by the border").WithExample("copy_make_border top=8 bottom=8 value=255,0,0"),
			bind: copyMakeBorderStep,
		}, {
			OpInfo: info("get_rect_sub_pix", "imgproc", "Cut a rectangle out whose center lies between pixels.",
				pipeline.SizeOf("patchSize", "", 1, maxWarp, "width and height of the rectangle").Required(),
				centerParam(),
				pipeline.Choice("patchType", []string{"same", "f32"}, "element type of the result")).
				WithReturns("the rectangle; beyond the picture, its edge is repeated").WithExample("get_rect_sub_pix patchSize=64x48 center=80.5,60.25"),
			bind: rectSubPixStep,
		}, {
			OpInfo: info("pyr_down", "imgproc", "Blur, and halve the size.", borderOf("reflect101", "replicate", "reflect", "wrap")).
				WithReturns("a picture of half the width and height, rounded up"),
			bind: func(a pipeline.Args) (step, error) {
				return pyrStep(false, a, func(n int) int { return (n + 1) / 2 }), nil
			},
		}, {
			OpInfo: info("pyr_up", "imgproc", "Double the size, and blur.").WithReturns("a picture of twice the width and height"),
			bind:   func(a pipeline.Args) (step, error) { return pyrStep(true, a, func(n int) int { return 2 * n }), nil },
		},
	}
}

// maxBorder bounds what a border adds to each side.
const maxBorder = 1 << 14

// sized is in with another size, which it checks.
func sized(in frame.Geometry, width, height int) (frame.Geometry, error) {
	out := in
	out.Width, out.Height = width, height
	if _, err := out.Size(); err != nil {
		return in, fault.Errorf(fault.Invalid, "%v cannot become %dx%d: %v", in, width, height, err)
	}
	return out, nil
}

// forSize is a fits for what makes pictures of one size, unless a side is 0.
func forSize(param string, size pipeline.Size) func(frame.Geometry) error {
	return func(in frame.Geometry) error {
		if size.Width == 0 || size.Height == 0 {
			return nil
		}
		_, err := sized(in, size.Width, size.Height)
		if err != nil {
			return wrong(param, "%v", err)
		}
		return nil
	}
}

// centerParam is a point that is the middle of the picture by default.
func centerParam() pipeline.Param {
	return pipeline.Floats("center", "", []int{0, 2}, -maxWarp, maxWarp, "x,y; the middle of the picture by default")
}

// centerOf is the given point, or the middle of the picture, which lies between pixels where a side is even.
func centerOf(v []float64, in frame.Geometry) point {
	if len(v) == 2 {
		return point{v[0], v[1]}
	}
	return point{float64(in.Width-1) / 2, float64(in.Height-1) / 2}
}

// borderOf describes a border parameter of these types.
func borderOf(types ...string) pipeline.Param {
	return pipeline.Choice("borderType", types, "what lies outside the picture")
}

func copyMakeBorderStep(a pipeline.Args) (step, error) {
	top, bottom, left, right := a.Int("top"), a.Int("bottom"), a.Int("left"), a.Int("right")
	border, value := borders[a.String("borderType")], a.Floats("value")
	return step{
		takes: input{},
		fits:  forChannels("value", value),
		idle:  func(frame.Geometry) bool { return top+bottom+left+right == 0 },
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			return sized(in, in.Width+left+right, in.Height+top+bottom)
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			v, err := perChannel("value", value, src.g)
			if err != nil {
				return nil, err
			}
			return nil, copyMakeBorder(src.Mat, dst, top, bottom, left, right, outside{border, v})
		},
	}, nil
}

func rectSubPixStep(a pipeline.Args) (step, error) {
	size, center := a.Size("patchSize"), a.Floats("center")
	depth, number, deeper := depthOf(a.String("patchType"))
	return step{
		takes: channels(1, 3).of(frame.U8, frame.F32),
		fits:  forSize("patchSize", size),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			if deeper {
				in.Depth = depth
			}
			return sized(in, size.Width, size.Height)
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			return nil, rectSubPix(src.Mat, dst, image.Pt(size.Width, size.Height), centerOf(center, src.g), number)
		},
	}, nil
}

func pyrStep(up bool, a pipeline.Args, side func(int) int) step {
	border := gocv.BorderDefault
	if name, ok := a["borderType"].(string); ok {
		border = borders[name]
	}
	s := filter(filterable(), func(src gocv.Mat, dst *gocv.Mat) error { return pyr(src, dst, up, border) })
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { return sized(in, side(in.Width), side(in.Height)) }
	return s
}
