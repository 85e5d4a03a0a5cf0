package proc

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
	hogIfAsked()
	fake.ServeIfWorker()
	goleak.VerifyTestMain(m)
}

// bench is an arena with one region and a launcher; everything is checked to be given back.
func bench(t *testing.T) (*Launcher, Config) {
	t.Helper()
	temp, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	a, err := shm.Create(1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Region(shm.NewBudget("tests", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := NewLauncher(1)
	t.Cleanup(func() {
		l.Close()
		r.Retire()
		a.Close()
		if err := os.Remove(temp); err != nil {
			t.Errorf("something was left behind: %v", err)
		}
	})
	return l, Config{Path: exe, Arena: a, Region: r, StartTimeout: 10 * time.Second, Env: []string{"GORACE=atexit_sleep_ms=0"}}
}

func start(t *testing.T) *Worker {
	t.Helper()
	l, c := bench(t)
	w, err := l.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func receive(w *Worker) <-chan *workerpb.WorkResponse {
	said := make(chan *workerpb.WorkResponse)
	go w.Receive(said)
	return said
}

// send runs a pipeline without input and without output.
func send(t *testing.T, w *Worker, text string) {
	t.Helper()
	err := w.Send(&workerpb.WorkRequest{
		Define: []*workerpb.Program{{Id: 1, Pipeline: text}},
		Jobs:   []*workerpb.Job{{Id: 7, Program: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAWorkerWorksDrainsAndStops(t *testing.T) {
	w := start(t)
	if w.Info().Engine != "fake" || len(w.Info().Ops) == 0 {
		t.Fatalf("it describes itself as %+v", w.Info())
	}
	send(t, w, "index")
	if err := w.Drain(); err != nil {
		t.Fatal(err)
	}
	said := receive(w)
	resp, ok := <-said
	if !ok || len(resp.Results) != 1 || resp.Results[0].Id != 7 || resp.Results[0].Fault != nil {
		t.Fatalf("got %v, %v", resp, ok)
	}
	if more, ok := <-said; ok {
		t.Fatalf("after the drain: %v", more)
	}
	e := w.Stop(within(t, 5*time.Second))
	if e.Cause != CauseStop || e.Code != 0 || e.Signal != "" || e.MaxRSS == 0 {
		t.Fatalf("exit %+v", e)
	}
}

func TestTheObituaryTellsTheTruth(t *testing.T) {
	cases := []struct {
		name, pipeline string
		want           Exit
		stderr         string
	}{
		{"exit code", "exit code=3", Exit{Cause: CauseExited, Code: 3}, "these are my last words"},
		{"exit code 0", "exit", Exit{Cause: CauseExited, Code: 0}, "last words"},
		{"killed from outside", "kill signal=KILL", Exit{Cause: CauseExited, Code: -1, Signal: "killed"}, ""},
		{"segmentation fault", "kill signal=SEGV", Exit{Cause: CauseExited, Code: -1, Signal: "segmentation fault"}, ""},
		{"abort", "kill signal=ABRT", Exit{Cause: CauseExited, Code: -1, Signal: "aborted"}, ""},
		{"a Go panic", "panic", Exit{Cause: CauseExited, Code: 2}, "panic: as it was told to"},
		{"a long story on stderr", "flood kb=3000 | exit code=1", Exit{Cause: CauseExited, Code: 1}, "last words"},
		{"a long story on stdout", "flood kb=3000 fd=1 | exit code=1", Exit{Cause: CauseExited, Code: 1}, "last words"},
		{"what panics go-plugin", "mumble | exit code=1", Exit{Cause: CauseExited, Code: 1}, `{"@message": 5`},
		{"a grandchild that keeps the pipes", "grandchild | exit code=9", Exit{Cause: CauseExited, Code: 9}, "last words"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := start(t)
			send(t, w, c.pipeline)
			for range receive(w) {
			}
			select {
			case <-w.Done():
			case <-within(t, 10*time.Second).Done():
				t.Fatal("it does not end")
			}
			e := w.Stop(within(t, time.Second))
			if e.Cause != c.want.Cause || e.Code != c.want.Code || e.Signal != c.want.Signal || !strings.Contains(e.Stderr, c.stderr) {
				t.Fatalf("exit %+v, want %+v", e, c.want)
			}
			if strings.ContainsRune(e.Stderr, '\x1b') {
				t.Fatalf("a terminal escape came through: %q", e.Stderr)
			}
		})
	}
}

func TestAKillIsNeverTakenForACrash(t *testing.T) {
	for _, pipeline := range []string{"hang", "kill signal=STOP"} {
		t.Run(pipeline, func(t *testing.T) {
			w := start(t)
			send(t, w, pipeline)
			w.Kill(CauseDeadline, "job 7 ran for 1s")
			w.Kill(CauseCancel, "too late")
			e := w.Stop(within(t, 5*time.Second))
			if e.Cause != CauseDeadline || e.Detail != "job 7 ran for 1s" {
				t.Fatalf("exit %+v", e)
			}
		})
	}
}

func TestAStoppedWorkerCannotHoldUpStop(t *testing.T) {
	w := start(t)
	send(t, w, "kill signal=STOP")
	for !strings.Contains(procStat(t, w.PID()), ") T ") {
		runtime.Gosched()
	}
	if e := w.Stop(within(t, 100*time.Millisecond)); e.Cause != CauseStop || e.Signal != "killed" {
		t.Fatalf("exit %+v", e)
	}
}

func procStat(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
