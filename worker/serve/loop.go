package serve

import (
	"bytes"
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Loop runs a pipeline as a program of its own would that has its frames in memory and nobody to talk to. It takes one lane,
// however many the worker has.
func (s *server) Loop(ctx context.Context, r *workerpb.LoopRequest) (*workerpb.LoopResponse, error) {
	program, err := s.compile(&compiled{text: r.Pipeline, inputs: r.Named})
	if err != nil {
		return nil, statusOf(err)
	}
	defer program.Close()
	l := loop{program: program}
	for i, in := range r.Inputs {
		f, err := s.ownFrame(uint64(i), in)
		if err != nil {
			return nil, statusOf(err)
		}
		l.frames = append(l.frames, f)
	}
	if len(l.frames) == 0 {
		return nil, statusOf(fault.Errorf(fault.Invalid, "no frames to loop over"))
	}
	answer, err := l.measure(ctx, r)
	if err != nil {
		return nil, statusOf(err)
	}
	return answer, nil
}

// ownFrame copies a frame out of the arena.
func (s *server) ownFrame(index uint64, in *workerpb.LoopInput) (frame.Frame, error) {
	f, err := s.read(in.Geometry, in.Block)
	f.Index, f.Pix = index, bytes.Clone(f.Pix)
	return f, err
}

// loop is a program, its frames, and the one block that it writes its results to.
type loop struct {
	program Program
	frames  []frame.Frame
	block   []byte
	done    uint64
}

// measure runs until the request's stop, and counts from its begin to its end.
func (l *loop) measure(ctx context.Context, r *workerpb.LoopRequest) (*workerpb.LoopResponse, error) {
	if err := l.run(ctx, r.BeginNs); err != nil {
		return nil, err
	}
	before, cpu, from := l.done, cpuTime(), monotonic()
	if err := l.run(ctx, r.EndNs); err != nil {
		return nil, err
	}
	answer := &workerpb.LoopResponse{
		Frames: l.done - before, RunNs: monotonic() - from, CpuNs: int64(cpuTime() - cpu), LateNs: from - r.BeginNs,
	}
	return answer, l.run(ctx, r.StopNs)
}

// run goes round over the frames until then, for one frame at least.
func (l *loop) run(ctx context.Context, until int64) error {
	for first := true; first || monotonic() < until; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		o := &Output{memory: memory{l.block, l.grow}}
		if err := l.program.Run(l.frames[l.done%uint64(len(l.frames))], o); err != nil {
			return err
		}
		l.done++
	}
	return nil
}

func (l *loop) grow(n int) ([]byte, error) {
	l.block = make([]byte, n)
	return l.block, nil
}

// monotonic is CLOCK_MONOTONIC in nanoseconds, which all processes read alike.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
