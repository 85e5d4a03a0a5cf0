// Package pipeline says what to do with a frame: an ordered list of ops with parameters, written
//
//	gray | canny low=50 high=150
//
// It parses that text, knows the schema by which workers describe their ops, and checks the one against the other before any
// frame is sent. It is pure: which ops exist is known only to a worker.
package pipeline

import "strings"

// Pipeline is steps in the order in which they run.
type Pipeline []Step

// Step is one op with the arguments it was given.
type Step struct {
	Op   string
	Args []Arg
}

// Arg is an argument as it was written.
type Arg struct {
	Name, Value string
}

// String writes the pipeline so that Parse reads the same one back.
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
		b.WriteString(" " + a.Name + "=" + quote(a.Value))
	}
	return b.String()
}

func quote(v string) string {
	if v != "" && !strings.ContainsFunc(v, func(r rune) bool { return !plain(r) }) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}
