package farm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
	fake.ServeIfWorker()
	goleak.VerifyTestMain(m)
}

// newFarm starts a farm of fake workers. At the end it must be empty: no memory lent, no process left.
func newFarm(t *testing.T, change ...func(*Config)) *Farm {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Worker: exe, Workers: 2, Memory: 64 << 20, Timeout: 20 * time.Second}
	c.WorkerEnv = []string{"GORACE=atexit_sleep_ms=0"} // the race detector's farewell takes a second otherwise
	for _, f := range change {
		f(&c)
	}
	f, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		hurried := f.hurried // by the test
		if err := f.Close(deadline(t, 20*time.Second)); err != hurried {
			t.Errorf("close: %v", err)
		}
		s := f.Snapshot()
		if s.Memory.InUse != 0 || s.Pending != 0 || s.Queued != 0 || s.Submitted != s.Done+s.Failed {
			t.Errorf("something is left: %+v", s)
		}
		for _, w := range s.Workers {
			if w.State != Stopped || w.PID != 0 {
				t.Errorf("worker %d is %s", w.Number, w.State)
			}
		}
	})
	return f
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// gray is a small frame that says which it is.
func gray(i int) frame.Frame {
	return frame.Frame{
		Geometry: frame.Geometry{Width: 4, Height: 2, Format: frame.FormatGray},
		Pix:      bytes.Repeat([]byte{byte(i)}, 8), Index: uint64(i), Source: fmt.Sprintf("frame-%d", i),
	}
}

func grays(n int) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for i := range n {
			if !yield(gray(i), nil) {
				return
			}
		}
	}
}

// one runs one job and waits for its answer.
func one(t *testing.T, f *Farm, j Job) (*Result, error) {
	t.Helper()
	future, err := f.Submit(t.Context(), j)
	if err != nil {
		return nil, err
	}
	return future.Wait(deadline(t, 30*time.Second))
}

func code(err error) fault.Code {
	c, _ := fault.CodeOf(err)
	return c
}

func TestAJobIsDone(t *testing.T) {
	f := newFarm(t)
	in := gray(3)
	r, err := one(t, f, Job{Pipeline: "invert", Frame: in})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !bytes.Equal(r.Pix, bytes.Repeat([]byte{^byte(3)}, 8)) || r.Geometry != in.Geometry || r.Index != 3 || r.Source != "frame-3" || r.Attempts != 1 {
		t.Fatalf("got %+v", r)
	}
}

func TestTheInputIsCopiedBeforeSubmitReturns(t *testing.T) {
	f := newFarm(t)
	in := gray(1)
	future, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=50 | echo", Frame: in})
	if err != nil {
		t.Fatal(err)
	}
	clear(in.Pix)
	r, err := future.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if r.Pix[0] != 1 {
		t.Fatal("the worker saw a change that was made after Submit")
	}
}

func TestAResultIsTheInputOfTheNextJobWithoutACopy(t *testing.T) {
	f := newFarm(t)
	r, err := one(t, f, Job{Pipeline: "invert", Frame: gray(3)})
	if err != nil {
		t.Fatal(err)
	}
	where := &r.Pix[0]
	again, err := one(t, f, Job{Pipeline: "echo", Frame: r.Frame})
	if err != nil {
		t.Fatal(err)
	}
	if &again.Pix[0] != where {
		t.Fatal("the pixels moved")
	}
	kept := again.Copy()
	again.Release()
	again.Release()
	if kept.Pix[0] != ^byte(3) || kept.Mem != nil {
		t.Fatal("the copy is not of its own")
	}
}

func TestDataWithoutPixels(t *testing.T) {
	f := newFarm(t)
	r, err := one(t, f, Job{Pipeline: "index", Frame: gray(7)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if len(r.Values) != 1 || r.Values[0].Op != "index" || string(r.Values[0].JSON) != "7" || len(r.Steps) != 1 {
		t.Fatalf("got %+v", r)
	}
}

func TestAnOutputLargerThanExpectedIsGranted(t *testing.T) {
	f := newFarm(t)
	for _, n := range []int{1, 10, 100_000, 5, 1_000_000} {
		r, err := one(t, f, Job{Pipeline: fmt.Sprintf("grow n=%d", n), Frame: gray(9)})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Pix) != n || r.Pix[n-1] != 9 {
			t.Fatalf("%d bytes, want %d", len(r.Pix), n)
		}
		r.Release()
	}
}

// A worker forgets programs that no job in it needs, also while it never is without jobs.
func TestMorePipelinesThanAWorkerKeeps(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	var futures []*Future
	for i := range 3 * maxKnown {
		future, err := f.Submit(t.Context(), Job{Pipeline: fmt.Sprintf("sleep ms=0 index=%d | invert", i), Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	for i, future := range futures {
		r, err := future.Wait(t.Context())
		if err != nil || r.Pix[0] != ^byte(i) {
			t.Fatal(i, err)
		}
		r.Release()
	}
}

func TestRefusalsNameTheThing(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory = 2 << 20 })
	big := frame.Frame{Geometry: frame.Geometry{Width: 2000, Height: 1000, Format: frame.FormatGray}, Pix: make([]byte, 2000*1000)}
	short := gray(1)
	short.Pix = short.Pix[1:]
	cases := []struct {
		name string
		job  Job
		code fault.Code
		want string
	}{
		{"a negative timeout", Job{Pipeline: "echo", Frame: gray(1), Timeout: -time.Second}, fault.Invalid, "frame-1: Timeout is -1s: it cannot be negative"},
		{"an unknown op", Job{Pipeline: "ecko", Frame: gray(1)}, fault.Invalid, "frame-1: step 1: unknown op ecko; did you mean echo?"},
		{"no pipeline", Job{Frame: gray(1)}, fault.Invalid, "expected the name of an op"},
		{"a frame that lacks a byte", Job{Pipeline: "echo", Frame: short}, fault.Invalid, "needs 8 bytes of pixels, got 7"},
		{"no frame at all", Job{Pipeline: "echo"}, fault.Invalid, "none u8 has no pixels"},
		{"a frame that never fits", Job{Pipeline: "echo", Frame: big}, fault.Invalid, "2000000 bytes are more than the memory budget for inputs has in all: 1048576, which is half of Config.Memory (--memory): raise that"},
		{"a frame that never fits and may not wait", Job{Pipeline: "echo", Frame: big, NoWait: true}, fault.Invalid, "2000000 bytes are more than"},
		{"an output beyond what the op can make", Job{Pipeline: "grow n=1048576 | grow n=1048577 index=-1", Frame: gray(1)}, fault.Invalid, "n=1048577 is not allowed"},
		{"an op that refuses", Job{Pipeline: "fail", Frame: gray(1)}, fault.Invalid, "frame-1: step 1, fail: as it was told to"},
		{"bytes that are no image", Job{Pipeline: "undecodable", Frame: frame.Encoded([]byte("x"))}, fault.Undecodable, "undecodable"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := one(t, f, c.job)
			if code(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v (%s), want %q (%s)", err, code(err), c.want, c.code)
			}
		})
	}
}

func TestMapKeepsTheOrder(t *testing.T) {
	f := newFarm(t)
	next := 0
	for r, err := range f.Map(t.Context(), "sleep ms=20 index=5 | invert", grays(500)) {
		if err != nil {
			t.Fatal(err)
		}
		if int(r.Index) != next || r.Pix[0] != ^byte(next) {
			t.Fatalf("frame %d came as %d", r.Index, next)
		}
		next++
		r.Release()
	}
	if next != 500 {
		t.Fatalf("%d of 500 frames came", next)
	}
}

func TestAFailedFrameDoesNotEndTheMap(t *testing.T) {
	f := newFarm(t)
	good, bad := 0, 0
	for r, err := range f.Map(t.Context(), "fail index=3 | echo", grays(10)) {
		var e *Error
		switch {
		case errors.As(err, &e) && e.Index == 3 && e.Source == "frame-3" && good == 3:
			bad++
		case err != nil:
			t.Fatal(err)
		default:
			good++
			r.Release()
		}
	}
	if good != 9 || bad != 1 {
		t.Fatalf("%d good, %d bad", good, bad)
	}
}

func TestAnErrorOfTheInputEndsTheMapAfterWhatCameBefore(t *testing.T) {
	f := newFarm(t)
	broken := errors.New("the disk is gone")
	in := func(yield func(frame.Frame, error) bool) {
		_ = yield(gray(0), nil) && yield(gray(1), nil) && yield(frame.Frame{}, broken)
	}
	var got []error
	for r, err := range f.Map(t.Context(), "echo", in) {
		got = append(got, err)
		if r != nil {
			r.Release()
		}
	}
	if len(got) != 3 || got[0] != nil || got[1] != nil || got[2] != broken {
		t.Fatalf("got %v", got)
	}
}

func TestABreakGivesUpWhatIsUnderWay(t *testing.T) {
	f := newFarm(t)
	for r, err := range f.Map(t.Context(), "echo", grays(1_000_000)) {
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		break
	}
}

func TestTheQueueOfTheArticle(t *testing.T) {
	f := newFarm(t)
	q := f.Queue("invert")
	go func() {
		for i := range 100 {
			if err := q.Put(t.Context(), gray(i)); err != nil {
				t.Error(err)
			}
		}
		q.Close()
		if err := q.Put(t.Context(), gray(0)); code(err) != fault.Closing {
			t.Errorf("a Put after Close: %v", err)
		}
	}()
	n := 0
	for r, err := range q.Results(t.Context()) {
		if err != nil || int(r.Index) != n {
			t.Fatal(n, err)
		}
		n++
		r.Release()
	}
	if n != 100 {
		t.Fatalf("%d results", n)
	}
}

func TestLatestShowsTheNewestAndCountsTheRest(t *testing.T) {
	f := newFarm(t)
	l := f.Latest("sleep ms=5 | echo")
	for i := range 200 {
		l.Put(gray(i))
	}
	for {
		updated := l.Updated()
		r, err := l.Get()
		if err != nil {
			t.Fatal(err)
		}
		if r != nil {
			newest := r.Index == 199
			r.Release()
			if newest {
				break
			}
		}
		<-updated
	}
	l.Close()
	c := l.Counts()
	if c.Put != 200 || c.Dropped == 0 || c.Done+c.Failed+c.Dropped != c.Put {
		t.Fatalf("%+v", c)
	}
}

func TestCancelAnswersAtOnce(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	var futures []*Future
	for i := range 10 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=20 | echo", Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	for _, future := range futures[1:] {
		future.Cancel()
		future.Cancel()
		if _, err := future.Wait(t.Context()); code(err) != fault.Cancelled {
			t.Fatalf("got %v", err)
		}
	}
	r, err := futures[0].Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	futures[0].Cancel()
}

// A run that was interrupted twice cancelled its futures and then waited for them: Wait returned a result that Cancel had
// released, and the second release ended the coordinator.
func TestAResultThatCancelReleasedIsNotHandedOut(t *testing.T) {
	f := newFarm(t)
	future, err := f.Submit(t.Context(), Job{Pipeline: "invert", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	<-future.Done()
	future.Cancel()
	if r, err := future.Wait(t.Context()); r != nil || code(err) != fault.Cancelled {
		t.Fatalf("got %v, %v", r, err)
	}
}

func TestCancelKillsTheWorkerThatIsStillAtIt(t *testing.T) {
	f := newFarm(t)
	events := f.Events(t.Context())
	future, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	for f.Snapshot().Workers[0].State != Busy && f.Snapshot().Workers[1].State != Busy {
		runtime.Gosched()
	}
	future.Cancel()
	if e := ended(t, events); e.Exit.Cause != proc.CauseCancel {
		t.Fatalf("it ended so: %v", e.Exit)
	}
	r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(2)})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
}

func TestAFullQueueRefusesOrWaits(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.QueueSize = 1, 1 })
	hold := Job{Pipeline: "sleep ms=300 | echo", Frame: gray(0)}
	for range 3 { // one runs, one is prefetched, one waits
		future, err := f.Submit(t.Context(), hold)
		if err != nil {
			t.Fatal(err)
		}
		defer future.Cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.Submit(ctx, hold); err != context.DeadlineExceeded {
		t.Fatalf("a Submit that waits: %v", err)
	}
	hold.NoWait = true
	if _, err := f.Submit(t.Context(), hold); code(err) != fault.Overloaded || !strings.Contains(err.Error(), "the queue is full: 1 jobs wait") {
		t.Fatalf("a Submit that may not wait: %v", err)
	}
}

// "Try again later", as it was told, would never have helped.
func TestAnOutputOfMoreThanTheBudgetIsInvalid(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory = 1 << 20 })
	_, err := one(t, f, Job{Pipeline: "echo | grow n=600000", Frame: gray(1)})
	want := "frame-1: step 2, grow: its output: 600000 bytes are more than the memory budget for outputs has in all: 524288, " +
		"which is half of Config.Memory (--memory): raise that"
	if code(err) != fault.Invalid || err.Error() != want {
		t.Errorf("%v (%s), want\n%s", err, code(err), want)
	}
	if r, err := one(t, f, Job{Pipeline: "grow n=524288", Frame: gray(1)}); err != nil {
		t.Error(err)
	} else {
		r.Release()
	}
}

func TestLeakedResultsCannotGrowWithoutBound(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory = 4 << 20; c.Timeout = 300 * time.Millisecond })
	var leaked []*Result
	for {
		r, err := one(t, f, Job{Pipeline: "grow n=500000", Frame: gray(1)})
		if code(err) == fault.Overloaded {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if leaked = append(leaked, r); len(leaked) > 8 {
			t.Fatal("the budget of 2 MB for outputs gave more than 4 MB")
		}
	}
	if f.Snapshot().Restarts != 0 {
		t.Fatal("a worker was killed for want of memory")
	}
	for _, r := range leaked {
		r.Release()
	}
	r, err := one(t, f, Job{Pipeline: "grow n=500000", Frame: gray(1)})
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	r.Release()
}

func TestStartFailsWithTheStory(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		c    Config
		want string
	}{
		{"no worker named", Config{}, "Worker is empty"},
		{"a field out of range", Config{Worker: exe, Workers: -1}, "Workers is -1: 0 to 1024 are possible"},
		{"an isolation that is none", Config{Worker: exe, Isolation: "jail"}, `Isolation is "jail"`},
		{"no such binary", Config{Worker: "/no/such"}, "cannot start worker /no/such: no such file"},
		{"it crashes", Config{Worker: exe, Workers: 2, WorkerEnv: []string{fake.EnvStart + "=crash"}}, "cannot load the library"},
		{"another protocol", Config{Worker: exe, WorkerEnv: []string{fake.EnvStart + "=version"}}, "protocol version"},
		{"it hangs", Config{Worker: exe, StartTimeout: 200 * time.Millisecond, WorkerEnv: []string{fake.EnvStart + "=hang"}}, "not ready within 200ms"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Start(t.Context(), c.c); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}
