//go:build opencv

package cv

import (
	"math"
	"strconv"
	"strings"

	"github.com/cvfarm/cvfarm/shared/frame"
	"gocv.io/x/gocv"
)

// identityTable is a table that changes nothing, as text.
func identityTable() string {
	numbers := make([]string, 256)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	return strings.Join(numbers, ",")
}

func lutStep(values []float64) (step, error) {
	n := len(values) / 256
	table := make([]byte, len(values)) // OpenCV wants the channels of an entry side by side
	for i, v := range values {
		if v != math.Trunc(v) {
			return step{}, wrong("table", "table has %v: it takes whole numbers", v)
		}
		table[i%256*n+i/256] = byte(v)
	}
	s := filter(input{}.of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error { return lut(src, dst, table, n) })
	s.fits = func(in frame.Geometry) error {
		if n != 1 && n != in.Format.Channels() {
			return wrong("table", "table has %d numbers, which is for %d channels, got %v", len(values), n, in)
		}
		return nil
	}
	return s, nil
}

// gammaStep goes through a table for bytes, which is as exact as they are.
func gammaStep(gamma float64) step {
	table := make([]byte, 256)
	for i := range table {
		table[i] = byte(math.RoundToEven(255 * math.Pow(float64(i)/255, gamma)))
	}
	return step{
		takes: input{}.of(frame.U8, frame.F32, frame.F64),
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			if src.g.Depth == frame.U8 {
				return nil, lut(src.Mat, dst, table, 1)
			}
			return nil, gocv.Pow(src.Mat, gamma, dst)
		},
	}
}
