package farm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/coordinator/internal/quarantine"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// Farm is a set of supervised workers and the queue in front of them. All methods are safe for concurrent use.
type Farm struct {
	config      Config
	launcher    *proc.Launcher
	arena       *shm.Arena
	ins, outs   *shm.Budget // for what goes into workers, for what comes out
	host        *shm.Region // for frames that enter from Go memory
	programs    programs
	streams     streams
	lanes       int // jobs that one worker runs at a time
	supervisors []*supervisor
	starting    chan struct{} // one for each start that is under way
	spares      chan offer    // workers that are kept ready
	staffed     chan struct{} // closed when every supervisor had its first worker, or failed to
	events      broadcaster
	quarantine  *quarantine.Store // nil for none

	idlers     atomic.Int32 // workers that wait for jobs and have none
	unanswered atomic.Int64 // jobs that are under way
	serving    atomic.Int32 // workers that take jobs
	jobs       chan *task   // the bounded queue
	retries    chan *task   // has room for every job that workers can hold

	stop    context.CancelFunc // hard: ends the supervisors at once
	stopped context.Context
	running sync.WaitGroup // supervisors and sessions
	finish  func()         // end, once; further calls wait for it

	mu       sync.Mutex // guards what follows
	info     Info
	hasInfo  bool
	closing  bool
	hurried  error         // why Close gave up what was not done
	pending  int           // jobs that are not settled, and open videos
	idle     chan struct{} // closed when closing and pending is 0
	broken   int           // supervisors that cannot get a worker
	lastWord error         // why not
	turned   chan struct{} // closed when broken changes
	counts   Counts
	ready    []int // processes of the spares
	lastID   atomic.Uint64
}

// Info is how the workers describe themselves.
type Info = proc.Info

// Module is an optional part of a worker's library.
type Module = proc.Module

// Start launches the workers and returns when the first is ready; the others follow. The errors are fault.Invalid for a config
// that makes no sense; fault.Unavailable where no worker can be started, with the story of the last try, or the machine's limits
// leave no room for them; and that of ctx where it ends before.
func Start(ctx context.Context, c Config) (*Farm, error) {
	if err := c.Validate(); err != nil {
		return nil, fault.Errorf(fault.Invalid, "%w", err)
	}
	f, err := launch(ctx, c)
	if err != nil && ctx.Err() == nil {
		err = fault.Errorf(fault.Unavailable, "%w", err)
	}
	return f, err
}

func launch(ctx context.Context, c Config) (*Farm, error) {
	c = c.withDefaults()
	processes, lanes := c.Workers, 1
	if c.Isolation == Thread {
		processes, lanes = 1, c.Workers
	}
	kept := processes + max(c.Spares, 0)
	if err := room(kept); err != nil {
		return nil, err
	}
	arena, err := shm.Create(regionsFor(kept), c.Memory/2)
	if err != nil {
		return nil, withAddressSpace(err)
	}
	f := &Farm{
		config: c, arena: arena, launcher: proc.NewLauncher(c.Nice),
		ins: shm.NewBudget("inputs", c.Memory/2), outs: shm.NewBudget("outputs", c.Memory/2),
		jobs: make(chan *task, c.QueueSize), retries: make(chan *task, processes*(lanes+maxPrefetch+2)),
		lanes: lanes, spares: make(chan offer), starting: make(chan struct{}, 2*CPUQuota()), staffed: make(chan struct{}),
		idle: make(chan struct{}), turned: make(chan struct{}), quarantine: quarantineOf(c),
	}
	f.finish = sync.OnceFunc(f.end)
	f.programs = programs{ops: f.Ops, byText: map[string]*program{}, inputs: map[string]*input{}}
	f.streams = streams{slots: make(chan struct{}, c.QueueSize), byKey: map[string]*stream{}}
	f.stopped, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	if f.host, err = arena.Region(f.ins); err != nil {
		return nil, err
	}
	var starting sync.WaitGroup
	starting.Add(processes)
	f.running.Go(func() { starting.Wait(); close(f.staffed) })
	first := make(chan error, processes)
	for i := range processes {
		f.supervisors = append(f.supervisors, newSupervisor(f, i+1, func(err error) { first <- err; starting.Done() }))
	}
	for _, s := range f.supervisors {
		f.running.Go(func() { s.run(f.stopped) })
	}
	for range c.Spares {
		f.running.Go(func() { f.keepSpare(f.stopped) })
	}
	if err := f.awaitFirst(ctx, first, processes); err != nil {
		f.stop()
		_ = f.Close(f.stopped)
		return nil, err
	}
	return f, nil
}

// regionsFor leaves room for the former regions of workers whose results are still in use, for readers and for writers.
func regionsFor(processes int) int { return 4*processes + 64 }

// awaitFirst waits for the first worker, or for the last failure.
func (f *Farm) awaitFirst(ctx context.Context, first <-chan error, n int) error {
	var last error
	for range n {
		select {
		case err := <-first:
			var start *proc.StartError
			if err == nil || errors.As(err, &start) && start.Fatal {
				return err
			}
			last = err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return last
}

// Ops is the catalogue that the workers brought.
func (f *Farm) Ops() pipeline.Catalogue { return f.Info().Ops }

// Info is how the workers describe themselves.
func (f *Farm) Info() Info {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.info
}

// Window is how many frames an ordered stream should keep under way: enough that a slow one does not idle the other workers.
func (f *Farm) Window() int { return 2*f.config.Workers + 2 }

// met keeps the description of the first worker.
func (f *Farm) met(i Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.hasInfo {
		f.info, f.hasInfo = i, true
	}
}

// despair counts a supervisor that cannot get a worker; hope takes it back.
func (f *Farm) despair(why error) { f.turn(1, why) }

func (f *Farm) hope() { f.turn(-1, nil) }

func (f *Farm) turn(by int, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken += by
	if why != nil {
		f.lastWord = why
	}
	close(f.turned)
	f.turned = make(chan struct{})
}

// hopeless reports whether no worker can be had at all, and why. The channel is closed when that may have changed.
func (f *Farm) hopeless() (yes bool, changed <-chan struct{}, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken == len(f.supervisors), f.turned, f.lastWord
}
