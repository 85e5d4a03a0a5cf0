package restart

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func middle() float64 { return 0.5 }

func TestTheWaitGrowsWithABurstAndIsForgotten(t *testing.T) {
	m := NewMeter(Policy{First: 100 * time.Millisecond, Max: time.Second, HalfLife: time.Minute, Limit: 4}, middle)
	now := time.Unix(1000, 0)
	if w := m.Failed(now); w != 0 || m.Broken(now) {
		t.Fatalf("the first failure: wait %v, broken %v", w, m.Broken(now))
	}
	for i, want := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		if w := m.Failed(now); w != want*time.Millisecond {
			t.Fatalf("failure %d: wait %v, want %v", i+2, w, want*time.Millisecond)
		}
		if m.Broken(now) != (i+2 >= 4) {
			t.Fatalf("failure %d: broken %v", i+2, m.Broken(now))
		}
	}
	later := now.Add(10 * time.Minute)
	if w := m.Failed(later); w != 0 || m.Broken(later) {
		t.Fatalf("after a healthy spell: wait %v, broken %v", w, m.Broken(later))
	}
}

func TestTheWaitIsNeverNegativeAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMeter(Policy{}, func() float64 { return rapid.Float64Range(0, 0.999).Draw(t, "jitter") })
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 200).Draw(t, "failures") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "gap")))
			if w := m.Failed(now); w < 0 || w > 30*time.Second*5/4 {
				t.Fatalf("wait %v", w)
			}
		}
	})
}
