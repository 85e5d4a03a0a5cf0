package farm

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/coordinator/internal/restart"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// instance is a worker that is ready, with the region that it writes.
type instance struct {
	worker *proc.Worker
	region *shm.Region
	ready  time.Time
	spare  bool // it was kept ready since
}

// startInstance starts a worker, when it is its turn: as many at a time start well as there are CPUs, more would only time out.
func (f *Farm) startInstance(ctx context.Context) (*instance, error) {
	select {
	case f.starting <- struct{}{}:
		defer func() { <-f.starting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	region, err := f.arena.Region(f.outs)
	if err != nil {
		return nil, err
	}
	w, err := f.launcher.Start(ctx, f.worker(region, f.lanes))
	if err != nil {
		region.Retire()
		return nil, err
	}
	f.met(w.Info())
	return &instance{worker: w, region: region, ready: time.Now()}, nil
}

// dismiss ends a worker that has no jobs.
func (in *instance) dismiss() proc.Exit {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	exit := in.worker.Stop(ctx)
	in.region.Retire()
	return exit
}

// start is a worker on its way.
type start struct {
	done     chan struct{} // closed when what follows is there
	instance *instance
	err      error
}

func (f *Farm) begin(ctx context.Context) *start {
	s := &start{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.instance, s.err = f.startInstance(ctx)
	}()
	return s
}

// offer is a spare that can be had. Who takes it accepts it.
type offer struct {
	instance *instance
	instead  chan *start // takes one
}

// accept takes the spare. Its keeper gets the start that is no longer needed for it, and begins one where that is nil.
func (o offer) accept(instead *start) *instance {
	o.instead <- instead
	return o.instance
}

// headStart is what a spare that was taken gets before the next is started: that costs 100 ms of a CPU, for which the frame that
// waits for the one that was taken would wait too.
const headStart = 40 * time.Millisecond

// keepSpare keeps one worker ready for whichever supervisor loses its own: loading OpenCV takes a few hundred milliseconds, a
// promotion none. It begins when the farm's own workers had their turn.
func (f *Farm) keepSpare(ctx context.Context) {
	select {
	case <-f.staffed:
	case <-ctx.Done():
		return
	}
	meter := restart.NewMeter(restart.Policy{}, rand.Float64)
	next := f.begin(ctx)
	for ctx.Err() == nil {
		instead, err := f.keep(ctx, next)
		if err != nil {
			wait(ctx, meter.Failed(time.Now()))
		} else {
			meter.Reset() // it did what it was there for
		}
		if err == nil && instead == nil {
			wait(ctx, headStart)
		}
		if next = instead; next == nil {
			next = f.begin(ctx)
		}
	}
	next.dismiss()
}

// keep has a worker be the spare until it is taken, and returns the start that was given for it.
func (f *Farm) keep(ctx context.Context, s *start) (instead *start, err error) {
	if <-s.done; s.err != nil {
		if ctx.Err() == nil {
			exit := exitOf(s.err)
			f.events.send(Event{Kind: WorkerEnded, PID: exit.PID, Exit: &exit, Err: s.err})
		}
		return nil, s.err
	}
	s.instance.spare = true
	return f.offer(ctx, s.instance)
}

// offer waits until a supervisor takes the spare, and returns what it gives for it. It fails where the spare ends before.
func (f *Farm) offer(ctx context.Context, in *instance) (*start, error) {
	noMore := f.isSpare(in)
	o := offer{in, make(chan *start, 1)}
	select {
	case f.spares <- o:
		noMore()
		return <-o.instead, nil
	case <-in.worker.Done():
		noMore() // before anybody hears of its end
		exit := in.dismiss()
		f.events.send(Event{Kind: WorkerEnded, PID: exit.PID, Exit: &exit})
		return nil, &proc.StartError{Path: f.config.Worker, Reason: "it ended while it was the spare", Exit: exit}
	case <-ctx.Done():
		noMore()
		in.dismiss()
		return nil, nil
	}
}

// isSpare has Snapshot tell of a spare, and watches it, until the returned function is called.
func (f *Farm) isSpare(in *instance) (noMore func()) {
	taken := make(chan struct{})
	f.running.Go(func() { f.watch(in, taken) })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready = append(f.ready, in.worker.PID())
	return func() {
		close(taken)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ready = slices.DeleteFunc(f.ready, func(pid int) bool { return pid == in.worker.PID() })
	}
}

// dismiss ends the worker that a start brings, if any.
func (s *start) dismiss() {
	if <-s.done; s.err == nil {
		s.instance.dismiss()
	}
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
