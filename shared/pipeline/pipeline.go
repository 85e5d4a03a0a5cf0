// Package pipeline says what to do with a frame: an ordered list of ops with parameters, written
//
//	gray | canny low=50 high=150
//
// It parses that text, knows the schema by which workers describe their ops, and checks the one against the other before any
// frame is sent. It is pure: which ops exist is known only to a worker.
package pipeline

import (
	"slices"
	"strings"
)

// Pipeline is steps in the order in which they run.
type Pipeline []Step

// Step is one op with the arguments it was given.
type Step struct {
	Op   string
	Args []Arg
	// Pos is where the step begins in the text that it was parsed from, in bytes from 1; 0 where there was none.
	Pos int
}

// Arg is an argument as it was written; its value without the quotes.
type Arg struct {
	Name, Value string
	// Pos is as a Step's.
	Pos int
}

// String writes the argument, its value in quotes where needed.
func (a Arg) String() string { return a.Name + "=" + quote(a.Value) }

// valuePos is where the value begins: after the name and "=".
func (a Arg) valuePos() int {
	if a.Pos == 0 {
		return 0
	}
	return a.Pos + len(a.Name) + 1
}

// At is where the value of the first of the parameters that was given begins, or the step where none was.
func (s Step) At(params ...string) int {
	for _, name := range params {
		if a, given := s.arg(name); given {
			return a.valuePos()
		}
	}
	return s.Pos
}

func (s Step) arg(name string) (Arg, bool) {
	i := slices.IndexFunc(s.Args, func(a Arg) bool { return a.Name == name })
	if i < 0 {
		return Arg{}, false
	}
	return s.Args[i], true
}

// String writes the pipeline on one line, so that Parse reads the same one back but for the positions.
func (p Pipeline) String() string {
	steps := make([]string, len(p))
	for i, s := range p {
		steps[i] = s.String()
	}
	return strings.Join(steps, " | ")
}

// String writes one step, such as `canny low=50 high=150`.
func (s Step) String() string {
	var b strings.Builder
	b.WriteString(s.Op)
	for _, a := range s.Args {
		b.WriteString(" " + a.String())
	}
	return b.String()
}

func quote(v string) string {
	if v != "" && !strings.ContainsFunc(v, func(r rune) bool { return !plain(r) }) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(v) + `"`
}
