package farm

import (
	"context"
	"time"
)

// This file is how deadlines of workers are kept fair where this process did not run for a while: it was stopped (SIGSTOP, Ctrl-Z, a
// debugger), or frozen, or had no CPU. What a worker said meanwhile has not been heard yet.

// awakeStep is how often withinAwake looks at the clock. A step that took twice as long is not counted.
const awakeStep = 500 * time.Millisecond

// withinAwake is context.WithTimeout, but counts only time in which this process ran: where that is always late, there is no end.
func withinAwake(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for left := timeout; left > 0 && ctx.Err() == nil; {
			began := time.Now()
			wait(ctx, min(left, awakeStep))
			if took := time.Since(began); took < 2*awakeStep {
				left -= took
			}
		}
	}()
	return ctx, cancel
}

// slept is called now and then, and moves the deadlines of a worker's flights by the time for which it was not.
func (d *dispatcher) slept(now time.Time) {
	missed := now.Sub(d.looked)
	d.looked = now
	if missed < 2*d.farm.config.watchTick() {
		return
	}
	for _, fl := range d.inFlight {
		for _, at := range []*time.Time{&fl.began, &fl.asked, &fl.revoked} {
			*at = later(*at, missed, now)
		}
	}
}

// later moves a time, but not beyond now, nor one that is zero.
func later(t time.Time, by time.Duration, now time.Time) time.Time {
	switch {
	case t.IsZero():
		return t
	case now.Sub(t) < by:
		return now
	}
	return t.Add(by)
}

// pulse is for how long a worker has shown no sign of life.
type pulse struct {
	beats  uint64
	looked time.Time
	silent time.Duration
}

// lost says for how long there was none, where that is more than the limit; else it is 0. It is asked more often than four times
// within the limit: where it was not, less is counted than went by.
func (p *pulse) lost(beats uint64, now time.Time, limit time.Duration) time.Duration {
	passed := min(now.Sub(p.looked), limit/4)
	p.looked = now
	if beats != p.beats {
		p.beats, p.silent = beats, 0
		return 0
	}
	if p.silent += passed; p.silent > limit {
		return p.silent
	}
	return 0
}
