package bench

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// PipelineError says that there is no such pipeline, or none that can be measured.
type PipelineError struct{ Err error }

func (e *PipelineError) Error() string { return e.Err.Error() }

func (e *PipelineError) Unwrap() error { return e.Err }

// Run measures one size after the other, each with a farm of its own, and returns a Result for each that is complete: all, or those
// before the error. A pipeline that cannot be measured at all sizes is a *PipelineError, before anything is measured; a frame that
// fails, or a worker that ends, ends it with that error.
func Run(ctx context.Context, o Options) ([]Result, error) {
	var all []Result
	for _, size := range o.Sizes {
		m := &measurement{Options: o, pipeline: o.steps(), size: size, lag: newHistogram()}
		r, err := m.run(ctx, len(all) == 0)
		if err != nil {
			return all, fmt.Errorf("%v: %w", size, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// measurement is the two sides at one size, and what was measured of them.
type measurement struct {
	Options
	farm     *farm.Farm
	pipeline pipeline.Pipeline
	size     Size
	named    []Named
	frames   []frame.Frame // in shared memory
	held     int64         // bytes of shared memory that the frames take

	bare                   *bare
	shared, copied, single *load
	lag                    *hdrhistogram.Histogram

	farmFPS, bareFPS, copyFPS []float64
}

// run measures. The first one checks whether there is anything to measure at any size.
func (m *measurement) run(ctx context.Context, first bool) (Result, error) {
	debug.FreeOSMemory() // what another size left
	var err error
	if m.farm, err = farm.Start(ctx, farm.Config{Worker: m.Worker, Workers: m.Workers, Isolation: m.Isolation, Memory: m.Memory}); err != nil {
		return Result{}, err
	}
	defer m.close()
	if err := m.bringNamed(ctx); err != nil {
		return Result{}, err
	}
	if first {
		if err := m.check(ctx); err != nil {
			return Result{}, err
		}
	}
	m.progress("making the frames")
	if err := m.prepare(ctx); err != nil {
		return Result{}, err
	}
	for i := range m.Rounds {
		m.progress(fmt.Sprintf("round %d of %d", i+1, m.Rounds))
		if err := m.round(ctx); err != nil {
			return Result{}, err
		}
	}
	return m.result(), nil
}

func (m *measurement) close() {
	if m.bare != nil {
		m.bare.close()
	}
	for _, f := range m.frames {
		f.Release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = m.farm.Close(ctx) // every answer was waited for, so an error says nothing about them
}

func (m *measurement) progress(what string) {
	if m.Progress != nil {
		m.Progress(fmt.Sprintf("%v: %s", m.size, what))
	}
}

// bringNamed brings what the pipeline takes beside the frames into the farm.
func (m *measurement) bringNamed(ctx context.Context) error {
	if err := m.farm.Ops().Check(m.pipeline); err != nil {
		return &PipelineError{err}
	}
	if m.Named == nil {
		return nil
	}
	var err error
	if m.named, err = m.Named(m.farm.Ops()); err != nil {
		return &PipelineError{err}
	}
	for _, n := range m.named {
		if err := m.farm.Upload(ctx, n.Name, frame.Encoded(n.Data)); err != nil {
			return err
		}
	}
	return nil
}

// check finds what would fail after minutes.
func (m *measurement) check(ctx context.Context) error {
	if step := m.farm.Ops().Stateful(m.pipeline); step > 0 {
		return &PipelineError{fmt.Errorf("step %d, %s, keeps something from frame to frame, which cannot be measured here", step, m.pipeline[step-1].Op)}
	}
	for _, size := range m.Sizes {
		g := frame.Geometry{Width: size.Width, Height: size.Height, Format: frame.FormatBGR, Depth: frame.U8}
		if m.Work == Decode {
			g = frame.Geometry{Format: frame.FormatEncoded}
		}
		if _, err := m.farm.Plan(ctx, m.pipeline.String(), g); err != nil {
			return &PipelineError{fmt.Errorf("%v: %w", size, err)}
		}
	}
	return nil
}

// warm is how long a turn runs before it counts.
func (o Options) warm() time.Duration { return o.Time / 10 }

// prepare makes the frames, starts the bare processes, and tries both sides once.
func (m *measurement) prepare(ctx context.Context) error {
	if err := m.makeFrames(ctx); err != nil {
		return err
	}
	tried, err := m.bring(ctx, m.frames[0].Copy(), m.pipeline.String()) // the farm says best what is wrong with a frame
	if err != nil {
		return err
	}
	tried.Release()
	m.held = m.farm.Snapshot().Memory.Leased
	if m.bare, err = startBare(ctx, m.Worker, m.Workers, m.frames, m.named); err != nil {
		return err
	}
	if _, err := m.bare.run(ctx, m.pipeline.String(), 0, m.warm()); err != nil {
		return err
	}
	if m.InFlight == 0 { // by CPU time, which others on the machine change less than the rate
		m.InFlight = inFlightFor(m.Workers, m.bare.cpu/time.Duration(m.bare.counted))
	}
	m.bare.counted, m.bare.cpu = 0, 0 // that was to get warm
	text := m.pipeline.String()
	m.shared = newLoad(m.farm, text, m.frames, m.InFlight)
	m.copied = newLoad(m.farm, text, copies(m.frames), m.InFlight)
	m.single = newLoad(m.farm, text, m.frames, 1)
	debug.FreeOSMemory()
	return nil
}

func (m *measurement) makeFrames(ctx context.Context) error {
	in, steps, err := m.content(ctx)
	if err != nil {
		return err
	}
	place := func() (frame.Frame, error) { return m.bring(ctx, in, steps.String()) }
	if len(steps) == 0 {
		place = func() (frame.Frame, error) { return m.farm.Place(ctx, in) }
	}
	f, err := place()
	if err != nil {
		return err
	}
	m.frames = append(m.frames, f)
	n, err := framesFor(len(f.Pix), m.Workers, farm.MemoryLimit())
	for err == nil && len(m.frames) < n {
		if f, err = place(); err == nil {
			m.frames = append(m.frames, f)
		}
	}
	return err
}

func copies(frames []frame.Frame) []frame.Frame {
	out := make([]frame.Frame, len(frames))
	for i, f := range frames {
		out[i] = f.Copy()
	}
	return out
}

// bring makes a frame in shared memory, by a pipeline.
func (m *measurement) bring(ctx context.Context, in frame.Frame, steps string) (frame.Frame, error) {
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
func (m *measurement) content(ctx context.Context) (in frame.Frame, steps pipeline.Pipeline, err error) {
	if m.Image == nil {
		in, err = deadLeaves(ctx, m.size)
	} else {
		in = frame.Encoded(m.Image)
		size := pipeline.Arg{Name: "dsize", Value: m.size.String()}
		steps = pipeline.Pipeline{{Op: "decode"}, {Op: "resize", Args: []pipeline.Arg{size}}}
	}
	if m.Work == Decode {
		steps = append(steps, pipeline.Step{Op: "encode"})
	}
	return in, steps, err
}

// round gives each side its turn.
func (m *measurement) round(ctx context.Context) error {
	text := m.pipeline.String()
	for _, turn := range []struct {
		into *[]float64
		run  func() (float64, error)
	}{
		{&m.farmFPS, func() (float64, error) { return m.shared.run(ctx, m.warm(), m.Time) }},
		{&m.bareFPS, func() (float64, error) { return m.bare.run(ctx, text, m.warm(), m.Time) }},
		{&m.copyFPS, func() (float64, error) { return m.withLag(ctx, m.copied) }},
		{new([]float64), func() (float64, error) { return m.single.run(ctx, m.warm(), m.Time) }},
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
func (m *measurement) withLag(ctx context.Context, l *load) (float64, error) {
	during, done := context.WithCancel(ctx)
	var loop sync.WaitGroup
	loop.Go(func() { measureLag(during, m.lag) })
	fps, err := l.run(ctx, m.warm(), m.Time)
	done()
	loop.Wait()
	return fps, err
}
