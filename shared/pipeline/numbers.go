package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Numbers is a matrix of numbers, row by row.
type Numbers struct {
	Rows, Cols int
	Values     []float64
}

// Floats returns the value of a list parameter. It is shared: it must not be changed.
func (a Args) Floats(name string) []float64 { return a[name].([]float64) }

// Matrix returns the value of a matrix parameter. It is shared: it must not be changed.
func (a Args) Matrix(name string) Numbers { return a[name].(Numbers) }

// readFloats reads 0.5,1,-2; an empty text is an empty list.
func (p Param) readFloats(text string) ([]float64, bool) {
	if text == "" {
		return nil, true
	}
	fields := strings.Split(text, ",")
	list := make([]float64, len(fields))
	for i, f := range fields {
		v, ok := p.readFloat(f)
		if !ok {
			return nil, false
		}
		list[i] = v
	}
	return list, true
}

// readMatrix reads rows of the same length; an empty text is an empty matrix.
func (p Param) readMatrix(text string) (Numbers, bool) {
	if text == "" {
		return Numbers{}, true
	}
	var m Numbers
	for row := range strings.SplitSeq(text, "/") {
		list, ok := p.readFloats(row)
		if !ok || len(list) == 0 || m.Rows > 0 && len(list) != m.Cols {
			return Numbers{}, false
		}
		m.Rows, m.Cols, m.Values = m.Rows+1, len(list), append(m.Values, list...)
	}
	return m, true
}

// sizeAllowed reports whether a matrix has an allowed size. An empty one is allowed where it is the default.
func (p Param) sizeAllowed(m Numbers) bool {
	switch {
	case m.Rows == 0:
		return p.Default == ""
	case len(p.Counts) == 2:
		return (m.Rows == p.Counts[0] || p.Counts[0] == 0) && m.Cols == p.Counts[1]
	}
	return m.Rows <= p.Counts[0] && m.Cols <= p.Counts[0]
}

// allowedNumbers is Allowed of a list or matrix.
func (p Param) allowedNumbers() string {
	switch {
	case p.Type == TypeMatrix && p.Counts[0] == 0:
		return fmt.Sprintf("points of %d numbers, \",\" between numbers and \"/\" between points%s", p.Counts[1],
			strings.Replace(p.bounds(), " in ", ", each in ", 1))
	case p.Type == TypeMatrix && len(p.Counts) == 2:
		return fmt.Sprintf("%d rows of %d numbers, \",\" between numbers and \"/\" between rows%s", p.Counts[0], p.Counts[1], p.bounds())
	case p.Type == TypeMatrix:
		return fmt.Sprintf("up to %dx%d numbers, \",\" between numbers and \"/\" between rows%s", p.Counts[0], p.Counts[0], p.bounds())
	}
	var counts []string
	for _, n := range slices.Sorted(slices.Values(p.Counts)) {
		if n > 0 {
			counts = append(counts, strconv.Itoa(n))
		}
	}
	return strings.Join(counts, " or ") + " numbers with \",\" between them" + strings.Replace(p.bounds(), " in ", ", each in ", 1)
}
