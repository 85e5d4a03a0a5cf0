//go:build opencv

package cv

/*
#include "bridge_warp.h"
*/
import "C"

import (
	"image"

	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// outside says what lies outside a picture.
type outside struct {
	border gocv.BorderType
	value  scalar
}

func (o outside) c() C.outside {
	out := C.outside{border: C.int(o.border)}
	for i, v := range o.value {
		out.value[i] = C.double(v)
	}
	return out
}

// point is a place in a picture, with fractions of pixels.
type point struct{ x, y float64 }

func warpAffine(src gocv.Mat, dst *gocv.Mat, m []float64, size image.Point, flags gocv.InterpolationFlags, o outside) error {
	return bridged(C.bridge_warp_affine(ptr(&src), ptr(dst), doubles(m), C.int(size.X), C.int(size.Y), C.int(flags), o.c()))
}

func warpPerspective(src gocv.Mat, dst *gocv.Mat, m []float64, size image.Point, flags gocv.InterpolationFlags, o outside) error {
	return bridged(C.bridge_warp_perspective(ptr(&src), ptr(dst), doubles(m), C.int(size.X), C.int(size.Y), C.int(flags), o.c()))
}

// remapped takes both coordinates from x where y is empty.
func remapped(src gocv.Mat, dst *gocv.Mat, x, y gocv.Mat, flags gocv.InterpolationFlags, o outside) error {
	return bridged(C.bridge_remap(ptr(&src), ptr(dst), ptr(&x), ptr(&y), C.int(flags), o.c()))
}

// rotationMatrix turns counterclockwise by an angle in degrees, about center.
func rotationMatrix(center point, angle, scale float64) ([]float64, error) {
	m := make([]float64, 6)
	return m, bridged(C.bridge_rotation_matrix(C.double(center.x), C.double(center.y), C.double(angle), C.double(scale), doubles(m)))
}

// transformOf is the matrix that moves each point of src to that of dst: three by two rows, four by three.
func transformOf(src, dst pipeline.Numbers) ([]float64, error) {
	m := make([]float64, 3*(src.Rows-1))
	return m, bridged(C.bridge_transform_of(doubles(src.Values), doubles(dst.Values), C.int(src.Rows), doubles(m)))
}

func copyMakeBorder(src gocv.Mat, dst *gocv.Mat, top, bottom, left, right int, o outside) error {
	return bridged(C.bridge_copy_make_border(ptr(&src), ptr(dst), C.int(top), C.int(bottom), C.int(left), C.int(right), o.c()))
}

func rectSubPix(src gocv.Mat, dst *gocv.Mat, size image.Point, center point, depth int) error {
	return bridged(C.bridge_rect_sub_pix(ptr(&src), ptr(dst), C.int(size.X), C.int(size.Y), C.double(center.x), C.double(center.y),
		C.int(depth)))
}

func pyr(src gocv.Mat, dst *gocv.Mat, up bool, border gocv.BorderType) error {
	return bridged(C.bridge_pyr(ptr(&src), ptr(dst), C.bool(up), C.int(border)))
}

func warpPolar(src gocv.Mat, dst *gocv.Mat, size image.Point, center point, radius float64, flags gocv.InterpolationFlags) error {
	return bridged(C.bridge_warp_polar(ptr(&src), ptr(dst), C.int(size.X), C.int(size.Y), C.double(center.x), C.double(center.y),
		C.double(radius), C.int(flags)))
}

func linearPolar(src gocv.Mat, dst *gocv.Mat, center point, radius float64, flags gocv.InterpolationFlags) error {
	return bridged(C.bridge_linear_polar(ptr(&src), ptr(dst), C.double(center.x), C.double(center.y), C.double(radius), C.int(flags)))
}

func logPolar(src gocv.Mat, dst *gocv.Mat, center point, m float64, flags gocv.InterpolationFlags) error {
	return bridged(C.bridge_log_polar(ptr(&src), ptr(dst), C.double(center.x), C.double(center.y), C.double(m), C.int(flags)))
}

// undistort takes matrices of nine numbers; an empty fresh one is camera.
func undistort(src gocv.Mat, dst *gocv.Mat, camera, coefficients, fresh []float64) error {
	return bridged(C.bridge_undistort(ptr(&src), ptr(dst), doubles(camera), doubles(coefficients), C.int(len(coefficients)), doubles(fresh)))
}

func fisheyeUndistort(src gocv.Mat, dst *gocv.Mat, camera, coefficients, fresh []float64, size image.Point) error {
	return bridged(C.bridge_fisheye_undistort(ptr(&src), ptr(dst), doubles(camera), doubles(coefficients), doubles(fresh), C.int(size.X),
		C.int(size.Y)))
}
