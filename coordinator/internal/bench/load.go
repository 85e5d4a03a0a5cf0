package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// load feeds a farm with frames, always as many at a time.
type load struct {
	farm     *farm.Farm
	pipeline string
	frames   []frame.Frame // in the farm's memory, or in Go's
	inFlight int

	latency *hdrhistogram.Histogram // in nanoseconds
	steps   []time.Duration         // in all
	counted int                     // frames
	cpu     time.Duration           // of this process
	inOps   time.Duration           // CPU time of the workers

	waiting chan sent
	next    uint64
}

type sent struct {
	at     time.Time
	future *farm.Future
}

func newLoad(f *farm.Farm, pipeline string, frames []frame.Frame, inFlight int) *load {
	return &load{
		farm: f, pipeline: pipeline, frames: frames, inFlight: inFlight, latency: newHistogram(),
		waiting: make(chan sent, inFlight),
	}
}

// run feeds the farm uncounted for warm, then counted for d, and adds to what was measured before. It returns the frames a
// second of this run. The end of a worker meanwhile is an error: its CPU time is lost with it.
func (l *load) run(ctx context.Context, warm, d time.Duration) (fps float64, err error) {
	restarts := l.farm.Snapshot().Restarts
	defer func() {
		if err = l.drain(ctx, err); err == nil {
			err = l.undisturbed(restarts)
		}
	}()
	if _, err := l.feed(ctx, warm, nil); err != nil {
		return 0, err
	}
	cpu, inOps, began := cpuTime(0), l.workersCPU(), time.Now()
	n, err := l.feed(ctx, d, l.record)
	took := time.Since(began)
	l.counted, l.cpu, l.inOps = l.counted+n, l.cpu+cpuTime(0)-cpu, l.inOps+l.workersCPU()-inOps
	return float64(n) / took.Seconds(), err
}

// feed submits and waits for that long, and for one frame at least.
func (l *load) feed(ctx context.Context, d time.Duration, record func(sent, *farm.Result)) (n int, err error) {
	for began := time.Now(); n == 0 || time.Since(began) < d; n++ {
		for len(l.waiting) < l.inFlight {
			if err := l.submit(ctx); err != nil {
				return n, err
			}
		}
		s := <-l.waiting
		r, err := s.future.Wait(ctx)
		if err != nil {
			return n, err
		}
		if record != nil {
			record(s, r)
		}
		r.Release()
	}
	return n, nil
}

func (l *load) submit(ctx context.Context) error {
	f := farm.Share(l.frames[l.next%uint64(len(l.frames))])
	f.Index = l.next
	l.next++
	at := time.Now()
	future, err := l.farm.Submit(ctx, farm.Job{Pipeline: l.pipeline, Frame: f})
	if err == nil {
		l.waiting <- sent{at, future}
	}
	return err
}

func (l *load) record(s sent, r *farm.Result) {
	_ = l.latency.RecordValue(min(int64(time.Since(s.at)), l.latency.HighestTrackableValue()))
	if len(l.steps) < len(r.Steps) {
		l.steps = append(l.steps, make([]time.Duration, len(r.Steps)-len(l.steps))...)
	}
	for i, d := range r.Steps {
		l.steps[i] += d
	}
}

// drain waits for what is under way, which is not counted.
func (l *load) drain(ctx context.Context, err error) error {
	for len(l.waiting) > 0 {
		r, failed := (<-l.waiting).future.Wait(ctx)
		if failed == nil {
			r.Release()
		} else if err == nil {
			err = failed
		}
	}
	return err
}

// undisturbed is an error where a worker ended since.
func (l *load) undisturbed(restarts uint64) error {
	s := l.farm.Snapshot()
	if s.Restarts == restarts {
		return nil
	}
	for _, w := range s.Workers {
		if w.LastExit != nil {
			return fmt.Errorf("the measurement is void, for a worker ended meanwhile: %v", w.LastExit)
		}
	}
	return fmt.Errorf("the measurement is void, for a worker ended meanwhile")
}

// newHistogram holds durations of up to an hour, in nanoseconds, to three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(time.Hour), 3) }

// workersCPU is the CPU time of the farm's workers.
func (l *load) workersCPU() (sum time.Duration) {
	for _, w := range l.farm.Snapshot().Workers {
		if w.PID != 0 {
			sum += cpuTime(w.PID)
		}
	}
	return sum
}

// cpuTime is that of a process so far; pid 0 is this one. The kernel numbers the clocks of processes so (clock_getcpuclockid).
func cpuTime(pid int) time.Duration {
	const scheduler = 2
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|scheduler), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
