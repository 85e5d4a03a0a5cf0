//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// matrixOf is M, or what moves n points src to dst.
func matrixOf(a pipeline.Args, n int) ([]float64, error) {
	m, src, dst := a.Matrix("M").Values, a.Matrix("src"), a.Matrix("dst")
	switch {
	case m != nil && src.Rows+dst.Rows > 0:
		return nil, wrong("M src dst", "takes M, or src and dst, not both")
	case m != nil:
		return m, nil
	case src.Rows+dst.Rows == 0:
		return nil, wrong("M src dst", "needs M, or %d points each in src and dst", n)
	}
	for _, name := range []string{"src", "dst"} {
		points := a.Matrix(name)
		if points.Rows != n {
			return nil, wrong(name, "%s has %d points, it needs %d", name, points.Rows, n)
		}
		if threeOnALine(points) {
			return nil, wrong(name, "three points of %s are on a line: there is no such picture", name)
		}
	}
	return transformOf(src, dst)
}

// threeOnALine reports whether any three of the points are, which leaves the matrix open, or without an inverse.
func threeOnALine(points pipeline.Numbers) bool {
	at := func(i int) point {
		return point{float64(float32(points.Values[2*i])), float64(float32(points.Values[2*i+1]))}
	}
	for i := range points.Rows {
		for j := range i {
			for k := range j {
				if onALine(at(i), at(j), at(k)) {
					return true
				}
			}
		}
	}
	return false
}

// rounding is by how much the difference of two float32 may be wrong, for 1 of the larger.
const rounding = 0x1p-23

// onALine reports whether c is on the line through a and b, or could have been before it was rounded: OpenCV takes float32.
func onALine(a, b, c point) bool {
	far := max(math.Abs(a.x), math.Abs(a.y), math.Abs(b.x), math.Abs(b.y), math.Abs(c.x), math.Abs(c.y))
	b, c = point{b.x - a.x, b.y - a.y}, point{c.x - a.x, c.y - a.y}
	return math.Abs(b.x*c.y-c.x*b.y) <= rounding*far*(math.Abs(b.x)+math.Abs(b.y)+math.Abs(c.x)+math.Abs(c.y))
}
