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
	program, err := s.compile(&compiled{text: r.Pipeline})
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
	if _, _, err := l.run(ctx, time.Duration(r.WarmNs)); err != nil {
		return nil, statusOf(err)
	}
	cpu := cpuTime()
	n, took, err := l.run(ctx, time.Duration(r.RunNs))
	if err != nil {
		return nil, statusOf(err)
	}
	return &workerpb.LoopResponse{Frames: n, RunNs: int64(took), CpuNs: int64(cpuTime() - cpu)}, nil
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
}

// run goes round over the frames for that long, once at least, and says how many frames it did in what time.
func (l *loop) run(ctx context.Context, d time.Duration) (n uint64, took time.Duration, err error) {
	start := time.Now()
	for took < d || n == 0 {
		if err := ctx.Err(); err != nil {
			return n, took, err
		}
		o := &Output{memory: memory{l.block, l.grow}}
		if err := l.program.Run(l.frames[n%uint64(len(l.frames))], o); err != nil {
			return n, took, err
		}
		n++
		took = time.Since(start)
	}
	return n, took, nil
}

func (l *loop) grow(n int) ([]byte, error) {
	l.block = make([]byte, n)
	return l.block, nil
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
