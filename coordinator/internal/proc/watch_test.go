package proc

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestASnapshotIsTakenBeforeAKill(t *testing.T) {
	l, cfg := bench(t)
	for range 10 { // on a busy machine a look at a process may not be in time; a kill does not wait for it
		w, err := l.Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		send(t, w, "kill signal=STOP")
		for !strings.Contains(procStat(t, w.PID()), ") T ") {
			runtime.Gosched()
		}
		w.Kill(CauseStalled, "no heartbeat")
		e := w.Stop(within(t, 5*time.Second))
		s := e.Proc
		if s == nil {
			continue
		}
		if s.State != "T" || s.RSSAnon == 0 || s.RSS < s.RSSAnon || s.NumThreads == 0 || len(s.Threads) != s.NumThreads {
			t.Fatalf("snapshot %+v", s)
		}
		if !strings.Contains(e.String(), "state T (stopped)") {
			t.Fatal(e)
		}
		return
	}
	t.Fatal("there is no snapshot")
}

func TestNoSnapshotOfNoProcess(t *testing.T) {
	if s := snapshot(t.Context(), 1<<30); s != nil {
		t.Fatal(s)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	for b.Loop() {
		if snapshot(b.Context(), os.Getpid()) == nil {
			b.Fatal("none")
		}
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
