package farm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
)

// pids runs n frames and returns which processes did them, in order of first appearance.
func pids(t *testing.T, f *Farm, pipeline string, n int) []string {
	t.Helper()
	var seen []string
	next := 0
	for r, err := range f.Map(t.Context(), pipeline, grays(n)) {
		if err != nil || int(r.Index) != next {
			t.Fatal(next, err)
		}
		next++
		pid := string(r.Values[0].JSON)
		if !slices.Contains(seen, pid) {
			seen = append(seen, pid)
		}
		r.Release()
	}
	if next != n {
		t.Fatalf("%d of %d frames", next, n)
	}
	return seen
}

func TestAWorkerIsRecycledAfterItsJobsAndNothingIsLost(t *testing.T) {
	for _, spares := range []int{1, -1} {
		f := newFarm(t, func(c *Config) { c.Workers, c.MaxJobs, c.Spares = 1, 20, spares })
		events := f.Events(t.Context())
		if seen := pids(t, f, "sleep ms=5 | pid", 100); len(seen) < 3 {
			t.Fatalf("%d spares: %d processes did 100 jobs at 20 each", spares, len(seen))
		}
		if e := ended(t, events); e.Exit.Cause != proc.CauseRecycle || !strings.Contains(e.Exit.Detail, "jobs") || e.Exit.Code != 0 {
			t.Fatalf("it ended so: %+v", e.Exit)
		}
		if s := f.Snapshot(); s.Recycles < 2 || s.Restarts != 0 || s.Retries != 0 {
			t.Fatalf("%+v", s.Counts)
		}
	}
}

func TestAWorkerThatLeaksIsRecycled(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.MaxMemory = 1, 100<<20 })
	events := f.Events(t.Context())
	if len(pids(t, f, "pid | hog mb=150 index=1 | sleep ms=20", 100)) < 2 {
		t.Fatal("it was not replaced")
	}
	if e := ended(t, events); e.Exit.Cause != proc.CauseRecycle || !strings.Contains(e.Exit.Detail, "bytes of memory, more than 104857600") {
		t.Fatalf("it ended so: %+v", e.Exit)
	}
}

func TestTheSpareTakesOverAndIsReplaced(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	for round := range 3 {
		spare := <-f.spares // so it is ready
		go func() { f.spares <- spare }()
		once := filepath.Join(t.TempDir(), "once")
		seen := pids(t, f, "pid | exit index=5 once="+once, 10)
		if want := strconv.Itoa(spare.instance.worker.PID()); len(seen) != 2 || seen[1] != want {
			t.Fatalf("round %d: done by %v, the spare was %s", round, seen, want)
		}
	}
}

func TestAsManySparesAreKeptAsAreAskedFor(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.Spares = 1, 3 })
	seen := map[int]bool{}
	for range 3 {
		spare := <-f.spares
		seen[spare.instance.worker.PID()] = true
		defer spare.accept(nil).dismiss()
	}
	if len(seen) != 3 {
		t.Errorf("the spares are %v", seen)
	}
}

// gates is a worker binary whose starts are numbered from 0 and wait, each at its own gate where that was made.
type gates string

func newGates(t *testing.T, numbers ...int) gates {
	dir := gates(t.TempDir())
	for _, n := range numbers {
		if err := unix.Mkfifo(dir.name(n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir.wrap(t, exe)
	return dir
}

// wrap makes the worker binary of another one.
func (g gates) wrap(t *testing.T, exe string) {
	script := fmt.Sprintf("#!/bin/sh\nn=0; while ! /bin/mkdir %[1]s/start.$n; do n=$((n+1)); done\n"+
		"[ -e %[1]s/stop.$n ] && kill -STOP $$\n[ -p %[1]s/gate.$n ] && read opened < %[1]s/gate.$n\nexec %[2]s\n", g, exe)
	if err := os.WriteFile(g.worker(), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (g gates) worker() string    { return filepath.Join(string(g), "worker") }
func (g gates) name(n int) string { return filepath.Join(string(g), fmt.Sprintf("gate.%d", n)) }

// reached waits until start n is at its gate. Closing the file opens that.
func (g gates) reached(t *testing.T, n int) *os.File {
	gate, err := os.OpenFile(g.name(n), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

// It was a supervisor's own start that it waited for, while the spare, begun before, became ready for nobody.
func TestASpareOnItsWayTakesOverToo(t *testing.T) {
	g := newGates(t, 2, 3)
	f := newFarm(t, func(c *Config) { c.Workers, c.Worker = 1, g.worker() })
	spare := <-f.spares
	go func() { f.spares <- spare }()
	once := filepath.Join(t.TempDir(), "once")
	pids(t, f, "pid | exit index=1 once="+once, 2) // the spare was promoted, and start 2 is to be the next
	next := g.reached(t, 2)

	done := make(chan []string)
	go func() { done <- pids(t, f, "pid | exit index=1 once="+once+"2", 3) }()
	own := g.reached(t, 3) // the supervisor's
	next.Close()
	if seen := <-done; len(seen) != 2 {
		t.Fatalf("done by %v", seen)
	}
	own.Close()
	spare = <-f.spares // what the supervisor began
	if _, err := os.Stat(filepath.Join(string(g), "start.4")); err == nil {
		t.Error("a worker was started that nobody needs")
	}
	spare.accept(nil).dismiss()
}

func TestASpareThatIsStoppedIsReplaced(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.StallTimeout = 1, 500*time.Millisecond })
	events := f.Events(t.Context())
	spare := theSpare(t, f)
	if err := unix.Kill(spare, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if e := ended(t, events); e.PID != spare || e.Worker != 0 || e.Exit.Cause != CauseStalled {
		t.Fatalf("it ended so: %+v, the spare was %d", e, spare)
	}
	if theSpare(t, f) == spare {
		t.Error("it is still the spare")
	}
}

// What had been lost added up for ever, and a farm under fire had no spare for seconds.
func TestSparesThatAreTakenInBetweenAreNoCrashLoop(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	events, late := f.Events(t.Context()), deadline(t, 20*time.Second)
	for range 14 {
		if err := unix.Kill(theSpare(t, f), unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		ended(t, events)
		select {
		case o := <-f.spares:
			o.accept(nil).dismiss()
		case <-late.Done():
			t.Fatal("the spares come too slowly")
		}
	}
}

// theSpare waits until there is one.
func theSpare(t *testing.T, f *Farm) (pid int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := deadline(t, 20*time.Second); ctx.Err() == nil; <-tick.C {
		if s := f.Snapshot().Spares; len(s) > 0 {
			return s[0]
		}
	}
	t.Fatal("there is no spare")
	return 0
}

func TestAStoppedWorkerIsFoundLongBeforeItsDeadline(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.StallTimeout = 600 * time.Millisecond; c.Timeout = time.Hour })
	events := f.Events(t.Context())
	once := filepath.Join(t.TempDir(), "once")
	next := 0
	for r, err := range f.Map(t.Context(), "kill signal=STOP index=3 once="+once+" | invert", grays(20)) {
		if err != nil || int(r.Index) != next {
			t.Fatal(next, err)
		}
		next++
		r.Release()
	}
	if next != 20 {
		t.Fatalf("%d of 20 frames", next)
	}
	if e := ended(t, events); e.Exit.Cause != proc.CauseStalled || !strings.Contains(e.Exit.Detail, "no heartbeat for") {
		t.Fatalf("it ended so: %+v", e.Exit)
	}
}
