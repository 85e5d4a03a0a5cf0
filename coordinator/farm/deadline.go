package farm

import (
	"time"

	"github.com/cvfarm/cvfarm/shared/handshake"
)

// This file is how long tasks may be in a worker.

// begin stamps the flights that are in a lane now, and arms the timer for their deadlines.
func (h *shift) begin(now time.Time) {
	for _, fl := range h.inFlight[:min(h.farm.lanes, len(h.inFlight))] {
		if fl.began.IsZero() {
			fl.began = now
			due, _ := fl.due()
			h.arm(now, due)
		}
	}
	h.lookSoon(now)
	h.showBusy()
}

// maxPatience bounds how long an answer may lie unseen in the ring of a worker that has more to do.
const maxPatience = 32 * handshake.Patience

// lookSoon makes the timer fire for an answer that the worker may keep back, as it does only while it has more to do: not before
// it should have spoken by itself.
func (h *shift) lookSoon(now time.Time) {
	if len(h.inFlight) > h.farm.lanes {
		h.patience = min(handshake.Patience+4*h.inFlight[0].cost, maxPatience)
		h.arm(now, now.Add(h.patience))
	}
}

// timerFired looks for such an answer, and for jobs to recall, less and less often while nothing happens, and then at the deadlines.
func (h *shift) timerFired(now time.Time) {
	h.armed = time.Time{}
	if h.ending {
		return
	}
	h.worker.Look()
	h.recall()
	if len(h.inFlight) > h.farm.lanes {
		h.patience = min(2*h.patience, maxPatience)
		h.arm(now, now.Add(h.patience))
	}
	h.checkDeadlines(now)
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
		if now.Before(due.Add(maxPatience)) && (h.worker.Unseen() || len(h.replies) > 0) { // perhaps its answer, which comes now
			h.arm(now, now.Add(handshake.Patience))
			continue
		}
		if fl.need == nil {
			h.overdue(fl, what)
			return
		}
		if fl.need.Cancel() {
			h.refuseMemory(fl, now, nil)
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
