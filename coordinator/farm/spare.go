package farm

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/coordinator/internal/restart"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// hire is a worker that is ready, with the region that it writes.
type hire struct {
	worker *proc.Worker
	region *shm.Region
	ready  time.Time
	spare  bool // it was kept ready since
}

// hire starts a worker, when it is its turn: as many at a time start well as there are CPUs, more would only time out.
func (f *Farm) hire(ctx context.Context) (*hire, error) {
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
	return &hire{worker: w, region: region, ready: time.Now()}, nil
}

// dismiss ends a worker that has no jobs.
func (h *hire) dismiss() proc.Exit {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	exit := h.worker.Stop(ctx)
	h.region.Retire()
	return exit
}

// keepSpare keeps one worker ready for whichever supervisor loses its own: loading OpenCV takes a few hundred milliseconds, a
// promotion none. It begins when the farm's own workers had their turn.
func (f *Farm) keepSpare(ctx context.Context) {
	select {
	case <-f.staffed:
	case <-ctx.Done():
		return
	}
	meter := restart.NewMeter(restart.Policy{}, rand.Float64)
	for ctx.Err() == nil {
		h, err := f.hire(ctx)
		if err == nil {
			h.spare = true
			err = f.offer(ctx, h)
		} else if ctx.Err() == nil {
			exit := exitOf(err)
			f.events.send(Event{Kind: WorkerEnded, PID: exit.PID, Exit: &exit, Err: err})
		}
		if err != nil && !wait(ctx, meter.Failed(time.Now())) {
			return
		}
	}
}

// offer waits until a supervisor takes the spare. It fails where the spare ends before.
func (f *Farm) offer(ctx context.Context, h *hire) error {
	select {
	case f.spares <- h:
		return nil
	case <-h.worker.Done():
		exit := h.dismiss()
		f.events.send(Event{Kind: WorkerEnded, PID: exit.PID, Exit: &exit})
		return &proc.StartError{Path: f.config.Worker, Reason: "it ended while it was the spare", Exit: exit}
	case <-ctx.Done():
		h.dismiss()
		return nil
	}
}

// wait reports false where ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
