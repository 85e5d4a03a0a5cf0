package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Type is the type of a parameter's value.
type Type string

// The types and how a value is written.
const (
	TypeInt    Type = "int"    // 42
	TypeFloat  Type = "float"  // 0.5
	TypeBool   Type = "bool"   // true or false
	TypeChoice Type = "choice" // one of Choices
	TypeString Type = "string" // any text, quoted where needed
	TypeSize   Type = "size"   // 5x3, width by height; 5 for a square
	TypeImage  Type = "image"  // the name of an input that is a picture
	TypeFile   Type = "file"   // the name of an input of any bytes, such as a model
	TypeFloats Type = "floats" // 0.5,1,-2: a list, a point, a colour
	TypeMatrix Type = "matrix" // 1,0,5/0,1,9: rows of numbers, "/" between the rows
)

// Param describes one parameter of an op.
type Param struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	// Default is the value when none is given: an int, float64, bool or string; nil where the parameter is required.
	Default any `json:"default"`
	// Min and Max bound numbers, each number of a list or matrix, and both sides of a size; nil for no bound.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// Odd allows odd numbers only (and both sides of a size).
	Odd     bool     `json:"odd,omitempty"`
	Choices []string `json:"choices,omitempty"`
	// Counts are the lengths that a list may have. Of a matrix they are rows and columns: two numbers for exactly these, 0
	// rows for any number of them, one number for the most of either.
	Counts []int  `json:"counts,omitempty"`
	Doc    string `json:"doc"`
	// KnownAs are names that the parameter has elsewhere. They are suggested, not taken.
	KnownAs []string `json:"known_as,omitempty"`
}

// Int describes a whole number in [low, high].
func Int(name string, def, low, high int, doc string) Param {
	return Param{Name: name, Type: TypeInt, Default: def, Min: bound(float64(low)), Max: bound(float64(high)), Doc: doc}
}

// Float describes a number in [low, high]; an infinite bound is none.
func Float(name string, def, low, high float64, doc string) Param {
	return Param{Name: name, Type: TypeFloat, Default: def, Min: bound(low), Max: bound(high), Doc: doc}
}

// Bool describes a switch.
func Bool(name string, def bool, doc string) Param {
	return Param{Name: name, Type: TypeBool, Default: def, Doc: doc}
}

// Choice describes one word of a list, the first of which is the default.
func Choice(name string, choices []string, doc string) Param {
	return Param{Name: name, Type: TypeChoice, Default: choices[0], Choices: choices, Doc: doc}
}

// String describes any text.
func String(name, def, doc string) Param {
	return Param{Name: name, Type: TypeString, Default: def, Doc: doc}
}

// SizeOf describes a width and a height, each in [low, high].
func SizeOf(name, def string, low, high int, doc string) Param {
	return Param{Name: name, Type: TypeSize, Default: def, Min: bound(float64(low)), Max: bound(float64(high)), Doc: doc}
}

// Image describes a picture beside the frame, such as a template or a mask. The value is the name of an input.
func Image(name, doc string) Param { return Param{Name: name, Type: TypeImage, Doc: doc} }

// File describes bytes that an op needs, such as a model. The value is the name of an input.
func File(name, doc string) Param { return Param{Name: name, Type: TypeFile, Doc: doc} }

// IsInput reports whether the parameter's value is the name of an input.
func (p Param) IsInput() bool { return p.Type == TypeImage || p.Type == TypeFile }

// Floats describes a list of numbers, each in [low, high], of one of the given lengths. Its default is written as a user would.
func Floats(name, def string, counts []int, low, high float64, doc string) Param {
	return Param{Name: name, Type: TypeFloats, Default: def, Counts: counts, Min: bound(low), Max: bound(high), Doc: doc}
}

// Scalar describes a number for each channel of a picture, or one for all of them: a colour, or what is added to every pixel.
func Scalar(name, def string, doc string) Param {
	return Floats(name, def, []int{1, 2, 3, 4}, math.Inf(-1), math.Inf(1), doc+"; one number, or one for each channel")
}

// Matrix describes rows × cols numbers. Its default is written as a user would.
func Matrix(name, def string, rows, cols int, doc string) Param {
	return Param{Name: name, Type: TypeMatrix, Default: def, Counts: []int{rows, cols}, Doc: doc}
}

// Points describes any number of points x,y, each number in [low, high]. Its default is written as a user would.
func Points(name, def string, low, high float64, doc string) Param {
	return Param{Name: name, Type: TypeMatrix, Default: def, Counts: []int{0, 2}, Min: bound(low), Max: bound(high), Doc: doc}
}

// Kernel describes a matrix of up to side rows and columns.
func Kernel(name, def string, side int, doc string) Param {
	return Param{Name: name, Type: TypeMatrix, Default: def, Counts: []int{side}, Doc: doc}
}

// Elsewhere returns p with names that it has elsewhere.
func (p Param) Elsewhere(names ...string) Param { p.KnownAs = names; return p }

// OnlyOdd returns p for odd numbers only.
func (p Param) OnlyOdd() Param { p.Odd = true; return p }

// Optional returns p with nothing as the default, for an input that need not be there.
func (p Param) Optional() Param { p.Default = ""; return p }

// Otherwise returns p with another default.
func (p Param) Otherwise(def any) Param { p.Default = def; return p }

// Required returns p without a default.
func (p Param) Required() Param { p.Default = nil; return p }

func bound(v float64) *float64 {
	if math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Allowed says in words what the parameter takes: "an odd int in 1..31", "one of a, b".
func (p Param) Allowed() string {
	switch p.Type {
	case TypeBool:
		return "true or false"
	case TypeChoice:
		return "one of " + strings.Join(p.Choices, ", ")
	case TypeString:
		return "a text"
	case TypeImage:
		return "the name of a picture that was given as an input"
	case TypeFile:
		return "the name of a file that was given as an input"
	case TypeSize:
		return "a size such as 5 or 5x3, " + p.adjective() + "each side" + p.bounds()
	case TypeFloats, TypeMatrix:
		return p.allowedNumbers()
	}
	return fmt.Sprintf("%s %s%s%s", article(p), p.adjective(), p.Type, p.bounds())
}

func article(p Param) string {
	if p.Odd || p.Type == TypeInt {
		return "an"
	}
	return "a"
}

func (p Param) adjective() string {
	if p.Odd {
		return "odd "
	}
	return ""
}

func (p Param) bounds() string {
	switch {
	case p.Min != nil && p.Max != nil:
		return " in " + number(*p.Min) + ".." + number(*p.Max)
	case p.Min != nil:
		return ", at least " + number(*p.Min)
	case p.Max != nil:
		return ", at most " + number(*p.Max)
	}
	return ""
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// parse reads a value of the parameter's type and checks it. Its error names the parameter, the value and what is allowed.
func (p Param) parse(text string) (any, error) {
	v, ok := p.read(text)
	switch {
	case ok:
		return v, nil
	case len(p.Choices) > manyChoices:
		return nil, fmt.Errorf("%s=%s is not allowed: it takes one of %d words%s", p.Name, text, len(p.Choices), suggestChoice(text, p.Choices))
	}
	return nil, fmt.Errorf("%s=%s is not allowed: it takes %s", p.Name, text, p.Allowed())
}

// suggestChoice is suggest for words that many write in the other case, or with the prefix of a constant, such as COLOR_BGR2HSV.
func suggestChoice(got string, choices []string) string {
	if len(got) > maxName {
		return ""
	}
	best := ""
	for _, c := range choices {
		n := len(got) - len(c)
		if n >= 0 && len(c) > len(best) && strings.EqualFold(got[n:], c) && (n == 0 || got[n-1] == '_') {
			best = c
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	return suggest(got, choices)
}

// manyChoices are more than a message has room for.
const manyChoices = 30

func (p Param) read(text string) (any, bool) {
	switch p.Type {
	case TypeInt:
		n, err := strconv.Atoi(text)
		return n, err == nil && p.inRange(float64(n)) && p.parity(n)
	case TypeFloat:
		return p.readFloat(text)
	case TypeBool:
		return text == "true", text == "true" || text == "false"
	case TypeChoice:
		return text, slices.Contains(p.Choices, text)
	case TypeString:
		return text, true
	case TypeImage, TypeFile:
		return text, text != "" || p.Default == ""
	case TypeSize:
		s, ok := parseSize(text)
		return s, ok && p.side(s.Width) && p.side(s.Height)
	case TypeFloats:
		list, ok := p.readFloats(text)
		return list, ok && slices.Contains(p.Counts, len(list))
	case TypeMatrix:
		m, ok := p.readMatrix(text)
		return m, ok && p.sizeAllowed(m)
	}
	return nil, false
}

func (p Param) readFloat(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) && p.inRange(f)
}

func (p Param) side(n int) bool { return p.inRange(float64(n)) && p.parity(n) }

func (p Param) parity(n int) bool { return !p.Odd || n%2 != 0 }

func (p Param) inRange(v float64) bool {
	return (p.Min == nil || v >= *p.Min) && (p.Max == nil || v <= *p.Max)
}

// Size is a width and a height.
type Size struct{ Width, Height int }

func parseSize(text string) (Size, bool) {
	w, h, two := strings.Cut(text, "x")
	if !two {
		h = w
	}
	width, err1 := strconv.Atoi(w)
	height, err2 := strconv.Atoi(h)
	return Size{width, height}, err1 == nil && err2 == nil
}

// Args are the checked values of a step, every parameter present. The getters panic on a name or type that the op did not
// declare: that is a mistake in the op, never in the input.
type Args map[string]any

// Int returns the value of an int parameter.
func (a Args) Int(name string) int { return a[name].(int) }

// Float returns the value of a float parameter.
func (a Args) Float(name string) float64 { return a[name].(float64) }

// Bool returns the value of a bool parameter.
func (a Args) Bool(name string) bool { return a[name].(bool) }

// String returns the value of a choice or string parameter, or the name that an image or file parameter holds.
func (a Args) String(name string) string { return a[name].(string) }

// Size returns the value of a size parameter.
func (a Args) Size(name string) Size { return a[name].(Size) }
