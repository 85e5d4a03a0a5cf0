package serve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// Op is an op of one's own: what it is called, which pictures it takes, and a function that does it. Either Run or Open is set.
type Op struct {
	pipeline.OpInfo
	// Formats and Depths are the pictures that the op takes; others are refused before Run sees them. No Formats are those of
	// every picture; encoded bytes come only where frame.FormatEncoded is named. No Depths are all.
	Formats []frame.Format
	Depths  []frame.Depth
	// Shape tells what comes out of a picture that the op takes, and refuses one whose size does not suit the arguments. A Width
	// of 0 stands for a size that only Run can know, FormatNone for nothing known. Nil is for ops that leave the geometry as it
	// is. A picture of another geometry than was told is an error of its frame.
	Shape func(a pipeline.Args, in frame.Geometry) (frame.Geometry, error)
	// Run does the op on one frame. The arguments are checked, and in.Pix is read-only. Where Run asks out for no memory, the
	// picture passes as it is. Runs may overlap. For errors see Program.Run.
	Run func(a pipeline.Args, in frame.Frame, out *Output) error
	// Open prepares the op for a pipeline: what takes long, or needs inputs or a Close. The program has one step.
	Open func(a pipeline.Args, in Inputs) (Program, error)
}

// Ops makes an engine of ops. Its pipelines run from op to op in memory that is reused; the last op writes into the lent block.
func Ops(name string, ops ...Op) Engine {
	e := &opsEngine{info: Info{Name: name}, ops: map[string]Op{}}
	for _, op := range ops {
		if _, taken := e.ops[op.Name]; !taken {
			e.ops[op.Name] = op
			e.info.Ops = append(e.info.Ops, op.OpInfo)
		}
	}
	return e
}

type opsEngine struct {
	info Info
	ops  map[string]Op
}

func (e *opsEngine) Info() Info { return e.info }

func (e *opsEngine) Compile(p pipeline.Pipeline, in Inputs) (Program, error) {
	c := &chain{}
	for i := range p {
		program, err := e.open(p, i, in)
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		c.add(i, 1, program)
	}
	return c.program()
}

func (e *opsEngine) open(p pipeline.Pipeline, i int, in Inputs) (Program, error) {
	args, err := e.info.Ops.Bind(p, i)
	if err != nil {
		return nil, err
	}
	op := opProgram{Op: e.ops[p[i].Op], args: args}
	if op.Open == nil {
		return op, nil
	}
	if op.opened, err = op.Open(args, in); err != nil {
		return nil, fault.At(i+1, op.Name, fault.Invalid, err)
	}
	return op, nil
}

// opProgram is an op with its arguments: a program of one step.
type opProgram struct {
	Op
	args   pipeline.Args
	opened Program // what Open made; nil where the op has none
}

func (p opProgram) Run(in frame.Frame, out *Output) error {
	out.Step(0)
	out.Same()
	if err := p.try(in, out); err != nil {
		return p.blame(err)
	}
	return nil
}

func (p opProgram) try(in frame.Frame, out *Output) error {
	want, err := p.shape(in.Geometry)
	if err != nil {
		return err
	}
	if p.opened != nil {
		err = p.opened.Run(in, out)
	} else {
		err = p.Op.Run(p.args, in, out)
	}
	if err != nil {
		return err
	}
	got := in.Geometry
	if out.out.Pix != nil {
		got = out.out.Geometry
	}
	if !keeps(got, want) {
		return fault.Errorf(fault.Invalid, "made %v where %v was announced", got, want)
	}
	return nil
}

// keeps reports whether a picture is what was announced.
func keeps(got, want frame.Geometry) bool {
	if want.Format == frame.FormatNone {
		return true
	}
	if want.Width == 0 {
		got.Width, got.Height = 0, 0
	}
	return got == want
}

// shape is what comes out of a picture.
func (p opProgram) shape(in frame.Geometry) (frame.Geometry, error) {
	if err := p.takes(in); err != nil {
		return in, err
	}
	if p.Shape == nil {
		return in, nil
	}
	return p.Shape(p.args, in)
}

func (p opProgram) takes(in frame.Geometry) error {
	formatOK := slices.Contains(p.Formats, in.Format) || len(p.Formats) == 0 && in.IsPixels()
	depthOK := !in.IsPixels() || len(p.Depths) == 0 || slices.Contains(p.Depths, in.Depth)
	switch {
	case formatOK && depthOK:
		return nil
	case !formatOK && len(p.Formats) == 0:
		return fault.Errorf(fault.Invalid, "needs a picture, got %v", in)
	case !formatOK:
		return fault.Errorf(fault.Invalid, "needs %s, got %v", either(p.Formats), in)
	}
	return fault.Errorf(fault.Invalid, "needs %s, got %v", either(p.Depths), in)
}

// either is "gray or bgr".
func either[T fmt.Stringer](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = v.String()
	}
	return strings.Join(words, " or ")
}

// anySize stands for a size that is not known yet.
const anySize = 4096

// Shapes is for one step, of a picture whose size may not be known.
func (p opProgram) Shapes(in frame.Geometry) ([]frame.Geometry, error) {
	sized := in.Width > 0 || !in.IsPixels()
	if !sized {
		if err := p.takes(in); err != nil {
			return nil, p.blame(err)
		}
		in.Width, in.Height = anySize, anySize
	}
	out, err := p.shape(in)
	switch {
	case err != nil && !sized: // the true size may do
		return []frame.Geometry{{}}, nil
	case err != nil:
		return nil, p.blame(err)
	case !sized:
		out.Width, out.Height = 0, 0
	}
	return []frame.Geometry{out}, nil
}

func (p opProgram) blame(err error) error { return fault.At(1, p.Name, fault.Invalid, err) }

func (p opProgram) Close() error {
	if p.opened == nil {
		return nil
	}
	return p.opened.Close()
}
