//go:build opencv

package cv

/*
#include "bridge_calibration.h"
*/
import "C"

import (
	"slices"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func calibrationOps() []op {
	return []op{
		{
			OpInfo: info("find_chessboard_corners", "calib3d", "Find the inner corners of a chessboard.", slices.Concat(
				patternParams("9x6", "inner corners in a row, and in a column"),
				switches(chessboardFlags, "adaptive_thresh", "normalize_image"), subPixParams())...).
				WithReturns(patternDoc).WithExample("find_chessboard_corners patternSize=9x6 subPix=true draw=true"),
			bind: chessboardCorners,
		}, {
			OpInfo: info("find_chessboard_corners_sb", "calib3d", "Find the inner corners of a chessboard, finer than pixels.", slices.Concat(
				patternParams("9x6", "inner corners in a row, and in a column"), switches(sectorFlags))...).
				WithReturns(patternDoc).WithExample("find_chessboard_corners_sb patternSize=9x6 draw=true"),
			bind: func(a pipeline.Args) (step, error) {
				s := patternStep(a, looking(a, func(src gocv.Mat, columns, rows C.int, out *C.numbers) *C.char {
					return C.bridge_chessboard_corners_sb(ptr(&src), columns, rows, flagsOf(a, sectorFlags), out)
				}))
				s.shape = after(turnable, s.shape)
				return s, nil
			},
		}, {
			OpInfo: info("find_circles_grid", "calib3d", "Find the centres of a grid of dark circles.", slices.Concat(
				patternParams("4x11", "circles in a row, and in a column"), switches(gridFlags))...).
				WithReturns(patternDoc).WithExample("find_circles_grid patternSize=4x11 asymmetric_grid=true"),
			bind: func(a pipeline.Args) (step, error) {
				flags := flagsOf(a, gridFlags)
				switch {
				case a.Bool("symmetric_grid") && a.Bool("asymmetric_grid"):
					return step{}, wrong("asymmetric_grid symmetric_grid", "takes one of symmetric_grid and asymmetric_grid")
				case !a.Bool("asymmetric_grid"):
					flags |= symmetricGrid
				}
				return patternStep(a, looking(a, func(src gocv.Mat, columns, rows C.int, out *C.numbers) *C.char {
					return C.bridge_circles_grid(ptr(&src), columns, rows, flags, out)
				})), nil
			},
		},
		calibrateOp(),
	}
}

const patternDoc = `the picture passes, or with draw=true the pattern is drawn on it as drawChessboardCorners does, in bgr where it was gray; ` +
	`{"found": whether all are there, "corners": [[x, y], ...]} row by row; where not all are there, those that are`

// symmetricGrid is CALIB_CB_SYMMETRIC_GRID.
const symmetricGrid = 1

// flag is a bit of OpenCV's.
type flag struct {
	name, doc string
	bit       int
}

var (
	chessboardFlags = []flag{
		{"adaptive_thresh", "compare with the neighbourhood", 1},
		{"normalize_image", "equalize the histogram first", 2},
		{"filter_quads", "look closer at the squares", 4},
		{"fast_check", "give up soon where there is no chessboard", 8},
	}
	sectorFlags = []flag{
		{"normalize_image", "equalize the histogram first", 2},
		{"exhaustive", "search longer, find more", 16},
		{"accuracy", "take a larger picture, find more exactly", 32},
		{"larger", "the pattern may be larger than patternSize", 64},
		{"marker", "the pattern has a marker", 128},
	}
	gridFlags = []flag{
		{"symmetric_grid", "rows are below each other, as they are without asymmetric_grid, too", symmetricGrid},
		{"asymmetric_grid", "each second row is shifted", 2},
		{"clustering", "bear more perspective and less clutter", 4},
	}
)

// switches are the parameters for flags; those named are on unless told.
func switches(flags []flag, on ...string) []pipeline.Param {
	var params []pipeline.Param
	for _, f := range flags {
		params = append(params, pipeline.Bool(f.name, slices.Contains(on, f.name), f.doc))
	}
	return params
}

func flagsOf(a pipeline.Args, flags []flag) C.int {
	bits := 0
	for _, f := range flags {
		if a.Bool(f.name) {
			bits |= f.bit
		}
	}
	return C.int(bits)
}

func patternParams(size, doc string) []pipeline.Param {
	return []pipeline.Param{pipeline.SizeOf("patternSize", size, 3, 100, doc), pipeline.Bool("draw", false, "draw what was found")}
}

// pattern is the JSON of the ops that find a calibration pattern.
type pattern struct {
	Found   bool   `json:"found"`
	Corners []spot `json:"corners"`
}

func chessboardCorners(a pipeline.Args) (step, error) {
	sub := subPix{}
	if a.Bool("subPix") {
		var err error
		if sub, err = subPixOf(a); err != nil {
			return step{}, err
		}
	}
	return patternStep(a, chessboard(a, sub)), nil
}

// chessboard looks for a chessboard; corners that it finds are refined if sub is not zero.
func chessboard(a pipeline.Args, sub subPix) func(src picture) (pattern, error) {
	look := looking(a, func(src gocv.Mat, columns, rows C.int, out *C.numbers) *C.char {
		return C.bridge_chessboard_corners(ptr(&src), columns, rows, flagsOf(a, chessboardFlags), out)
	})
	return func(src picture) (pattern, error) {
		p, err := look(src)
		if err == nil && p.Found && sub != (subPix{}) {
			p.Corners, err = refineColour(sub, src, p.Corners)
		}
		return p, err
	}
}

// looking makes of a search what reads the pattern that it finds.
func looking(a pipeline.Args, search func(src gocv.Mat, columns, rows C.int, out *C.numbers) *C.char) func(src picture) (pattern, error) {
	size := a.Size("patternSize")
	return func(src picture) (pattern, error) {
		t, err := find(func(out *C.numbers) *C.char { return search(src.Mat, C.int(size.Width), C.int(size.Height), out) })
		if err != nil {
			return pattern{}, tooSmall(src.g, err)
		}
		return pattern{t.bool(), all(t, t.spot)}, nil
	}
}

// patternStep makes a step of what looks for a pattern.
func patternStep(a pipeline.Args, look func(src picture) (pattern, error)) step {
	size := a.Size("patternSize")
	s := step{takes: only(frame.FormatGray, frame.FormatBGR).of(frame.U8)}
	if !a.Bool("draw") {
		s.find = func(src picture) (any, error) { return look(src) }
		return s
	}
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatBGR; return in, nil }
	s.apply = func(src picture, dst *gocv.Mat) (any, error) {
		p, err := look(src)
		if err != nil {
			return nil, err
		}
		if err := overlay(src.Mat, dst); err != nil {
			return nil, err
		}
		return p, drawChessboard(dst, size.Width, size.Height, p.Corners, p.Found)
	}
	return s
}

// refineColour refines corners of a picture that may have colour.
func refineColour(sub subPix, src picture, corners []spot) ([]spot, error) {
	if err := sub.fits(src.g); err != nil {
		return nil, err
	}
	if src.g.Format == frame.FormatGray {
		return sub.refine(src.Mat, corners)
	}
	gray := gocv.NewMat()
	defer gray.Close()
	if err := gocv.CvtColor(src.Mat, &gray, gocv.ColorBGRToGray); err != nil {
		return nil, err
	}
	return sub.refine(gray, corners)
}
