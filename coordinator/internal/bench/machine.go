package bench

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/cvfarm/cvfarm/coordinator/farm"
)

// Machine is where and when it was measured.
type Machine struct {
	Date     string            `json:"date"`
	CPU      string            `json:"cpu"`
	CPUs     int               `json:"cpus"` // that this process may use
	Kernel   string            `json:"kernel"`
	Engine   string            `json:"engine"`   // of the worker
	Versions map[string]string `json:"versions"` // of that
	// Load is the machine's load average when the measurement ended: beyond the number of CPUs, others were at work too.
	Load float64 `json:"load_average"`
}

// versions is such as "gocv 0.43.0, opencv 4.6.0", or else the engine's name.
func (m Machine) versions() string {
	if len(m.Versions) == 0 {
		return m.Engine
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		all = append(all, name+" "+m.Versions[name])
	}
	return strings.Join(all, ", ")
}

func thisMachine(info farm.Info) Machine {
	m := Machine{
		Date: time.Now().Format(time.DateOnly), CPU: runtime.GOARCH, CPUs: farm.CPUQuota(), Engine: info.Engine, Versions: info.Versions,
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(release))
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return m
	}
	if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 && cpus[0].ModelName != "" {
		m.CPU = cpus[0].ModelName
	}
	if load, err := fs.LoadAvg(); err == nil {
		m.Load = load.Load1
	}
	return m
}
