//go:build opencv

package cv

/*
#include "bridge_arithmetic.h"
*/
import "C"

import (
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// The operations of arithmetic.
const (
	opAdd      = C.ARITHMETIC_ADD
	opSubtract = C.ARITHMETIC_SUBTRACT
	opMultiply = C.ARITHMETIC_MULTIPLY
	opDivide   = C.ARITHMETIC_DIVIDE
	opAbsDiff  = C.ARITHMETIC_ABS_DIFF
	opMin      = C.ARITHMETIC_MIN
	opMax      = C.ARITHMETIC_MAX
	opAnd      = C.ARITHMETIC_AND
	opOr       = C.ARITHMETIC_OR
	opXor      = C.ARITHMETIC_XOR
)

// scalar is a number for each channel.
type scalar [4]float64

func (s *scalar) c() *C.double { return (*C.double)(&s[0]) }

// doubles is nil for an empty list.
func doubles(v []float64) *C.double { return (*C.double)(unsafe.SliceData(v)) }

// arithmetic combines each pixel with value. depth is -1 for src's.
func arithmetic(op uint32, src gocv.Mat, value scalar, scale float64, depth int, dst *gocv.Mat) error {
	return bridged(C.bridge_arithmetic(op, ptr(&src), value.c(), C.double(scale), C.int(depth), ptr(dst)))
}

// arithmeticPair combines each pixel with the one at its place in other, of the geometry of src.
func arithmeticPair(op uint32, src, other gocv.Mat, scale float64, depth int, dst *gocv.Mat) error {
	return bridged(C.bridge_arithmetic_pair(op, ptr(&src), ptr(&other), C.double(scale), C.int(depth), ptr(dst)))
}

func compare(src gocv.Mat, value float64, op gocv.CompareType, dst *gocv.Mat) error {
	return bridged(C.bridge_compare(ptr(&src), C.double(value), C.int(op), ptr(dst)))
}

func convert(src gocv.Mat, dst *gocv.Mat, depth int, alpha, beta float64) error {
	return bridged(C.bridge_convert(ptr(&src), ptr(dst), C.int(depth), C.double(alpha), C.double(beta)))
}

func normalize(src gocv.Mat, dst *gocv.Mat, alpha, beta float64, norm gocv.NormType, depth int) error {
	return bridged(C.bridge_normalize(ptr(&src), ptr(dst), C.double(alpha), C.double(beta), C.int(norm), C.int(depth)))
}

// lut looks every element up in a table of 256 entries for n interleaved channels.
func lut(src gocv.Mat, dst *gocv.Mat, table []byte, n int) error {
	return bridged(C.bridge_lut(ptr(&src), ptr(dst), (*C.uchar)(&table[0]), C.int(n)))
}

func inRange(src gocv.Mat, lower, upper scalar, dst *gocv.Mat) error {
	return bridged(C.bridge_in_range(ptr(&src), lower.c(), upper.c(), ptr(dst)))
}

// mixChannels makes a picture of so many channels: fromTo are pairs, of which a first below 0 makes the second zero.
func mixChannels(src gocv.Mat, dst *gocv.Mat, channels int, fromTo []int32) error {
	return bridged(C.bridge_mix_channels(ptr(&src), ptr(dst), C.int(channels), (*C.int)(&fromTo[0]), C.int(len(fromTo)/2)))
}

func transform(src gocv.Mat, dst *gocv.Mat, m pipeline.Numbers) error {
	return bridged(C.bridge_transform(ptr(&src), ptr(dst), doubles(m.Values), C.int(m.Rows), C.int(m.Cols)))
}
