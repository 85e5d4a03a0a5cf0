package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// OpInfo is how a worker describes one of its ops.
type OpInfo struct {
	Name string `json:"name"`
	// KnownAs are the names under which people know the op from elsewhere, "cv2.bilateralFilter". They are found, and suggested.
	KnownAs []string `json:"known_as,omitempty"`
	// Family groups ops for people: "colour", "geometry", "filters".
	Family string `json:"family"`
	// Doc is one line in the imperative: "Convert to one gray channel."
	Doc string `json:"doc"`
	// Returns says what comes out, pixels and data: "one gray channel of the same size and depth".
	Returns string `json:"returns"`
	// Example is a pipeline that runs on a colour photograph, or on the bytes of one: "gray | canny low=50 high=150".
	Example string `json:"example"`
	// Module is the library part that the op needs: "imgproc", "imgcodecs", "core".
	Module string  `json:"module"`
	Params []Param `json:"params"`
	// Stateful ops keep something from frame to frame: their jobs must belong to a stream.
	Stateful bool `json:"stateful,omitempty"`
	// Needs says what the op stands on that a worker of the kind may lack: "OpenCV 4.9 or newer with objdetect".
	Needs string `json:"needs,omitempty"`
	// Missing says what this worker lacks for the op: "needs OpenCV 4.9 or newer with objdetect; this worker has 4.6.0". Such an
	// op is described as any other, and Check refuses it.
	Missing string `json:"missing,omitempty"`
}

// WithReturns returns op with what comes out of it.
func (op OpInfo) WithReturns(text string) OpInfo { op.Returns = text; return op }

// WithExample returns op with an example of its use.
func (op OpInfo) WithExample(text string) OpInfo { op.Example = text; return op }

// Catalogue is the ops of a worker. The first of a name wins.
type Catalogue []OpInfo

// Find returns the op of that name.
func (c Catalogue) Find(name string) (OpInfo, bool) {
	for _, op := range c {
		if op.Name == name {
			return op, true
		}
	}
	return OpInfo{}, false
}

// Present returns the ops that the worker can run.
func (c Catalogue) Present() Catalogue {
	return slices.DeleteFunc(slices.Clone(c), func(op OpInfo) bool { return op.Missing != "" })
}

// Check reports the first step that the catalogue cannot run: an unknown op or parameter, a missing or a wrong value. The
// error is an *Error, and says what is allowed, and the nearest name.
func (c Catalogue) Check(p Pipeline) error {
	for i := range p {
		if _, err := c.Bind(p, i); err != nil {
			return err
		}
	}
	return nil
}

// InputRef is where a pipeline names an input.
type InputRef struct {
	Step  int // from 1
	Op    string
	Param string
	Name  string
	Type  Type
	Pos   int // as a Step's, of the name
}

// Mistake says what is wrong with the input, and where it is named.
func (r InputRef) Mistake(format string, args ...any) *Error {
	wrong := mistake(r.Pos, r.Param, "%s=%s: %s", r.Param, r.Name, fmt.Sprintf(format, args...))
	wrong.Fault.Step, wrong.Fault.Op = r.Step, r.Op
	return wrong
}

// Inputs returns where the steps name inputs, in their order.
func (c Catalogue) Inputs(p Pipeline) []InputRef {
	var refs []InputRef
	for i, s := range p {
		op, _ := c.Find(s.Op)
		for _, a := range s.Args {
			if param, ok := op.param(a.Name); ok && param.IsInput() && a.Value != "" {
				refs = append(refs, InputRef{i + 1, s.Op, a.Name, a.Value, param.Type, a.valuePos()})
			}
		}
	}
	return refs
}

// Complete returns a step's arguments in the order of the op's parameters, defaults filled in.
func (c Catalogue) Complete(s Step) []Arg {
	op, _ := c.Find(s.Op)
	args := make([]Arg, 0, len(op.Params))
	for _, p := range op.Params {
		a, given := s.arg(p.Name)
		switch {
		case given:
			args = append(args, a)
		case p.Default != nil:
			args = append(args, Arg{Name: p.Name, Value: defaultText(p.Default)})
		}
	}
	return args
}

// Stateful returns the first step that keeps something from frame to frame, from 1; 0 where there is none.
func (c Catalogue) Stateful(p Pipeline) int {
	return 1 + slices.IndexFunc(p, func(s Step) bool { op, _ := c.Find(s.Op); return op.Stateful })
}

// Bind returns the arguments of step i with defaults filled in and every value checked, as Check does.
func (c Catalogue) Bind(p Pipeline, i int) (Args, error) {
	s := p[i]
	op, ok := c.Find(s.Op)
	if !ok {
		unknown := mistake(s.Pos, "", "unknown op %s%s", s.Op, c.meant(s.Op))
		unknown.Fault.Step = i + 1
		return nil, unknown
	}
	args, wrong := op.bind(s)
	if op.Missing != "" {
		wrong = mistake(s.Pos, "", "%s", op.Missing)
	}
	if wrong == nil {
		return args, nil
	}
	wrong.Fault.Step, wrong.Fault.Op = i+1, op.Name
	return nil, wrong
}

// meant suggests what to write for the name of an unknown op: the ops that are known as that, or the nearest name.
func (c Catalogue) meant(name string) string {
	var names, known []string
	for _, op := range c {
		names = append(names, op.Name)
		if folded(op.Name) == folded(name) {
			return "; did you mean " + op.Name + "?"
		}
		if op.isKnownAs(name) {
			known = append(known, op.Name)
		}
	}
	if len(known) == 0 || len(known) > 3 {
		return suggest(name, names)
	}
	return "; did you mean " + strings.Join(known, " or ") + "?"
}

// folded makes GaussianBlur and gaussian_blur the same.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// isKnownAs takes names with what stands before their last dot, and without.
func (op OpInfo) isKnownAs(name string) bool {
	return slices.ContainsFunc(op.KnownAs, func(known string) bool {
		return strings.EqualFold(name, known) || strings.EqualFold(name, known[strings.LastIndexByte(known, '.')+1:])
	})
}

func (op OpInfo) bind(s Step) (Args, *Error) {
	args := make(Args, len(op.Params))
	for _, a := range s.Args {
		p, ok := op.param(a.Name)
		if !ok {
			return nil, mistake(a.Pos, a.Name, "unknown parameter %s%s", a.Name, op.meant(a.Name))
		}
		v, err := p.parse(a.Value)
		if err != nil {
			return nil, mistake(a.valuePos(), a.Name, "%v", err)
		}
		args[p.Name] = v
	}
	for _, p := range op.Params {
		if _, given := args[p.Name]; given {
			continue
		}
		if p.Default == nil {
			return nil, mistake(s.Pos, p.Name, "parameter %s is missing: %s", p.Name, p.Allowed())
		}
		v, err := p.parse(defaultText(p.Default))
		if err != nil {
			return nil, mistake(s.Pos, p.Name, "default of %v", err)
		}
		args[p.Name] = v
	}
	return args, nil
}

// DefaultText is the default as a user would write it; empty where the parameter is required.
func (p Param) DefaultText() string {
	if p.Default == nil {
		return ""
	}
	return quote(defaultText(p.Default))
}

// defaultText is a default before it is quoted. JSON makes every number a float64.
func defaultText(v any) string {
	if f, ok := v.(float64); ok {
		return number(f)
	}
	return fmt.Sprint(v)
}

func (op OpInfo) param(name string) (Param, bool) {
	for _, p := range op.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// meant suggests what to write for the name of an unknown parameter.
func (op OpInfo) meant(name string) string {
	for _, p := range op.Params {
		if slices.Contains(p.KnownAs, name) {
			return "; did you mean " + p.Name + "?"
		}
	}
	return suggest(name, op.paramNames())
}

func (op OpInfo) paramNames() []string {
	names := make([]string, len(op.Params))
	for i, p := range op.Params {
		names[i] = p.Name
	}
	return names
}

// suggest returns "; did you mean x?", or the whole list where nothing is near and the list is short, or nothing.
func suggest(got string, names []string) string {
	if len(got) > maxName {
		return ""
	}
	best, bestDist := "", 1+max(2, len(got)/3)
	for _, n := range names {
		d := distance(got, n)
		if strings.HasPrefix(n, got) || strings.HasPrefix(got, n) {
			d = min(d, 1)
		}
		if d < bestDist {
			best, bestDist = n, d
		}
	}
	switch {
	case best != "":
		return "; did you mean " + best + "?"
	case len(names) == 0:
		return "; it takes none"
	case len(names) <= 12:
		return "; there are " + strings.Join(names, ", ")
	}
	return ""
}

// maxName is how long a name may be to be taken for another one that was meant, in bytes.
const maxName = 64

// distance is Levenshtein's, by bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
