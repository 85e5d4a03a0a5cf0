package proc

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
)

// envHog makes a worker take memory without end that RLIMIT_DATA does not count, once it gets SIGUSR2.
const envHog = "CVFARM_TEST_HOG"

func hogIfAsked() {
	if os.Getenv(envHog) == "" {
		return
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGUSR2)
	go func() {
		<-asked
		const piece = 16 << 20
		for {
			mem, err := unix.Mmap(-1, 0, piece, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
			if err != nil {
				panic(err)
			}
			for i := 0; i < piece; i += 4096 {
				mem[i] = 1
			}
		}
	}()
}

func delegated(t *testing.T) string {
	t.Helper()
	dir, err := cgroup.Delegated()
	if err != nil {
		t.Skip("NOT TESTED, as no cgroup can be made here: ", err)
	}
	return dir
}

// capped is a worker that may have 512 MiB, and its group.
func capped(t *testing.T, l *Launcher, c Config) (w *Worker, group string) {
	t.Helper()
	c.MemoryCap, c.Shared = 512<<20, 1<<20
	w, err := l.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if w.process.group == nil {
		t.Fatal("the worker has no group")
	}
	return w, w.process.group.Dir
}

func TestAWorkerIsInAGroupOfItsOwnUntilItEnds(t *testing.T) {
	delegated(t)
	l, c := bench(t)
	w, group := capped(t, l, c)
	if procs, err := os.ReadFile(filepath.Join(group, "cgroup.procs")); err != nil || !strings.Contains(string(procs), "\n") {
		t.Errorf("in the group are %q, %v", procs, err)
	}
	if e := w.Stop(within(t, 5*time.Second)); e.Cause != CauseStop || e.OOM != "" {
		t.Errorf("exit %+v", e)
	}
	if _, err := os.Stat(group); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its group is there still: %v", err)
	}
}

func TestAWorkerThatRunsAwayIsEndedByItsGroup(t *testing.T) {
	parent := delegated(t)
	t.Cleanup(func() { // after bench's
		if left, _ := filepath.Glob(filepath.Join(parent, "cvfarm-*")); len(left) > 0 {
			t.Errorf("the launcher has left %q", left)
		}
	})
	l, c := bench(t)
	c.Env = append(c.Env, envHog+"=1")
	w, group := capped(t, l, c)
	if err := syscall.Kill(w.PID(), unix.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.Done():
	case <-within(t, 60*time.Second).Done():
		t.Fatal("it does not end")
	}
	e := w.Stop(within(t, time.Second))
	if e.Cause != CauseExited || e.OOM != OOMOwn || e.OOMLimit != 512<<20+1<<20+kernelMemory ||
		!strings.Contains(e.String(), "was killed by the kernel: it used more than its 577 MiB of memory, shared frames included (cgroup)") {
		t.Errorf("%v: %+v", e, e)
	}
	if _, err := os.Stat(group); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its group is there still: %v", err)
	}
	next, _ := capped(t, l, c)
	next.Stop(within(t, 5*time.Second))
}

// A sandbox may not know the call that starts a process in a group.
func TestWhereAGroupIsRefusedTheProgramStartsWithoutOne(t *testing.T) {
	p := &process{cmd: exec.Command("true"), group: &cgroup.Group{Dir: t.TempDir()}}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.execute(); err != nil || p.group != nil {
		t.Fatalf("%v, group %v", err, p.group)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestTheExitTellsWhoseMemoryRanOut(t *testing.T) {
	e := Exit{Cause: CauseExited, PID: 17, Signal: "killed", MemoryCap: 512 << 20}
	for oom, want := range map[OOM]string{
		OOMOwn: "worker process 17, 0s old, was killed by the kernel: it used more than its 600 MiB of memory, shared frames included (cgroup); " +
			"its memory was capped at 512 MiB",
		OOMOthers: "was killed by the kernel: the machine, or a cgroup above the worker's, ran out of memory",
		"":        "sent from outside: by another program, or by the kernel",
	} {
		e.OOM, e.OOMLimit = oom, 600<<20
		if got := e.String(); !strings.Contains(got, want) {
			t.Errorf("%q: %s", oom, got)
		}
	}
}
