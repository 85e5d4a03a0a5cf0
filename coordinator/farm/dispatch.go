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
	prefetchTime = 5 * time.Millisecond
	maxPrefetch  = 128
)

// maxKnown is how many programs a worker keeps compiled.
const maxKnown = 256

// sources are the channels to take tasks from.
func (h *shift) sources() (retries, jobs chan *task) {
	if h.ending || !h.hasRoom() || h.yields() {
		return nil, nil
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

// hasRoom reports whether the worker should get another job: one more than it can run, and beyond that as much as it does in
// prefetchTime, by what its pipelines took before. So at most one job waits behind a slow one that another worker could do.
func (h *shift) hasRoom() bool {
	n := len(h.inFlight)
	switch {
	case h.suspect != nil || h.leaving() || n > 0 && suspicious(h.inFlight[0].task):
		return false
	case n == 0: // it reads what is there
		return true
	case h.worker.Crowded():
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
	h.claim(fl)
	h.inFlight = append(h.inFlight, fl)
	req.Jobs = append(req.Jobs, h.parcels.pack(len(req.Jobs), fl))
}

// board makes a task a flight.
func (h *shift) board(t *task) *flight {
	n := len(h.landed)
	if n == 0 {
		return &flight{task: t, cost: t.program.pace()}
	}
	fl := h.landed[n-1]
	h.landed = h.landed[:n-1]
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
