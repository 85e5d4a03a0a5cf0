package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
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
	named    []*workerpb.Input

	lead    time.Duration // that the processes need to begin together
	counted uint64        // frames
	cpu     time.Duration
}

// startBare starts n processes.
func startBare(ctx context.Context, worker string, n int, frames []frame.Frame, named []Named) (*bare, error) {
	var bytes int64
	for _, f := range frames {
		bytes += int64(len(f.Pix)) + 1<<12
	}
	for _, n := range named {
		bytes += int64(len(n.Data)) + 1<<12
	}
	arena, err := shm.Create(n+1, bytes)
	if err != nil {
		return nil, err
	}
	b := &bare{launcher: proc.NewLauncher(farm.DefaultNice), arena: arena, lead: 50 * time.Millisecond}
	err = b.fill(frames, named, shm.NewBudget("frames", bytes))
	if err == nil {
		err = b.start(ctx, worker, n)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bare) fill(frames []frame.Frame, named []Named, budget *shm.Budget) error {
	region, err := b.arena.Region(budget)
	if err != nil {
		return err
	}
	b.regions = append(b.regions, region)
	for _, f := range frames {
		block, err := b.place(region, f.Pix)
		if err != nil {
			return err
		}
		b.inputs = append(b.inputs, &workerpb.LoopInput{Geometry: workerpb.FromGeometry(f.Geometry), Block: block})
	}
	for _, n := range named {
		f := frame.Encoded(n.Data)
		block, err := b.place(region, f.Pix)
		if err != nil {
			return err
		}
		b.named = append(b.named, &workerpb.Input{Name: n.Name, Geometry: workerpb.FromGeometry(f.Geometry), Block: block})
	}
	return nil
}

func (b *bare) place(region *shm.Region, data []byte) (*workerpb.Block, error) {
	lease := region.TryLease(len(data))
	if lease == nil {
		return nil, fmt.Errorf("the bare loop: no memory for %d bytes more", len(data))
	}
	copy(lease.Bytes(), data)
	b.leases = append(b.leases, lease)
	return &workerpb.Block{Offset: uint64(lease.Offset()), Size: uint64(lease.Size())}, nil
}

func (b *bare) start(ctx context.Context, worker string, n int) error {
	for range n {
		region, err := b.arena.Region(shm.NewBudget("none", 1<<20))
		if err != nil {
			return err
		}
		b.regions = append(b.regions, region)
		w, err := b.launcher.Start(ctx, proc.Config{
			Path: worker, Arena: b.arena, Region: region, Lanes: 1, Threads: 1,
			StartTimeout: farm.DefaultStartTimeout, StallTimeout: farm.DefaultStallTimeout,
		})
		if err != nil {
			return err
		}
		b.workers = append(b.workers, w)
	}
	return nil
}

// run lets all processes loop at the same time and returns the frames a second of all together. Before and behind the time that
// counts they run for at least warm, so that none counts while another is not at it. Where one was later than that, all begin anew.
func (b *bare) run(ctx context.Context, pipeline string, warm, d time.Duration) (fps float64, err error) {
	warm = max(warm, 200*time.Millisecond)
	for range maxBegins {
		answers, err := b.loop(ctx, pipeline, warm, d)
		if err != nil {
			return 0, err
		}
		late := time.Duration(0)
		for _, a := range answers {
			late = max(late, time.Duration(a.LateNs)-time.Duration(a.RunNs)/time.Duration(a.Frames)) // a frame was under way
		}
		if late > warm {
			b.lead += late
			continue
		}
		for _, a := range answers {
			fps += float64(a.Frames) / time.Duration(a.RunNs).Seconds()
			b.counted, b.cpu = b.counted+a.Frames, b.cpu+time.Duration(a.CpuNs)
		}
		return fps, nil
	}
	return 0, fmt.Errorf("the bare loop's %d processes did not begin together in %d tries: the machine has too much else to do", len(b.workers), maxBegins)
}

const maxBegins = 5

func (b *bare) loop(ctx context.Context, pipeline string, warm, d time.Duration) ([]*workerpb.LoopResponse, error) {
	const patience = 30 * time.Second // for the last frames, and for the copies
	ctx, cancel := context.WithTimeout(ctx, b.lead+2*warm+d+patience)
	defer cancel()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return nil, err
	}
	begin := now.Nano() + int64(b.lead+warm)
	request := &workerpb.LoopRequest{
		Pipeline: pipeline, Inputs: b.inputs, Named: b.named, BeginNs: begin, EndNs: begin + int64(d), StopNs: begin + int64(d+warm),
	}
	answers := make([]*workerpb.LoopResponse, len(b.workers))
	group, ctx := errgroup.WithContext(ctx)
	for i, w := range b.workers {
		group.Go(func() (err error) {
			if answers[i], err = w.Service().Loop(ctx, request); err != nil {
				return explain(ctx, w, err)
			}
			if answers[i].Frames == 0 || answers[i].RunNs <= 0 {
				return fmt.Errorf("the bare loop: worker process %d says that it did %d frames in %d ns", w.PID(), answers[i].Frames, answers[i].RunNs)
			}
			return nil
		})
	}
	return answers, group.Wait()
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
