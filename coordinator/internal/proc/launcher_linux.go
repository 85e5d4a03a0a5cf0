package proc

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
	"github.com/cvfarm/cvfarm/shared/handshake"
)

// Launcher starts worker processes. It owns one operating system thread, from which all of them are started: the kernel kills
// them when that thread ends (PDEATHSIG), so it must last as long as they (golang/go#27505), and they inherit its low priority.
type Launcher struct {
	start chan func()
	ended chan struct{}

	// the thread's own
	groups *cgroup.Owner // nil where there is none
	asked  bool          // for groups
}

// NewLauncher takes the niceness that workers get on top of ours.
func NewLauncher(nice int) *Launcher {
	l := &Launcher{start: make(chan func()), ended: make(chan struct{})}
	go l.run(nice)
	return l
}

func (l *Launcher) run(nice int) {
	defer close(l.ended)
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	if nice > 0 {
		// Without the right to it workers keep our priority: slower replies under load, nothing worse.
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, min(19, niceness()+nice))
	}
	takeShortTurns()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(handshake.TimerSlack), 0, 0, 0) // workers inherit it
	tryPidfd()
	for f := range l.start {
		f()
	}
	if l.groups != nil {
		l.groups.Close()
	}
}

// turn is for how long a worker keeps the CPU where somebody else wants it too. The kernel's own is some milliseconds, for which a
// coordinator that wakes on a full machine would wait in spite of its priority. Linux allows 100 µs to 100 ms.
const turn = 300 * time.Microsecond

// takeShortTurns changes the calling thread's turns, and so those of the workers that inherit them. Linux before 6.12 knows no
// such thing (EEVDF; sched_setattr(2), sched_runtime) and takes no notice.
func takeShortTurns() {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL && a.Policy != unix.SCHED_BATCH {
		return
	}
	a.Runtime = uint64(turn)
	_ = unix.SchedSetAttr(0, a, 0)
}

// tryPidfd has package os find out whether the kernel knows pidfds, which it otherwise does before the first start. It starts a
// process for that which shares our memory, handlers of signals included, and is in our process group; and unlike before any other
// start it leaves signals on (os.checkPidfd, go1.26). A Ctrl-C that came just then was counted twice, and one that the process
// died of left our thread on the wrong stack: "fatal: morestack on gsignal". The process inherits that signals are off.
func tryPidfd() {
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before) != nil {
		return
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }()
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Release()
	}
}

func niceness() int {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return 0
	}
	return 20 - n // the system call answers 1 to 40
}

// do runs f on the thread and waits for it.
func (l *Launcher) do(f func()) {
	done := make(chan struct{})
	l.start <- func() { defer close(done); f() }
	<-done
}

// Close ends the thread. All workers must have ended.
func (l *Launcher) Close() {
	close(l.start)
	<-l.ended
}

// inherited is the part of our environment that workers get. The rest, secrets among it, they do not.
func inherited() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "LC_"), strings.HasPrefix(name, "OPENCV_"), strings.HasPrefix(name, "DYLD_"):
			env = append(env, kv)
		case name == "PATH" || name == "HOME" || name == "LANG" || name == "TZ" || name == "TMPDIR" || name == "LD_LIBRARY_PATH":
			env = append(env, kv)
		}
	}
	return env
}

// sacrificeFirst makes the kernel, short of memory, take a worker before the coordinator.
func sacrificeFirst(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0o644)
}
