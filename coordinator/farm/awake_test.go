package farm

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAPulseIsLostOfWhatWasSeenOnly(t *testing.T) {
	const ms = time.Millisecond
	type look struct {
		after time.Duration
		beats uint64
		lost  bool
	}
	every := func(d time.Duration, beats uint64, n int) (all []look) {
		for range n {
			all = append(all, look{d, beats, false})
		}
		return all
	}
	tests := []struct {
		name  string
		looks []look
	}{
		{"it beats", []look{{900 * ms, 1, false}, {900 * ms, 2, false}, {900 * ms, 3, false}}},
		{"it does not beat", append(every(200*ms, 0, 5), look{200 * ms, 0, true})},
		{"it ends to beat", append(every(200*ms, 7, 6), look{200 * ms, 7, true})},
		{"we were not there", []look{{200 * ms, 1, false}, {time.Hour, 1, false}, {200 * ms, 2, false}}},
		{"we were not there twice", []look{{200 * ms, 1, false}, {time.Hour, 1, false}, {time.Hour, 1, false}, {200 * ms, 2, false}}},
		{"it is found afterwards", append(append([]look{{200 * ms, 1, false}, {time.Hour, 1, false}}, every(200*ms, 1, 3)...), look{200 * ms, 1, true})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now()
			p := pulse{looked: now}
			for i, l := range tt.looks {
				now = now.Add(l.after)
				if silent := p.lost(l.beats, now, time.Second); (silent > 0) != l.lost {
					t.Fatalf("look %d: %v", i+1, silent)
				}
			}
		})
	}
}

func TestTheDeadlinesOfFlightsMoveByWhatWeSlept(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	tests := []struct {
		name               string
		now                int
		began, want        int // in ms
		revoked, revokedTo int
	}{
		{"awake", 900, -100, -100, 0, 0},
		{"asleep", 10_000, -100, 9_900, -50, 9_950},
		{"begun since we looked", 10_000, 200, 10_000, 300, 10_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &dispatcher{supervisor: &supervisor{farm: &Farm{config: Config{StallTimeout: 5 * time.Second}}}, looked: start}
			fl, waiting := &flight{began: at(tt.began), revoked: at(tt.revoked)}, &flight{}
			d.inFlight = []*flight{fl, waiting}
			d.slept(at(tt.now))
			if !fl.began.Equal(at(tt.want)) || !fl.revoked.Equal(at(tt.revokedTo)) || !waiting.began.IsZero() {
				t.Errorf("began %v, revoked %v after the start; the one that waits began %v", fl.began.Sub(start), fl.revoked.Sub(start), waiting.began)
			}
		})
	}
}

func TestATimeoutIsThatLong(t *testing.T) {
	for _, d := range []time.Duration{time.Millisecond, awakeStep, awakeStep + 1, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := withinAwake(t.Context(), d)
			defer cancel()
			<-ctx.Done()
			if took := time.Since(began); took != d {
				t.Errorf("%v: it took %v", d, took)
			}
		})
	}
}
