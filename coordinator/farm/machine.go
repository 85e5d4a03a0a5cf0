package farm

import (
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CPUQuota is how many CPUs this process may use: the affinity mask and the cgroup's limit, rounded up. Go's run-time knows
// both and keeps GOMAXPROCS in step with them.
func CPUQuota() int { return runtime.GOMAXPROCS(0) }

// MemoryLimit is how many bytes this process may use: what the machine has, or less where a cgroup says so.
func MemoryLimit() int64 {
	limit := int64(math.MaxInt64)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		limit = int64(info.Totalram) * int64(info.Unit)
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bad == nil && n > 0 {
			limit = min(limit, n)
		}
	}
	return limit
}

func defaultMemory() int64 { return min(max(MemoryLimit()/4, 256<<20), 8<<30) }

// limits are the settings that OpenCV must find in its environment before it is loaded.
func limits(c Config) []string {
	pixels := strconv.FormatInt(c.MaxPixels, 10)
	return []string{
		"OPENCV_IO_MAX_IMAGE_PIXELS=" + pixels,
		"OPENCV_LOG_LEVEL=ERROR",
		"OPENCV_FFMPEG_LOGLEVEL=16", // AV_LOG_ERROR
	}
}
