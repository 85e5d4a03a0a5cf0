package farm

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
	for _, noSpare := range []bool{false, true} {
		f := newFarm(t, func(c *Config) { c.Workers, c.MaxJobs, c.NoSpare = 1, 20, noSpare })
		events := f.Events(t.Context())
		if seen := pids(t, f, "sleep ms=5 | pid", 100); len(seen) < 3 {
			t.Fatalf("no spare %v: %d processes did 100 jobs at 20 each", noSpare, len(seen))
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
		if want := strconv.Itoa(spare.worker.PID()); len(seen) != 2 || seen[1] != want {
			t.Fatalf("round %d: done by %v, the spare was %s", round, seen, want)
		}
	}
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
