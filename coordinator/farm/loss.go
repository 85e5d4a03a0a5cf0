package farm

import (
	"fmt"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
)

// over deals with the tasks that were in a worker when it ended, by the table of fates. The process has been reaped, so nobody
// writes to the outputs any more.
func (d *dispatcher) over(exit proc.Exit) proc.Exit {
	guilty := d.guilty()
	d.blamed = len(d.inFlight) > 0
	for _, fl := range d.inFlight {
		if fl.need != nil && !fl.need.Cancel() { // granted already
			(<-d.granted).Lease.Release()
		}
		d.dropOutput(fl)
		d.farm.lost(fl.task, whatHappened(fl, exit, guilty[fl]), Attempt{Worker: d.number, Exit: exit, Ran: ran(fl)})
	}
	d.inFlight = nil
	if t := d.suspect; t != nil && !t.again(d.farm) {
		t.left(d.farm, nil)
		t.fail(d.farm, fates[closing].code, "the farm is closing")
	}
	for len(d.granted) > 0 {
		(<-d.granted).Lease.Release()
	}
	return exit
}

func ran(fl *flight) time.Duration {
	if fl.began.IsZero() {
		return 0
	}
	return time.Since(fl.began)
}

// guilty returns the flights that were being run. The worker's own report says which; it is believed as far as it names jobs
// that the worker had. Where it names none, it is the first that it had begun: one that kills its worker after its report would
// be retried for ever. A worker that had begun none ended of something else.
func (d *dispatcher) guilty() map[*flight]bool {
	found := d.reported()
	if len(found) > 0 {
		return found
	}
	for _, fl := range d.inFlight {
		if !d.unbegun(fl) {
			found[fl] = true
			break
		}
	}
	return found
}

// reported returns the flights that the worker says it is running.
func (d *dispatcher) reported() map[*flight]bool {
	found := map[*flight]bool{}
	for lane := range d.farm.lanes {
		id, _ := d.region.Lane(lane)
		if fl := d.find(id); fl != nil {
			found[fl] = true
		}
	}
	return found
}

// whatHappened names what befell a task, for the table of fates.
func whatHappened(fl *flight, exit proc.Exit, guilty bool) happening {
	switch {
	case fl.overdue && exit.Cause == proc.CauseDeadline:
		return late
	case exit.Cause == proc.CauseStop:
		return closing
	case fl.overdue && exit.Cause == proc.CauseCancel:
		return gaveUp
	case !guilty || exit.Cause == proc.CauseDeadline || exit.Cause == proc.CauseCancel:
		return bystander
	case exit.Cause == proc.CauseProtocol:
		return lied
	case exit.Cause == proc.CauseStalled:
		return stalled
	}
	return crashed
}

// maxTries bounds how often a task is tried, charged or not.
const maxTries = 100

// lost sends a task whose worker ended on its way: to another worker, or to its caller.
func (f *Farm) lost(t *task, what happening, a Attempt) {
	fate := fates[what]
	t.tries++
	if fate.charged || !fate.retry {
		t.attempts = append(t.attempts, a)
	}
	if fate.retry && len(t.attempts) < f.config.Attempts && t.tries < maxTries {
		if f.stopped.Err() == nil && t.again(f) {
			f.count(func(c *Counts) { c.Retries++ })
			return
		}
		what, fate = closing, fates[closing]
	}
	t.left(f, nil)
	if fate.charged && f.quarantines(t) {
		f.running.Go(func() { f.poison(t, what, a) }) // a disk may be slow
		return
	}
	t.fail(f, fate.code, verdict(what, t, a))
}

// verdict is what the caller reads.
func verdict(what happening, t *task, a Attempt) string {
	switch what {
	case late:
		return fmt.Sprintf("not done within %v; the worker that ran it was killed", t.timeout)
	case closing:
		return "the farm closed before it was done"
	case lied, crashed, stalled:
		return fmt.Sprintf("every attempt, %d in all, ended with the end of its worker; the last: %v", len(t.attempts), a.Exit)
	case bystander:
		return fmt.Sprintf("it was tried %d times, the limit, and each time its worker ended for another reason; the last: %v", t.tries, a.Exit)
	}
	return fmt.Sprintf("its worker ended: %v", a.Exit)
}

func describe(fl *flight) string {
	return fmt.Sprintf("job %d, frame %d, pipeline %q", fl.id, fl.frame.Index, fl.program.text)
}
