//go:build opencv

package cv

/*
#include <stdlib.h>
#include "bridge_drawing.h"
*/
import "C"

import (
	"unsafe"

	"gocv.io/x/gocv"
)

// ink is how lines are drawn. A thickness below 0 fills.
type ink struct {
	color     [4]float64
	thickness int
	lineType  gocv.LineType
}

func (i ink) c() C.ink {
	out := C.ink{thickness: C.int(i.thickness), line_type: C.int(i.lineType)}
	for j, v := range i.color {
		out.color[j] = C.double(v)
	}
	return out
}

// overlay puts src into dst, to be drawn on in colour: a gray picture becomes bgr.
func overlay(src gocv.Mat, dst *gocv.Mat) error {
	return bridged(C.bridge_overlay(ptr(&src), ptr(dst)))
}

func drawLine(m *gocv.Mat, from, to pixel, i ink) error {
	return bridged(C.bridge_line(ptr(m), C.int(from[0]), C.int(from[1]), C.int(to[0]), C.int(to[1]), i.c()))
}

func drawArrow(m *gocv.Mat, from, to pixel, tip float64, i ink) error {
	return bridged(C.bridge_arrowed_line(ptr(m), C.int(from[0]), C.int(from[1]), C.int(to[0]), C.int(to[1]), i.c(), C.double(tip)))
}

func drawRectangle(m *gocv.Mat, from, to pixel, i ink) error {
	return bridged(C.bridge_rectangle(ptr(m), C.int(from[0]), C.int(from[1]), C.int(to[0]), C.int(to[1]), i.c()))
}

// drawBox draws the outermost pixels of b.
func drawBox(m *gocv.Mat, b bbox, i ink) error {
	return drawRectangle(m, pixel{b[0], b[1]}, pixel{b[0] + b[2] - 1, b[1] + b[3] - 1}, i)
}

func drawCircle(m *gocv.Mat, center pixel, radius int, i ink) error {
	return bridged(C.bridge_circle(ptr(m), C.int(center[0]), C.int(center[1]), C.int(radius), i.c()))
}

func drawEllipse(m *gocv.Mat, center, axes pixel, angle, start, end float64, i ink) error {
	return bridged(C.bridge_ellipse(ptr(m), C.int(center[0]), C.int(center[1]), C.int(axes[0]), C.int(axes[1]), C.double(angle),
		C.double(start), C.double(end), i.c()))
}

func drawMarker(m *gocv.Mat, at pixel, kind, size int, i ink) error {
	return bridged(C.bridge_marker(ptr(m), C.int(at[0]), C.int(at[1]), C.int(kind), C.int(size), i.c()))
}

func drawGrid(m *gocv.Mat, dx, dy int, i ink) error {
	return bridged(C.bridge_grid(ptr(m), C.int(dx), C.int(dy), i.c()))
}

func drawPolygon(m *gocv.Mat, polygon []pixel, closed bool, i ink) error {
	if len(polygon) == 0 {
		return nil
	}
	xy, counts, n := flat([][]pixel{polygon})
	return bridged(C.bridge_polylines(ptr(m), &xy[0], &counts[0], n, C.bool(closed), i.c()))
}

func fillPolygon(m *gocv.Mat, polygon []pixel, i ink) error {
	xy, counts, n := flat([][]pixel{polygon})
	return bridged(C.bridge_fill_poly(ptr(m), &xy[0], &counts[0], n, i.c()))
}

func drawContours(m *gocv.Mat, contours [][]pixel, i ink) error {
	if len(contours) == 0 {
		return nil
	}
	xy, counts, n := flat(contours)
	return bridged(C.bridge_contours(ptr(m), &xy[0], &counts[0], n, i.c()))
}

// flat lays polygons out for the bridge.
func flat(polygons [][]pixel) (xy, counts []C.int, n C.int) {
	for _, p := range polygons {
		for _, v := range p {
			xy = append(xy, C.int(v[0]), C.int(v[1]))
		}
		counts = append(counts, C.int(len(p)))
	}
	return xy, counts, C.int(len(polygons))
}

// font is what texts are written in.
type font struct {
	face      gocv.HersheyFont
	scale     float64
	thickness int
}

func putText(m *gocv.Mat, text string, at pixel, f font, bottomLeft bool, i ink) error {
	s := C.CString(text)
	defer C.free(unsafe.Pointer(s))
	return bridged(C.bridge_text(ptr(m), s, C.int(at[0]), C.int(at[1]), C.int(f.face), C.double(f.scale), i.c(), C.bool(bottomLeft)))
}

func textSize(text string, f font) (size pixel, baseline int, err error) {
	s := C.CString(text)
	defer C.free(unsafe.Pointer(s))
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_text_size(s, C.int(f.face), C.double(f.scale), C.int(f.thickness), out)
	})
	if err != nil {
		return pixel{}, 0, err
	}
	return t.point(), t.int(), nil
}

func drawChessboard(m *gocv.Mat, columns, rows int, corners []spot, found bool) error {
	if len(corners) == 0 {
		return nil
	}
	xy := spotDoubles(corners)
	return bridged(C.bridge_chessboard(ptr(m), C.int(columns), C.int(rows), &xy[0], C.int(len(corners)), C.bool(found)))
}

// spotDoubles lays spots out for the bridge.
func spotDoubles(spots []spot) []C.double {
	xy := make([]C.double, 0, 2*len(spots))
	for _, s := range spots {
		xy = append(xy, C.double(s[0]), C.double(s[1]))
	}
	return xy
}
