package farm

import (
	"slices"
	"time"

	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// This file is how tasks get into a worker.

// A worker gets jobs beforehand, so that it never waits for the coordinator: as many as it does in prefetchTime, but at least
// one and at most maxPrefetch.
const (
	prefetchTime = 6 * time.Millisecond
	maxPrefetch  = 128
)

// maxKnown is how many programs a worker keeps compiled.
const maxKnown = 256

// sources are the channels to take tasks from.
func (d *dispatcher) sources() (retries, jobs chan *task) {
	if d.ending || !d.hasRoom() || d.yields() || d.served() {
		return nil, nil
	}
	return d.farm.retries, d.farm.jobs
}

// yields reports whether a job would wait here for one that may take long, or hang, while another worker has nothing to do.
func (d *dispatcher) yields() bool {
	return len(d.inFlight) >= d.farm.lanes && d.farm.idlers.Load() > 0
}

// took sends a task that was taken from the queue, or passes it on: the supervisor may have waited for it since before another
// worker had nothing to do.
func (d *dispatcher) took(t *task) {
	if t.stream == nil && d.yields() && d.farm.handBack(t) {
		return
	}
	d.send(t)
}

// handBack lets another worker have a task. It reports false where nothing can be handed back, which would block.
func (f *Farm) handBack(t *task) bool {
	select {
	case f.retries <- t:
		return true
	default:
		return false
	}
}

// waits counts the worker among those that have nothing to do, or not.
func (d *dispatcher) waits(idle bool) {
	switch {
	case idle && !d.idle:
		d.farm.idlers.Add(1)
	case !idle && d.idle:
		d.farm.idlers.Add(-1)
	}
	d.idle = idle
}

// summons is the channel that tells of tasks in the supervisor's streams.
func (d *dispatcher) summons() <-chan struct{} {
	if d.ending || !d.hasRoom() {
		return nil
	}
	return d.called
}

// answerCall takes tasks from the supervisor's streams, and tells the worker which have ended.
func (d *dispatcher) answerCall() {
	if t, ok := d.pull(); ok {
		d.send(t)
	} else if ended := d.farewell(); len(ended) > 0 {
		_ = d.worker.Send(&workerpb.WorkRequest{EndStreams: ended})
	}
	if !d.hasRoom() {
		d.call() // there may be more
	}
}

// farewell returns the streams that the worker is to forget, and lets go of the programs that it kept for them.
func (d *dispatcher) farewell() []uint64 {
	ended := d.farm.streams.farewells(d.supervisor)
	for _, id := range ended {
		for _, p := range d.kept[id] {
			if d.keeping[p]--; d.keeping[p] == 0 {
				delete(d.keeping, p)
			}
		}
		delete(d.kept, id)
	}
	return ended
}

// keep remembers that a program keeps something for a stream.
func (d *dispatcher) keep(t *task) {
	id, p := t.streamID(), t.program.id
	if id != 0 && t.program.stateful() && !slices.Contains(d.kept[id], p) {
		d.kept[id] = append(d.kept[id], p)
		d.keeping[p]++
	}
}

// hasRoom reports whether the worker should get another job: one more than it can run, and beyond that as much as it does in
// prefetchTime, by what its pipelines took before. So at most one job waits behind a slow one that another worker could do.
func (d *dispatcher) hasRoom() bool {
	n := len(d.inFlight)
	switch {
	case d.suspect != nil || d.leaving() || n > 0 && suspicious(d.inFlight[0].task):
		return false
	case n == 0: // it reads what is there
		return true
	case d.worker.Crowded():
		return false
	case n <= d.farm.lanes:
		return true
	}
	return d.load < prefetchTime && n < d.farm.lanes+maxPrefetch
}

// served reports whether the worker has its share of the jobs that are under way, and one beforehand. While there are few, one that
// took more would leave another with nothing to do between its jobs. Those of streams no other can do.
func (d *dispatcher) served() bool {
	n := len(d.inFlight)
	return n > d.farm.lanes && n >= d.farm.share()
}

// share is how many of the jobs that are under way a worker has where all have as many.
func (f *Farm) share() int {
	workers := max(1, int(f.serving.Load()))
	return (int(f.unanswered.Load()) + workers - 1) / workers
}

// suspicious tasks have cost a worker before. Each gets a worker for itself: what was done before it is answered by then, and
// nothing behind it would have to be done again.
func suspicious(t *task) bool { return len(t.attempts) > 0 }

// send gives the worker a task, and with it whatever else waits in the queue and has room.
func (d *dispatcher) send(t *task) {
	d.waits(false)
	req := &d.request
	req.Define, req.Forget, req.EndStreams, req.Jobs = nil, nil, d.farewell(), req.Jobs[:0]
	for more := true; more; t, more = d.pull() {
		if suspicious(t) && len(d.inFlight) > 0 {
			d.suspect = t
		} else {
			d.dispatch(req, t)
		}
	}
	now := time.Now()
	if len(req.Jobs) == 0 {
		d.lookSoon(now)
		return
	}
	d.begin(now)
	if err := d.worker.Send(req); err != nil {
		return // it is ending: Done will tell
	}
}

// pull returns a waiting task, retries first, while there is room for one.
func (d *dispatcher) pull() (*task, bool) {
	if !d.hasRoom() {
		return nil, false
	}
	retries, jobs := d.farm.retries, d.farm.jobs
	if d.yields() || d.served() {
		retries, jobs = nil, nil
	}
	select {
	case t := <-retries:
		return t, true
	default:
	}
	if t, ok := d.farm.streams.next(d.supervisor, d.farm.lanes); ok {
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
func (d *dispatcher) dispatch(req *workerpb.WorkRequest, t *task) {
	if !t.future.startsIn(d) {
		t.left(d.farm, nil)
		t.fail(d.farm, fates[gaveUp].code, "cancelled by the caller")
		return
	}
	if !d.known[t.program.id] {
		d.teach(req, t.program)
	}
	d.keep(t)
	fl := d.newFlight(t)
	d.load += fl.cost
	if n := t.predict(); n > 0 {
		fl.output = d.region.TryLease(n) // without one the worker asks when it needs it
	}
	d.claim(fl)
	d.inFlight = append(d.inFlight, fl)
	req.Jobs = append(req.Jobs, d.parcels.pack(len(req.Jobs), fl))
}

// newFlight makes a task a flight.
func (d *dispatcher) newFlight(t *task) *flight {
	n := len(d.reusable)
	if n == 0 {
		return &flight{task: t, cost: t.program.pace()}
	}
	fl := d.reusable[n-1]
	d.reusable = d.reusable[:n-1]
	*fl = flight{task: t, cost: t.program.pace()}
	return fl
}

// teach defines a program, and when the worker knows too many, lets it forget those that no job in it needs and that keep
// nothing for a stream.
func (d *dispatcher) teach(req *workerpb.WorkRequest, p *program) {
	if len(d.known) >= maxKnown {
		needed := map[uint32]bool{}
		for id := range d.keeping {
			needed[id] = true
		}
		for _, fl := range d.inFlight {
			needed[fl.program.id] = true
		}
		for id := range d.known {
			if !needed[id] {
				req.Forget = append(req.Forget, id)
				delete(d.known, id)
			}
		}
	}
	d.known[p.id] = true
	req.Define = append(req.Define, p.define())
}
