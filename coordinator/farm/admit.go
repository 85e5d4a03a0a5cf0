package farm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// Submit puts a job into the queue and returns its Future. It waits for room in the queue and in the memory budget, unless the
// job says NoWait. Its errors are *Error: fault.Invalid for a pipeline or a frame that cannot be, fault.Overloaded where it
// would have to wait and may not, for a frame that never fits, and where memory is held by results that nobody releases,
// fault.Closing after Close; or ctx's. The frame is taken in any case.
func (f *Farm) Submit(ctx context.Context, j Job) (*Future, error) {
	if j.Deadline.IsZero() {
		return f.submit(ctx, j)
	}
	ctx, cancel := context.WithDeadlineCause(ctx, j.Deadline, errDeadline)
	defer cancel()
	future, err := f.submit(ctx, j)
	switch {
	case err == nil:
		future.expireAt(j.Deadline)
	case context.Cause(ctx) == errDeadline && errors.Is(err, context.DeadlineExceeded):
		err = refuse(j, fault.Deadline, "its deadline passed before there was room for it")
	}
	return future, err
}

var errDeadline = errors.New("the job's deadline")

func (f *Farm) submit(ctx context.Context, j Job) (*Future, error) {
	t, err := f.admit(ctx, j)
	if err != nil {
		return nil, err
	}
	if err := f.enqueue(ctx, t, j); err != nil {
		return nil, f.withdraw(t, err)
	}
	return &t.future, nil
}

// enqueue waits for room in the queue, or in that of the streams.
func (f *Farm) enqueue(ctx context.Context, t *task, j Job) error {
	jobs, slots := f.jobs, f.streams.slots
	if j.Stream == "" {
		slots = nil
	} else {
		jobs = nil
	}
	wait := ctx.Done()
	if j.NoWait {
		wait = always
	}
	select { // room comes before the end of waiting
	case jobs <- t:
		return nil
	case slots <- struct{}{}:
		return f.enqueueInStream(t, j)
	default:
	}
	select {
	case jobs <- t:
		return nil
	case slots <- struct{}{}:
		return f.enqueueInStream(t, j)
	case <-f.stopped.Done():
		return refuse(j, fault.Closing, "the farm is closing")
	case <-wait:
	}
	if j.NoWait {
		return refuse(j, fault.Overloaded, fmt.Sprintf("the queue is full: %d jobs wait", cap(f.jobs)))
	}
	return ctx.Err()
}

// always is a wait that is over.
var always = func() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}()

func (f *Farm) enqueueInStream(t *task, j Job) error {
	err := f.streams.put(f, t, j.Stream)
	if err == nil {
		return nil
	}
	<-f.streams.slots
	code, _ := fault.CodeOf(err)
	return refuse(j, code, err.Error())
}

// admit checks a job and brings its frame into shared memory.
func (f *Farm) admit(ctx context.Context, j Job) (*task, error) {
	defer j.Frame.Release() // the task holds the memory by a count of its own
	p, err := f.programs.take(j.Pipeline)
	if err != nil {
		return nil, refuseFor(j, err)
	}
	t := &task{program: p, frame: j.Frame, since: time.Now(), timeout: j.Timeout, plan: j.plan}
	if err := f.fill(ctx, t, j); err != nil {
		p.release()
		return nil, err
	}
	t.id = f.lastID.Add(1)
	t.future.id, t.future.index, t.future.source, t.future.done = t.id, j.Frame.Index, j.Frame.Source, make(chan struct{})
	t.frame.Pix, t.frame.Mem = nil, nil
	setDefault(&t.timeout, f.config.Timeout)
	return t, nil
}

// fill checks the rest of a job, counts it in, and gives the task its input.
func (f *Farm) fill(ctx context.Context, t *task, j Job) error {
	if err := check(t, j); err != nil {
		return err
	}
	if !f.enter() {
		return refuse(j, fault.Closing, "the farm is closing")
	}
	if j.plan {
		return nil
	}
	var err error
	if t.input, err = f.bring(ctx, j); err != nil {
		f.leave()
	}
	return err
}

// check refuses what cannot be.
func check(t *task, j Job) error {
	switch {
	case j.plan:
		return nil
	case j.Timeout < 0:
		return refuse(j, fault.Invalid, fmt.Sprintf("Timeout is %v: it cannot be negative", j.Timeout))
	case len(j.Stream) > maxStreamKey:
		return refuse(j, fault.Invalid, fmt.Sprintf("Stream has %d bytes: up to %d are possible", len(j.Stream), maxStreamKey))
	case t.program.stateful() && j.Stream == "":
		op := t.program.steps[t.program.keeps-1].Op
		return refuseFor(j, fault.At(t.program.keeps, op, fault.Invalid, errNoStream))
	}
	if err := j.Frame.Validate(); err != nil {
		return refuseFor(j, err)
	}
	return nil
}

var errNoStream = errors.New("keeps something from frame to frame: name the Stream that the frame belongs to")

// bring returns a lease with the frame's bytes: its own where they lie in the arena, else a new one with a copy.
func (f *Farm) bring(ctx context.Context, j Job) (*shm.Lease, error) {
	if own := f.own(j.Frame); own != nil {
		return own, nil
	}
	lease := f.host.TryLease(len(j.Frame.Pix))
	if lease == nil && j.NoWait && f.ins.Holds(len(j.Frame.Pix)) {
		return nil, refuse(j, fault.Overloaded, fmt.Sprintf("the memory budget for inputs of %d bytes is used up", f.ins.Limit()))
	}
	if lease == nil {
		var err error
		if lease, err = f.waitForMemory(ctx, j); err != nil {
			return nil, err
		}
	}
	f.copyIn(lease.Bytes(), j.Frame.Pix)
	return lease, nil
}

// copyIn lets other goroutines run in between: Go does not interrupt a copy, and one of a large frame takes a millisecond. While all
// workers are busy it also sleeps now and then (for a millisecond, Go's least). Else copying would take all of a core, and with it our
// share: who has the CPU then keeps it until the timer's tick, some milliseconds in which nothing here runs.
func (f *Farm) copyIn(to, from []byte) {
	const (
		turn  = 128 << 10
		burst = 300 * time.Microsecond
	)
	began := time.Now()
	for len(from) > turn {
		copy(to, from[:turn])
		to, from = to[turn:], from[turn:]
		ran := time.Since(began)
		if ran < burst || f.idlers.Load() > 0 {
			runtime.Gosched()
			continue
		}
		time.Sleep(ran / 5)
		began = time.Now()
	}
	copy(to, from)
}

// own returns another count of the lease that a frame's pixels are, or nil where they are not just such.
func (f *Farm) own(in frame.Frame) *shm.Lease {
	hold, ok := in.Mem.(*shm.Hold)
	if !ok || hold.Lease().Arena() != f.arena {
		return nil
	}
	share := hold.Share()
	if share == nil {
		return nil
	}
	lease := share.Lease()
	if have := lease.Bytes(); len(have) != len(in.Pix) || &have[0] != &in.Pix[0] {
		share.Release()
		return nil
	}
	return lease
}

// waitForMemory returns a lease for a frame's bytes, until ctx or the farm ends.
func (f *Farm) waitForMemory(ctx context.Context, j Job) (*shm.Lease, error) {
	lease, err := f.lease(ctx, f.host, len(j.Frame.Pix))
	if code, refused := fault.CodeOf(err); refused {
		return nil, refuse(j, code, err.Error())
	}
	return lease, err
}

// lease waits for n bytes of a region, until ctx or the farm ends. Where the farm's whole timeout passes without a single answer
// meanwhile, the memory is held by those who have theirs, and waiting may have no end: that is fault.Overloaded.
func (f *Farm) lease(ctx context.Context, r *shm.Region, n int) (*shm.Lease, error) {
	waiting, cancel := f.until(ctx)
	defer cancel()
	for {
		before := f.answers()
		patience, stop := context.WithTimeout(waiting, f.config.Timeout)
		lease, err := r.Lease(patience, n)
		stop()
		_, refused := fault.CodeOf(err)
		switch {
		case err == nil:
			return lease, nil
		case refused:
			return nil, never(err)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case waiting.Err() != nil:
			return nil, fault.Errorf(fault.Closing, "the farm is closing")
		case f.answers() == before:
			return nil, fault.Errorf(fault.Overloaded, "the memory budget for inputs of %d bytes is used up, and no job was answered "+
				"within %v: are results released?", f.ins.Limit(), f.config.Timeout)
		}
	}
}

// never says of what is more than a budget has in all what would help.
func never(err error) error {
	if code, _ := fault.CodeOf(err); code != fault.Invalid {
		return err
	}
	return fault.Errorf(fault.Invalid, "%w, which is half of Config.Memory (--memory): raise that", err)
}

// answers counts the jobs that are settled.
func (f *Farm) answers() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts.Done + f.counts.Failed
}

// until returns a context that ends with ctx, and when the farm stops.
func (f *Farm) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(f.stopped, cancel)
	return ctx, func() { unhook(); cancel() }
}

func refuse(j Job, code fault.Code, message string) *Error {
	return &Error{Code: code, Message: message, Index: j.Frame.Index, Source: j.Frame.Source}
}

// refuseFor is refuse for what is wrong with the job itself, and where in its pipeline.
func refuseFor(j Job, err error) *Error {
	e := refuse(j, fault.Invalid, err.Error())
	var at *fault.Error
	if errors.As(err, &at) {
		e.Message, e.Step, e.Op = at.Message, at.Step, at.Op
	}
	return e
}

func (f *Farm) withdraw(t *task, err error) error {
	t.release()
	f.leave()
	return err
}
