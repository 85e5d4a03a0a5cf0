package proc

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
)

// limitMemory sets the cap. The kernel counts all private memory that may be written against it, also what the process took
// before this: it has only just begun to load its libraries.
func (p *process) limitMemory() {
	if p.cap <= 0 {
		return
	}
	limit := unix.Rlimit{Cur: uint64(p.cap), Max: uint64(p.cap)}
	if err := unix.Prlimit(p.pid(), unix.RLIMIT_DATA, &limit, nil); err != nil && !errors.Is(err, unix.ESRCH) {
		p.kill(CauseStart, fmt.Sprintf("its memory cap cannot be set: %v", err))
	}
}

// What a worker takes at least: files here, and threads of its own.
const (
	filesPerWorker   = 6 // two standard streams, the lifeline, the connection, the bell, the handle of the process
	threadsPerWorker = 8
	filesInReserve   = 16 // for a start under way, the arena, inputs and outputs
)

// Room reports whether the limits of this process allow so many workers at a time.
func Room(workers int) error {
	files := filesOpen() + workers*filesPerWorker + filesInReserve
	if limit := openFiles(); uint64(files) > limit {
		return fmt.Errorf("%d worker processes, the spare and those for videos among them, take about %d open files, but this process may have %d (ulimit -n): "+
			"allow more, or use fewer workers", workers, files, limit)
	}
	threads := workers * threadsPerWorker
	if limit, ok := taskLimit(); ok && int64(threads) > limit {
		return fmt.Errorf("%d worker processes, the spare and those for videos among them, take at least %d threads, but %d are allowed (ulimit -u, or the cgroup's pids.max): "+
			"allow more, or use fewer workers", workers, threads, limit)
	}
	return nil
}

// openFiles is the limit; Go has raised it to the hard one.
func openFiles() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 1 << 20
	}
	return l.Cur
}

func filesOpen() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}

// taskLimit is how many threads there may be. What others use of it is not known.
func taskLimit() (int64, bool) {
	limit, ok := cgroup.TaskLimit()
	var l unix.Rlimit
	if os.Getuid() == 0 || unix.Getrlimit(unix.RLIMIT_NPROC, &l) != nil || l.Cur == unix.RLIM_INFINITY {
		return limit, ok // root is not bound by it
	}
	if n := int64(l.Cur); !ok || n < limit {
		limit = n
	}
	return limit, true
}
