package proc

import (
	"os/exec"
	"strconv"
	"time"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// Config says what to start.
type Config struct {
	// Path is the worker binary, Env what is added to its environment.
	Path string
	Env  []string
	// Arena and Region are the memory it shares. The region must be retired after Done.
	Arena  *shm.Arena
	Region *shm.Region
	// Lanes is how many jobs it runs at a time, Threads how many threads each may use.
	Lanes, Threads int
	// StartTimeout bounds the time until it is ready.
	StartTimeout time.Duration
	// StallTimeout is how long it may be stopped by a signal before it is ready.
	StallTimeout time.Duration
	// MemoryCap bounds the private memory that it may ask for, in bytes; 0 is no bound. The shared arena does not count, nor do
	// files that it maps to read them; what its stacks and its run-time set aside does, touched or not. An allocation beyond it
	// fails in the worker. Where the worker does not survive that, its Exit names the cap. Where a cgroup v2 was delegated to this
	// process, the worker is besides in a group of its own, whose limit is the cap and Shared and a little: it holds for what the
	// worker's children take too, for memory that they share, and for files in memory. When that is reached, the kernel ends the
	// worker and its children, and its Exit says so.
	MemoryCap int64
	// Shared is how much of the arena's memory may be in use, in bytes: any of it may be counted for the worker.
	Shared int64
}

// command is the program with the environment that it gets.
func (c Config) command() *exec.Cmd {
	cmd := exec.Command(c.Path)
	offset, size := c.Region.Span()
	threads := strconv.Itoa(max(1, c.Threads))
	cookie := handshake.Config()
	cmd.Env = append(inherited(),
		cookie.MagicCookieKey+"="+cookie.MagicCookieValue,
		"OPENCV_FOR_THREADS_NUM="+threads, "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads,
		"OPENCV_OPENCL_DEVICE=disabled",
		handshake.EnvRegion+"="+handshake.FormatRegion(offset, size),
		handshake.EnvLanes+"="+strconv.Itoa(max(1, c.Lanes)),
		handshake.EnvThreads+"="+threads,
	)
	cmd.Env = append(cmd.Env, c.Env...)
	return cmd
}

// Info is how a worker describes itself.
type Info struct {
	Engine   string
	Versions map[string]string
	Ops      pipeline.Catalogue
	Modules  []Module
}

// Module is an optional part of the worker's library.
type Module struct {
	Name    string `json:"name"`
	Present bool   `json:"present"`
	Why     string `json:"why,omitempty"`
}
