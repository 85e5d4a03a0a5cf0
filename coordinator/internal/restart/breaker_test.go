package restart

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTheBreakerOpensTriesAndCloses(t *testing.T) {
	const ms = time.Millisecond
	now := time.Unix(1000, 0)
	fails := func(b *Breaker) time.Duration { return b.Failed(now) }
	starts := func(b *Breaker) time.Duration { b.Started(); return 0 }
	answers := func(b *Breaker) time.Duration { b.Answered(); return 0 }
	type step struct {
		do    func(*Breaker) time.Duration
		wait  time.Duration
		state State
	}
	cases := []struct {
		name  string
		steps []step
	}{
		{"a burst opens it; every trial that fails doubles the wait", []step{
			{fails, 0, Closed}, {starts, 0, Closed}, {fails, 100 * ms, Closed},
			{fails, 1000 * ms, Open}, {starts, 0, HalfOpen}, {fails, 2000 * ms, Open}, {starts, 0, HalfOpen}, {fails, 4000 * ms, Open},
			{starts, 0, HalfOpen}, {fails, 8000 * ms, Open}, {starts, 0, HalfOpen}, {fails, 8000 * ms, Open},
		}},
		{"an answer closes it and the past is forgotten", []step{
			{fails, 0, Closed}, {fails, 100 * ms, Closed}, {fails, 1000 * ms, Open}, {starts, 0, HalfOpen}, {answers, 0, Closed},
			{fails, 0, Closed}, {fails, 100 * ms, Closed}, {fails, 1000 * ms, Open},
		}},
		{"an answer while it is closed leaves the meter alone: a worker that dies of every second job is not well", []step{
			{fails, 0, Closed}, {answers, 0, Closed}, {fails, 100 * ms, Closed}, {answers, 0, Closed}, {fails, 1000 * ms, Open},
		}},
		{"a bad end without a start keeps it open", []step{
			{fails, 0, Closed}, {fails, 100 * ms, Closed}, {fails, 1000 * ms, Open}, {fails, 2000 * ms, Open},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := NewBreaker(Policy{First: 100 * ms, Long: time.Second, Max: 8 * time.Second, Limit: 3}, middle)
			for i, s := range c.steps {
				if wait := s.do(b); wait != s.wait || b.State() != s.state {
					t.Fatalf("step %d: wait %v and %s, want %v and %s", i+1, wait, b.State(), s.wait, s.state)
				}
			}
		})
	}
}

func TestJobsThatAreBlamedOneAfterTheOtherSlowTheStartsDown(t *testing.T) {
	const ms = time.Millisecond
	b := NewBreaker(Policy{First: 100 * ms, Long: time.Second}, middle)
	for range 2 {
		for i, want := range []time.Duration{0, 0, 0, 0, 0, 0, 100 * ms, 200 * ms, longestRest, longestRest} {
			if wait := b.Blamed(); wait != want || b.State() != Closed {
				t.Fatalf("end %d: wait %v and %s, want %v", i+1, wait, b.State(), want)
			}
		}
		b.Answered()
	}
}

// A worker that takes its whole start timeout to fail is forgotten by the meter as fast as it fails.
func TestSlowFailuresInARowOpenItToo(t *testing.T) {
	b := NewBreaker(Policy{HalfLife: time.Second, Limit: 3}, middle)
	now := time.Unix(1000, 0)
	for i, want := range []State{Closed, Closed, Open} {
		now = now.Add(time.Hour)
		if b.Failed(now); b.State() != want {
			t.Fatalf("failure %d: %s, want %s", i+1, b.State(), want)
		}
	}
}

func TestTheBreakersRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Limit: float64(rapid.IntRange(2, 10).Draw(t, "limit"))}
		b := NewBreaker(p, func() float64 { return rapid.Float64Range(0, 0.999).Draw(t, "jitter") })
		p = p.withDefaults()
		now, row := time.Unix(1000, 0), 0
		for range rapid.IntRange(1, 100).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "gap")))
			before := b.State()
			switch rapid.SampledFrom([]string{"failed", "started", "answered"}).Draw(t, "event") {
			case "failed":
				row++
				wait := b.Failed(now)
				if wait < 0 || wait > p.Max*5/4 {
					t.Fatalf("wait %v", wait)
				}
				if b.State() == HalfOpen || before != Closed && b.State() != Open || float64(row) >= p.Limit && b.State() != Open {
					t.Fatalf("%s became %s by failure %d in a row", before, b.State(), row)
				}
				if b.State() == Open && wait < p.Long*3/4 {
					t.Fatalf("open, but the wait is %v", wait)
				}
			case "started":
				b.Started()
				if want := map[State]State{Closed: Closed, Open: HalfOpen, HalfOpen: HalfOpen}[before]; b.State() != want {
					t.Fatalf("%s became %s by a start", before, b.State())
				}
			case "answered":
				b.Answered()
				if row = 0; b.State() != Closed {
					t.Fatalf("%s became %s by an answer", before, b.State())
				}
			}
		}
	})
}
