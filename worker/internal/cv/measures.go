//go:build opencv

package cv

/*
#include "bridge_measure.h"
*/
import "C"

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// measureOps find numbers in a picture, which passes.
func measureOps() []op {
	return []op{
		{
			OpInfo: info("calc_hist", "imgproc", "Count the values of each channel.",
				pipeline.Int("histSize", 256, 1, 4096, "number of bins"),
				pipeline.Floats("ranges", "0,256", []int{2}, math.Inf(-1), math.Inf(1), "the least value that counts, and the first beyond")).
				WithReturns(`the picture passes; {"hist": [[number of each bin], ...]}, a list for each channel`).
				WithExample("gray | calc_hist histSize=32"),
			bind: calcHist,
		}, {
			OpInfo: info("min_max_loc", "core", "Find the darkest and the brightest pixel of a gray picture.").
				WithReturns(`the picture passes; {"minVal", "maxVal", "minLoc": [x, y], "maxLoc": [x, y]}`).
				WithExample("gray | min_max_loc"),
			bind: measures(only(frame.FormatGray).of(numeric...), minMaxLoc),
		}, {
			OpInfo: info("count_non_zero", "core", "Count the pixels of a gray picture that are not 0.").
				WithReturns(`the picture passes; {"count"}`).WithExample("gray | canny | count_non_zero"),
			bind: measures(only(frame.FormatGray).of(numeric...), countNonZero),
		}, {
			OpInfo: info("bounding_rect", "imgproc", "Find the box around the pixels of a gray picture that are not 0.").
				WithReturns(`the picture passes; {"box": [x, y, width, height]}, all 0 where there are none`).
				WithExample("gray | threshold | bounding_rect"),
			bind: measures(only(frame.FormatGray).of(frame.U8), boundingRect),
		}, {
			OpInfo: info("moments", "imgproc", "Find the moments of a gray picture up to the third order.",
				pipeline.Bool("binaryImage", false, "take everything that is not 0 for 1")).
				WithReturns(`the picture passes; {"m00", "m10", ..., "mu20", ..., "nu20", ...}, 24 numbers with OpenCV's names`).
				WithExample("gray | threshold | moments"),
			bind: func(a pipeline.Args) (step, error) {
				return measure(momentsOf(), func(src gocv.Mat) (moments, error) {
					m, _, err := pictureMoments(src, a.Bool("binaryImage"))
					return m, err
				}), nil
			},
		}, {
			OpInfo: info("hu_moments", "imgproc", "Find the seven moments of a gray picture that turning and scaling leave alone.",
				pipeline.Bool("binaryImage", false, "take everything that is not 0 for 1")).
				WithReturns(`the picture passes; {"hu": [seven numbers]}`).WithExample("gray | threshold | hu_moments"),
			bind: func(a pipeline.Args) (step, error) {
				return measure(momentsOf(), func(src gocv.Mat) (huMoments, error) {
					_, hu, err := pictureMoments(src, a.Bool("binaryImage"))
					return huMoments{hu}, err
				}), nil
			},
		}, {
			OpInfo: info("blur_score", "imgproc", "Tell how sharp a picture is: the variance of the Laplacian of it in gray.",
				pipeline.Int("ksize", 1, 1, 31, "side of the Laplacian's kernel").OnlyOdd()).
				WithReturns(`the picture passes; {"score"}: the lower, the more blurred; often a limit near 100 serves`).
				WithExample("blur_score"),
			bind: func(a pipeline.Args) (step, error) {
				takes := only(frame.FormatGray, frame.FormatBGR, frame.FormatBGRA).of(frame.U8, frame.U16)
				return measure(takes, func(src gocv.Mat) (blurScore, error) { return blurScoreOf(src, a.Int("ksize")) }), nil
			},
		},
	}
}

// measures makes the bind of an op that has no parameters.
func measures[T any](takes input, f func(src gocv.Mat) (T, error)) func(pipeline.Args) (step, error) {
	return func(pipeline.Args) (step, error) { return measure(takes, f), nil }
}

func measure[T any](takes input, f func(src gocv.Mat) (T, error)) step {
	return step{takes: takes, find: func(src picture) (any, error) { return f(src.Mat) }}
}

// histogram is the JSON of calc_hist.
type histogram struct {
	Hist [][]float32 `json:"hist"`
}

func calcHist(a pipeline.Args) (step, error) {
	bins, ranges := a.Int("histSize"), a.Floats("ranges")
	if float32(ranges[0]) >= float32(ranges[1]) {
		return step{}, wrong("ranges", "ranges=%v,%v is not allowed: the second must be above the first", ranges[0], ranges[1])
	}
	return measure(input{}.of(frame.U8, frame.U16, frame.F32), func(src gocv.Mat) (histogram, error) {
		t, err := find(func(out *C.numbers) *C.char {
			return C.bridge_calc_hist(ptr(&src), C.int(bins), C.float(ranges[0]), C.float(ranges[1]), out)
		})
		if err != nil {
			return histogram{}, err
		}
		return histogram{some(t, src.Channels(), func() []float32 { return some(t, bins, t.single) })}, nil
	}), nil
}

// extremes is the JSON of min_max_loc.
type extremes struct {
	MinVal float64 `json:"minVal"`
	MaxVal float64 `json:"maxVal"`
	MinLoc pixel   `json:"minLoc"`
	MaxLoc pixel   `json:"maxLoc"`
}

func minMaxLoc(src gocv.Mat) (extremes, error) {
	t, err := find(func(out *C.numbers) *C.char { return C.bridge_min_max_loc(ptr(&src), out) })
	if err != nil {
		return extremes{}, err
	}
	return extremes{t.float(), t.float(), t.point(), t.point()}, nil
}

// count is the JSON of count_non_zero.
type count struct {
	Count int `json:"count"`
}

func countNonZero(src gocv.Mat) (count, error) {
	t, err := find(func(out *C.numbers) *C.char { return C.bridge_count_non_zero(ptr(&src), out) })
	if err != nil {
		return count{}, err
	}
	return count{t.int()}, nil
}

// bounds is the JSON of bounding_rect.
type bounds struct {
	Box bbox `json:"box"`
}

func boundingRect(src gocv.Mat) (bounds, error) {
	t, err := find(func(out *C.numbers) *C.char { return C.bridge_bounding_rect(ptr(&src), out) })
	if err != nil {
		return bounds{}, err
	}
	return bounds{t.box()}, nil
}

// moments has OpenCV's names in OpenCV's order.
type moments struct {
	M00  float64 `json:"m00"`
	M10  float64 `json:"m10"`
	M01  float64 `json:"m01"`
	M20  float64 `json:"m20"`
	M11  float64 `json:"m11"`
	M02  float64 `json:"m02"`
	M30  float64 `json:"m30"`
	M21  float64 `json:"m21"`
	M12  float64 `json:"m12"`
	M03  float64 `json:"m03"`
	Mu20 float64 `json:"mu20"`
	Mu11 float64 `json:"mu11"`
	Mu02 float64 `json:"mu02"`
	Mu30 float64 `json:"mu30"`
	Mu21 float64 `json:"mu21"`
	Mu12 float64 `json:"mu12"`
	Mu03 float64 `json:"mu03"`
	Nu20 float64 `json:"nu20"`
	Nu11 float64 `json:"nu11"`
	Nu02 float64 `json:"nu02"`
	Nu30 float64 `json:"nu30"`
	Nu21 float64 `json:"nu21"`
	Nu12 float64 `json:"nu12"`
	Nu03 float64 `json:"nu03"`
}

func (t *tape) moments() moments {
	return moments{
		t.float(), t.float(), t.float(), t.float(), t.float(), t.float(), t.float(), t.float(), t.float(), t.float(),
		t.float(), t.float(), t.float(), t.float(), t.float(), t.float(), t.float(),
		t.float(), t.float(), t.float(), t.float(), t.float(), t.float(), t.float(),
	}
}

// huMoments is the JSON of hu_moments.
type huMoments struct {
	Hu []float64 `json:"hu"`
}

// momentsOf is what moments are defined for.
func momentsOf() input {
	return only(frame.FormatGray).of(frame.U8, frame.U16, frame.S16, frame.F32, frame.F64)
}

func pictureMoments(src gocv.Mat, binary bool) (moments, []float64, error) {
	t, err := find(func(out *C.numbers) *C.char { return C.bridge_moments(ptr(&src), C.bool(binary), out) })
	if err != nil {
		return moments{}, nil, err
	}
	return t.moments(), some(t, 7, t.float), nil
}

// blurScore is the JSON of blur_score.
type blurScore struct {
	Score float64 `json:"score"`
}

func blurScoreOf(src gocv.Mat, ksize int) (blurScore, error) {
	t, err := find(func(out *C.numbers) *C.char { return C.bridge_blur_score(ptr(&src), C.int(ksize), out) })
	if err != nil {
		return blurScore{}, err
	}
	return blurScore{t.float()}, nil
}
