//go:build opencv

package cv

/*
#include "bridge_filter.h"
*/
import "C"

import (
	"image"
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// window is what box_filter and sqr_box_filter take.
type window struct {
	size, anchor image.Point
	normalize    bool
	border       gocv.BorderType
}

func boxFilter(src gocv.Mat, dst *gocv.Mat, depth int, w window) error {
	return bridged(C.bridge_box_filter(ptr(&src), ptr(dst), C.int(depth), C.int(w.size.X), C.int(w.size.Y), C.int(w.anchor.X),
		C.int(w.anchor.Y), C.bool(w.normalize), C.int(w.border)))
}

func sqrBoxFilter(src gocv.Mat, dst *gocv.Mat, depth int, w window) error {
	return bridged(C.bridge_sqr_box_filter(ptr(&src), ptr(dst), C.int(depth), C.int(w.size.X), C.int(w.size.Y), C.int(w.anchor.X),
		C.int(w.anchor.Y), C.bool(w.normalize), C.int(w.border)))
}

func filter2D(src gocv.Mat, dst *gocv.Mat, depth int, k pipeline.Numbers, anchor image.Point, delta float64, border gocv.BorderType) error {
	return bridged(C.bridge_filter2d(ptr(&src), ptr(dst), C.int(depth), doubles(k.Values), C.int(k.Rows), C.int(k.Cols), C.int(anchor.X),
		C.int(anchor.Y), C.double(delta), C.int(border)))
}

func sepFilter2D(src gocv.Mat, dst *gocv.Mat, depth int, kx, ky []float64, delta float64, border gocv.BorderType) error {
	return bridged(C.bridge_sep_filter2d(ptr(&src), ptr(dst), C.int(depth), doubles(kx), C.int(len(kx)), doubles(ky), C.int(len(ky)),
		C.double(delta), C.int(border)))
}

// gaborKernel needs odd sides.
func gaborKernel(size pipeline.Size, sigma, theta, lambda, gamma, psi float64) (pipeline.Numbers, error) {
	k := pipeline.Numbers{Rows: size.Height, Cols: size.Width, Values: make([]float64, size.Width*size.Height)}
	return k, bridged(C.bridge_gabor_kernel(C.int(size.Width), C.int(size.Height), C.double(sigma), C.double(theta), C.double(lambda),
		C.double(gamma), C.double(psi), doubles(k.Values)))
}

func unsharp(src gocv.Mat, dst *gocv.Mat, sigma, amount float64) error {
	return bridged(C.bridge_unsharp(ptr(&src), ptr(dst), C.double(sigma), C.double(amount)))
}

func meanShift(src gocv.Mat, dst *gocv.Mat, sp, sr float64, levels int) error {
	return bridged(C.bridge_mean_shift(ptr(&src), ptr(dst), C.double(sp), C.double(sr), C.int(levels)))
}

func spatialGradient(src gocv.Mat, dst *gocv.Mat, border gocv.BorderType) error {
	return bridged(C.bridge_spatial_gradient(ptr(&src), ptr(dst), C.int(border)))
}

// element is a structuring element: bytes, or signed bytes for hitmiss.
type element struct {
	rows, cols int
	anchor     image.Point
	depth      frame.Depth
	bytes      []byte
}

func structuringElement(shape gocv.MorphShape, size pipeline.Size, anchor image.Point) (element, error) {
	e := element{rows: size.Height, cols: size.Width, anchor: anchor, depth: frame.U8, bytes: make([]byte, size.Width*size.Height)}
	return e, bridged(C.bridge_structuring_element(C.int(shape), C.int(size.Width), C.int(size.Height), C.int(anchor.X), C.int(anchor.Y),
		(*C.uchar)(&e.bytes[0])))
}

func morphologyEx(src gocv.Mat, dst *gocv.Mat, kind gocv.MorphType, e element, iterations int, border gocv.BorderType) error {
	return bridged(C.bridge_morphology(ptr(&src), ptr(dst), C.int(kind), unsafe.Pointer(&e.bytes[0]), C.int(e.depth), C.int(e.rows),
		C.int(e.cols), C.int(e.anchor.X), C.int(e.anchor.Y), C.int(iterations), C.int(border)))
}

func distanceTransform(src gocv.Mat, dst *gocv.Mat, distance gocv.DistanceTypes, mask, depth int) error {
	return bridged(C.bridge_distance_transform(ptr(&src), ptr(dst), C.int(distance), C.int(mask), C.int(depth)))
}

func integral(src gocv.Mat, dst *gocv.Mat, depth int) error {
	return bridged(C.bridge_integral(ptr(&src), ptr(dst), C.int(depth)))
}

func clahe(src gocv.Mat, dst *gocv.Mat, limit float64, tiles pipeline.Size) error {
	return bridged(C.bridge_clahe(ptr(&src), ptr(dst), C.double(limit), C.int(tiles.Width), C.int(tiles.Height)))
}
