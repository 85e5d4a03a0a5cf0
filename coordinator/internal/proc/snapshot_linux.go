package proc

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// ProcSnapshot is what /proc told of a process just before it was killed. What could not be read, or not in time, is zero.
type ProcSnapshot struct {
	// State is the main thread's: R runs, S sleeps, D waits in the kernel and cannot be interrupted, T is stopped.
	State string `json:"state"`
	// RSS is the resident memory in bytes, shared frames included; RSSAnon the part that is the process's own.
	RSS     int64 `json:"rss"`
	RSSAnon int64 `json:"rss_anon"`
	// CPUTime is what it used in all, in user mode and in the kernel.
	CPUTime time.Duration `json:"cpu_ns"`
	// NumThreads is how many threads it had, Threads the first of them, 64 at most.
	NumThreads int              `json:"num_threads"`
	Threads    []ThreadSnapshot `json:"threads,omitempty"`
}

// ThreadSnapshot is one thread of a process: which of them is stuck, and where.
type ThreadSnapshot struct {
	TID     int           `json:"tid"`
	Name    string        `json:"name"`
	State   string        `json:"state"`
	CPUTime time.Duration `json:"cpu_ns"`
	// Wchan is the kernel function that it sleeps in, Syscall the number of the system call and its arguments, or "running".
	// Both are empty where the kernel does not tell.
	Wchan   string `json:"wchan,omitempty"`
	Syscall string `json:"syscall,omitempty"`
}

const maxThreads = 64

// String is such as "state T (stopped), RSS 48 MiB, 31 MiB of it its own, CPU time 1.2s, 11 threads".
func (s *ProcSnapshot) String() string {
	return fmt.Sprintf("state %s, RSS %d MiB, %d MiB of it its own, CPU time %v, %d threads",
		stateText(s.State), s.RSS>>20, s.RSSAnon>>20, s.CPUTime.Round(10*time.Millisecond), s.NumThreads)
}

func stateText(state string) string {
	switch state {
	case "T", "t":
		return state + " (stopped)"
	case "D":
		return state + " (waits in the kernel)"
	}
	return state
}

// snapshot reads what it can until ctx ends. It returns nil where there is no such process.
func snapshot(ctx context.Context, pid int) *ProcSnapshot {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return nil
	}
	stat, err := p.Stat()
	if err != nil {
		return nil
	}
	s := &ProcSnapshot{State: stat.State, RSS: int64(stat.ResidentMemory()), CPUTime: cpuTime(stat), NumThreads: stat.NumThreads}
	if status, err := p.NewStatus(); err == nil {
		s.RSSAnon = int64(status.RssAnon)
	}
	threads, _ := procfs.AllThreads(pid)
	for _, t := range threads[:min(len(threads), maxThreads)] {
		if ctx.Err() != nil {
			break
		}
		if stat, err := t.Stat(); err == nil {
			s.Threads = append(s.Threads, threadSnapshot(pid, t, stat))
		}
	}
	return s
}

func threadSnapshot(pid int, t procfs.Proc, stat procfs.ProcStat) ThreadSnapshot {
	s := ThreadSnapshot{TID: t.PID, Name: stat.Comm, State: stat.State, CPUTime: cpuTime(stat)}
	if wchan, err := t.Wchan(); err == nil && wchan != "0" {
		s.Wchan = wchan
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/syscall", pid, t.PID)); err == nil {
		s.Syscall = strings.TrimSpace(string(text))
	}
	return s
}

func cpuTime(s procfs.ProcStat) time.Duration {
	return time.Duration(s.CPUTime() * float64(time.Second))
}
