package serve

import (
	"io"
	"sync"

	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// intake is how lanes get what the coordinator sends. There is no goroutine that receives: of those who wait, one reads the
// wire, and the others wait for what it brings. So a lane that is alone never passes a job from thread to thread.
type intake struct {
	session *session

	lock    sync.Mutex // guards what follows
	brought *sync.Cond
	reading bool // somebody is
	jobs    []*workerpb.Job
	grants  map[uint64]*workerpb.Block // by job; nil is a refusal
	ended   error
}

func (in *intake) init(ss *session) {
	in.session, in.brought, in.grants = ss, sync.NewCond(&in.lock), map[uint64]*workerpb.Block{}
}

// next returns the next job, or nil when there will be none.
func (in *intake) next() (*workerpb.Job, error) {
	in.lock.Lock()
	defer in.lock.Unlock()
	err := in.await(func() bool { return len(in.jobs) > 0 })
	if err == io.EOF {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j := in.jobs[0]
	in.jobs = in.jobs[1:]
	return j, nil
}

// granted returns what a job that asked for memory got.
func (in *intake) granted(job uint64) (*workerpb.Block, error) {
	in.lock.Lock()
	defer in.lock.Unlock()
	err := in.await(func() bool { _, ok := in.grants[job]; return ok })
	b := in.grants[job]
	delete(in.grants, job)
	return b, err
}

// follow reports whether so many jobs are there already.
func (in *intake) follow(n int) bool {
	in.lock.Lock()
	defer in.lock.Unlock()
	for len(in.jobs) < n && !in.reading && in.ended == nil && !in.session.wire.Empty() {
		in.hear()
	}
	return len(in.jobs) >= n
}

// await is called with the lock held. It returns when cond holds, or the wire's end.
func (in *intake) await(cond func() bool) error {
	for !cond() {
		switch {
		case in.ended != nil:
			return in.ended
		case in.reading:
			in.session.wake() // whoever reads has done so before this lane's answer
			in.brought.Wait()
		default:
			in.hear()
		}
	}
	return nil
}

// hear takes one message from the wire. Before it may block, the coordinator is shown what is done.
func (in *intake) hear() {
	in.reading = true
	if in.session.wire.Empty() {
		in.session.wake()
	}
	in.lock.Unlock()
	r, err := in.session.wire.Recv()
	if err == nil {
		in.session.handle(r)
	}
	in.lock.Lock()
	in.reading = false
	if err != nil {
		in.ended = err
	} else {
		in.jobs = append(in.jobs, r.Jobs...)
		for _, g := range r.Grants {
			in.grants[g.Id] = g.Output
		}
	}
	in.brought.Broadcast()
}
