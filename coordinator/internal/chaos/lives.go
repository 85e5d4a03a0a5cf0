package chaos

import (
	"slices"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
)

// Lives follows the worker processes from event to event, and tells how long the farm needed to recover from strikes. Its methods
// are safe for concurrent use.
type Lives struct {
	mu      sync.Mutex
	all     []*life
	current map[int]*life // by PID
	last    map[int]*life // by the worker's number: the one that ended last, until the next is ready
	strikes map[Kind]int
	busy    time.Time // until then, as far as we heard, there always was a frame to do
	gaps    []gap     // in which there was none, in order
	missed  int       // events that we were too slow for
}

// life is one process of a worker.
type life struct {
	struck   Strike    // Time is zero where it was not, for good
	ready    time.Time // the process; zero where it began cold
	ended    time.Time
	answered time.Time // its first answer
	run      time.Duration
	before   *life // whose place it took
}

// gap is a time in which there was no frame to do, as before the next video is open. Only those that matter to a recovery are kept:
// where the source is slower than the workers there is a small one before each frame.
type gap struct{ from, to time.Time }

const leastGap = 10 * time.Millisecond

// NewLives has seen nothing yet.
func NewLives() *Lives {
	return &Lives{current: map[int]*life{}, last: map[int]*life{}, strikes: map[Kind]int{}}
}

// find returns the living process of a number: events, strikes and answers may be heard of in any order.
func (l *Lives) find(pid int, at time.Time) *life {
	p := l.current[pid]
	if p == nil || !p.ended.IsZero() && at.After(p.ended) {
		p = &life{}
		l.current[pid] = p
		l.all = append(l.all, p)
	}
	return p
}

// Struck hears of a strike.
func (l *Lives) Struck(s Strike) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strikes[s.Kind]++
	if s.Kind != Starve {
		l.find(s.PID, s.Time).struck = s
	}
}

// Answered hears that a process answered a frame, when that was submitted, and how long it ran. It hears of the frames in the order
// in which they were submitted.
func (l *Lives) Answered(pid int, submitted, at time.Time, run time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy.IsZero() && submitted.Sub(l.busy) >= leastGap {
		l.gaps = append(l.gaps, gap{l.busy, submitted})
	}
	if at.After(l.busy) {
		l.busy = at
	}
	if p := l.find(pid, at); p.answered.IsZero() || at.Before(p.answered) {
		p.answered, p.run = at, run
	}
}

// Follow hears of events until there are no more.
func (l *Lives) Follow(events <-chan farm.Event) {
	for e := range events {
		l.event(e)
	}
}

func (l *Lives) event(e farm.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missed += e.Missed
	switch {
	case e.Kind == farm.WorkerReady:
		p := l.find(e.PID, e.Time)
		p.before = l.last[e.Worker]
		if e.Spare {
			p.ready = e.Since
		}
		delete(l.last, e.Worker)
	case e.Kind == farm.WorkerEnded && e.PID > 0 && e.Err == nil:
		p := l.find(e.PID, e.Time)
		p.ended = e.Time
		if e.Worker > 0 { // not a spare
			l.last[e.Worker] = p
		}
	}
}

// Times are durations of the same sort, in order.
type Times []time.Duration

// Quantile returns the one that the share q of the others does not exceed, rounded up; 0 where there are none.
func (t Times) Quantile(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(len(t)-1, int(q*float64(len(t))))]
}

// Story is what Lives saw.
type Story struct {
	Strikes map[Kind]int
	// Promoted is from the death of a busy worker that was struck, or from the kill of one that was found stopped, to the first
	// frame that the spare which took its place finished, without that frame's normal time, and without the time for which the farm
	// had no frame to do. Cold is the same where no spare was ready: one began then, or was on its way.
	Promoted, Cold Times
	// Noticed is from a stop to the worker's end.
	Noticed Times
	// Unfinished are deaths after which the next worker was struck before it had finished a frame.
	Unfinished int
	// Missed events make the rest incomplete.
	Missed int
}

// Story sums up. normal is how long a frame takes; 0 takes what the frame itself took.
func (l *Lives) Story(normal time.Duration) Story {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Story{Strikes: l.strikes, Missed: l.missed}
	for _, p := range l.all {
		if p.struck.Kind == Stop && !p.ended.IsZero() {
			s.Noticed = append(s.Noticed, p.ended.Sub(p.struck.Time))
		}
		if p.before == nil || p.before.struck.Time.IsZero() || !p.before.struck.Busy {
			continue
		}
		s.add(p, normal, l.gaps)
	}
	for _, t := range []Times{s.Promoted, s.Cold, s.Noticed} {
		slices.Sort(t)
	}
	return s
}

func (s *Story) add(p *life, normal time.Duration, gaps []gap) {
	death := p.before.struck.Time
	if p.before.struck.Kind == Stop {
		death = p.before.ended
	}
	if normal == 0 {
		normal = p.run
	}
	took := max(0, p.answered.Sub(death)-idle(gaps, death, p.answered)-normal)
	switch {
	case p.answered.IsZero():
		s.Unfinished++
	case !p.ready.IsZero() && p.ready.Before(death):
		s.Promoted = append(s.Promoted, took)
	default:
		s.Cold = append(s.Cold, took)
	}
}

// idle returns how much of the time between two moments lies in the gaps.
func idle(gaps []gap, from, to time.Time) (sum time.Duration) {
	first, _ := slices.BinarySearchFunc(gaps, from, func(g gap, t time.Time) int { return g.to.Compare(t) })
	for _, g := range gaps[first:] {
		begin, end := g.from, g.to
		if from.After(begin) {
			begin = from
		}
		if to.Before(end) {
			end = to
		}
		if end.Sub(begin) <= 0 {
			break
		}
		sum += end.Sub(begin)
	}
	return sum
}
