package serve

import (
	"errors"
	"sync"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// chain is programs, each of which takes what the one before it made. The last writes into the lent block, those before it into
// memory of the chain's own.
type chain struct {
	links []link
	free  sync.Pool // of *between; Runs may overlap
}

// link is a program that does some of the chain's steps.
type link struct {
	Program
	first, steps int
}

func (c *chain) add(first, steps int, p Program) {
	c.links = append(c.links, link{p, first, steps})
}

// program is the chain, or its only link.
func (c *chain) program() (Program, error) {
	switch len(c.links) {
	case 0:
		return nil, fault.Errorf(fault.Invalid, "the pipeline has no steps")
	case 1:
		return c.links[0].Program, nil
	}
	return c, nil
}

// between is memory for pictures between two links: one is read while the other is written.
type between [2][]byte

func (m *between) lend(i int) memory {
	return memory{block: m[i], grow: func(n int) ([]byte, error) { return make([]byte, n), nil }}
}

func (c *chain) Run(in frame.Frame, out *Output) error {
	mem, ok := c.free.Get().(*between)
	if !ok {
		mem = &between{}
	}
	defer c.free.Put(mem)
	lent, now, holds := out.memory, in, -1 // which of mem the picture so far is in
	for _, l := range c.links[:len(c.links)-1] {
		into := (holds + 1) % 2
		out.memory = mem.lend(into)
		made, err := l.run(now, out)
		mem[into], out.memory = out.block, lent
		if err != nil {
			return moved(err, l.first)
		}
		if made {
			holds, now.Geometry, now.Pix = into, out.out.Geometry, out.out.Pix
		}
	}
	last := c.links[len(c.links)-1]
	made, err := last.run(now, out)
	switch {
	case err != nil:
		return moved(err, last.first)
	case made || holds < 0: // the output is in place, or is the input
		return nil
	}
	pix, err := out.take(now.Geometry, len(now.Pix))
	copy(pix, now.Pix)
	return err
}

// run reports whether the link made a picture. If not, its input passes.
func (l link) run(in frame.Frame, out *Output) (made bool, err error) {
	out.base += l.first
	defer func() { out.base -= l.first }()
	out.Same()
	err = l.Run(in, out)
	if out.out.Pix == nil {
		out.Same()
	}
	return !out.same, err
}

// moved is an error of a program whose first step is another's step first+1.
func moved(err error, first int) error {
	var at *fault.Error
	if !errors.As(err, &at) || at.Step == 0 {
		return err
	}
	e := *at
	e.Step += first
	return &e
}

// Shapes asks link by link; of links that cannot tell, and of those behind them, nothing is known.
func (c *chain) Shapes(in frame.Geometry) ([]frame.Geometry, error) {
	var all []frame.Geometry
	for _, l := range c.links {
		shapes := make([]frame.Geometry, l.steps)
		if planner, ok := l.Program.(Planner); ok && (len(all) == 0 || in.Format != frame.FormatNone) {
			var err error
			if shapes, err = planner.Shapes(in); err != nil {
				return nil, moved(err, l.first)
			}
		}
		all = append(all, shapes...)
		in = all[len(all)-1]
	}
	return all, nil
}

func (c *chain) Close() error {
	var errs []error
	for _, l := range c.links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
