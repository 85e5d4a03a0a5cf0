package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
)

// Kind is a way to disturb a worker.
type Kind string

// The kinds.
const (
	Kill   Kind = "kill"   // SIGKILL
	Segv   Kind = "segv"   // SIGSEGV, as a wild pointer would
	Stop   Kind = "stop"   // SIGSTOP for good: the farm has to find it by itself
	Starve Kind = "starve" // stopped and continued by turns, so that it has a third of its CPU time for a while
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Kill, Segv, Stop, Starve} }

var signals = map[Kind]unix.Signal{Kill: unix.SIGKILL, Segv: unix.SIGSEGV, Stop: unix.SIGSTOP}

// ParseKinds reads names with commas between them.
func ParseKinds(text string) ([]Kind, error) {
	var all []Kind
	for name := range strings.SplitSeq(text, ",") {
		kind := Kind(strings.TrimSpace(name))
		if _, ok := signals[kind]; !ok && kind != Starve {
			return nil, fmt.Errorf("%q is no kind of disturbance; they are kill, segv, stop and starve", kind)
		}
		all = append(all, kind)
	}
	return all, nil
}

// How a worker is starved: for starveTurns turns it is stopped for hungry and runs for fed.
const (
	starveTurns = 5
	hungry      = 20 * time.Millisecond
	fed         = 10 * time.Millisecond
)

// Strike is one disturbance.
type Strike struct {
	Time time.Time
	Kind Kind
	PID  int
	// Worker is the number of the supervisor, 0 for a spare; Busy tells whether it had jobs.
	Worker int
	Busy   bool
}

// Killer strikes workers at random, the spares among them.
type Killer struct {
	// Rate is strikes per second on average. A strike that finds no worker is not made up for.
	Rate float64
	// Kinds are chosen from with equal chance.
	Kinds []Kind
	// Seed makes the times, the kinds and the choice of the worker the same in each run, as far as the same workers live.
	Seed uint64
	// Snapshot tells of the workers; Struck hears of every strike.
	Snapshot func() farm.Snapshot
	Struck   func(Strike)

	missed  int          // strikes that found no worker
	marked  map[int]bool // processes that are being starved, or were struck for good
	mu      sync.Mutex   // guards marked
	starves sync.WaitGroup
}

// Run strikes until ctx ends. No process is left stopped that was only starved. It returns how many strikes found no worker that
// was not struck before.
func (k *Killer) Run(ctx context.Context) (missed int) {
	random := rand.New(rand.NewPCG(k.Seed, k.Seed))
	k.marked = map[int]bool{}
	defer k.starves.Wait()
	for wait(ctx, time.Duration(random.ExpFloat64()/k.Rate*float64(time.Second))) {
		kind := k.Kinds[random.IntN(len(k.Kinds))]
		if !k.strike(ctx, kind, random.Float64()) {
			k.missed++
		}
	}
	return k.missed
}

// strike hits one of the workers; which says where in their list.
func (k *Killer) strike(ctx context.Context, kind Kind, which float64) bool {
	targets := k.targets(processes(k.Snapshot()))
	if len(targets) == 0 {
		return false
	}
	target := targets[int(which*float64(len(targets)))]
	c, err := openChild(target.PID)
	if err != nil {
		return false // it ended by itself meanwhile
	}
	now := time.Now()
	k.mark(target.PID, true)
	if kind == Starve {
		k.starves.Go(func() { k.starve(ctx, c, target.PID) })
	} else {
		err = c.signal(signals[kind])
		c.close()
	}
	if err == nil {
		k.Struck(Strike{Time: now, Kind: kind, PID: target.PID, Worker: target.Number, Busy: target.State == farm.Busy})
	}
	return err == nil
}

// processes are all that can be struck: the spares have the number 0.
func processes(s farm.Snapshot) []farm.WorkerStatus {
	all := s.Workers
	for _, pid := range s.Spares {
		all = append(all, farm.WorkerStatus{PID: pid, State: farm.Idle})
	}
	return all
}

// targets are the workers that live and are not marked. Marks of those that are gone are forgotten.
func (k *Killer) targets(workers []farm.WorkerStatus) []farm.WorkerStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	still := map[int]bool{}
	var targets []farm.WorkerStatus
	for _, w := range workers {
		switch {
		case k.marked[w.PID]:
			still[w.PID] = true
		case w.PID > 1:
			targets = append(targets, w)
		}
	}
	k.marked = still
	return targets
}

func (k *Killer) mark(pid int, marked bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if marked {
		k.marked[pid] = true
	} else {
		delete(k.marked, pid)
	}
}

func (k *Killer) starve(ctx context.Context, c *child, pid int) {
	defer c.close()
	defer k.mark(pid, false)
	defer func() { _ = c.signal(unix.SIGCONT) }()
	for range starveTurns {
		if c.signal(unix.SIGSTOP) != nil || !wait(ctx, hungry) || c.signal(unix.SIGCONT) != nil || !wait(ctx, fed) {
			return
		}
	}
}

// wait reports false where ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
