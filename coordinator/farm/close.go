package farm

import "context"

// This file is how a farm ends, and what it counts to know when it may.

// Close lets the workers finish what was submitted, until ctx ends; what is not done then fails with fault.Closing, and the error
// is that of ctx. It always waits until every process has ended and every poisoned job is in quarantine, and removes what else
// the farm made. Results stay valid until they are released. Readers and Writers that are open count as work: it waits until they
// are closed, and ends them when ctx does.
//
// It may be called again, from anywhere: each call waits until all is done and returns the same. The first ctx that ends counts,
// so that a second call can hurry the first.
func (f *Farm) Close(ctx context.Context) error {
	f.drain()
	select {
	case <-f.idle:
	case <-ctx.Done():
		f.hurry(ctx.Err())
	}
	f.finish()
	return f.hurried
}

// drain lets nothing new in.
func (f *Farm) drain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closing && f.pending == 0 {
		close(f.idle)
	}
	f.closing = true
}

// hurry gives up what is not done, unless all is.
func (f *Farm) hurry(why error) {
	f.mu.Lock()
	if f.hurried == nil && f.pending > 0 {
		f.hurried = why
	}
	f.mu.Unlock()
	f.stop()
}

// end stops what still runs and takes the farm apart.
func (f *Farm) end() {
	f.stop()
	f.sweepUntilIdle()
	f.running.Wait()
	f.launcher.Close()
	f.programs.removeAll()
	f.host.Retire()
	f.arena.Close()
	f.events.close()
}

// sweepUntilIdle answers what nobody will pull any more.
func (f *Farm) sweepUntilIdle() {
	for _, t := range f.streams.close(f) {
		t.fail(f, fates[closing].code, "the farm is closing")
	}
	for {
		select {
		case t := <-f.jobs:
			t.fail(f, fates[closing].code, "the farm is closing")
		case t := <-f.retries:
			t.fail(f, fates[closing].code, "the farm is closing")
		case <-f.idle:
			return
		}
	}
}

// enter counts a job in, unless the farm is closing.
func (f *Farm) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		return false
	}
	f.pending++
	f.unanswered.Add(1)
	f.counts.Submitted++
	return true
}

// leave takes back an enter.
func (f *Farm) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Submitted--
	f.unanswered.Add(-1)
	f.out()
}

// settled counts an answered job.
func (f *Farm) settled(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.counts.Done++
	} else {
		f.counts.Failed++
	}
	f.unanswered.Add(-1)
	f.out()
}

func (f *Farm) out() {
	f.pending--
	if f.closing && f.pending == 0 {
		close(f.idle)
	}
}

// enterSession counts a session in, unless the farm is closing.
func (f *Farm) enterSession() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closing {
		f.pending++
		f.running.Add(1)
	}
	return !f.closing
}

func (f *Farm) leaveSession() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out()
	f.running.Done()
}
