package farm

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
)

// CPUQuota is how many CPUs this process may use: the affinity mask and the cgroup's limit, rounded up. Go's run-time knows
// both, and begins with a GOMAXPROCS of that; it is asked once, for a program may lower GOMAXPROCS afterwards, and leave more of
// the CPUs to the workers.
func CPUQuota() int { return cpuQuota() }

var cpuQuota = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// MemoryLimit is how many bytes this process may use: what the machine has, or less where a cgroup says so.
func MemoryLimit() int64 {
	limit := int64(math.MaxInt64)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		limit = int64(info.Totalram) * int64(info.Unit)
	}
	if n, ok := cgroup.MemoryLimit(); ok {
		limit = min(limit, n)
	}
	return limit
}

// room reports whether this process may have so many workers, and a video to read and one to write.
func room(processes int) error {
	const videos = 2
	return proc.Room(processes + videos)
}

// withAddressSpace names the limit that is behind an error of mmap.
func withAddressSpace(err error) error {
	var l unix.Rlimit
	if errors.Is(err, unix.ENOMEM) && unix.Getrlimit(unix.RLIMIT_AS, &l) == nil && l.Cur != unix.RLIM_INFINITY {
		return fmt.Errorf("%w: the address space of this process is limited to %d MiB, which only reserving it uses up: "+
			"allow more (ulimit -v unlimited)", err, l.Cur>>20)
	}
	return err
}

func defaultMemory() int64 { return min(max(MemoryLimit()/4, 256<<20), 8<<30) }

// limits are the settings that OpenCV must find in its environment before it is loaded.
func limits(c Config) []string {
	pixels := strconv.FormatInt(c.MaxPixels, 10)
	return []string{
		"OPENCV_IO_MAX_IMAGE_PIXELS=" + pixels,
		"OPENCV_LOG_LEVEL=ERROR",
		// One heap that keeps its pages: ops allocate the same large buffers for each frame, from whichever thread Go is on, and
		// giving them back in between costs a page fault for every 4 KiB of them.
		"MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=268435456", "MALLOC_MMAP_THRESHOLD_=33554432",
		"OPENCV_FFMPEG_LOGLEVEL=16", // AV_LOG_ERROR
	}
}
