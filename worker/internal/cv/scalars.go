//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// scalarKind is an op that combines each pixel with a constant, or with the pixel of a second picture.
type scalarKind struct {
	name, doc, value string // value is the example's
	code             uint32
	depths           []frame.Depth
	scale, dtype     bool // has these parameters
}

// scalarOps combine each pixel with a constant.
func scalarOps() []op {
	kinds := []scalarKind{
		{"add", "Add a number, or a picture.", "10", opAdd, numeric, false, true},
		{"subtract", "Subtract a number, or a picture.", "10", opSubtract, numeric, false, true},
		{"multiply", "Multiply by a number, or element by element by a picture.", "1.5", opMultiply, numeric, true, true},
		{"divide", "Divide by a number, or element by element by a picture; by 0 it gives 0 for integers.", "2", opDivide, numeric, true, true},
		{"abs_diff", "Tell how far each element is from a number, or from that of a picture.", "127", opAbsDiff, numeric, false, false},
		{"min", "Take the smaller of each element and a number, or that of a picture.", "127", opMin, numeric, false, false},
		{"max", "Take the larger of each element and a number, or that of a picture.", "127", opMax, numeric, false, false},
		{"bitwise_and", "Keep the bits that are set in a number, or in a picture.", "240", opAnd, integers, false, false},
		{"bitwise_or", "Set the bits that are set in a number, or in a picture.", "15", opOr, integers, false, false},
		{"bitwise_xor", "Invert the bits that are set in a number, or in a picture.", "255", opXor, integers, false, false},
	}
	var ops []op
	for _, k := range kinds {
		params := []pipeline.Param{
			pipeline.Floats("value", "", []int{0, 1, 2, 3, 4}, math.Inf(-1), math.Inf(1), "the number, or one for each channel"),
			pipeline.Image("image", "a picture instead, "+pairDoc).Optional(),
		}
		returns := sameGeometry
		if k.scale {
			params = append(params, anyNumber("scale", 1, "a factor besides"))
		}
		if k.dtype {
			params, returns = append(params, dtypeParam()), "a picture of the same size and format, of depth dtype"
		}
		ops = append(ops, op{
			OpInfo: info(k.name, "core", k.doc, params...).WithReturns(returns).WithExample(k.name + " value=" + k.value),
			with:   k.bind,
		})
	}
	return ops
}

func (k scalarKind) bind(a pipeline.Args, in serve.Inputs) (step, error) {
	switch value, image := a.Floats("value"), a.String("image"); {
	case value == nil && image == "", value != nil && image != "":
		return step{}, wrong("image value", "takes one of value and image")
	case value != nil:
		return k.step(a, forChannels("value", value), func(g frame.Geometry) (operand, error) {
			v, err := perChannel("value", value, g)
			return func(src gocv.Mat, scale float64, depth int, dst *gocv.Mat) error {
				return arithmetic(k.code, src, v, scale, depth, dst)
			}, err
		}), nil
	}
	return beside("image", func(a pipeline.Args, r *reference) (step, error) {
		return k.step(a, r.fits, func(g frame.Geometry) (operand, error) {
			other, err := r.over(g)
			return func(src gocv.Mat, scale float64, depth int, dst *gocv.Mat) error {
				return arithmeticPair(k.code, src, other.mat, scale, depth, dst)
			}, err
		}), nil
	})(a, in)
}

// operand combines a picture with what stands on the other side.
type operand func(src gocv.Mat, scale float64, depth int, dst *gocv.Mat) error

// step makes a step of what an operand is for pictures of a geometry.
func (k scalarKind) step(a pipeline.Args, fits func(frame.Geometry) error, side func(frame.Geometry) (operand, error)) step {
	scale, number, depth, deeper := 1.0, -1, frame.Depth(0), false
	if k.scale {
		scale = a.Float("scale")
	}
	if k.dtype {
		depth, number, deeper = depthOf(a.String("dtype"))
	}
	return step{
		takes: input{}.of(k.depths...),
		fits:  fits,
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			_, err := side(in)
			if deeper {
				in.Depth = depth
			}
			return in, err
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			combine, err := side(src.g)
			if err != nil {
				return nil, err
			}
			return nil, combine(src.Mat, scale, number, dst)
		},
	}
}

// functionOps apply a function to each element.
func functionOps() []op {
	floats := func(f func(src gocv.Mat, dst *gocv.Mat) error) func(pipeline.Args) (step, error) {
		return func(pipeline.Args) (step, error) { return filter(input{}.of(frame.F32, frame.F64), f), nil }
	}
	return []op{
		{
			OpInfo: info("pow", "core", "Raise each element to a power.",
				anyNumber("power", 2, "the exponent; a whole number for integers")).WithExample("convert depth=f32 alpha=0.004 | pow power=0.5"),
			bind: func(a pipeline.Args) (step, error) {
				power, takes := a.Float("power"), input{}.of(numeric...)
				if power != math.Trunc(power) || math.Abs(power) > math.MaxInt32 {
					takes = takes.of(frame.F32, frame.F64).by("power")
				}
				return filter(takes, func(src gocv.Mat, dst *gocv.Mat) error { return gocv.Pow(src, power, dst) }), nil
			},
		}, {
			OpInfo: info("sqrt", "core", "Take the square root of each element.").WithExample("convert depth=f32 | sqrt"),
			bind:   floats(func(src gocv.Mat, dst *gocv.Mat) error { return gocv.Pow(src, 0.5, dst) }),
		}, {
			OpInfo: info("exp", "core", "Raise e to each element.").WithExample("convert depth=f32 alpha=0.01 | exp"),
			bind:   floats(gocv.Exp),
		}, {
			OpInfo: info("log", "core", "Take the natural logarithm of each element.").WithExample("convert depth=f32 beta=1 | log"),
			bind:   floats(gocv.Log),
		}, {
			OpInfo: info("lut", "core", "Look each element up in a table.",
				pipeline.Floats("table", "", []int{256, 512, 768, 1024}, 0, 255,
					"256 whole numbers for all channels, or 256 for each, one channel after the other").Required()).
				WithExample("lut table=" + identityTable()),
			bind: func(a pipeline.Args) (step, error) { return lutStep(a.Floats("table")) },
		}, {
			OpInfo: info("gamma", "core", "Correct the brightness: each element to the power gamma, where the brightest is 1.",
				pipeline.Float("gamma", 2.2, 0.01, 100, "above 1 is darker, below 1 is brighter")).WithExample("gamma gamma=0.45"),
			bind: func(a pipeline.Args) (step, error) { return gammaStep(a.Float("gamma")), nil },
		},
	}
}
