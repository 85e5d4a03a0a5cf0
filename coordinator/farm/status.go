package farm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/restart"
)

// Counts are totals since the start.
type Counts struct {
	Submitted, Done, Failed uint64
	// Retries counts jobs that were tried again because their worker ended; Restarts counts workers and
	// readers that ended and were replaced.
	Retries, Restarts uint64
	// Recycles counts workers that were replaced in good order.
	Recycles uint64
	// Poisoned counts jobs that ended every worker they were tried in and are in quarantine, NotQuarantined those that should
	// be there and are not: it is full, or cannot be written.
	Poisoned, NotQuarantined uint64
}

// Snapshot is the farm at one moment.
type Snapshot struct {
	Counts
	Workers []WorkerStatus
	// Spares are the processes that are ready to take over.
	Spares []int
	// Queued jobs wait for a worker; Pending ones are not answered yet, queued or not.
	Queued, Pending int
	Memory          MemoryStatus
}

// WorkerStatus is one supervisor and its worker.
type WorkerStatus struct {
	Number int
	State  State
	// Breaker tells whether workers are started as usual, rarely, or for a trial.
	Breaker Breaker
	// PID is 0 where there is no process.
	PID int
	// Jobs it answered and workers that ended on it, since the start.
	Jobs, Restarts uint64
	LastExit       *Exit
}

// Breaker is the state of what keeps a supervisor from starting one worker after the other in vain.
type Breaker = restart.State

// The states of a breaker.
const (
	Closed   = restart.Closed   // a worker that ends is followed by the next, after the usual backoff
	Open     = restart.Open     // too many ended without a single answer: the next start waits long
	HalfOpen = restart.HalfOpen // one start is under way, to see whether it goes better
)

// MemoryStatus is the shared memory in bytes.
type MemoryStatus struct {
	// Budget is the bound; Leased is used by frames and results, InUse is that and what is kept warm; Peak the most that InUse
	// ever was.
	Budget, Leased, InUse, Peak int64
}

// Snapshot tells how the farm is. It takes microseconds and waits for no worker.
func (f *Farm) Snapshot() Snapshot {
	now, peak := f.arena.Live()
	s := Snapshot{
		Queued: len(f.jobs) + len(f.retries) + f.streams.queued(f),
		Memory: MemoryStatus{
			Budget: f.config.Memory, Leased: f.ins.Leased(f.arena) + f.outs.Leased(f.arena), InUse: now, Peak: peak,
		},
	}
	for _, v := range f.supervisors {
		v.mu.Lock()
		s.Workers = append(s.Workers, v.status)
		v.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Counts, s.Pending, s.Spares = f.counts, f.pending, slices.Clone(f.ready)
	return s
}

func (f *Farm) count(change func(*Counts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.counts)
}

// EventKind is what an event tells of.
type EventKind string

// The kinds.
const (
	WorkerReady EventKind = "worker ready"
	WorkerEnded EventKind = "worker ended" // with Exit, and with Err where it never was ready; Worker is 0 for the spare
	ReaderAgain EventKind = "reader restarted"
	// The breaker of a supervisor changed its state. With Breaker, and with Err where a start that failed changed it.
	BreakerChanged EventKind = "breaker changed"
	// A stream went on in another worker: what ops had kept for it is lost. With Stream.
	StreamRestarted EventKind = "stream restarted"
	// A job ended every worker it was tried in. With Entry, where it is in quarantine, or with Err, why it is not.
	JobPoisoned EventKind = "job poisoned"
)

// Event is something that happened to the farm.
type Event struct {
	Time   time.Time
	Kind   EventKind
	Worker int
	PID    int
	// Spare says of a worker that is ready that it was kept to take over, Since when its process became ready: a spare may have
	// been on its way still.
	Spare bool
	Since time.Time
	Exit  *Exit
	Err   error
	// Breaker, Stream and Entry come with the kinds that say so.
	Breaker Breaker
	Stream  string
	Entry   string
	// Missed is how many events before this one the receiver was too slow for.
	Missed int
}

// Events returns a channel of what happens from now on. It is closed when ctx ends or the farm has closed. Events that the
// receiver is too slow for are dropped, and counted in the next.
func (f *Farm) Events(ctx context.Context) <-chan Event { return f.events.subscribe(ctx) }

// broadcaster gives events to whoever listens, and waits for nobody.
type broadcaster struct {
	mu        sync.Mutex
	closed    bool
	listeners map[*listener]struct{}
}

type listener struct {
	events chan Event
	missed int
	stop   func() bool
}

const eventBuffer = 256

func (b *broadcaster) subscribe(ctx context.Context) <-chan Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &listener{events: make(chan Event, eventBuffer)}
	if b.closed {
		close(l.events)
		return l.events
	}
	if b.listeners == nil {
		b.listeners = map[*listener]struct{}{}
	}
	b.listeners[l] = struct{}{}
	l.stop = context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.remove(l)
	})
	return l.events
}

func (b *broadcaster) remove(l *listener) {
	if _, ok := b.listeners[l]; ok {
		delete(b.listeners, l)
		close(l.events)
	}
}

func (b *broadcaster) send(e Event) {
	e.Time = time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		e.Missed = l.missed
		select {
		case l.events <- e:
			l.missed = 0
		default:
			l.missed++
		}
	}
}

func (b *broadcaster) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for l := range b.listeners {
		l.stop()
		b.remove(l)
	}
}
