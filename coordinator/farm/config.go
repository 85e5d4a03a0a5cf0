package farm

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cvfarm/cvfarm/shared/handshake"
)

// Isolation is how far jobs are kept from each other.
type Isolation string

const (
	// Process gives every worker one job at a time: a crash costs that job's attempt alone.
	Process Isolation = "process"
	// Thread runs all jobs as threads of one worker process: less memory, but a crash costs the attempt of every job in it.
	Thread Isolation = "thread"
)

// Config says how a farm runs. The zero value of every field but Worker is a good choice.
type Config struct {
	// Worker is the path of the worker binary. Required.
	Worker string
	// WorkerEnv is added to the workers' environment, which otherwise holds only what a worker needs.
	WorkerEnv []string
	// Workers is how many jobs run at a time: processes, or threads of one process under Thread isolation. Defaults to the
	// CPU quota of this process (affinity and cgroup), divided by Threads.
	Workers int
	// Isolation defaults to Process.
	Isolation Isolation
	// Threads is how many threads OpenCV may use within one job. Defaults to 1: many frames at a time beat many threads in
	// one.
	Threads int
	// Attempts is how often a job is tried in all when its worker dies. Defaults to 3.
	Attempts int
	// Timeout bounds one attempt of a job, from its start in a worker. The worker is killed when it passes. Defaults to 30 s.
	Timeout time.Duration
	// StartTimeout bounds the start of a worker until it is ready. Defaults to 20 s.
	StartTimeout time.Duration
	// QueueSize is how many jobs may wait for a worker. Defaults to 256.
	QueueSize int
	// Memory is the budget in bytes for frames and results in shared memory: half for what goes into workers, half for what
	// comes out. Defaults to a quarter of the machine's (or the cgroup's) memory, at least 256 MiB and at most 8 GiB.
	Memory int64
	// MaxPixels bounds width × height of an image to decode. Defaults to 200 million.
	MaxPixels int64
	// Nice is added to the workers' niceness, so that the coordinator stays responsive on a full machine. Defaults to 10; a
	// negative number is none.
	Nice int
	// Spares is how many processes are kept ready to take over at once from workers that end; the start of another takes a few
	// hundred milliseconds. Defaults to 1; a negative number is none.
	Spares int
	// MaxJobs, MaxAge and MaxMemory recycle a worker: it finishes its job and is replaced, by the spare where there is one, so
	// that capacity never dips. Up to a tenth is added to MaxJobs and MaxAge by chance, lest all workers recycle together.
	// MaxMemory is in bytes and counts anonymous memory only, not the shared frames. Default to no limit.
	MaxJobs   int
	MaxAge    time.Duration
	MaxMemory int64
	// MemoryCap is how much memory of its own a worker may ask for, in bytes: the kernel refuses more, so that a job that runs
	// away fails, or ends its worker, and not the machine. The shared frames do not count; about 150 MiB that a worker sets
	// aside for its libraries and threads do. Defaults to no limit.
	//
	// Where a part of the tree of cgroup v2 was delegated to this process, each worker is besides in a group of its own, whose
	// limit is MemoryCap and Memory and 64 MiB for the kernel: any shared frame may be counted for a worker, as the kernel counts
	// memory for who touches it first. It takes in what the first limit does not know: the worker's children, memory that they
	// share, and files in memory. The kernel ends who exceeds it, and the error says so. This process is never moved.
	MemoryCap int64
	// StallTimeout is how long a worker may show no sign of life before it is killed, or have jobs and be at none: a stopped process is
	// found so long before its job's deadline. Defaults to 5 s; MinStallTimeout is the least.
	StallTimeout time.Duration
	// Quarantine is the folder for jobs that ended every worker they were tried in: each is written there with its input and its
	// story, see the command coordinator quarantine. It is made when it is needed. Several farms may share one. Empty for none.
	Quarantine string
	// QuarantineBytes and QuarantineEntries bound what is in that folder. What would exceed them is not kept, which the job's
	// error says; nothing older is dropped for it. Default to 1 GiB and 1000.
	QuarantineBytes   int64
	QuarantineEntries int
	// Log receives what operators want to know: starts, exits, kills. Defaults to nothing.
	Log *slog.Logger
}

// Defaults that a comparison with the farm needs to know.
const (
	DefaultNice         = 10
	DefaultStartTimeout = 20 * time.Second
	DefaultStallTimeout = 5 * time.Second
)

// withDefaults returns c with every zero replaced.
func (c Config) withDefaults() Config {
	setDefault(&c.Isolation, Process)
	setDefault(&c.Threads, 1)
	setDefault(&c.Workers, max(1, CPUQuota()/max(1, c.Threads)))
	setDefault(&c.Attempts, 3)
	setDefault(&c.Timeout, 30*time.Second)
	setDefault(&c.StartTimeout, DefaultStartTimeout)
	setDefault(&c.StallTimeout, DefaultStallTimeout)
	setDefault(&c.QueueSize, 256)
	setDefault(&c.Memory, defaultMemory())
	setDefault(&c.MaxPixels, 200_000_000)
	setDefault(&c.Nice, DefaultNice)
	setDefault(&c.Spares, 1)
	setDefault(&c.QuarantineBytes, 1<<30)
	setDefault(&c.QuarantineEntries, 1000)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// maxLanes is how many jobs of one worker can be told apart when it dies.
const maxLanes = 255

// MinStallTimeout is the least Config.StallTimeout: with less, healthy workers would be killed on a machine that is busy.
const MinStallTimeout = 4 * handshake.Heartbeat

// Validate names the first field that makes no sense.
func (c Config) Validate() error {
	limits := []struct {
		name           string
		value, low, up int64
	}{
		{"Workers", int64(c.Workers), 0, 1024},
		{"Threads", int64(c.Threads), 0, 1024},
		{"Attempts", int64(c.Attempts), 0, 100},
		{"Timeout", int64(c.Timeout), 0, int64(24 * time.Hour)},
		{"StartTimeout", int64(c.StartTimeout), 0, int64(time.Hour)},
		{"MaxJobs", int64(c.MaxJobs), 0, 1 << 40},
		{"MaxAge", int64(c.MaxAge), 0, int64(1000 * 24 * time.Hour)},
		{"MaxMemory", c.MaxMemory, 0, 1 << 50},
		{"MemoryCap", c.MemoryCap, 0, 1 << 50},
		{"StallTimeout", int64(c.StallTimeout), 0, int64(24 * time.Hour)},
		{"QueueSize", int64(c.QueueSize), 0, 1 << 20},
		{"Memory", c.Memory, 0, 1 << 40},
		{"MaxPixels", c.MaxPixels, 0, 1 << 33},
		{"Nice", int64(c.Nice), -20, 19},
		{"Spares", int64(c.Spares), -1, 1024},
		{"QuarantineBytes", c.QuarantineBytes, 0, 1 << 50},
		{"QuarantineEntries", int64(c.QuarantineEntries), 0, 1 << 20},
	}
	for _, l := range limits {
		if l.value < l.low || l.value > l.up {
			return fmt.Errorf("farm config: %s is %d: %d to %d are possible", l.name, l.value, l.low, l.up)
		}
	}
	if c.StallTimeout > 0 && c.StallTimeout < MinStallTimeout {
		return fmt.Errorf("farm config: StallTimeout is %v: %v and more are possible, for workers show a sign of life every %v", c.StallTimeout,
			MinStallTimeout, handshake.Heartbeat)
	}
	if c.Isolation == Thread && c.Workers > maxLanes {
		return fmt.Errorf("farm config: Workers is %d: under Thread isolation 1 to %d are possible", c.Workers, maxLanes)
	}
	if c.Worker == "" {
		return fmt.Errorf("farm config: Worker is empty: it is the path of the worker binary")
	}
	if c.Isolation != "" && c.Isolation != Process && c.Isolation != Thread {
		return fmt.Errorf("farm config: Isolation is %q: it is %q or %q", c.Isolation, Process, Thread)
	}
	return nil
}
