package farm

import (
	"context"
	"slices"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// shift is a supervisor's time with one worker: the jobs in it and what it owes us. It belongs to the supervisor's goroutine.
type shift struct {
	*supervisor
	*hire
	wear

	suspect  *task                // waits until the worker is empty
	landed   []*flight            // those that have ended, to be used again
	request  workerpb.WorkRequest // for send alone
	parcels  parcels
	claims   shm.Claims
	unused   []int               // claims
	inFlight []*flight           // in the order in which they were sent, which is that in which the worker begins them
	known    map[uint32]bool     // programs that the worker has
	kept     map[uint64][]uint32 // the programs that keep something for a stream
	keeping  map[uint32]int      // for how many streams a program does
	load     time.Duration       // what the flights are expected to take
	idle     bool                // it waits for jobs and has none; counted in farm.idlers
	ending   bool                // no job may be sent any more
	deaf     bool                // we ordered its end: what it says now comes too late
	timer    *time.Timer         // for the earliest deadline, or earlier
	armed    time.Time           // when the timer fires; zero when it does not
	patience time.Duration       // after which to look for answers

	replies chan *workerpb.WorkResponse // in
	granted chan shm.Granted            // in
	revoke  chan uint64                 // in: jobs whose callers gave them up
}

// flight is a task in a worker.
type flight struct {
	*task
	claim   int           // by which it can be recalled, from 1; 0: it cannot
	output  *shm.Lease    // nil: none lent
	need    *shm.Request  // a larger output that it waits for
	denied  error         // why it got none
	asked   time.Time     // since when
	cost    time.Duration // that it was expected to take when it was sent
	began   time.Time     // zero: it waits behind another
	revoked time.Time     // when its caller gave it up; zero: it did not
	overdue bool          // it is the one whose deadline killed the worker
}

func newShift(s *supervisor, with *hire) *shift {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	h := &shift{
		supervisor: s, hire: with, wear: newWear(s.farm.config, time.Now()), known: map[uint32]bool{}, kept: map[uint64][]uint32{}, keeping: map[uint32]int{}, timer: timer,
		replies: make(chan *workerpb.WorkResponse, 16), granted: make(chan shm.Granted, s.farm.lanes),
		revoke: make(chan uint64, s.farm.lanes+maxPrefetch), claims: with.region.Claims(),
	}
	for i := range shm.MaxClaims {
		h.unused = append(h.unused, i+1)
	}
	return h
}

// run feeds the worker until it ends, or until ctx does. It returns when the process has been reaped and every task is
// somebody else's again.
func (h *shift) run(ctx context.Context) proc.Exit {
	go h.worker.Receive(h.replies)
	h.call() // for what its streams had before it came
	defer h.timer.Stop()
	watch := time.NewTicker(h.farm.config.watchTick())
	defer watch.Stop()
	defer h.waits(false)
	for {
		if h.relieved() {
			return h.stop(ctx, proc.CauseRecycle, h.due)
		}
		retries, jobs := h.sources()
		h.waits(jobs != nil && len(h.inFlight) == 0)
		select {
		case t := <-retries:
			h.took(t)
		case t := <-jobs:
			h.took(t)
		case spare := <-h.wantsRelief():
			h.relief = spare.accept(nil)
		case reply, ok := <-h.replies:
			if !ok { // the worker is ending, Done follows; nothing more can be sent
				h.ending, h.replies = true, nil
				h.worker.Doom()
				continue
			}
			h.replied(reply)
		case <-h.summons():
			h.answerCall()
		case g := <-h.granted:
			h.grant(g)
		case id := <-h.revoke:
			h.revoked(id, time.Now())
		case <-h.timer.C:
			h.timerFired(time.Now())
		case now := <-watch.C:
			h.look(now)
		case <-h.worker.Done():
			return h.stop(ctx, "", "")
		case <-ctx.Done():
			return h.stop(ctx, proc.CauseStop, "the farm closes")
		}
	}
}

// stop ends the worker, unless it has ended: at once where jobs are in it, else in good order. Replies that are on their way are
// heard first: what it finished need not be done again.
func (h *shift) stop(ctx context.Context, cause proc.Cause, detail string) proc.Exit {
	h.ending = true
	if len(h.inFlight) > 0 && cause != "" {
		h.deaf = true
		h.worker.Kill(cause, detail)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	h.worker.Quit(ctx, cause, detail)
	for h.replies != nil {
		reply, ok := <-h.replies
		if !ok {
			break
		}
		h.replied(reply)
	}
	return h.over(h.worker.Stop(ctx))
}

// stopGrace is how long an idle worker may take to end by itself.
const stopGrace = 2 * time.Second

// showBusy keeps the status in step.
func (h *shift) showBusy() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.State = Idle
	if len(h.inFlight) > 0 {
		h.status.State = Busy
	}
}

// find returns the flight of a job, or nil.
func (h *shift) find(id uint64) *flight {
	for _, fl := range h.inFlight {
		if fl.id == id {
			return fl
		}
	}
	return nil
}

// remove ends a flight.
func (h *shift) remove(fl *flight) {
	h.load -= fl.cost
	h.unclaim(fl)
	i := slices.Index(h.inFlight, fl)
	h.inFlight = slices.Delete(h.inFlight, i, i+1)
}

// land lets a flight that was removed be used again.
func (h *shift) land(fl *flight) { h.landed = append(h.landed, fl) }
