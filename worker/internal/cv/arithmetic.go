//go:build opencv

package cv

import (
	"fmt"
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func arithmeticOps() []op {
	ops := []op{
		{
			OpInfo: info("convert", "core", "Change the type of the elements: alpha times each, plus beta, rounded and cut to what the type holds.",
				pipeline.Choice("depth", allDepths, "the new type"),
				anyNumber("alpha", 1, "factor; 255 makes u8 of floats in 0..1"),
				anyNumber("beta", 0, "is added")).
				WithReturns("a picture of the same size and format, of that depth").WithExample("convert depth=f32 alpha=0.5"),
			bind: convertStep,
		}, {
			OpInfo: info("convert_scale_abs", "core", "Make u8 of anything: the absolute value of alpha times each element plus beta.",
				anyNumber("alpha", 1, "factor"), anyNumber("beta", 0, "is added")).
				WithReturns("a picture of the same size and channels, u8").
				WithExample("gray | sobel ddepth=s16 | convert_scale_abs alpha=0.5"),
			bind: func(a pipeline.Args) (step, error) {
				alpha, beta := a.Float("alpha"), a.Float("beta")
				s := filter(input{}.of(numeric...), func(src gocv.Mat, dst *gocv.Mat) error {
					return gocv.ConvertScaleAbs(src, dst, alpha, beta)
				})
				s.shape = depthIs(frame.U8)
				return s, nil
			},
		}, {
			OpInfo: info("normalize", "core", "Scale all elements by one factor, so that the norm or the range of the picture is the wanted one.",
				anyNumber("alpha", 1, "the norm, or one end of the range"),
				anyNumber("beta", 0, "the other end of the range; of minmax only"),
				pipeline.Choice("norm_type", []string{"l2", "l1", "inf", "minmax"}, "which norm; minmax is the range"),
				dtypeParam()).
				WithReturns("a picture of the same size and format, of depth dtype").
				WithExample("normalize alpha=0 beta=255 norm_type=minmax"),
			bind: normalizeStep,
		}, {
			OpInfo: info("bitwise_not", "core", "Turn dark into bright: invert every bit."),
			bind:   bitwiseNot,
		}, {
			OpInfo: info("invert", "core", "Turn dark into bright: another name for bitwise_not."),
			bind:   bitwiseNot,
		}, {
			OpInfo: info("compare", "core", "Compare each element of a gray picture with a number.",
				anyNumber("value", 127, "the number"),
				pipeline.Choice("cmpop", []string{"eq", "gt", "ge", "lt", "le", "ne"}, "which elements become 255")).
				WithReturns("gray u8 of the same size: 255 where it is so, 0 elsewhere").WithExample("gray | compare value=100 cmpop=gt"),
			bind: func(a pipeline.Args) (step, error) {
				value, cmpop := a.Float("value"), map[string]gocv.CompareType{"eq": gocv.CompareEQ, "gt": gocv.CompareGT,
					"ge": gocv.CompareGE, "lt": gocv.CompareLT, "le": gocv.CompareLE, "ne": gocv.CompareNE}[a.String("cmpop")]
				s := filter(only(frame.FormatGray).of(numeric...), func(src gocv.Mat, dst *gocv.Mat) error {
					return compare(src, value, cmpop, dst)
				})
				s.shape = depthIs(frame.U8)
				return s, nil
			},
		},
	}
	return append(append(ops, scalarOps()...), functionOps()...)
}

// numeric are the depths that OpenCV can calculate with, integers those of them with bits.
var (
	numeric   = []frame.Depth{frame.U8, frame.S8, frame.U16, frame.S16, frame.S32, frame.F32, frame.F64}
	integers  = []frame.Depth{frame.U8, frame.S8, frame.U16, frame.S16, frame.S32}
	allDepths = []string{"u8", "s8", "u16", "s16", "s32", "f32", "f64"}
)

// anyNumber describes a number without bounds.
func anyNumber(name string, def float64, doc string) pipeline.Param {
	return pipeline.Float(name, def, math.Inf(-1), math.Inf(1), doc)
}

func dtypeParam() pipeline.Param {
	return pipeline.Choice("dtype", append([]string{"same"}, allDepths...), "element type of the result; same is the input's")
}

// depthOf is the depth of that name, and its number for OpenCV: -1 for "same", of which ok is false.
func depthOf(name string) (depth frame.Depth, number int, ok bool) {
	for _, d := range numeric {
		if d.String() == name {
			return d, int(d), true
		}
	}
	return 0, -1, false
}

// depthIs is the shape of a step that changes the depth and nothing else.
func depthIs(d frame.Depth) func(frame.Geometry) (frame.Geometry, error) {
	return func(in frame.Geometry) (frame.Geometry, error) { in.Depth = d; return in, nil }
}

// perChannel spreads the numbers of a scalar parameter over the channels.
func perChannel(name string, v []float64, in frame.Geometry) (scalar, error) {
	var s scalar
	n := in.Format.Channels()
	switch {
	case len(v) == 1:
		for i := range n {
			s[i] = v[0]
		}
	case len(v) == n:
		copy(s[:], v)
	default:
		return s, wrong(name, "%s has %d numbers, %v has %s: give one for all, or one for each", name, len(v), in, channelCount(n))
	}
	return s, nil
}

// forChannels is a fits: perChannel must have a number for each channel.
func forChannels(name string, v []float64) func(frame.Geometry) error {
	return func(in frame.Geometry) error { _, err := perChannel(name, v, in); return err }
}

func channelCount(n int) string {
	if n == 1 {
		return "1 channel"
	}
	return fmt.Sprintf("%d channels", n)
}

func convertStep(a pipeline.Args) (step, error) {
	depth, number, _ := depthOf(a.String("depth"))
	alpha, beta := a.Float("alpha"), a.Float("beta")
	s := filter(input{}.of(numeric...), func(src gocv.Mat, dst *gocv.Mat) error { return convert(src, dst, number, alpha, beta) })
	s.shape = depthIs(depth)
	s.idle = func(in frame.Geometry) bool { return in.Depth == depth && alpha == 1 && beta == 0 }
	return s, nil
}

func bitwiseNot(pipeline.Args) (step, error) {
	return filter(input{}.of(integers...), gocv.BitwiseNot), nil
}

func normalizeStep(a pipeline.Args) (step, error) {
	alpha, beta := a.Float("alpha"), a.Float("beta")
	norm := map[string]gocv.NormType{"l2": gocv.NormL2, "l1": gocv.NormL1, "inf": gocv.NormInf, "minmax": gocv.NormMinMax}[a.String("norm_type")]
	depth, number, deeper := depthOf(a.String("dtype"))
	s := filter(input{}.of(numeric...), func(src gocv.Mat, dst *gocv.Mat) error {
		return normalize(src, dst, alpha, beta, norm, number)
	})
	if deeper {
		s.shape = depthIs(depth)
	}
	return s, nil
}
