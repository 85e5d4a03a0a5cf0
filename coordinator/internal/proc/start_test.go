package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/worker/fake"
)

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
		{"it speaks another version", "version", "", fmt.Sprintf(`protocol version "999", this coordinator version %d`, handshake.Version), true},
		{"it speaks no protocol", "garbage", "", "it does not begin as a worker of cvfarm does", false},
		{"there is none", "", "/no/such/worker", "no such file", true},
		{"it is not executable", "", notExecutable, "permission denied", true},
		{"it is another program", "", "/bin/true", "no worker of cvfarm does at its start; is it one?", false},
		{"another kills it", "", script(t, "kill -9 $$"), `died by signal "killed", sent from outside`, false},
		{"another kills it when it is nearly there", "", script(t, "echo '"+strings.TrimSpace(handshake.Hello())+"'; kill -9 $$"),
			`died by signal "killed", sent from outside`, false},
		{"it says that it is ready and does not answer", "", script(t, "echo '"+strings.TrimSpace(handshake.Hello())+"'; exec sleep 60"),
			"not ready within 500ms", false},
		{"a signal stops it", "", script(t, "kill -STOP $$"), "it was stopped before it was ready: worker process", false},
		{"it closes its output and goes on", "", script(t, "exec >&-; exec sleep 60"), "it closed its standard output without a word", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l, cfg := bench(t)
			cfg.Env = []string{"GORACE=atexit_sleep_ms=0", fake.EnvStart + "=" + c.deed}
			cfg.StartTimeout, cfg.StallTimeout = 500*time.Millisecond, 50*time.Millisecond
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
func TestAWorkerYieldsSoon(t *testing.T) {
	own, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if own.Policy != unix.SCHED_NORMAL && own.Policy != unix.SCHED_BATCH {
		t.Skipf("these tests run under scheduling policy %d, which has neither niceness nor turns", own.Policy)
	}
	w := start(t)
	defer w.Stop(within(t, 20*time.Second))
	got, err := unix.SchedGetAttr(w.PID(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := min(19, own.Nice+1); got.Policy != own.Policy || got.Nice != want {
		t.Errorf("policy %d and niceness %d, ours are %d and %d", got.Policy, got.Nice, own.Policy, own.Nice)
	}
	if want := uint64(turn); own.Runtime > 0 && got.Runtime != want { // 0: the kernel is too old
		t.Errorf("turns of %d ns, want %d", got.Runtime, want)
	}
}

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
