package chaos

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/procfs"
)

// Gauges are what this process holds at one moment: what grows without bound leaks.
type Gauges struct {
	At         time.Duration `json:"at_ns"`  // since the run began
	Memory     int64         `json:"memory"` // anonymous, in bytes
	Heap       int64         `json:"heap"`   // that Go's collector left, in bytes
	Goroutines int           `json:"goroutines"`
	Files      int           `json:"files"`
	Children   int           `json:"children"`
	Mappings   int           `json:"mappings"`
	Arena      int64         `json:"arena"` // of the farm's shared memory, in bytes
}

// Measure reads them, after a garbage collection. What that frees goes back to the kernel first: else the memory would be the most
// that was ever needed, which grows without a leak.
func Measure(at time.Duration, arena int64) Gauges {
	debug.FreeOSMemory()
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	g := Gauges{At: at, Heap: int64(heap.HeapAlloc), Goroutines: runtime.NumGoroutine(), Children: children(), Arena: arena}
	files, _ := os.ReadDir("/proc/self/fd")
	g.Files = len(files)
	if p, err := procfs.Self(); err == nil {
		if s, err := p.NewStatus(); err == nil {
			g.Memory = int64(s.RssAnon)
		}
		maps, _ := p.ProcMaps()
		g.Mappings = len(maps)
	}
	return g
}

// String is one line.
func (g Gauges) String() string {
	return fmt.Sprintf("after %6v: memory %5.1f MiB, heap %5.1f MiB, %3d goroutines, %3d files, %2d children, %3d mappings, arena %5.1f MiB",
		g.At.Round(time.Second), float64(g.Memory)/(1<<20), float64(g.Heap)/(1<<20), g.Goroutines, g.Files, g.Children, g.Mappings,
		float64(g.Arena)/(1<<20))
}
