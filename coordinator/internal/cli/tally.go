package cli

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// maxFailures bounds the failures that are remembered with their stories; all are counted.
const maxFailures = 10_000

// tally counts what became of the frames of a run. The zero tally is empty.
type tally struct {
	in, out, bad atomic.Int64
	total        atomic.Int64             // -1 unknown
	before       int64                    // of out, by earlier runs
	badBefore    int64                    // of bad, by earlier runs
	redone       atomic.Int64             // of out and bad, that an encoder took along
	restarted    atomic.Int64             // streams that went on in another worker, without what ops had kept
	heard        func(media.Item, uint64) // of each failure; nil for nobody

	mu       sync.Mutex
	failures []failure
}

// failure is one frame that has no result.
type failure struct {
	Index    uint64     `json:"index"`
	Input    string     `json:"input"`
	Code     fault.Code `json:"code"`
	Message  string     `json:"message"`
	Attempts int        `json:"attempts"`
	// Exits tells how each worker ended that the frame cost.
	Exits []string `json:"exits,omitempty"`
	// Quarantine is the ID under which the frame is in quarantine.
	Quarantine string `json:"quarantine,omitempty"`
}

// failed counts a frame, whose item says why, and returns its story.
func (t *tally) failed(it media.Item, index uint64) failure {
	t.bad.Add(1)
	if t.heard != nil {
		t.heard(it, index)
	}
	f := failureOf(it)
	f.Index = index
	t.remember(f)
	return f
}

func failureOf(it media.Item) failure {
	f := failure{Input: it.Input.Name, Code: fault.Unreadable, Message: it.Err.Error()}
	var own *farm.Error
	if errors.As(it.Err, &own) {
		f.Code, f.Attempts, f.Quarantine = own.Code, attempts(own), own.Entry
		for _, a := range own.Attempts {
			f.Exits = append(f.Exits, a.Exit.String())
		}
	} else if code, ok := fault.CodeOf(it.Err); ok {
		f.Code = code
	}
	return f
}

// attempts counts the workers that died of a job, and the one that answered it in the end where one did.
func attempts(e *farm.Error) int {
	switch e.Code {
	case fault.Crashed, fault.Poisoned, fault.Deadline, fault.Overloaded, fault.Closing, fault.Unavailable, fault.Cancelled:
		return len(e.Attempts)
	}
	return len(e.Attempts) + 1
}

// repeat counts a frame that failed before, by its story of then.
func (t *tally) repeat(f failure) {
	t.bad.Add(1)
	t.remember(f)
}

func (t *tally) remember(f failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.failures) < maxFailures {
		t.failures = append(t.failures, f)
	}
}

// rewind forgets the frames from the number to on. bad of those in front of it failed.
func (t *tally) rewind(to uint64, bad int) {
	t.redone.Add(t.out.Load() + t.bad.Load() - int64(to))
	t.in.Store(int64(to))
	t.bad.Store(int64(bad))
	t.out.Store(int64(to) - int64(bad))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = slices.DeleteFunc(t.failures, func(f failure) bool { return f.Index >= to })
}

// stories returns the failures so far.
func (t *tally) stories() []failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures
}
