//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// scalarKind is an op that combines each pixel with a constant. A second picture could stand in the constant's place.
type scalarKind struct {
	name, doc, value string // value is the example's
	code             uint32
	depths           []frame.Depth
	scale, dtype     bool // has these parameters
}

// scalarOps combine each pixel with a constant.
func scalarOps() []op {
	kinds := []scalarKind{
		{"add", "Add a number to each element.", "10", opAdd, numeric, false, true},
		{"subtract", "Subtract a number from each element.", "10", opSubtract, numeric, false, true},
		{"multiply", "Multiply each element by a number.", "1.5", opMultiply, numeric, true, true},
		{"divide", "Divide each element by a number; by 0 it gives 0 for integers.", "2", opDivide, numeric, true, true},
		{"abs_diff", "Tell how far each element is from a number.", "127", opAbsDiff, numeric, false, false},
		{"min", "Take the smaller of each element and a number.", "127", opMin, numeric, false, false},
		{"max", "Take the larger of each element and a number.", "127", opMax, numeric, false, false},
		{"bitwise_and", "Keep the bits that are set in a number.", "240", opAnd, integers, false, false},
		{"bitwise_or", "Set the bits that are set in a number.", "15", opOr, integers, false, false},
		{"bitwise_xor", "Invert the bits that are set in a number.", "255", opXor, integers, false, false},
	}
	var ops []op
	for _, k := range kinds {
		params := []pipeline.Param{pipeline.Scalar("value", "", "the number").Required()}
		returns := sameGeometry
		if k.scale {
			params = append(params, anyNumber("scale", 1, "a factor besides"))
		}
		if k.dtype {
			params, returns = append(params, dtypeParam()), "a picture of the same size and format, of depth dtype"
		}
		ops = append(ops, op{
			OpInfo: info(k.name, "core", k.doc, params...).WithReturns(returns).WithExample(k.name + " value=" + k.value),
			bind:   func(a pipeline.Args) (step, error) { return k.step(a), nil },
		})
	}
	return ops
}

func (k scalarKind) step(a pipeline.Args) step {
	value, scale, number, depth, deeper := a.Floats("value"), 1.0, -1, frame.Depth(0), false
	if k.scale {
		scale = a.Float("scale")
	}
	if k.dtype {
		depth, number, deeper = depthOf(a.String("dtype"))
	}
	return step{
		takes: input{}.of(k.depths...),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			_, err := perChannel("value", value, in)
			if deeper {
				in.Depth = depth
			}
			return in, err
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			v, err := perChannel("value", value, src.g)
			if err != nil {
				return nil, err
			}
			return nil, arithmetic(k.code, src.Mat, v, scale, number, dst)
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
					takes = takes.of(frame.F32, frame.F64)
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
					"256 numbers for all channels, or 256 for each, one channel after the other").Required()).
				WithExample("lut table=" + identityTable()),
			bind: func(a pipeline.Args) (step, error) { return lutStep(a.Floats("table")), nil },
		}, {
			OpInfo: info("gamma", "core", "Correct the brightness: each element to the power gamma, where the brightest is 1.",
				pipeline.Float("gamma", 2.2, 0.01, 100, "above 1 is darker, below 1 is brighter")).WithExample("gamma gamma=0.45"),
			bind: func(a pipeline.Args) (step, error) { return gammaStep(a.Float("gamma")), nil },
		},
	}
}
