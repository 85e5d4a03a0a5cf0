package farm

import (
	"context"
	"slices"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// A worker gets jobs beforehand, so that it never waits for the coordinator: as many as it does in prefetchTime, but at least
// one and at most maxPrefetch.
const (
	prefetchTime = 4 * time.Millisecond
	maxPrefetch  = 128
)

// maxKnown is how many programs a worker keeps compiled.
const maxKnown = 256

// shift is a supervisor's time with one worker: the jobs in it and what it owes us. It belongs to the supervisor's goroutine.
type shift struct {
	*supervisor
	*hire
	wear

	suspect  *task                // waits until the worker is empty
	landed   []*flight            // those that have ended, to be used again
	request  workerpb.WorkRequest // for send alone
	parcels  parcels
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

	replies chan *workerpb.WorkResponse // in
	granted chan shm.Granted            // in
	revoke  chan uint64                 // in: jobs whose callers gave them up
}

// flight is a task in a worker.
type flight struct {
	*task
	output  *shm.Lease    // nil: none lent
	need    *shm.Request  // a larger output that it waits for
	asked   time.Time     // since when
	cost    time.Duration // that it was expected to take when it was sent
	began   time.Time     // zero: it waits behind another
	revoked time.Time     // when its caller gave it up; zero: it did not
	overdue bool          // it is the one whose deadline killed the worker
}

func newShift(s *supervisor, with *hire) *shift {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &shift{
		supervisor: s, hire: with, wear: newWear(s.farm.config, time.Now()), known: map[uint32]bool{}, kept: map[uint64][]uint32{}, keeping: map[uint32]int{}, timer: timer,
		replies: make(chan *workerpb.WorkResponse, 16), granted: make(chan shm.Granted, s.farm.lanes),
		revoke: make(chan uint64, maxPrefetch),
	}
}

// run feeds the worker until it ends, or until ctx does. It returns when the process has been reaped and every task is
// somebody else's again.
func (h *shift) run(ctx context.Context) proc.Exit {
	go h.receive()
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
		case h.relief = <-h.wantsRelief():
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
			h.armed = time.Time{}
			if !h.ending {
				h.checkDeadlines(time.Now())
			}
		case now := <-watch.C:
			h.look(now)
		case <-h.worker.Done():
			return h.stop(ctx, "", "")
		case <-ctx.Done():
			return h.stop(ctx, proc.CauseStop, "the farm closes")
		}
	}
}

// sources are the channels to take tasks from. A task that was tried before goes first: nobody has waited longer.
func (h *shift) sources() (retries, jobs chan *task) {
	switch {
	case h.ending || !h.hasRoom() || h.yields():
		return nil, nil
	case len(h.farm.retries) > 0:
		return h.farm.retries, nil
	}
	return h.farm.retries, h.farm.jobs
}

// yields reports whether a job would wait here for one that may take long, or hang, while another worker has nothing to do.
func (h *shift) yields() bool { return len(h.inFlight) >= h.farm.lanes && h.farm.idlers.Load() > 0 }

// took sends a task that was taken from the queue, or passes it on: the supervisor may have waited for it since before another
// worker had nothing to do.
func (h *shift) took(t *task) {
	if t.stream == nil && h.yields() {
		h.farm.retries <- t // has room for every job that workers can hold
		return
	}
	h.send(t)
}

// waits counts the worker among those that have nothing to do, or not.
func (h *shift) waits(idle bool) {
	switch {
	case idle && !h.idle:
		h.farm.idlers.Add(1)
	case !idle && h.idle:
		h.farm.idlers.Add(-1)
	}
	h.idle = idle
}

// summons is the channel that tells of tasks in the supervisor's streams.
func (h *shift) summons() <-chan struct{} {
	if h.ending || !h.hasRoom() {
		return nil
	}
	return h.called
}

// answerCall takes tasks from the supervisor's streams, and tells the worker which have ended.
func (h *shift) answerCall() {
	if t, ok := h.pull(); ok {
		h.send(t)
	} else if ended := h.farewell(); len(ended) > 0 {
		_ = h.worker.Send(&workerpb.WorkRequest{EndStreams: ended})
	}
	if !h.hasRoom() {
		h.call() // there may be more
	}
}

// farewell returns the streams that the worker is to forget, and lets go of the programs that it kept for them.
func (h *shift) farewell() []uint64 {
	ended := h.farm.streams.farewells(h.supervisor)
	for _, id := range ended {
		for _, p := range h.kept[id] {
			if h.keeping[p]--; h.keeping[p] == 0 {
				delete(h.keeping, p)
			}
		}
		delete(h.kept, id)
	}
	return ended
}

// keep remembers that a program keeps something for a stream.
func (h *shift) keep(t *task) {
	id, p := t.streamID(), t.program.id
	if id != 0 && t.program.stateful() && !slices.Contains(h.kept[id], p) {
		h.kept[id] = append(h.kept[id], p)
		h.keeping[p]++
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

// receive passes on what the worker says, until its stream ends, as it does at once when the process has.
func (h *shift) receive() {
	defer close(h.replies)
	for {
		reply, err := h.worker.Recv()
		if err != nil {
			return
		}
		h.replies <- reply
	}
}

// hasRoom reports whether the worker should get another job: one more than it can run, and beyond that as much as it does in
// prefetchTime, by what its pipelines took before. So at most one job waits behind a slow one that another worker could do.
func (h *shift) hasRoom() bool {
	n := len(h.inFlight)
	switch {
	case h.suspect != nil || h.leaving() || n > 0 && suspicious(h.inFlight[0].task):
		return false
	case n <= h.farm.lanes:
		return true
	}
	return h.load < prefetchTime && n < h.farm.lanes+maxPrefetch
}

// suspicious tasks have cost a worker before. Each gets a worker for itself: what was done before it is answered by then, and
// nothing behind it would have to be done again.
func suspicious(t *task) bool { return len(t.attempts) > 0 }

// send gives the worker a task, and with it whatever else waits in the queue and has room.
func (h *shift) send(t *task) {
	h.waits(false)
	req := &h.request
	req.Define, req.Forget, req.EndStreams, req.Jobs = nil, nil, h.farewell(), req.Jobs[:0]
	for more := true; more; t, more = h.pull() {
		if suspicious(t) && len(h.inFlight) > 0 {
			h.suspect = t
		} else {
			h.dispatch(req, t)
		}
	}
	if len(req.Jobs) == 0 {
		return
	}
	now := time.Now()
	h.begin(now)
	if err := h.worker.Send(req); err != nil {
		return // it is ending: Done will tell
	}
}

// pull returns a waiting task, retries first, while there is room for one.
func (h *shift) pull() (*task, bool) {
	if !h.hasRoom() {
		return nil, false
	}
	retries, jobs := h.farm.retries, h.farm.jobs
	if h.yields() {
		retries, jobs = nil, nil
	}
	select {
	case t := <-retries:
		return t, true
	default:
	}
	if t, ok := h.farm.streams.next(h.supervisor, h.farm.lanes); ok {
		return t, true
	}
	select {
	case t := <-jobs:
		return t, true
	default:
		return nil, false
	}
}

// dispatch adds a task to a message and lends it its output.
func (h *shift) dispatch(req *workerpb.WorkRequest, t *task) {
	if !t.future.startsIn(h) {
		t.left(h.farm, nil)
		t.fail(h.farm, fates[gaveUp].code, "cancelled by the caller")
		return
	}
	if !h.known[t.program.id] {
		h.teach(req, t.program)
	}
	h.keep(t)
	fl := h.board(t)
	h.load += fl.cost
	if n := t.predict(); n > 0 {
		fl.output = h.region.TryLease(n) // without one the worker asks when it needs it
	}
	h.inFlight = append(h.inFlight, fl)
	req.Jobs = append(req.Jobs, h.parcels.pack(len(req.Jobs), fl))
}

// board makes a task a flight.
func (h *shift) board(t *task) *flight {
	fl := &flight{}
	if n := len(h.landed); n > 0 {
		fl, h.landed = h.landed[n-1], h.landed[:n-1]
	}
	*fl = flight{task: t, cost: t.program.pace()}
	return fl
}

// teach defines a program, and when the worker knows too many, lets it forget those that no job in it needs and that keep
// nothing for a stream.
func (h *shift) teach(req *workerpb.WorkRequest, p *program) {
	if len(h.known) >= maxKnown {
		needed := map[uint32]bool{}
		for id := range h.keeping {
			needed[id] = true
		}
		for _, fl := range h.inFlight {
			needed[fl.program.id] = true
		}
		for id := range h.known {
			if !needed[id] {
				req.Forget = append(req.Forget, id)
				delete(h.known, id)
			}
		}
	}
	h.known[p.id] = true
	req.Define = append(req.Define, p.define())
}

// begin stamps the flights that are in a lane now, and arms the timer for their deadlines.
func (h *shift) begin(now time.Time) {
	for _, fl := range h.inFlight[:min(h.farm.lanes, len(h.inFlight))] {
		if fl.began.IsZero() {
			fl.began = now
			due, _ := fl.due()
			h.arm(now, due)
		}
	}
	h.showBusy()
}

// arm makes the timer fire at the deadline at the latest. It is not set back when a job ends in time: firing early costs less.
func (h *shift) arm(now, deadline time.Time) {
	if h.armed.IsZero() || deadline.Before(h.armed) {
		h.armed = deadline
		h.timer.Reset(deadline.Sub(now))
	}
}

// cancelGrace is how long a job goes on after its caller gave it up. Most end by themselves, which costs less than a worker.
const cancelGrace = 100 * time.Millisecond

// revoked handles a job whose caller gave it up.
func (h *shift) revoked(id uint64, now time.Time) {
	if fl := h.find(id); fl != nil {
		fl.revoked = now
		h.arm(now, now.Add(cancelGrace))
	}
}

// due is when a flight in a lane must be over, and what it is if it is not.
func (fl *flight) due() (time.Time, happening) {
	deadline := fl.began.Add(fl.timeout)
	if fl.revoked.IsZero() {
		return deadline, late
	}
	cancel := fl.revoked.Add(cancelGrace)
	if fl.began.After(fl.revoked) {
		cancel = fl.began.Add(cancelGrace)
	}
	if cancel.Before(deadline) {
		return cancel, gaveUp
	}
	return deadline, late
}

// checkDeadlines kills a worker with an overdue job, and refuses memory to a job that waited too long for it.
func (h *shift) checkDeadlines(now time.Time) {
	for _, fl := range h.inFlight[:min(h.farm.lanes, len(h.inFlight))] {
		due, what := fl.due()
		if now.Before(due) {
			h.arm(now, due)
			continue
		}
		if fl.need == nil {
			h.overdue(fl, what)
			return
		}
		if fl.need.Cancel() {
			h.refuseMemory(fl, now)
		}
	}
}

// overdue kills the worker for a flight that passed its deadline. Where the worker's report says that it is not at that job, it
// has not begun it or does not send the answer: it is stopped, or wedged. Then nobody was late.
func (h *shift) overdue(fl *flight, what happening) {
	if !h.reported()[fl] {
		h.kill(stalled, fl, describe(fl)+": the worker is not at it, and does not answer")
		return
	}
	fl.overdue = true
	h.kill(what, fl, "")
}

func (h *shift) kill(why happening, fl *flight, detail string) {
	if fl != nil && detail == "" {
		detail = describe(fl)
	}
	h.ending, h.deaf = true, true
	h.worker.Kill(fates[why].kill, detail)
}

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
	i := slices.Index(h.inFlight, fl)
	h.inFlight = slices.Delete(h.inFlight, i, i+1)
}

// land lets a flight that was removed be used again.
func (h *shift) land(fl *flight) { h.landed = append(h.landed, fl) }
