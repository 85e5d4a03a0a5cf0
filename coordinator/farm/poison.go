package farm

import (
	"fmt"

	"github.com/cvfarm/cvfarm/coordinator/internal/quarantine"
)

// quarantineOf returns the folder for poisoned jobs, or nil.
func quarantineOf(c Config) *quarantine.Store {
	if c.Quarantine == "" {
		return nil
	}
	return &quarantine.Store{Folder: c.Quarantine, MaxBytes: c.QuarantineBytes, MaxEntries: c.QuarantineEntries}
}

// quarantines reports whether a task, which has just ended another worker, is one for quarantine: no attempt is left. A plan is
// not: it has no input.
func (f *Farm) quarantines(t *task) bool {
	return f.quarantine != nil && !t.plan && len(t.attempts) >= f.config.Attempts
}

// poison writes a task that ended every worker it was tried in to quarantine, and answers it. Its input is held until then. Where
// it cannot be kept, the answer says why, and has the code of what happened last.
func (f *Farm) poison(t *task, last happening, a Attempt) {
	e := &Error{
		Code: fates[poisoned].code, Message: verdict(last, t, a), Index: t.frame.Index, Source: t.frame.Source, Attempts: t.attempts,
	}
	var err error
	if e.Entry, err = f.quarantine.Add(t.story()); err == nil {
		e.Message += "; it is in quarantine as " + e.Entry
		f.count(func(c *Counts) { c.Poisoned++ })
	} else {
		err = fmt.Errorf("it is not in quarantine (%s): %w", f.quarantine.Folder, err)
		e.Code, e.Message = fates[last].code, e.Message+"; "+err.Error()
		f.count(func(c *Counts) { c.NotQuarantined++ })
	}
	f.events.send(Event{Kind: JobPoisoned, Worker: a.Worker, PID: a.Exit.PID, Exit: &a.Exit, Entry: e.Entry, Err: err})
	f.config.Log.Warn("job poisoned", "source", t.frame.Source, "index", t.frame.Index, "pipeline", t.program.text, "entry", e.Entry, "err", err)
	t.settle(f, nil, e)
}

// story is what quarantine keeps of a task.
func (t *task) story() quarantine.Job {
	j := quarantine.Job{
		Pipeline: t.program.text, Index: t.frame.Index, PTS: t.frame.PTS, Source: t.frame.Source, Timeout: t.timeout,
		Input: quarantine.Named("", t.frame.Geometry, t.input.Bytes()),
	}
	if t.stream != nil {
		j.Stream = t.stream.key
	}
	for _, in := range t.program.inputs {
		j.Inputs = append(j.Inputs, quarantine.Named(in.name, in.geometry, in.lease.Bytes()))
	}
	for _, a := range t.attempts {
		j.Attempts = append(j.Attempts, quarantine.Attempt{Worker: a.Worker, Ran: a.Ran, Exit: a.Exit})
	}
	return j
}
