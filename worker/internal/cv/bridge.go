//go:build opencv

package cv

/*
#cgo pkg-config: opencv4
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"errors"
	"slices"
	"unsafe"

	"gocv.io/x/gocv"
)

// bridged makes an error of a bridge function's message, and frees it.
func bridged(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return errors.New(C.GoString(message))
}

// find runs a bridge function that finds numbers.
func find(call func(out *C.numbers) *C.char) (*tape, error) {
	var out C.numbers
	if err := bridged(call(&out)); err != nil {
		return nil, err
	}
	defer C.free(unsafe.Pointer(out.data))
	return &tape{slices.Clone(unsafe.Slice((*float64)(out.data), int(out.n)))}, nil
}

func ptr(m *gocv.Mat) C.mat { return C.mat(unsafe.Pointer(m.Ptr())) }

// wrap makes m a header over rows of stride bytes that begin at data. What m held before is freed if it was its own. data must
// stay where it is for as long as m is used.
//
// A header that is made so knows nothing of pixels outside its rectangle; of a gocv Region, OpenCV's filters would read the
// pixels around it.
func wrap(m *gocv.Mat, data unsafe.Pointer, stride, rows, cols int, t gocv.MatType) error {
	return bridged(C.bridge_wrap(ptr(m), data, C.size_t(stride), C.int(rows), C.int(cols), C.int(t)))
}

// dataOf returns where the pixels lie; nil for an empty Mat.
func dataOf(m *gocv.Mat) unsafe.Pointer { return C.bridge_data(ptr(m)) }

// imdecode decodes without a copy of data, into the memory that dst has if that has the shape of the picture. dst is empty
// afterwards where data is no image.
func imdecode(data []byte, flags gocv.IMReadFlag, dst *gocv.Mat) error {
	return bridged(C.bridge_decode(unsafe.Pointer(&data[0]), C.int(len(data)), C.int(flags), ptr(dst)))
}

func canny(src gocv.Mat, dst *gocv.Mat, low, high float64, aperture int, l2 bool) error {
	return bridged(C.bridge_canny(ptr(&src), ptr(dst), C.double(low), C.double(high), C.int(aperture), C.bool(l2)))
}

func blur(src gocv.Mat, dst *gocv.Mat, width, height int, border gocv.BorderType) error {
	return bridged(C.bridge_blur(ptr(&src), ptr(dst), C.int(width), C.int(height), C.int(border)))
}

func bilateral(src gocv.Mat, dst *gocv.Mat, d int, sigmaColor, sigmaSpace float64, border gocv.BorderType) error {
	return bridged(C.bridge_bilateral(ptr(&src), ptr(dst), C.int(d), C.double(sigmaColor), C.double(sigmaSpace), C.int(border)))
}

// threshold returns the threshold that was used, which Otsu and triangle find themselves.
func threshold(src gocv.Mat, dst *gocv.Mat, thresh, maxval float64, t gocv.ThresholdType) (float64, error) {
	used := C.double(thresh)
	err := bridged(C.bridge_threshold(ptr(&src), ptr(dst), &used, C.double(maxval), C.int(t)))
	return float64(used), err
}

func adaptiveThreshold(src gocv.Mat, dst *gocv.Mat, maxval float64, m gocv.AdaptiveThresholdType, t gocv.ThresholdType,
	block int, c float64) error {
	return bridged(C.bridge_adaptive_threshold(ptr(&src), ptr(dst), C.double(maxval), C.int(m), C.int(t), C.int(block), C.double(c)))
}

// channelStats is what the stats op finds, channel by channel.
type channelStats struct {
	Mean   []float64 `json:"mean"`
	StdDev []float64 `json:"stddev"`
	Min    []float64 `json:"min"`
	Max    []float64 `json:"max"`
}

func stats(src gocv.Mat) (channelStats, error) {
	n := src.Channels()
	v := make([]C.double, 4*n)
	err := bridged(C.bridge_stats(ptr(&src), &v[0], &v[n], &v[2*n], &v[3*n]))
	part := func(i int) []float64 {
		out := make([]float64, n)
		for j := range out {
			out[j] = float64(v[i*n+j])
		}
		return out
	}
	return channelStats{part(0), part(1), part(2), part(3)}, err
}
