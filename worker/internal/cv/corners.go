//go:build opencv

package cv

/*
#include "bridge_features.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func cornerOps() []op {
	return []op{
		{
			OpInfo: info("good_features_to_track", "imgproc", "Find the strongest corners of a gray picture.", append(drawing(
				pipeline.Int("maxCorners", 100, 0, 1<<20, "how many corners at most, the strongest; 0 for no limit"),
				pipeline.Float("qualityLevel", 0.01, 1e-9, 1, "corners that are weaker than the strongest by this factor are left out"),
				pipeline.Float("minDistance", 10, 0, frame.MaxSide, "least distance between corners"),
				pipeline.Int("blockSize", 3, 1, 255, "side of the neighbourhood that is looked at"),
				pipeline.Int("gradientSize", 3, 1, 7, "side of the gradient's kernel").OnlyOdd(),
				pipeline.Bool("useHarrisDetector", false, "measure as Harris did, instead of by the least eigenvalue"),
				pipeline.Float("k", 0.04, 0, 1, "Harris' free parameter"),
				maxCount(1000, "the strongest")), subPixParams()...)...).
				WithReturns(passesDoc + `{"count", "corners": [[x, y], ...]}: ` + countDoc).
				WithExample("gray | good_features_to_track maxCorners=50 draw=true"),
			bind: goodFeatures,
		}, {
			OpInfo: info("corner_sub_pix", "imgproc", "Move points to the corners of a gray picture next to them.", drawing(
				pipeline.Points("corners", "10,10", 0, frame.MaxSide, "the points, x,y of each"),
				winSize(), zeroZone(), maxIterations(), epsilonParam())...).
				WithReturns(passesDoc + `{"count", "corners": [[x, y], ...]}`).
				WithExample("gray | corner_sub_pix corners=40,40/100,80 draw=true"),
			bind: cornerSubPix,
		}, {
			OpInfo: info("corner_harris", "imgproc", "Measure at each pixel of a gray picture how much of a corner it is, as Harris did.",
				blockParam(), apertureParam(), pipeline.Float("k", 0.04, -1, 1, "Harris' free parameter"), borderType()).
				WithReturns("gray f32 of the same size: large on corners, below 0 on edges").
				WithExample("gray | corner_harris blockSize=2 ksize=3 k=0.04"),
			bind: func(a pipeline.Args) (step, error) {
				block, ksize, k, border := a.Int("blockSize"), a.Int("ksize"), a.Float("k"), borders[a.String("borderType")]
				return cornerness(func(src gocv.Mat, dst *gocv.Mat) error {
					return bridged(C.bridge_corner_harris(ptr(&src), ptr(dst), C.int(block), C.int(ksize), C.double(k), C.int(border)))
				}), nil
			},
		}, {
			OpInfo: info("corner_min_eigen_val", "imgproc", "Measure at each pixel of a gray picture how much of a corner it is.",
				blockParam(), apertureParam(), borderType()).
				WithReturns("gray f32 of the same size: the lesser eigenvalue of the gradients, large on corners").
				WithExample("gray | corner_min_eigen_val blockSize=3"),
			bind: func(a pipeline.Args) (step, error) {
				block, ksize, border := a.Int("blockSize"), a.Int("ksize"), borders[a.String("borderType")]
				return cornerness(func(src gocv.Mat, dst *gocv.Mat) error {
					return bridged(C.bridge_corner_min_eigen_val(ptr(&src), ptr(dst), C.int(block), C.int(ksize), C.int(border)))
				}), nil
			},
		},
	}
}

func blockParam() pipeline.Param {
	return pipeline.Int("blockSize", 2, 1, 255, "side of the neighbourhood that is looked at")
}

func apertureParam() pipeline.Param {
	return pipeline.Int("ksize", 3, 1, 7, "side of the gradient's kernel").OnlyOdd()
}

// cornerness makes a step whose result is a number for each pixel.
func cornerness(apply func(src gocv.Mat, dst *gocv.Mat) error) step {
	s := filter(only(frame.FormatGray).of(frame.U8, frame.F32), apply)
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Depth = frame.F32; return in, nil }
	return s
}

// cornerList is the JSON of ops that find corners.
type cornerList struct {
	Count   int    `json:"count"`
	Corners []spot `json:"corners"`
}

// subPix is how corners are refined.
type subPix struct {
	win, zeroZone, iterations int
	epsilon                   float64
}

func winSize() pipeline.Param {
	return pipeline.Int("winSize", 5, 1, 100, "half the side of the window that is searched")
}

func zeroZone() pipeline.Param {
	return pipeline.Int("zeroZone", -1, -1, 99, "half the side of the middle that is not looked at; -1 for none")
}

func maxIterations() pipeline.Param {
	return pipeline.Int("maxIter", 30, 1, 100, "how often a corner is moved at most")
}

func epsilonParam() pipeline.Param {
	return pipeline.Float("epsilon", 0.001, 0, 10, "a corner is good when it moves less than this")
}

// subPixParams are those of ops that refine the corners they found.
func subPixParams() []pipeline.Param {
	return []pipeline.Param{pipeline.Bool("subPix", false, "refine the corners as corner_sub_pix does"),
		winSize(), zeroZone(), maxIterations(), epsilonParam()}
}

func subPixOf(a pipeline.Args) (subPix, error) {
	s := subPix{a.Int("winSize"), a.Int("zeroZone"), a.Int("maxIter"), a.Float("epsilon")}
	if s.zeroZone >= s.win {
		return s, wrong("zeroZone winSize", "zeroZone=%d is not below winSize=%d", s.zeroZone, s.win)
	}
	return s, nil
}

// fits is a check: OpenCV needs room for the window.
func (s subPix) fits(in frame.Geometry) error {
	if side := 2*s.win + 5; in.Width < side || in.Height < side {
		return wrong("winSize", "%v is too small: winSize=%d needs %dx%d", in, s.win, side, side)
	}
	return nil
}

// refine moves corners of a gray picture.
func (s subPix) refine(src gocv.Mat, corners []spot) ([]spot, error) {
	if len(corners) == 0 {
		return corners, nil
	}
	xy := spotDoubles(corners)
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_corner_sub_pix(ptr(&src), &xy[0], C.int(len(corners)), C.int(s.win), C.int(s.zeroZone), C.int(s.iterations),
			C.double(s.epsilon), out)
	})
	if err != nil {
		return nil, err
	}
	return all(t, t.spot), nil
}

func drawSpots(m *gocv.Mat, spots []spot, i ink) error {
	for _, s := range spots {
		if err := drawCircle(m, rounded(float64(s[0]), float64(s[1])), 3, i); err != nil {
			return err
		}
	}
	return nil
}

func drawCorners(m *gocv.Mat, found cornerList, i ink) error { return drawSpots(m, found.Corners, i) }

func goodFeatures(a pipeline.Args) (step, error) {
	sub, err := subPixOf(a)
	if err != nil {
		return step{}, err
	}
	f := finding[cornerList]{
		takes: only(frame.FormatGray).of(frame.U8, frame.F32),
		find: func(src picture) (cornerList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_good_features(ptr(&src.Mat), C.int(a.Int("maxCorners")), C.double(a.Float("qualityLevel")),
					C.double(a.Float("minDistance")), C.int(a.Int("blockSize")), C.int(a.Int("gradientSize")),
					C.bool(a.Bool("useHarrisDetector")), C.double(a.Float("k")), out)
			})
			if err != nil {
				return cornerList{}, err
			}
			corners := all(t, t.spot)
			list := cornerList{len(corners), first(corners, a.Int("max_count"))}
			if a.Bool("subPix") {
				list.Corners, err = sub.refine(src.Mat, list.Corners)
			}
			return list, err
		},
		draw: drawCorners,
	}
	if a.Bool("subPix") {
		f.check = sub.fits
	}
	return f.step(a), nil
}

func cornerSubPix(a pipeline.Args) (step, error) {
	sub, err := subPixOf(a)
	if err != nil {
		return step{}, err
	}
	m := a.Matrix("corners")
	corners := make([]spot, m.Rows)
	for i := range corners {
		corners[i] = spot{float32(m.Values[2*i]), float32(m.Values[2*i+1])}
	}
	return finding[cornerList]{
		takes: only(frame.FormatGray).of(frame.U8, frame.F32),
		check: func(in frame.Geometry) error {
			for _, c := range corners {
				if c[0] >= float32(in.Width) || c[1] >= float32(in.Height) {
					return wrong("corners", "corner %v,%v does not lie within %v", c[0], c[1], in)
				}
			}
			return sub.fits(in)
		},
		find: func(src picture) (cornerList, error) {
			moved, err := sub.refine(src.Mat, corners)
			return cornerList{len(moved), moved}, err
		},
		draw: drawCorners,
	}.step(a), nil
}
