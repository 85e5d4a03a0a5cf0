//go:build opencv

package cv

import (
	"errors"
	"image"
	"sync/atomic"
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// program is a compiled pipeline. Runs may overlap: each has a scratch to itself, and the steps are read-only.
type program struct {
	names []string
	steps []step
	free  freeList
	moved atomic.Uint64 // results that OpenCV put elsewhere than into the lent block, and that were copied
}

// Run sends one frame through the steps.
func (p *program) Run(in frame.Frame, out *serve.Output) error {
	s := p.free.get()
	defer p.free.put(s)
	f := flow{program: p, scratch: s, out: out, g: in.Geometry, index: in.Index}
	if err := f.begin(in); err != nil {
		return err
	}
	for i := range p.steps {
		out.Step(i)
		if err := f.step(i); err != nil {
			return p.blame(i, err)
		}
	}
	return f.end()
}

// Close frees the scratches and what the steps hold.
func (p *program) Close() error {
	p.free.close()
	for i := range p.steps {
		if c := p.steps[i].close; c != nil {
			c()
		}
	}
	return nil
}

func (p *program) blame(i int, err error) error { return blame(i, p.names[i], err) }

// blame names the step in an error. An error without a code is OpenCV's: it did not like its input, or there was no memory.
func blame(i int, name string, err error) error {
	code := fault.Invalid
	if _, known := fault.CodeOf(err); !known {
		if lacksMemory(err) {
			code = fault.Overloaded
		}
		err = errors.New(short(err))
	}
	return fault.At(i+1, name, code, err)
}

// flow is one frame on its way through a program.
type flow struct {
	*program
	*scratch
	out   *serve.Output
	index uint64

	bytes []byte         // the input, while it is encoded
	g     frame.Geometry // of the picture so far
	now   *gocv.Mat      // the picture so far; nil before decode
	slot  *slot          // where now lies, if it lies between the steps
	views int
	place place
}

// place says whose memory the picture so far is in.
type place string

const (
	inInput place = "input" // the whole input, untouched
	inBlock place = "block" // the whole output block
	inOurs  place = "ours"  // ours, or a part of any
	encoded place = "encoded"
)

func (f *flow) begin(in frame.Frame) error {
	if in.Format == frame.FormatEncoded && len(in.Pix) == 0 {
		return fault.Errorf(fault.Undecodable, "no bytes")
	}
	if err := in.Validate(); err != nil {
		return err
	}
	f.place = inInput
	f.pins.Pin(&in.Pix[0])
	if !in.IsPixels() {
		f.bytes = in.Pix
		return nil
	}
	f.now = &f.in
	return wrapPixels(f.now, in.Geometry, in.Pix)
}

func (f *flow) step(i int) error {
	s := &f.steps[i]
	if s.decode != nil {
		return f.decode(i)
	}
	g, err := s.geometry(f.g)
	if err != nil {
		return err
	}
	switch {
	case s.find != nil:
		found, err := s.find(f.picture())
		return f.found(i, found, err)
	case s.watch != nil:
		found, err := s.watching(f.out, f.picture())
		return f.found(i, found, err)
	case s.encode != nil:
		return f.encode(s.encode)
	case s.view != nil:
		return f.look(g, s.view(f.g))
	case s.passes(f.g):
		return nil
	}
	return f.make(i, g)
}

// make runs a step that makes a picture.
func (f *flow) make(i int, g frame.Geometry) error {
	t, err := f.target(i, g)
	if err != nil {
		return err
	}
	found, err := f.steps[i].run(f.out, f.picture(), t.mat)
	if err := f.found(i, found, err); err != nil {
		return err
	}
	return f.settle(t)
}

func (s *step) run(out *serve.Output, src picture, dst *gocv.Mat) (any, error) {
	if s.evolve == nil {
		return s.apply(src, dst)
	}
	kept, err := out.State()
	if err != nil {
		return nil, err
	}
	return s.evolve(kept, src, dst)
}

func (s *step) watching(out *serve.Output, src picture) (any, error) {
	kept, err := out.State()
	if err != nil {
		return nil, err
	}
	return s.watch(kept, src)
}

func (f *flow) picture() picture { return picture{*f.now, f.g, f.index} }

func (f *flow) found(i int, found any, err error) error {
	if err != nil || found == nil {
		return err
	}
	return f.out.Value(f.names[i], found)
}

// target is where a step puts its picture: the lent block, or a slot.
type target struct {
	g    frame.Geometry
	mat  *gocv.Mat
	pix  []byte // the block; nil for a slot
	slot *slot
}

// target chooses the lent block for the last picture that is made, a slot for those before it and for sizes not known yet.
func (f *flow) target(i int, g frame.Geometry) (target, error) {
	if g.Width > 0 {
		if _, err := g.Size(); err != nil {
			return target{}, err
		}
	}
	if g.Width == 0 || !f.last(i, g) {
		s := f.take(g, f.slot)
		return target{g: g, mat: &s.mat, slot: s}, nil
	}
	pix, err := f.block(g)
	if err != nil {
		return target{}, err
	}
	mat := &f.scratch.out[0]
	return target{g: g, mat: mat, pix: pix}, wrapPixels(mat, g, pix)
}

// last reports whether the steps after i leave a picture of geometry g as it is.
func (f *flow) last(i int, g frame.Geometry) bool {
	for j := range f.steps[i+1:] {
		if !f.steps[i+1+j].passes(g) {
			return false
		}
	}
	return true
}

// block returns the lent block, for a picture of geometry g.
func (f *flow) block(g frame.Geometry) ([]byte, error) {
	pix, err := f.out.Pixels(g)
	if err == nil {
		f.pins.Pin(&pix[0])
	}
	return pix, err
}

// settle takes the picture in t as the picture so far. What it believes of the picture is what the Mat says.
func (f *flow) settle(t target) error {
	g := geometryOf(t.mat, t.g.Format)
	if t.g.Width > 0 && g != t.g {
		return fault.Errorf(fault.Invalid, "made %v where %v was announced", g, t.g)
	}
	f.g, f.now, f.slot = g, t.mat, t.slot
	if t.slot != nil {
		f.place, t.slot.g = inOurs, g
		return nil
	}
	f.place = inBlock
	if dataOf(t.mat) == unsafe.Pointer(&t.pix[0]) {
		return nil
	}
	f.moved.Add(1)
	return f.copyTo(t.pix)
}

// look makes a part of the picture the picture so far.
func (f *flow) look(g frame.Geometry, r image.Rectangle) error {
	if g == f.g {
		return nil
	}
	v := &f.view[f.views%2]
	f.views++
	corner := unsafe.Add(dataOf(f.now), r.Min.Y*f.now.Step()+r.Min.X*f.now.ElemSize())
	if err := wrap(v, corner, f.now.Step(), r.Dy(), r.Dx(), f.now.Type()); err != nil {
		return err
	}
	f.g, f.now, f.place = g, v, inOurs
	return nil
}

// copyTo copies the picture so far into the lent block.
func (f *flow) copyTo(pix []byte) error {
	dst := &f.scratch.out[1]
	if err := wrapPixels(dst, f.g, pix); err != nil {
		return err
	}
	return f.now.CopyTo(dst)
}

func (f *flow) end() error {
	switch f.place {
	case inInput:
		f.out.Same()
	case inOurs:
		pix, err := f.block(f.g)
		if err != nil {
			return err
		}
		return f.copyTo(pix)
	}
	return nil
}
