package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// bare is worker processes that loop over frames in their own memory.
type bare struct {
	launcher *proc.Launcher
	arena    *shm.Arena // by which the frames get to the processes, before the clock runs
	regions  []*shm.Region
	workers  []*proc.Worker
	leases   []*shm.Lease
	inputs   []*workerpb.LoopInput

	counted uint64 // frames
	cpu     time.Duration
}

// nice and startTimeout are the farm's defaults.
const (
	nice         = 10
	startTimeout = 20 * time.Second
)

// startBare starts n processes.
func startBare(ctx context.Context, worker string, n int, frames []frame.Frame) (*bare, error) {
	var bytes int64
	for _, f := range frames {
		bytes += int64(len(f.Pix)) + 1<<12
	}
	arena, err := shm.Create(n+1, bytes)
	if err != nil {
		return nil, err
	}
	b := &bare{launcher: proc.NewLauncher(nice), arena: arena}
	err = b.fill(frames, shm.NewBudget("frames", bytes))
	if err == nil {
		err = b.start(ctx, worker, n)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bare) fill(frames []frame.Frame, budget *shm.Budget) error {
	region, err := b.arena.Region(budget)
	if err != nil {
		return err
	}
	b.regions = append(b.regions, region)
	for _, f := range frames {
		lease := region.TryLease(len(f.Pix))
		if lease == nil {
			return fmt.Errorf("no memory for %d frames of %d bytes", len(frames), len(f.Pix))
		}
		copy(lease.Bytes(), f.Pix)
		b.leases = append(b.leases, lease)
		b.inputs = append(b.inputs, &workerpb.LoopInput{
			Geometry: workerpb.FromGeometry(f.Geometry),
			Block:    &workerpb.Block{Offset: uint64(lease.Offset()), Size: uint64(lease.Size())},
		})
	}
	return nil
}

func (b *bare) start(ctx context.Context, worker string, n int) error {
	for range n {
		region, err := b.arena.Region(shm.NewBudget("none", 1<<20))
		if err != nil {
			return err
		}
		b.regions = append(b.regions, region)
		w, err := b.launcher.Start(ctx, proc.Config{
			Path: worker, Arena: b.arena, Region: region, Lanes: 1, Threads: 1, StartTimeout: startTimeout,
		})
		if err != nil {
			return err
		}
		b.workers = append(b.workers, w)
	}
	return nil
}

// run lets all processes loop at the same time and returns the frames a second of all together.
func (b *bare) run(ctx context.Context, pipeline string, warm, d time.Duration) (fps float64, err error) {
	const patience = 30 * time.Second // for the last frame, and for the copies
	ctx, cancel := context.WithTimeout(ctx, warm+d+patience)
	defer cancel()
	answers := make([]*workerpb.LoopResponse, len(b.workers))
	group, ctx := errgroup.WithContext(ctx)
	for i, w := range b.workers {
		group.Go(func() error {
			var err error
			answers[i], err = w.Service().Loop(ctx, &workerpb.LoopRequest{
				Pipeline: pipeline, Inputs: b.inputs, WarmNs: int64(warm), RunNs: int64(d),
			})
			if err != nil {
				return explain(ctx, w, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	for _, a := range answers {
		fps += float64(a.Frames) / max(time.Duration(a.RunNs), 1).Seconds()
		b.counted, b.cpu = b.counted+a.Frames, b.cpu+time.Duration(a.CpuNs)
	}
	return fps, nil
}

// explain says why a process did not do its loop.
func explain(ctx context.Context, w *proc.Worker, err error) error {
	if f := proc.FaultOf(err); f != nil {
		return errors.New(f.Message)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.Doom()
	return fmt.Errorf("the bare loop: %v", w.Exit())
}

func (b *bare) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, w := range b.workers {
		w.Stop(ctx)
	}
	for _, l := range b.leases {
		l.Release()
	}
	for _, r := range b.regions {
		r.Retire()
	}
	b.launcher.Close()
	b.arena.Close()
}
