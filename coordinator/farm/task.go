package farm

import (
	"context"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// task is a job on its way through the farm. It belongs to whoever holds it: the queue, then a supervisor, then the queue again
// after a crash. Its Future is what the caller sees.
type task struct {
	id       uint64
	program  *program
	frame    frame.Frame // without Pix
	input    *shm.Lease  // held until the task is settled, as are the program's inputs; nil for a plan
	plan     bool        // only tell what would be made
	stream   *stream     // nil: any worker will do
	turn     uint64      // in the stream
	queued   bool        // it takes one of the streams' slots
	since    time.Time   // when Submit got it
	timeout  time.Duration
	attempts []Attempt
	tries    int // that ended, charged or not
	future   Future
}

// renumber gives the task another id.
func (t *task) renumber(id uint64) {
	t.future.mu.Lock()
	defer t.future.mu.Unlock()
	t.id, t.future.id = id, id
}

// settle answers the task, once, and gives its input back. Where the caller gave up, it reports false and releases the result's
// pixels.
func (t *task) settle(f *Farm, r *Result, err error) (delivered bool) {
	t.release()
	delivered = t.future.settle(r, err)
	f.settled(err)
	return delivered
}

func (t *task) streamID() uint64 {
	if t.stream == nil {
		return 0
	}
	return t.stream.id
}

// predict returns how many bytes the output will probably need.
func (t *task) predict() int {
	if t.plan {
		return 0
	}
	return t.program.predict(t.frame.Geometry, int(t.input.Size()))
}

// left tells the task's stream, where it has one, that the task has left its worker for good.
func (t *task) left(f *Farm, answeredBy *instance) (restarted bool) {
	return t.stream != nil && f.streams.done(t, answeredBy)
}

// again lets the task be tried once more. It reports false where the farm takes no more.
func (t *task) again(f *Farm) bool {
	if t.stream != nil {
		return f.streams.again(t)
	}
	f.retries <- t // has room for every task that workers can hold
	return true
}

// release gives back what the task holds.
func (t *task) release() {
	if t.input != nil {
		t.input.Release()
	}
	t.program.release()
}

// fail settles the task with an error.
func (t *task) fail(f *Farm, code fault.Code, message string) {
	t.failAt(f, code, &workerpb.Fault{Message: message})
}

// failAt is fail for what a worker says of one step, if there is such a step.
func (t *task) failAt(f *Farm, code fault.Code, said *workerpb.Fault) {
	e := &Error{Code: code, Message: said.Message, Index: t.frame.Index, Source: t.frame.Source, Attempts: t.attempts}
	if step := int(said.Step); step > 0 && step <= len(t.program.steps) {
		e.Step, e.Op, e.Params = step, t.program.steps[step-1].Op, said.Params
	}
	t.settle(f, nil, e)
}

// Future is the answer to a job, now or later. All methods are safe for concurrent use.
type Future struct {
	id     uint64 // of the job; 0 where there is none
	index  uint64 // of the frame, as its source
	source string
	done   chan struct{}

	mu      sync.Mutex
	settles bool        // the caller's view is decided
	taken   bool        // somebody has the result
	expiry  *time.Timer // at the job's deadline; nil where it has none
	in      *dispatcher // where the job is, or was last; nil while it waits
	result  *Result
	err     error
}

// Done is closed when the answer is there.
func (f *Future) Done() <-chan struct{} { return f.done }

// Wait returns the answer, or ctx's error as soon as that ends; the job then goes on, and Wait may be called again. The caller
// of the first Wait that returns a result must release it; further calls return the same one.
func (f *Future) Wait(ctx context.Context) (*Result, error) {
	select {
	case <-f.done:
	default:
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taken = true
	return f.result, f.err
}

// Cancel gives the job up: its answer is an error with fault.Cancelled, at once. A job that waits in the queue is never begun. A
// worker that is still at it after 100 ms is killed, which is the only way to end a native call. Where the answer is there
// already, Cancel releases a result that nobody waited for. Cancel may be called at any time and more than once.
func (f *Future) Cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	given := &Error{Code: fates[gaveUp].code, Message: "cancelled by the caller", Index: f.index, Source: f.source}
	switch {
	case !f.settles:
		f.giveUp(given)
	case f.result != nil && !f.taken:
		f.result.Release()
		f.result, f.err = nil, given
	}
}

// giveUp answers at once, and has the worker, where one is at the job, stopped soon.
func (f *Future) giveUp(err error) {
	f.settles, f.err = true, err
	if f.expiry != nil {
		f.expiry.Stop()
	}
	close(f.done)
	if f.in != nil {
		select {
		case f.in.revoke <- f.id:
		default: // as many are being revoked as a worker can have: the job ends in vain
		}
	}
}

// expireAt makes the answer an error at the deadline, if there is none by then.
func (f *Future) expireAt(deadline time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.settles {
		f.expiry = time.AfterFunc(time.Until(deadline), f.expire)
	}
}

func (f *Future) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.settles {
		f.giveUp(&Error{Code: fates[late].code, Message: "not answered by the job's deadline", Index: f.index, Source: f.source})
	}
}

// startsIn says where the job is. It reports false where nobody waits for the answer any more.
func (f *Future) startsIn(d *dispatcher) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.in = d
	return !f.settles
}

// spill moves a result that nobody has taken yet out of shared memory. In an ordered stream it may wait for an older one, which
// in turn waits for memory.
func (f *Future) spill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.result != nil && !f.taken && f.result.Mem != nil {
		kept := f.result.Frame.Copy()
		f.result.Frame.Release()
		f.result.Frame = kept
	}
}

func (f *Future) settle(r *Result, err error) (delivered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.settles {
		if r != nil {
			r.Release()
		}
		return false
	}
	f.settles, f.result, f.err = true, r, err
	if f.expiry != nil {
		f.expiry.Stop()
	}
	close(f.done)
	return true
}
