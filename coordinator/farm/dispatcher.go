package farm

import (
	"context"
	"slices"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// dispatcher gives jobs to one worker and hears its answers. It belongs to the supervisor's goroutine.
type dispatcher struct {
	*supervisor
	*instance
	wear

	suspect  *task                // waits until the worker is empty
	reusable []*flight            // those that have ended, to be used again
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
	looked   time.Time           // for slept

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

func newDispatcher(s *supervisor, with *instance) *dispatcher {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	d := &dispatcher{
		supervisor: s, instance: with, wear: newWear(s.farm.config, time.Now()), known: map[uint32]bool{}, kept: map[uint64][]uint32{}, keeping: map[uint32]int{}, timer: timer,
		replies: make(chan *workerpb.WorkResponse, 16), granted: make(chan shm.Granted, s.farm.lanes),
		revoke: make(chan uint64, s.farm.lanes+maxPrefetch), looked: time.Now(), claims: with.region.Claims(),
	}
	for i := range shm.MaxClaims {
		d.unused = append(d.unused, i+1)
	}
	return d
}

// run feeds the worker until it ends, or until ctx does. It returns when the process has been reaped and every task is
// somebody else's again.
func (d *dispatcher) run(ctx context.Context) proc.Exit {
	go d.worker.Receive(d.replies)
	d.call() // for what its streams had before it came
	defer d.timer.Stop()
	watch := time.NewTicker(d.farm.config.watchTick())
	defer watch.Stop()
	defer d.waits(false)
	d.farm.serving.Add(1)
	defer d.farm.serving.Add(-1)
	for {
		if d.replaced() {
			return d.stop(ctx, proc.CauseRecycle, d.due)
		}
		retries, jobs := d.sources()
		d.waits(jobs != nil && len(d.inFlight) == 0)
		select {
		case t := <-retries:
			d.took(t)
		case t := <-jobs:
			d.took(t)
		case spare := <-d.wantsReplacement():
			d.replacement = spare.accept(nil)
		case reply, ok := <-d.replies:
			if !ok { // the worker is ending, Done follows; nothing more can be sent
				d.ending, d.replies = true, nil
				d.worker.Doom()
				continue
			}
			d.replied(reply)
		case <-d.summons():
			d.answerCall()
		case g := <-d.granted:
			d.grant(g)
		case id := <-d.revoke:
			d.abandon(id, time.Now())
		case <-d.timer.C:
			d.timerFired(time.Now())
		case now := <-watch.C:
			d.look(now)
		case <-d.worker.Done():
			return d.stop(ctx, "", "")
		case <-ctx.Done():
			return d.stop(ctx, proc.CauseStop, "the farm closes")
		}
	}
}

// stop ends the worker, unless it has ended: at once where jobs are in it, else in good order. Replies that are on their way are
// heard first: what it finished need not be done again.
func (d *dispatcher) stop(ctx context.Context, cause proc.Cause, detail string) proc.Exit {
	d.ending = true
	if len(d.inFlight) > 0 && cause != "" {
		d.deaf = true
		d.worker.Kill(cause, detail)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	d.worker.Quit(ctx, cause, detail)
	for d.replies != nil {
		reply, ok := <-d.replies
		if !ok {
			break
		}
		d.replied(reply)
	}
	return d.over(d.worker.Stop(ctx))
}

// stopGrace is how long an idle worker may take to end by itself.
const stopGrace = 2 * time.Second

// showBusy keeps the status in step.
func (d *dispatcher) showBusy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.State = Idle
	if len(d.inFlight) > 0 {
		d.status.State = Busy
	}
}

// find returns the flight of a job, or nil.
func (d *dispatcher) find(id uint64) *flight {
	for _, fl := range d.inFlight {
		if fl.id == id {
			return fl
		}
	}
	return nil
}

// remove ends a flight.
func (d *dispatcher) remove(fl *flight) {
	d.load -= fl.cost
	d.unclaim(fl)
	i := slices.Index(d.inFlight, fl)
	d.inFlight = slices.Delete(d.inFlight, i, i+1)
}

// reuse lets a flight that was removed be used again.
func (d *dispatcher) reuse(fl *flight) { d.reusable = append(d.reusable, fl) }
