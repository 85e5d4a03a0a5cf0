package farm

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/coordinator/internal/restart"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// State is what a supervisor is doing.
type State string

// The states of a supervisor.
const (
	Starting State = "starting" // a worker is being started
	Idle     State = "idle"     // a worker waits for jobs
	Busy     State = "busy"     // a worker runs jobs
	Backoff  State = "backoff"  // waiting before the next start
	Broken   State = "broken"   // waiting long, with the breaker open
	Stopped  State = "stopped"  // the farm is closed
)

// supervisor owns one worker at a time: it starts it, feeds it, notices its end, waits, and starts the next. Everything but
// status belongs to the goroutine in run.
type supervisor struct {
	farm        *Farm
	number      int
	breaker     *restart.Breaker
	recent      [maxPrefetch]*Future // whose answers came last, for spill
	newest      int
	failed      int           // starts in a row
	answered    bool          // the last worker answered a job
	blamed      bool          // the last worker ended with jobs in it, which answer for that
	replacement *instance     // the worker that takes over from one that is recycled
	called      chan struct{} // holds one while there is something in its streams
	first       func(error)   // gets the outcome of the first start; nil afterwards

	// Guarded by farm.streams.
	streams   []*stream
	farewells []uint64 // streams that the worker may forget
	adrift    bool     // it cannot get a worker

	mu     sync.Mutex // guards status
	status WorkerStatus
}

func newSupervisor(f *Farm, number int, first func(error)) *supervisor {
	return &supervisor{
		farm: f, number: number, first: first, called: make(chan struct{}, 1),
		breaker: restart.NewBreaker(restart.Policy{}, rand.Float64),
		status:  WorkerStatus{Number: number, State: Starting, Breaker: Closed},
	}
}

// run is the life of the supervisor, until ctx ends.
func (s *supervisor) run(ctx context.Context) {
	defer s.become(Stopped, 0)
	for ctx.Err() == nil {
		s.become(Starting, 0)
		s.breaker.Started()
		s.showBreaker(nil)
		exit, err := s.oneWorker(ctx)
		stopping := ctx.Err() != nil
		if !stopping || err == nil && exit.Cause != proc.CauseStop { // an end that nobody ordered is told, however late
			s.ended(exit, err)
		}
		if stopping {
			break
		}
		switch {
		case err == nil && s.answered: // it did something before it ended: the next one may do better
		case err == nil && s.blamed:
			s.pause(ctx, s.breaker.Blamed())
		case exit.Cause != proc.CauseRecycle:
			wait := s.breaker.Failed(time.Now())
			s.showBreaker(err)
			s.backOff(ctx, wait, err)
		}
	}
	s.report(ctx.Err())
	if s.replacement != nil {
		s.replacement.dismiss()
	}
}

// oneWorker is the life of one worker: its exit, or the error of its start, which takes the same road.
func (s *supervisor) oneWorker(ctx context.Context) (proc.Exit, error) {
	in, err := s.next(ctx)
	if err != nil {
		if s.failed++; s.failed >= firstTries || fatal(err) {
			s.report(err)
		}
		return exitOf(err), err
	}
	defer in.region.Retire()
	s.failed, s.answered, s.blamed = 0, false, false
	s.farm.streams.adopt(s)
	s.become(Idle, in.worker.PID())
	s.report(nil) // now that Snapshot tells of it
	s.farm.events.send(Event{Kind: WorkerReady, Worker: s.number, PID: in.worker.PID(), Spare: in.spare, Since: in.ready})
	s.farm.config.Log.Info("worker ready", "worker", s.number, "pid", in.worker.PID())
	return newDispatcher(s, in).run(ctx), nil
}

// firstTries is how often a first worker may fail to start before Start hears of it: one may have been killed from outside.
const firstTries = 3

// fatal reports whether another try cannot help, or would keep the caller waiting as long as the first.
func fatal(err error) bool {
	var start *proc.StartError
	if !errors.As(err, &start) || start.Fatal {
		return true
	}
	cause := start.Exit.Cause
	return cause != proc.CauseExited && cause != proc.CauseStalled
}

// next returns a worker: the one that replaced the last, the spare, or a new one. Where a spare is on its way, the first to be
// ready counts, and the other becomes the spare.
func (s *supervisor) next(ctx context.Context) (*instance, error) {
	if in := s.replacement; in != nil {
		s.replacement = nil
		return in, nil
	}
	select {
	case spare := <-s.farm.spares:
		return spare.accept(nil), nil
	default:
	}
	own := s.farm.begin(ctx)
	select {
	case spare := <-s.farm.spares:
		return spare.accept(own), nil
	case <-own.done:
		return own.instance, own.err
	}
}

// report tells Start how the first start went.
func (s *supervisor) report(err error) {
	if s.first != nil {
		s.first(err)
		s.first = nil
	}
}

// worker says how this farm's workers are started.
func (f *Farm) worker(r *shm.Region, lanes int) proc.Config {
	return proc.Config{
		Path: f.config.Worker, Env: append(limits(f.config), f.config.WorkerEnv...), Arena: f.arena, Region: r,
		Lanes: lanes, Threads: f.config.Threads, StartTimeout: f.config.StartTimeout, StallTimeout: f.config.StallTimeout,
		MemoryCap: f.config.MemoryCap, Shared: f.config.Memory,
	}
}

func (s *supervisor) ended(exit proc.Exit, err error) {
	recycled := exit.Cause == proc.CauseRecycle
	s.mu.Lock()
	s.status.LastExit = &exit
	if !recycled {
		s.status.Restarts++
	}
	s.mu.Unlock()
	s.farm.count(func(c *Counts) {
		if recycled {
			c.Recycles++
		} else {
			c.Restarts++
		}
	})
	s.farm.events.send(Event{Kind: WorkerEnded, Worker: s.number, PID: exit.PID, Exit: &exit, Err: err})
	level := slog.LevelWarn
	if recycled {
		level = slog.LevelInfo
	}
	s.farm.config.Log.Log(context.Background(), level, "worker ended", "worker", s.number, "exit", exit.String(), "err", err)
}

// pause waits before the next start, and before a spare that is ready.
func (s *supervisor) pause(ctx context.Context, d time.Duration) {
	if d > 0 {
		s.become(Backoff, 0)
		wait(ctx, d)
	}
}

// backOff waits before the next start, or until there is a worker that need not be started. While no worker can be had at all,
// it answers jobs instead of letting them wait.
func (s *supervisor) backOff(ctx context.Context, wait time.Duration, err error) {
	state, spares := Backoff, s.farm.spares
	if s.breaker.State() != Closed {
		state, spares = Broken, nil
	}
	if state == Broken && err != nil {
		s.farm.despair(err)
		defer s.farm.hope()
		s.farm.streams.abandon(s)
	}
	if s.replacement != nil {
		return
	}
	s.become(state, 0)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		hopeless, changed, why := s.farm.hopeless()
		var jobs, retries chan *task
		var called chan struct{}
		if hopeless {
			jobs, retries, called = s.farm.jobs, s.farm.retries, s.called
		}
		select {
		case <-changed:
		case t := <-jobs:
			s.refuse(t, why)
		case t := <-retries:
			s.refuse(t, why)
		case <-called:
			s.refuseStreams(why)
		case spare := <-spares:
			s.replacement = spare.accept(nil)
			return
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// refuse answers a task that no worker can be had for, unless one came to be had meanwhile.
func (s *supervisor) refuse(t *task, why error) {
	if hopeless, _, _ := s.farm.hopeless(); !hopeless {
		s.farm.retries <- t // has room for every task that workers can hold, and we have none
		return
	}
	t.left(s.farm, nil)
	t.fail(s.farm, fates[noWorker].code, "no worker can be had: "+why.Error())
}

// refuseStreams answers what waits in the supervisor's streams.
func (s *supervisor) refuseStreams(why error) {
	for {
		if hopeless, _, _ := s.farm.hopeless(); !hopeless {
			s.call()
			return
		}
		t, ok := s.farm.streams.next(s, 1)
		if !ok {
			return
		}
		t.left(s.farm, nil)
		t.fail(s.farm, fates[noWorker].code, "no worker can be had: "+why.Error())
	}
}

// showBreaker keeps the status in step with the breaker. err is why it changed, where that is known.
func (s *supervisor) showBreaker(err error) {
	state := s.breaker.State()
	s.mu.Lock()
	changed := s.status.Breaker != state
	s.status.Breaker = state
	s.mu.Unlock()
	if changed {
		s.farm.events.send(Event{Kind: BreakerChanged, Worker: s.number, Breaker: state, Err: err})
	}
}

func (s *supervisor) become(state State, pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.State, s.status.PID = state, pid
}

func exitOf(err error) proc.Exit {
	if start, ok := err.(*proc.StartError); ok {
		return start.Exit
	}
	return proc.Exit{Cause: proc.CauseStart, Code: -1, Detail: err.Error()}
}
