package proc

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cause is why a worker ended: by itself, or on whose order it was killed. It is recorded before the kill, so that an ordered
// end is never taken for a crash.
type Cause string

// The causes.
const (
	CauseExited   Cause = "exited"   // it ended by itself, with a code or by a signal
	CauseDeadline Cause = "deadline" // killed: a job in it passed its deadline
	CauseStalled  Cause = "stalled"  // killed: it makes no progress, though no job in it passed its deadline
	CauseStart    Cause = "start"    // killed: not ready in time
	CauseProtocol Cause = "protocol" // killed: it sent what it must not
	CauseCancel   Cause = "cancel"   // killed: its running job was cancelled
	CauseRecycle  Cause = "recycle"  // stopped: it reached a limit on jobs, age or memory
	CauseStop     Cause = "stop"     // stopped: the farm closes, or needs it no longer
)

// Exit is how a worker process ended. Its JSON names are stable.
type Exit struct {
	Cause Cause `json:"cause"`
	// Detail says more about an ordered end: which job, which rule; and why there was no process, where PID is 0.
	Detail string `json:"detail,omitempty"`
	PID    int    `json:"pid"`
	// Code is the exit code; -1 when a signal ended the process, or when it never started.
	Code int `json:"code"`
	// Signal is such as "segmentation fault"; empty where none ended the process.
	Signal string `json:"signal,omitempty"`
	// Stderr is the last lines that the process wrote there, and to standard output.
	Stderr string `json:"stderr,omitempty"`
	// Lived is from the start to the end; MaxRSS the most memory it had in bytes, shared frames included.
	Lived  time.Duration `json:"lived_ns"`
	MaxRSS int64         `json:"max_rss"`
	// MemoryCap is the bound on its memory that was set, in bytes; 0 is none.
	MemoryCap int64 `json:"memory_cap,omitempty"`
	// OOM tells whose memory had run out when the kernel killed the process for that. It is known only where the worker had a
	// cgroup of its own; OOMLimit is the limit of that group, in bytes, where it was the reason.
	OOM      OOM   `json:"oom,omitempty"`
	OOMLimit int64 `json:"oom_limit,omitempty"`
	// Proc is what /proc told of it just before we killed it; nil where we did not, or could not read it in time.
	Proc *ProcSnapshot `json:"proc,omitempty"`
}

// OOM is whose memory had run out.
type OOM string

// The kinds.
const (
	OOMOwn    OOM = "worker" // that of the worker and its children
	OOMOthers OOM = "others" // that of a cgroup above, or of the machine
)

// String is one line, such as `worker process 4711, 1.2s old, died by signal "segmentation fault"; its last words: terminate called`.
func (e Exit) String() string {
	if e.PID == 0 {
		return "no worker process was started: " + e.Detail
	}
	var b strings.Builder
	fmt.Fprintf(&b, "worker process %d, %v old, %s", e.PID, e.Lived.Round(time.Millisecond), e.end())
	if e.Proc != nil && (e.Cause == CauseDeadline || e.Cause == CauseStalled || e.Cause == CauseProtocol) {
		fmt.Fprintf(&b, " (%v)", e.Proc)
	}
	if e.MemoryCap > 0 && e.Cause == CauseExited && (e.Code != 0 || e.Signal != "") {
		fmt.Fprintf(&b, "; its memory was capped at %d MiB", e.MemoryCap>>20)
	}
	if words := lastWords(e.Stderr); words != "" {
		b.WriteString("; its last words: " + words)
	}
	return b.String()
}

func (e Exit) end() string {
	switch {
	case e.Cause != CauseExited && e.Detail != "":
		return fmt.Sprintf("was killed (%s: %s)", e.Cause, e.Detail)
	case e.Cause != CauseExited:
		return fmt.Sprintf("was killed (%s)", e.Cause)
	case e.Signal == unix.SIGKILL.String() && e.OOM == OOMOwn:
		return fmt.Sprintf("was killed by the kernel: it used more than its %d MiB of memory, shared frames included (cgroup)", e.OOMLimit>>20)
	case e.Signal == unix.SIGKILL.String() && e.OOM == OOMOthers:
		return "was killed by the kernel: the machine, or a cgroup above the worker's, ran out of memory"
	case e.Signal == unix.SIGKILL.String():
		return fmt.Sprintf("died by signal %q, sent from outside: by another program, or by the kernel when memory ran out", e.Signal)
	case e.Signal != "":
		return fmt.Sprintf("died by signal %q", e.Signal)
	}
	return fmt.Sprintf("exited with code %d", e.Code)
}

// lastWords is the lines that a reader looks for first: where the Go or C++ run-time gave its reason, or else the last few.
func lastWords(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	from, n := max(0, len(lines)-3), 3
	for i, line := range lines {
		for _, start := range []string{"panic: ", "fatal error: ", "terminate called"} {
			if strings.HasPrefix(line, start) {
				from, n = i, 2
			}
		}
	}
	lines = lines[from:min(from+n, len(lines))]
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, " / ")
}
