package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// PipelineError says that there is no such pipeline.
type PipelineError struct{ Err error }

func (e *PipelineError) Error() string { return e.Err.Error() }

// Run measures one size after the other and returns a Result for each. A pipeline that cannot be is a *PipelineError; a
// frame that fails ends it with that frame's error.
func Run(ctx context.Context, o Options) ([]Result, error) {
	p, err := resolve(o.Pipeline, o.Work)
	if err != nil {
		return nil, &PipelineError{err}
	}
	f, err := farm.Start(ctx, farm.Config{Worker: o.Worker, Workers: o.Workers, Isolation: o.Isolation})
	if err != nil {
		return nil, err
	}
	defer closeFarm(f)
	if err := f.Check(p.String()); err != nil {
		return nil, &PipelineError{err}
	}
	var all []Result
	for _, size := range o.Sizes {
		r, err := measureSize(ctx, f, o, p, size)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", size, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func closeFarm(f *farm.Farm) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = f.Close(ctx) // every answer was waited for, so an error says nothing about them
}

// match is the two sides at one size, and what was measured of them.
type match struct {
	Options
	farm     *farm.Farm
	pipeline pipeline.Pipeline
	size     Size
	frames   []frame.Frame // in shared memory

	bare         *bare
	shared, copy *load
	lag          *hdrhistogram.Histogram

	farmFPS, bareFPS, copyFPS []float64
}

func measureSize(ctx context.Context, f *farm.Farm, o Options, p pipeline.Pipeline, size Size) (Result, error) {
	m := &match{Options: o, farm: f, pipeline: p, size: size, lag: newHistogram()}
	m.progress("making the frames")
	defer m.close()
	if err := m.prepare(ctx); err != nil {
		return Result{}, err
	}
	for i := range o.Rounds {
		m.progress(fmt.Sprintf("round %d of %d", i+1, o.Rounds))
		if err := m.round(ctx); err != nil {
			return Result{}, err
		}
	}
	m.progress("one frame at a time")
	single := newLoad(f, p.String(), m.frames, 1)
	if _, err := single.run(ctx, o.warm(), o.Time); err != nil {
		return Result{}, err
	}
	return m.result(single), nil
}

func (m *match) progress(what string) {
	if m.Progress != nil {
		m.Progress(fmt.Sprintf("%v: %s", m.size, what))
	}
}

// warm is how long a turn runs before it counts.
func (o Options) warm() time.Duration { return o.Time / 10 }

// prepare makes the frames, starts the bare processes, and tries both sides once.
func (m *match) prepare(ctx context.Context) error {
	in, steps, err := m.content()
	if err != nil {
		return err
	}
	for len(m.frames) == 0 || len(m.frames) < framesFor(len(m.frames[0].Pix)) {
		f, err := m.place(ctx, in, steps.String())
		if err != nil {
			return err
		}
		m.frames = append(m.frames, f)
	}
	tried, err := m.place(ctx, m.frames[0].Copy(), m.pipeline.String()) // the farm says best what is wrong with a frame
	if err != nil {
		return err
	}
	tried.Release()
	if m.bare, err = startBare(ctx, m.Worker, m.Workers, m.frames); err != nil {
		return err
	}
	fps, err := m.bare.run(ctx, m.pipeline.String(), 0, m.warm())
	if err != nil {
		return err
	}
	if m.InFlight == 0 {
		m.InFlight = inFlightFor(m.Workers, time.Duration(float64(m.Workers)/fps*float64(time.Second)))
	}
	m.shared = newLoad(m.farm, m.pipeline.String(), m.frames, m.InFlight)
	m.copy = newLoad(m.farm, m.pipeline.String(), copies(m.frames), m.InFlight)
	return nil
}

func copies(frames []frame.Frame) []frame.Frame {
	out := make([]frame.Frame, len(frames))
	for i, f := range frames {
		out[i] = f.Copy()
	}
	return out
}

// place makes a frame in shared memory.
func (m *match) place(ctx context.Context, in frame.Frame, steps string) (frame.Frame, error) {
	future, err := m.farm.Submit(ctx, farm.Job{Pipeline: steps, Frame: in})
	if err != nil {
		return in, err
	}
	r, err := future.Wait(ctx)
	if err != nil {
		return in, err
	}
	return r.Frame, nil
}

// content returns what the frames are made from, and the steps that the workers make them by: nothing is decoded here.
func (m *match) content() (in frame.Frame, steps pipeline.Pipeline, err error) {
	if m.Image == nil {
		in, err = deadLeaves(m.size)
	} else {
		in = frame.Encoded(m.Image)
		size := pipeline.Arg{Name: "dsize", Value: m.size.String()}
		steps = pipeline.Pipeline{{Op: "decode"}, {Op: "resize", Args: []pipeline.Arg{size}}}
	}
	if m.Work == Decode {
		steps = append(steps, pipeline.Step{Op: "encode"})
	}
	if len(steps) == 0 {
		steps = pipeline.Pipeline{{Op: "echo"}}
	}
	return in, steps, err
}

// round gives each side its turn.
func (m *match) round(ctx context.Context) error {
	text := m.pipeline.String()
	for _, turn := range []struct {
		into *[]float64
		run  func() (float64, error)
	}{
		{&m.farmFPS, func() (float64, error) { return m.shared.run(ctx, m.warm(), m.Time) }},
		{&m.bareFPS, func() (float64, error) { return m.bare.run(ctx, text, m.warm(), m.Time) }},
		{&m.copyFPS, func() (float64, error) { return m.withLag(ctx, m.copy) }},
	} {
		fps, err := turn.run()
		if err != nil {
			return err
		}
		*turn.into = append(*turn.into, fps)
	}
	return nil
}

// withLag runs a load and measures the lag meanwhile. It is for the copied turn, in which the coordinator works hardest: the
// wakes themselves cost CPU time, of which the other figures shall be free.
func (m *match) withLag(ctx context.Context, l *load) (float64, error) {
	during, done := context.WithCancel(ctx)
	var loop sync.WaitGroup
	loop.Go(func() { measureLag(during, m.lag) })
	fps, err := l.run(ctx, m.warm(), m.Time)
	done()
	loop.Wait()
	return fps, err
}

func (m *match) close() {
	if m.bare != nil {
		m.bare.close()
	}
	for _, f := range m.frames {
		f.Release()
	}
}
