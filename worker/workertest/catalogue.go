package workertest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// describesItself checks the catalogue: what people read, and that every default is allowed.
func describesItself(h *host) {
	if h.description.Engine == "" || len(h.ops) == 0 {
		h.Errorf("the engine %q has %d ops", h.description.Engine, len(h.ops))
	}
	if m := h.description.ModulesJson; len(m) > 0 && !json.Valid(m) {
		h.Errorf("its modules are no JSON: %.100q", m)
	}
	seen := map[string]bool{}
	for _, op := range h.ops {
		if seen[op.Name] {
			h.Errorf("%s is there twice", op.Name)
		}
		seen[op.Name] = true
		h.checkOp(op)
	}
}

func (h *host) checkOp(op pipeline.OpInfo) {
	h.Helper()
	if !strings.HasSuffix(op.Doc, ".") || strings.ContainsAny(op.Doc, "\r\n") {
		h.Errorf("%s: its doc is one line that ends with a full stop, and not %q", op.Name, op.Doc)
	}
	p := pipeline.Pipeline{{Op: op.Name, Args: required(op)}}
	if back, err := pipeline.Parse(p.String()); err != nil || back.String() != p.String() {
		h.Errorf("%s: its names cannot be written in a pipeline: %v", p, err)
	}
	if err := h.ops.Check(p); err != nil {
		h.Errorf("%s: a default is not allowed, or a type is none: %v", op.Name, err)
	}
	seen := map[string]bool{}
	for _, param := range op.Params {
		if seen[param.Name] || param.Doc == "" || strings.ContainsAny(param.Doc, "\r\n") {
			h.Errorf("%s: %s is there twice, or its doc is not one line: %q", op.Name, param.Name, param.Doc)
		}
		seen[param.Name] = true
		if param.Min != nil && param.Max != nil && *param.Min > *param.Max {
			h.Errorf("%s: %s takes nothing: %s", op.Name, param.Name, param.Allowed())
		}
	}
	if op.Example == "" {
		return
	}
	example, err := pipeline.Parse(op.Example)
	if err == nil {
		err = h.ops.Check(example)
	}
	if err != nil {
		h.Errorf("%s: its example, %s: %v", op.Name, op.Example, err)
	}
}

// required is arguments for the parameters that have no default.
func required(op pipeline.OpInfo) []pipeline.Arg { return others(op, "") }

// others is required without one of them.
func others(op pipeline.OpInfo, but string) []pipeline.Arg {
	var args []pipeline.Arg
	for _, p := range op.Params {
		if p.Default == nil && p.Name != but {
			args = append(args, pipeline.Arg{Name: p.Name, Value: allowed(p)})
		}
	}
	return args
}

// allowed is a value that a parameter takes.
func allowed(p pipeline.Param) string {
	n := 0.0
	if p.Min != nil {
		n = *p.Min
	} else if p.Max != nil {
		n = min(0, *p.Max)
	}
	if p.Odd && int(n)%2 == 0 {
		n++
	}
	number := strconv.FormatFloat(n, 'f', -1, 64)
	switch p.Type {
	case pipeline.TypeBool:
		return "true"
	case pipeline.TypeChoice:
		return p.Choices[0]
	case pipeline.TypeString, pipeline.TypeImage, pipeline.TypeFile:
		return "text"
	case pipeline.TypeFloats:
		return repeat(number, p.Counts[0], ",")
	case pipeline.TypeMatrix:
		return repeat(repeat(number, p.Counts[len(p.Counts)-1], ","), p.Counts[0], "/")
	}
	return number
}

func repeat(word string, n int, between string) string {
	return strings.TrimSuffix(strings.Repeat(word+between, n), between)
}
