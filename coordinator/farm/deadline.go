package farm

import (
	"slices"
	"time"

	"github.com/cvfarm/cvfarm/shared/handshake"
)

// This file is how long tasks may be in a worker.

// begin stamps the flights that are in a lane now, and arms the timer for their deadlines.
func (d *dispatcher) begin(now time.Time) {
	for _, fl := range d.inFlight[:min(d.farm.lanes, len(d.inFlight))] {
		if fl.began.IsZero() {
			fl.began = now
			due, _ := fl.due()
			d.arm(now, due)
		}
	}
	d.lookSoon(now)
	d.showBusy()
}

// maxPatience bounds how long an answer may lie unseen in the ring of a worker that has more to do.
const maxPatience = 64 * time.Millisecond

// lookSoon makes the timer fire for an answer that the worker may keep back, as it does only while it has more to do: not before
// it should have spoken by itself.
func (d *dispatcher) lookSoon(now time.Time) {
	if d.mayRecall() {
		d.patience = min(handshake.Patience+4*d.inFlight[0].cost, maxPatience)
		d.arm(now, now.Add(d.patience))
	}
}

// mayRecall reports whether something waits behind a job.
func (d *dispatcher) mayRecall() bool {
	return len(d.inFlight) > d.farm.lanes || d.suspect != nil && len(d.inFlight) > 0
}

// timerFired looks for such an answer, and for jobs to recall, less and less often while nothing happens, and then at the deadlines.
func (d *dispatcher) timerFired(now time.Time) {
	d.armed = time.Time{}
	if d.ending {
		return
	}
	d.slept(now)
	d.worker.Look()
	d.recall()
	if d.mayRecall() {
		d.patience = min(2*d.patience, maxPatience)
		d.arm(now, now.Add(d.patience))
	}
	d.checkDeadlines(now)
}

// arm makes the timer fire at the deadline at the latest. It is not set back when a job ends in time: firing early costs less.
func (d *dispatcher) arm(now, deadline time.Time) {
	if d.armed.IsZero() || deadline.Before(d.armed) {
		d.armed = deadline
		d.timer.Reset(deadline.Sub(now))
	}
}

// cancelGrace is how long a job goes on after its caller gave it up. Most end by themselves, which costs less than a worker.
const cancelGrace = 100 * time.Millisecond

// abandon handles a job whose caller gave it up. One that waits behind another is not begun.
func (d *dispatcher) abandon(id uint64, now time.Time) {
	fl := d.find(id)
	if fl == nil {
		return
	}
	if slices.Contains(d.inFlight[min(d.farm.lanes, len(d.inFlight)):], fl) && d.reclaim(fl) {
		fl.left(d.farm, nil)
		fl.fail(d.farm, fates[gaveUp].code, "cancelled by the caller")
		d.reuse(fl)
		return
	}
	fl.revoked = now
	d.arm(now, now.Add(cancelGrace))
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
func (d *dispatcher) checkDeadlines(now time.Time) {
	for _, fl := range d.inFlight[:min(d.farm.lanes, len(d.inFlight))] {
		due, what := fl.due()
		if now.Before(due) {
			d.arm(now, due)
			continue
		}
		if now.Before(due.Add(maxPatience)) && (d.worker.Unseen() || len(d.replies) > 0) { // perhaps its answer, which comes now
			d.arm(now, now.Add(handshake.Patience))
			continue
		}
		if fl.need == nil {
			d.expire(fl, what)
			return
		}
		if fl.need.Cancel() {
			d.refuseMemory(fl, now, nil)
		}
	}
}

// expire kills the worker for a flight that passed its deadline. Where the worker's report says that it is not at that job, it
// has not begun it or does not send the answer: it is stopped, or wedged. Then nobody was late.
func (d *dispatcher) expire(fl *flight, what happening) {
	if !d.reported()[fl] {
		d.kill(stalled, fl, describe(fl)+": the worker is not at it, and does not answer")
		return
	}
	fl.overdue = true
	d.kill(what, fl, "")
}

func (d *dispatcher) kill(why happening, fl *flight, detail string) {
	if fl != nil && detail == "" {
		detail = describe(fl)
	}
	d.ending, d.deaf = true, true
	d.worker.Kill(fates[why].kill, detail)
}
