package farm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/worker/fake"
)

// deaths is every way in which a worker can end in the middle of a job, by the fake worker's pipeline that brings it about, and
// what must be said of it.
var deaths = []struct {
	name, pipeline string
	cause          proc.Cause
	story          string // within the exit's text
}{
	{"SIGKILL", "kill signal=KILL", proc.CauseExited, `died by signal "killed"`},
	{"SIGSEGV", "kill signal=SEGV", proc.CauseExited, `died by signal "segmentation fault"`},
	{"abort", "kill signal=ABRT", proc.CauseExited, `died by signal "aborted"`},
	{"SIGTERM", "kill signal=TERM", proc.CauseExited, `died by signal "terminated"`},
	{"exit 0", "exit code=0", proc.CauseExited, "exited with code 0"},
	{"exit 3", "exit code=3", proc.CauseExited, "exited with code 3"},
	{"panic", "panic", proc.CauseExited, "panic: as it was told to"},
	{"a write into its input", "scribble", proc.CauseExited, `died by signal "segmentation fault"`},
	{"a lie about the size", "lie about=size", proc.CauseProtocol, "its output has 9 bytes, it was lent 8"},
	{"a lie about the geometry", "lie about=geometry", proc.CauseProtocol, "cannot be 1004x2 gray u8"},
	{"a lie of absurd numbers", "lie about=huge", proc.CauseProtocol, "it was lent 8"},
	{"a lie about the job", "lie about=id", proc.CauseProtocol, "which it did not have"},
	{"a wish for jobs that it does not run", "lie about=prefetched", proc.CauseProtocol, "it asked for 1 bytes for job"},
	{"an answer twice", "lie about=twice", proc.CauseProtocol, "which it did not have"},
}

func TestAJobWhoseWorkerDiesIsDoneByAnother(t *testing.T) {
	for _, d := range deaths {
		t.Run(d.name, func(t *testing.T) {
			f := newFarm(t)
			events := f.Events(t.Context())
			once := filepath.Join(t.TempDir(), "once")
			n := 0
			for r, err := range f.Map(t.Context(), d.pipeline+" index=20 once="+once+" | invert", grays(60)) {
				if err != nil {
					t.Fatalf("frame %d: %v", n, err)
				}
				if int(r.Index) != n || r.Pix[0] != ^byte(n) {
					t.Fatalf("frame %d came as %d", r.Index, n)
				}
				n++
				r.Release()
			}
			if n != 60 {
				t.Fatalf("%d of 60 frames came", n)
			}
			e := ended(t, events)
			if e.Exit.Cause != d.cause || !strings.Contains(e.Exit.String(), d.story) {
				t.Fatalf("it is told as: %s (%s)", e.Exit, e.Exit.Cause)
			}
		})
	}
}

// ended returns the event of the first worker's end.
func ended(t *testing.T, events <-chan Event) Event {
	t.Helper()
	late := deadline(t, 10*time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == WorkerEnded {
				return e
			}
		case <-late.Done():
			t.Fatal("no worker has ended")
		}
	}
}

func TestAJobThatAlwaysKillsItsWorkerFailsAloneAndWithItsStory(t *testing.T) {
	for _, d := range deaths {
		if d.name == "an answer twice" {
			continue // its first answer is good, and taken
		}
		t.Run(d.name, func(t *testing.T) {
			f := newFarm(t)
			good := 0
			for r, err := range f.Map(t.Context(), d.pipeline+" index=5 | invert", grays(12)) {
				var e *Error
				switch {
				case err == nil:
					good++
					r.Release()
				case !errors.As(err, &e) || e.Index != 5:
					t.Fatal(err)
				case e.Code != fault.Crashed || len(e.Attempts) != 3 || !strings.Contains(err.Error(), d.story):
					t.Fatalf("%s after %d attempts: %v", e.Code, len(e.Attempts), err)
				}
			}
			if good != 11 {
				t.Fatalf("%d of the other 11 frames came", good)
			}
		})
	}
}

func TestADeadlineKillsTheWorkerAndFailsTheJobAlone(t *testing.T) {
	for _, hang := range []string{"hang", "kill signal=STOP"} {
		t.Run(hang, func(t *testing.T) {
			f := newFarm(t, func(c *Config) { c.Timeout = 150 * time.Millisecond })
			good := 0
			for r, err := range f.Map(t.Context(), hang+" index=3 | invert", grays(40)) {
				var e *Error
				switch {
				case err == nil:
					good++
					r.Release()
				case !errors.As(err, &e) || e.Index != 3 || e.Code != fault.Deadline || len(e.Attempts) == 0:
					t.Fatalf("%v: %+v", err, e)
				case e.Attempts[len(e.Attempts)-1].Exit.Cause != proc.CauseDeadline || !strings.Contains(err.Error(), "not done within 150ms"):
					t.Fatal(err, e.Attempts)
				}
			}
			if good != 39 {
				t.Fatalf("%d of the other 39 frames came", good)
			}
		})
	}
}

func TestThreadsOfOneWorkerShareItsFateButNotTheBlame(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Isolation, c.Workers = Thread, 4 })
	if n := len(f.Snapshot().Workers); n != 1 {
		t.Fatalf("%d processes", n)
	}
	good := 0
	for r, err := range f.Map(t.Context(), "sleep ms=5 | exit code=7 index=9 | invert", grays(40)) {
		var e *Error
		switch {
		case err == nil:
			good++
			r.Release()
		case !errors.As(err, &e) || e.Code != fault.Crashed:
			t.Fatal(err)
		}
	}
	if good < 36 {
		t.Fatalf("%d of 40 frames came; at most those in the 4 threads may be blamed", good)
	}
}

// A heartbeat proves life, not work. A worker that beats and does not come to its job is found out long before the job's timeout.
func TestAWorkerThatLivesAndDoesNotWorkIsReplaced(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	f := newFarm(t, func(c *Config) {
		c.Workers, c.Timeout, c.StallTimeout = 1, time.Hour, 2*time.Second
		c.WorkerEnv = append(c.WorkerEnv, fake.EnvAt+"=received hang once="+once)
	})
	events := f.Events(t.Context())
	r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	for e := range events {
		if e.Kind == WorkerEnded {
			if e.Exit.Cause != CauseStalled || !strings.Contains(e.Exit.String(), "it has jobs, and was at none of them for") {
				t.Errorf("it ended: %v", e.Exit)
			}
			return
		}
	}
}

func TestAFarmWithoutWorkersAnswersAndRecovers(t *testing.T) {
	link := filepath.Join(t.TempDir(), "worker")
	f := newFarm(t, func(c *Config) {
		if err := os.Symlink(c.Worker, link); err != nil {
			t.Fatal(err)
		}
		c.Worker, c.Workers, c.Attempts, c.Spares = link, 1, 100, -1
	})
	target, err := os.Readlink(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	r, err := one(t, f, Job{Pipeline: "exit", Frame: gray(1)})
	if code(err) != fault.Unavailable || !strings.Contains(err.Error(), "no such file") {
		t.Fatalf("%v, %v", r, err)
	}
	if exit := f.Snapshot().Workers[0].LastExit; exit.Cause != CauseStart || exit.String() != "no worker process was started: no such file or directory" {
		t.Errorf("its last exit: %v: %v", exit.Cause, exit)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for err != nil {
		if r, err = one(t, f, Job{Pipeline: "echo", Frame: gray(1)}); err != nil && code(err) != fault.Unavailable {
			t.Fatal(err)
		}
	}
	r.Release()
}

func TestCloseGivesUpAtItsDeadlineAndWaitsForEverything(t *testing.T) {
	f := newFarm(t)
	var futures []*Future
	for i := range 20 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.Close(ctx); err != context.DeadlineExceeded {
		t.Fatalf("close: %v", err)
	}
	for i, future := range futures {
		if _, err := future.Wait(t.Context()); code(err) != fault.Closing {
			t.Fatalf("job %d: %v", i, err)
		}
	}
	if _, err := f.Submit(t.Context(), Job{Pipeline: "echo", Frame: gray(1)}); code(err) != fault.Closing {
		t.Fatalf("a Submit after Close: %v", err)
	}
}

func TestEveryCloseReturnsTheSame(t *testing.T) {
	f := newFarm(t)
	future, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() { first <- f.Close(t.Context()) }()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Close(over); err != context.Canceled { // it hurries the first
		t.Errorf("the second: %v", err)
	}
	if err := <-first; err != context.Canceled {
		t.Errorf("the first: %v", err)
	}
	if err := f.Close(t.Context()); err != context.Canceled {
		t.Errorf("a third: %v", err)
	}
	if _, err := future.Wait(t.Context()); code(err) != fault.Closing {
		t.Errorf("the job: %v", err)
	}
}

func TestStartFailsWithACode(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		config Config
		code   fault.Code
	}{
		{"no worker is named", t.Context(), Config{}, fault.Invalid},
		{"there is no such worker", t.Context(), Config{Worker: "/nowhere/worker"}, fault.Unavailable},
		{"it is no worker", t.Context(), Config{Worker: "/bin/true", Workers: 1}, fault.Unavailable},
		{"the limits leave no room", t.Context(), Config{Worker: "/bin/true", Workers: 1024, Spares: 1024, Memory: 64 << 20}, fault.Unavailable},
		{"nobody waits", over, Config{Worker: "/nowhere/worker"}, ""},
	} {
		f, err := Start(tt.ctx, tt.config)
		if f != nil || err == nil || code(err) != tt.code {
			t.Errorf("%s: %v, with the code %q, want %q", tt.name, err, code(err), tt.code)
		}
	}
}

func TestCloseFinishesWhatWasSubmitted(t *testing.T) {
	f := newFarm(t)
	var futures []*Future
	for i := range 50 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=2 | invert", Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	if err := f.Close(deadline(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	for i, future := range futures {
		r, err := future.Wait(t.Context())
		if err != nil || r.Pix[0] != ^byte(i) {
			t.Fatal(i, err)
		}
		r.Release()
	}
}

func TestEveryHappeningHasAFate(t *testing.T) {
	for _, h := range []happening{refused, undecodable, noMemory, neverFits, late, crashed, stalled, lied, bystander, noWorker, poisoned, closing, gaveUp} {
		if fate, ok := fates[h]; !ok || fate.code == "" || fate.charged && !fate.retry {
			t.Errorf("%s: %+v", h, fate)
		}
	}
	for code, want := range map[fault.Code]happening{
		fault.Undecodable: undecodable, fault.Overloaded: noMemory, fault.Invalid: refused,
		fault.Crashed: refused, "made up": refused, fault.Cancelled: refused,
	} {
		if got := reported(code); got != want {
			t.Errorf("a worker that says %s: %s, want %s", code, got, want)
		}
	}
}

func BenchmarkSubmitEcho(b *testing.B) {
	for _, flight := range []int{1, 256} {
		b.Run(fmt.Sprintf("%d in flight", flight), func(b *testing.B) { benchmarkEcho(b, flight) })
	}
}

func benchmarkEcho(b *testing.B, flight int) {
	f := benchFarm(b, 2)
	futures := make(chan *Future, flight)
	in := gray(1)
	b.ReportAllocs()
	b.ResetTimer()
	finish := func() {
		r, err := (<-futures).Wait(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
	for range b.N {
		if len(futures) == flight {
			finish()
		}
		future, err := f.Submit(context.Background(), Job{Pipeline: "echo", Frame: in})
		if err != nil {
			b.Fatal(err)
		}
		futures <- future
	}
	for len(futures) > 0 {
		finish()
	}
}
