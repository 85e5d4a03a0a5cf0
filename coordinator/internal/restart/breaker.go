package restart

import "time"

// State is a breaker's.
type State string

// The states of a breaker.
const (
	// Closed: starts follow bad ends after the usual backoff.
	Closed State = "closed"
	// Open: too many ended badly; the next start waits long.
	Open State = "open"
	// HalfOpen: one start is under way to see whether it goes better.
	HalfOpen State = "half-open"
)

// Breaker decides when a worker that ended badly is started again, and knows whether that still makes sense. It opens when the
// meter reaches the limit, or when Policy.Limit ends in a row bore no fruit however slowly they came. An open breaker lets one trial
// start through after a long wait: where the trial's worker answers a job the breaker closes, where it ends badly it opens again and
// waits twice as long, up to Policy.Max. It is not safe for concurrent use.
type Breaker struct {
	meter     *Meter
	state     State
	fruitless int // bad ends since a job was answered
	blamed    int // ends since then that a job is blamed for
	trials    int // that failed since it opened
}

// NewBreaker returns one that is closed. It takes the source of jitter, such as rand.Float64.
func NewBreaker(p Policy, random func() float64) *Breaker {
	return &Breaker{meter: NewMeter(p, random), state: Closed}
}

// State tells how it is.
func (b *Breaker) State() State { return b.state }

// Started records that a start begins: the trial, where the breaker is open.
func (b *Breaker) Started() {
	if b.state == Open {
		b.state = HalfOpen
	}
}

// Answered records that the worker answered a job. After a trial the past is forgotten.
func (b *Breaker) Answered() {
	b.fruitless, b.blamed = 0, 0
	if b.state != Closed {
		b.state, b.trials = Closed, 0
		b.meter.Reset()
	}
}

// freely is how many workers in a row may end of the first job that they get, before the next waits: two bad frames are two times
// the three attempts that each has.
const freely = 6

// longestRest is the longest wait behind a job that is blamed: a start takes some 100 ms of a CPU.
const longestRest = 250 * time.Millisecond

// Blamed records that a worker ended which had answered nothing, and that its job is blamed for it. It returns how long to wait
// before the next start. Bad frames never open the breaker; but where so many come in a row it may be the worker that is bad, and it
// is not to spend all of a machine's time on starts.
func (b *Breaker) Blamed() time.Duration {
	if b.blamed++; b.blamed <= freely {
		return 0
	}
	return min(b.meter.wait(b.meter.policy.First, float64(b.blamed-freely-1)), longestRest)
}

// Failed records a bad end, of a start or of a worker, and returns how long to wait before the next start. With a breaker that is
// closed that is Meter.Failed's backoff; otherwise it is never less than Policy.Long, before jitter.
func (b *Breaker) Failed(now time.Time) time.Duration {
	wait := b.meter.Failed(now)
	b.fruitless++
	switch {
	case b.state != Closed:
		b.trials++
	case b.meter.Broken(now) || float64(b.fruitless) >= b.meter.policy.Limit:
		b.trials = 0
	default:
		return wait
	}
	b.state = Open
	return max(wait, b.meter.long(b.trials))
}
