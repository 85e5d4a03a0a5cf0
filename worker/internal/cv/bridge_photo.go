//go:build opencv

package cv

/*
#include "bridge_photo.h"
*/
import "C"

import "gocv.io/x/gocv"

func denoise(src gocv.Mat, dst *gocv.Mat, h float64, block, search int, norm gocv.NormType) error {
	return bridged(C.bridge_denoise(ptr(&src), ptr(dst), C.double(h), C.int(block), C.int(search), C.int(norm)))
}

func denoiseColored(src gocv.Mat, dst *gocv.Mat, h, hColor float64, block, search int) error {
	return bridged(C.bridge_denoise_colored(ptr(&src), ptr(dst), C.double(h), C.double(hColor), C.int(block), C.int(search)))
}

func denoiseTVL1(src gocv.Mat, dst *gocv.Mat, lambda float64, iterations int) error {
	return bridged(C.bridge_denoise_tvl1(ptr(&src), ptr(dst), C.double(lambda), C.int(iterations)))
}

func detailEnhance(src gocv.Mat, dst *gocv.Mat, s, r float64) error {
	return bridged(C.bridge_detail_enhance(ptr(&src), ptr(dst), C.float(s), C.float(r)))
}

func edgePreserving(src gocv.Mat, dst *gocv.Mat, flags gocv.EdgeFilter, s, r float64) error {
	return bridged(C.bridge_edge_preserving(ptr(&src), ptr(dst), C.int(flags), C.float(s), C.float(r)))
}

func stylization(src gocv.Mat, dst *gocv.Mat, s, r float64) error {
	return bridged(C.bridge_stylization(ptr(&src), ptr(dst), C.float(s), C.float(r)))
}

func pencilSketch(src gocv.Mat, dst *gocv.Mat, colour bool, s, r, shade float64) error {
	return bridged(C.bridge_pencil_sketch(ptr(&src), ptr(dst), C.bool(colour), C.float(s), C.float(r), C.float(shade)))
}

func decolor(src gocv.Mat, dst *gocv.Mat, boost bool) error {
	return bridged(C.bridge_decolor(ptr(&src), ptr(dst), C.bool(boost)))
}

// The methods of tonemap.
const (
	tonemapLinear   = C.TONEMAP
	tonemapDrago    = C.TONEMAP_DRAGO
	tonemapReinhard = C.TONEMAP_REINHARD
	tonemapMantiuk  = C.TONEMAP_MANTIUK
)

// tonemap takes the parameters of the method after gamma, of which there are up to three.
func tonemap(src gocv.Mat, dst *gocv.Mat, method uint32, gamma float64, more [3]float64) error {
	return bridged(C.bridge_tonemap(ptr(&src), ptr(dst), method, C.float(gamma), C.float(more[0]), C.float(more[1]), C.float(more[2])))
}
