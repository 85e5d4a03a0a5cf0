package bench

import (
	"os"
	"runtime"
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
	Versions map[string]string `json:"versions"` // of the worker's engine
	// Load is the machine's load average when the measurement ended: beyond the number of CPUs, others were at work too.
	Load float64 `json:"load_average"`
}

func thisMachine(info farm.Info) Machine {
	m := Machine{
		Date: time.Now().Format(time.DateOnly), CPU: runtime.GOARCH, CPUs: farm.CPUQuota(), Versions: info.Versions,
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
