package farm

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// Frames that hang, crash or are cancelled one after the other opened the breaker, which is for workers that end for no job's
// reason: good frames behind them waited for seconds, and then for ever.
func TestBadFramesDoNotOpenTheBreaker(t *testing.T) {
	for _, c := range []struct{ name, pipeline string }{
		{"deadlines", "hang"}, {"crashes", "exit code=3"}, {"signals", "kill signal=SEGV"}, {"lies", "lie about=size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFarm(t, func(c *Config) { c.Workers, c.Timeout, c.Attempts = 1, 50*time.Millisecond, 2 })
			events := f.Events(t.Context())
			for i := range 6 {
				if _, err := one(t, f, Job{Pipeline: c.pipeline, Frame: gray(i)}); err == nil {
					t.Fatal("it was done")
				}
			}
			r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(9), Timeout: 20 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			r.Release()
			for len(events) > 0 {
				if e := <-events; e.Kind == BreakerChanged {
					t.Fatalf("the breaker is %s", e.Breaker)
				}
			}
		})
	}
}

// Of several supervisors that waited for a worker each refused one more job after one of them had got one.
func TestJobsAreDoneAsSoonAsOneWorkerIsBack(t *testing.T) {
	ill := t.TempDir() + "/ill"
	f := newFarm(t, func(c *Config) {
		c.Workers, c.Spares, c.Attempts = 4, -1, 1
		c.WorkerEnv = append(c.WorkerEnv, "CVFARM_FAKE_START=ill:"+ill)
	})
	events := f.Events(t.Context())
	if err := os.WriteFile(ill, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := one(t, f, Job{Pipeline: "exit", Frame: gray(1)})
		if code(err) == fault.Unavailable {
			break
		}
	}
	for len(events) > 0 {
		<-events
	}
	if err := os.Remove(ill); err != nil {
		t.Fatal(err)
	}
	for e := range events {
		if e.Kind == WorkerReady {
			break
		}
	}
	for i := range 8 {
		r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(i)})
		if err != nil {
			t.Fatalf("a worker is ready, and %v", err)
		}
		r.Release()
	}
}

// Streams that had ended were not told to a worker that always had something to do.
func TestABusyWorkerIsToldWhichStreamsEnded(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	var busy []*Future
	for i := range 50 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=1", Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		busy = append(busy, future)
		key := fmt.Sprint("camera ", i)
		r, err := one(t, f, Job{Pipeline: "count", Frame: gray(i), Stream: key})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		f.EndStream(key)
	}
	r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	for _, future := range busy {
		<-future.Done()
		future.Cancel() // releases its result
	}
	f.streams.mu.Lock()
	defer f.streams.mu.Unlock()
	if n := len(f.supervisors[0].farewells); n > 1 {
		t.Fatalf("%d of 50 streams have ended, and the worker was not told", n)
	}
}

// The answer that would have told of a stream's new beginning was given up; the next one tells.
func TestABreakInAStreamIsToldOnce(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.Attempts = 1, 1 })
	tell := func(want bool) {
		t.Helper()
		r, err := one(t, f, Job{Pipeline: "count", Frame: gray(1), Stream: "camera"})
		if err != nil || r.Restarted != want {
			t.Fatalf("got %+v, %v; want Restarted %v", r, err, want)
		}
		r.Release()
	}
	tell(false)
	if _, err := one(t, f, Job{Pipeline: "exit", Frame: gray(2)}); code(err) != fault.Crashed {
		t.Fatal(err)
	}
	hold := t.TempDir() + "/go"
	future, err := f.Submit(t.Context(), Job{Pipeline: "count | hold file=" + hold, Frame: gray(3), Stream: "camera"})
	if err != nil {
		t.Fatal(err)
	}
	future.Cancel()
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tell(true)
	tell(false)
}

func TestAQueueMayBeMadeBeforeItsInputIsThere(t *testing.T) {
	f := newFarm(t)
	q := f.Queue("count | recall input=logo")
	if err := f.Upload(t.Context(), "logo", gray(1)); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(t.Context(), gray(2)); err != nil {
		t.Fatal(err)
	}
	q.Close()
	for r, err := range q.Results(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
}

func TestJobsThatWaitInAStreamAreQueued(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	hold := t.TempDir() + "/go"
	var all []*Future
	for i := range 20 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "hold file=" + hold + " | count", Frame: gray(i), Stream: "camera"})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, future)
	}
	if s := f.Snapshot(); s.Queued < 10 || s.Pending != 20 {
		t.Errorf("%d are queued, %d pending", s.Queued, s.Pending)
	}
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, future := range all {
		r, err := future.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
}

// An op that finds more than a message can carry cost every worker that it was tried in.
func TestTooMuchDataIsTheJobsOwnFault(t *testing.T) {
	f := newFarm(t)
	_, err := one(t, f, Job{Pipeline: "say mb=65", Frame: gray(1)})
	if code(err) != fault.Invalid || !strings.Contains(err.Error(), "step 1, say: found 68157442 bytes of data: the limit is 16777216 for a frame") {
		t.Fatalf("got %.200v", err)
	}
	if s := f.Snapshot(); s.Restarts != 0 {
		t.Fatalf("%d workers ended", s.Restarts)
	}
}

func TestManyLanesHaveALimit(t *testing.T) {
	c := Config{Worker: "x", Workers: 256, Isolation: Thread}
	c.StallTimeout = MinStallTimeout - 1
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "StallTimeout is 199.999999ms: 200ms and more are possible") {
		t.Errorf("a stall timeout that healthy workers exceed: %v", err)
	}
	c.StallTimeout = MinStallTimeout
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "under Thread isolation 1 to 255") {
		t.Fatal(err)
	}
}
