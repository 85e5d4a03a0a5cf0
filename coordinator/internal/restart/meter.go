// Package restart decides when a worker that ended is started again: pure arithmetic on the times it is given, without clocks
// or goroutines.
//
// Every bad end adds one to a meter that decays by half each HalfLife, so that a burst trips it and an old failure is
// forgotten (the formula is that of thejerf/suture). The wait doubles with each bad end in the meter, with jitter so that
// workers that fell together do not rise together.
package restart

import (
	"math"
	"time"
)

// Policy says how patient to be. The zero value of each field takes a default.
type Policy struct {
	// First is the wait after a single bad end, Max the longest. Default to 50 ms and 30 s.
	First, Max time.Duration
	// Long is the wait before the first trial of an open Breaker. Defaults to 1 s.
	Long time.Duration
	// HalfLife is the time in which half of the meter is forgotten. Defaults to 30 s.
	HalfLife time.Duration
	// Limit is the reading from which on the worker counts as broken. Defaults to 5.
	Limit float64
}

func (p Policy) withDefaults() Policy {
	if p.First == 0 {
		p.First = 50 * time.Millisecond
	}
	if p.Max == 0 {
		p.Max = 30 * time.Second
	}
	if p.Long == 0 {
		p.Long = time.Second
	}
	if p.HalfLife == 0 {
		p.HalfLife = 30 * time.Second
	}
	if p.Limit == 0 {
		p.Limit = 5
	}
	return p
}

// Meter measures how badly it goes with one worker. It is not safe for concurrent use.
type Meter struct {
	policy Policy
	random func() float64 // in [0, 1)
	level  float64
	at     time.Time // of the last bad end
}

// NewMeter takes the source of jitter, such as rand.Float64.
func NewMeter(p Policy, random func() float64) *Meter {
	return &Meter{policy: p.withDefaults(), random: random}
}

// Failed records a bad end and returns how long to wait before the next start: nothing after the first in a long while, for a
// single crash needs no patience.
func (m *Meter) Failed(now time.Time) time.Duration {
	m.level = m.Level(now) + 1
	m.at = now
	if m.level < 1.5 {
		return 0
	}
	return m.wait(m.policy.First, m.level-2)
}

// wait doubles d so many times, up to the longest wait, and adds jitter: a quarter more or less.
func (m *Meter) wait(d time.Duration, doublings float64) time.Duration {
	wait := min(float64(d)*math.Pow(2, doublings), float64(m.policy.Max))
	return time.Duration(wait * (0.75 + 0.5*m.random()))
}

// long is the wait of an open breaker after so many trials.
func (m *Meter) long(trials int) time.Duration { return m.wait(m.policy.Long, float64(trials)) }

// Reset forgets all bad ends.
func (m *Meter) Reset() { m.level, m.at = 0, time.Time{} }

// Level is the reading now.
func (m *Meter) Level(now time.Time) float64 {
	if m.at.IsZero() {
		return 0
	}
	return m.level * math.Pow(0.5, float64(now.Sub(m.at))/float64(m.policy.HalfLife))
}

// Broken reports whether the reading is beyond the limit: the breaker is open.
func (m *Meter) Broken(now time.Time) bool { return m.Level(now) >= m.policy.Limit }
