package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
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
	resp, err := w.Recv()
	if err != nil || len(resp.Results) != 1 || resp.Results[0].Id != 7 || resp.Results[0].Fault != nil {
		t.Fatalf("got %v, %v", resp, err)
	}
	if _, err := w.Recv(); err != io.EOF {
		t.Fatalf("after the drain: %v", err)
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
			for {
				if _, err := w.Recv(); err != nil {
					break
				}
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

func TestAFailedStartSaysWhy(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "worker")
	if err := os.WriteFile(notExecutable, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, deed, path, want string
		fatal                  bool
	}{
		{"it crashes", "crash", "", "it ended before it was ready: worker process", false},
		{"it crashes with words", "crash", "", "cannot load the library that does not exist", false},
		{"it hangs", "hang", "", "not ready within 500ms", false},
		{"it speaks another version", "version", "", `protocol version "999", this coordinator version 1`, true},
		{"it speaks no protocol", "garbage", "", "it does not begin as a worker of cvfarm does", false},
		{"there is none", "", "/no/such/worker", "no such file", true},
		{"it is not executable", "", notExecutable, "permission denied", true},
		{"it is another program", "", "/bin/true", "no worker of cvfarm does at its start; is it one?", false},
		{"another kills it", "", script(t, "kill -9 $$"), `died by signal "killed", sent from outside`, false},
		{"another kills it when it is nearly there", "", script(t, "echo '"+strings.TrimSpace(handshake.Hello())+"'; kill -9 $$"),
			`died by signal "killed", sent from outside`, false},
		{"it says that it is ready and does not answer", "", script(t, "echo '"+strings.TrimSpace(handshake.Hello())+"'; exec sleep 60"),
			"not ready within 500ms", false},
		{"it closes its output and goes on", "", script(t, "exec >&-; exec sleep 60"), "it closed its standard output without a word", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l, cfg := bench(t)
			cfg.Env = []string{"GORACE=atexit_sleep_ms=0", fake.EnvStart + "=" + c.deed}
			cfg.StartTimeout = 500 * time.Millisecond
			if c.path != "" {
				cfg.Path = c.path
			}
			_, err := l.Start(t.Context(), cfg)
			var se *StartError
			if !errors.As(err, &se) || !strings.Contains(err.Error(), c.want) || se.Fatal != c.fatal {
				t.Fatalf("error %v (%+v), want %q, fatal %v", err, se, c.want, c.fatal)
			}
		})
	}
}

// script makes a program of another kind.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAStartEndsWithItsContext(t *testing.T) {
	l, cfg := bench(t)
	cfg.Env = []string{"GORACE=atexit_sleep_ms=0", fake.EnvStart + "=hang"}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Start(ctx, cfg); err == nil {
		t.Fatal("it started")
	}
}

func TestAWorkerInheritsNoSecrets(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("OPENCV_LOG_LEVEL", "ERROR")
	env := strings.Join(inherited(), "\n")
	if strings.Contains(env, "SECRET") || !strings.Contains(env, "OPENCV_LOG_LEVEL=ERROR") {
		t.Fatal(env)
	}
}

// A coordinator that is killed with -9 can remove nothing, and a worker that is killed with it cannot either.
func TestAWorkerHasNoNameInTheFileSystem(t *testing.T) {
	l, cfg := bench(t)
	cfg.Env = append(cfg.Env, fake.EnvStart+"=hang")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := l.Start(ctx, cfg)
		failed <- err
	}()
	for childOf(t, os.Getpid()) == 0 {
		runtime.Gosched()
	}
	if left := entries(t, os.TempDir()); len(left) > 0 {
		t.Errorf("while a worker starts, there is %v", left)
	}
	cancel()
	<-failed
}

func TestAWorkerNeedsNoTemporaryDirectory(t *testing.T) {
	l, cfg := bench(t)
	t.Setenv("TMPDIR", "/no/such/directory")
	w, err := l.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Stop(within(t, 5*time.Second))
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// childOf returns a process that has done its exec; 0 is none.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		if child, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return child
		}
	}
	return 0
}

func TestASnapshotIsTakenBeforeAKill(t *testing.T) {
	w := start(t)
	send(t, w, "kill signal=STOP")
	for !strings.Contains(procStat(t, w.PID()), ") T ") {
		runtime.Gosched()
	}
	w.Kill(CauseStalled, "no heartbeat")
	e := w.Stop(within(t, 5*time.Second))
	s := e.Proc
	if s == nil || s.State != "T" || s.RSSAnon == 0 || s.RSS < s.RSSAnon || s.NumThreads == 0 || len(s.Threads) != s.NumThreads {
		t.Fatalf("snapshot %+v", s)
	}
	if !strings.Contains(e.String(), "state T (stopped)") {
		t.Fatal(e)
	}
}

// The kernel refuses what is beyond the cap; integration has a worker that asks for it. (Not here: the race detector's own
// memory is beyond any cap.)
func TestTheMemoryCapIsSet(t *testing.T) {
	l, cfg := bench(t)
	cfg.MemoryCap = 1 << 50
	w, err := l.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(w.PID(), unix.RLIMIT_DATA, nil, &limit); err != nil || limit.Cur != 1<<50 || limit.Max != 1<<50 {
		t.Errorf("limit %+v, %v", limit, err)
	}
	if e := w.Stop(within(t, 5*time.Second)); e.MemoryCap != 1<<50 {
		t.Errorf("exit %+v", e)
	}
}

func TestRoomIsRefusedWhereThereIsNone(t *testing.T) {
	if err := Room(1); err != nil {
		t.Fatal(err)
	}
	err := Room(1 << 30)
	if err == nil || !strings.Contains(err.Error(), "open files") {
		t.Fatalf("room for a billion workers: %v", err)
	}
}

func TestAFailedStartLeavesNoFileOpen(t *testing.T) {
	l, cfg := bench(t)
	cfg.Path = "/no/such/worker"
	before := filesOpen()
	for range 3 {
		if _, err := l.Start(t.Context(), cfg); err == nil {
			t.Fatal("it started")
		}
	}
	if after := filesOpen(); after > before {
		t.Fatalf("%d files are open, %d were", after, before)
	}
}
