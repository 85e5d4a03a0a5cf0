package farm

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// counted is the value of the fake's count op.
func counted(t *testing.T, r *Result) int {
	t.Helper()
	n, err := strconv.Atoi(string(r.Values[0].JSON))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheJobsOfAStreamFindWhatTheOnesBeforeThemKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"processes", func(*Config) {}},
		{"threads", func(c *Config) { c.Isolation, c.Workers = Thread, 4 }},
		{"one worker", func(c *Config) { c.Workers = 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFarm(t, c.change)
			var streams sync.WaitGroup
			for s := range 6 {
				streams.Go(func() {
					q := make([]*Future, 200)
					for i := range q {
						future, err := f.Submit(t.Context(), Job{Pipeline: "count", Frame: gray(i), Stream: fmt.Sprint("camera ", s)})
						if err != nil {
							t.Error(err)
							return
						}
						q[i] = future
					}
					for i, future := range q {
						r, err := future.Wait(deadline(t, 20*time.Second))
						if err != nil || counted(t, r) != i+1 || r.Restarted {
							t.Errorf("stream %d, job %d: %+v, %v", s, i, r, err)
							return
						}
						r.Release()
					}
				})
			}
			streams.Wait()
		})
	}
}

// A stream whose worker ends goes on in another, in order, and the first result of that says so; nothing is lost.
func TestAStreamGoesOnInAnotherWorkerAndSaysSo(t *testing.T) {
	f := newFarm(t)
	events := f.Events(t.Context())
	dir := t.TempDir()
	var futures []*Future
	for i := range 300 {
		p := "count"
		if i%100 == 50 {
			p = fmt.Sprintf("kill signal=SEGV once=%s/%d | count", dir, i)
		}
		future, err := f.Submit(t.Context(), Job{Pipeline: p, Frame: gray(i), Stream: "camera"})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	said := 0
	for i, future := range futures {
		r, err := future.Wait(deadline(t, 20*time.Second))
		if err != nil || int(r.Index) != i {
			t.Fatalf("job %d: %+v, %v", i, r, err)
		}
		if r.Restarted {
			said++
		}
		r.Release()
	}
	told := 0
	for told < said {
		if e := <-events; e.Kind == StreamRestarted && e.Stream == "camera" {
			told++
		}
	}
	if s := f.Snapshot(); said < 3 || uint64(said) != s.Restarts {
		t.Fatalf("%d results of %d restarts said that the stream began anew", said, s.Restarts)
	}
}

func TestTheBreakInAStreamIsInItsResult(t *testing.T) {
	f := newFarm(t)
	var got []string
	for i, p := range []string{"count", "count", "exit once=" + t.TempDir() + "/x | count", "count", "fail", "count"} {
		r, err := one(t, f, Job{Pipeline: p, Frame: gray(i), Stream: "camera"})
		if err != nil {
			got = append(got, string(code(err)))
			continue
		}
		got = append(got, fmt.Sprint(counted(t, r), r.Restarted))
		r.Release()
	}
	// The third job's pipeline is another text, so it has a count of its own.
	if want := "[1 false 2 false 1 true 1 false invalid 2 false]"; fmt.Sprint(got) != want {
		t.Fatalf("got %v, want %s", got, want)
	}
}

func TestAStreamThatEndedBeginsAnew(t *testing.T) {
	f := newFarm(t)
	for range 3 {
		for want := 1; want <= 2; want++ {
			r, err := one(t, f, Job{Pipeline: "count", Frame: gray(1), Stream: "camera"})
			if err != nil || counted(t, r) != want || r.Restarted {
				t.Fatalf("got %+v, %v, want %d", r, err, want)
			}
			r.Release()
		}
		f.EndStream("camera")
	}
}

func TestAPipelineThatKeepsSomethingNeedsAStream(t *testing.T) {
	f := newFarm(t)
	_, err := one(t, f, Job{Pipeline: "echo | count", Frame: gray(1)})
	want := "frame-1: step 2, count: keeps something from frame to frame: name the Stream that the frame belongs to"
	if code(err) != fault.Invalid || err.Error() != want {
		t.Fatalf("got %v", err)
	}
	n := 0
	for r, err := range f.Map(t.Context(), "count", grays(50)) { // a stream of its own
		if n++; err != nil || counted(t, r) != n {
			t.Fatalf("got %+v, %v, want %d", r, err, n)
		}
		r.Release()
	}
}

func TestStreamsAreAnsweredWhenTheFarmCloses(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	var futures []*Future
	for i := range 20 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=100 | count", Frame: gray(i), Stream: "camera"})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = f.Close(ctx)
	closed := 0
	for _, future := range futures {
		if r, err := future.Wait(t.Context()); code(err) == fault.Closing {
			closed++
		} else if err != nil {
			t.Fatal(err)
		} else {
			r.Release()
		}
	}
	if closed < 18 {
		t.Fatalf("%d were refused", closed)
	}
}

func TestADeadlineCountsTheTimeInTheQueue(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	first, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=2000", Frame: gray(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Cancel()
	_, err = one(t, f, Job{Pipeline: "echo", Frame: gray(1), Deadline: time.Now().Add(50 * time.Millisecond)})
	if want := "frame-1: not answered by the job's deadline"; code(err) != fault.Deadline || err.Error() != want {
		t.Fatalf("got %v", err)
	}
	select {
	case <-first.Done():
		t.Fatal("the job before it was answered before its deadline passed, or killed with it")
	default:
	}
	_, err = one(t, f, Job{Pipeline: "echo", Frame: gray(2), Deadline: time.Now().Add(-time.Second)})
	if code(err) != fault.Deadline {
		t.Fatalf("got %v", err)
	}
}

func TestADeadlineThatIsKeptChangesNothing(t *testing.T) {
	f := newFarm(t)
	for i := range 50 {
		r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(i), Deadline: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
}

// A worker that was killed from outside while the first was starting ended the whole run.
func TestAStartThatIsKilledIsTriedAgain(t *testing.T) {
	flag := t.TempDir() + "/once"
	f := newFarm(t, func(c *Config) { c.Workers, c.WorkerEnv = 1, append(c.WorkerEnv, "CVFARM_FAKE_START=killed:"+flag) })
	r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
}

// Where no supervisor has a worker, streams stay where they are. The first that gets one gets them all: they had waited for their own
// to get one.
func TestStreamsGoToTheFirstSupervisorThatRecovers(t *testing.T) {
	f := &Farm{}
	for range 3 {
		s := &supervisor{farm: f, called: make(chan struct{}, 1)}
		f.supervisors = append(f.supervisors, s)
		s.streams = []*stream{{owner: s}}
	}
	a, b, c := f.supervisors[0], f.supervisors[1], f.supervisors[2]
	f.streams.abandon(a)
	f.streams.abandon(b)
	if len(a.streams)+len(b.streams) != 0 || len(c.streams) != 3 {
		t.Fatalf("%d, %d and %d streams, with the third at work", len(a.streams), len(b.streams), len(c.streams))
	}
	f.streams.abandon(c)
	if len(c.streams) != 3 {
		t.Fatalf("%d streams left where nobody can take them", len(c.streams))
	}
	f.streams.adopt(b)
	if len(b.streams) != 3 || b.streams[0].owner != b || len(b.called) != 1 {
		t.Errorf("the second has %d streams, now that it alone has a worker", len(b.streams))
	}
}
