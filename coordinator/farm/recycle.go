package farm

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/prometheus/procfs"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
)

// watchTick is how often a supervisor looks at its worker's age, memory and heartbeat: more often where it is to find a stopped
// worker sooner than by default.
func (c Config) watchTick() time.Duration {
	return max(min(500*time.Millisecond, c.StallTimeout/5), 10*time.Millisecond)
}

// wear is how used up a worker is, with limits that are jittered so that workers that started together do not recycle together.
type wear struct {
	jobs, limit int           // limit 0 is none
	age         time.Duration // 0 is none
	born        time.Time
	due         string // why it is to be recycled; empty: it is not

	pulse pulse
}

func newWear(c Config, now time.Time) wear {
	jitter := 1 + rand.Float64()/10
	return wear{
		limit: int(float64(c.MaxJobs) * jitter), age: time.Duration(float64(c.MaxAge) * jitter), born: now, pulse: pulse{since: now},
	}
}

// recycle makes the worker due. The first reason counts.
func (h *shift) recycle(why string) {
	if h.due == "" {
		h.due = why
	}
}

// wantsRelief is where the next worker comes from, once this one is due.
func (h *shift) wantsRelief() <-chan offer {
	if h.due == "" || h.relief != nil || h.ending {
		return nil
	}
	return h.farm.spares
}

// leaving reports whether the worker gets no more jobs: its relief is there, or none will come.
func (h *shift) leaving() bool { return h.due != "" && (h.relief != nil || h.farm.config.Spares < 0) }

// relieved reports whether the worker can go.
func (h *shift) relieved() bool { return h.leaving() && len(h.inFlight) == 0 && h.suspect == nil }

// look is the supervisor's regular look at the worker.
func (h *shift) look(now time.Time) {
	if h.age > 0 && now.Sub(h.born) > h.age {
		h.recycle(fmt.Sprintf("%v old", now.Sub(h.born).Round(time.Second)))
	}
	if limit := h.farm.config.MaxMemory; limit > 0 {
		if used := anonymousMemory(h.worker.PID()); used > limit {
			h.recycle(fmt.Sprintf("%d bytes of memory, more than %d", used, limit))
		}
	}
	h.checkHeartbeat(now)
	if h.farm.outs.Waiting(h.farm.arena) {
		h.spill()
	}
}

// spill makes room where jobs wait for memory that is held by results nobody has asked for yet.
func (s *supervisor) spill() {
	for i, future := range s.recent {
		if future != nil {
			future.spill()
			s.recent[i] = nil
		}
	}
}

// answeredOne remembers a future for spill.
func (s *supervisor) answeredOne(f *Future) {
	s.recent[s.newest] = f
	s.newest = (s.newest + 1) % len(s.recent)
}

// checkHeartbeat kills a worker that shows no sign of life. One that has no job is not spared: it would cost the next its time.
func (h *shift) checkHeartbeat(now time.Time) {
	if why := h.pulse.lost(h.hire, now, h.farm.config.StallTimeout); why != "" && !h.ending {
		h.kill(stalled, nil, why)
	}
}

// pulse is when a worker was last seen to show a sign of life.
type pulse struct {
	beats uint64
	since time.Time
}

// lost says how long there was none, where that is more than the limit; else it is empty.
func (p *pulse) lost(h *hire, now time.Time, limit time.Duration) string {
	if beats := h.region.Beats(); beats != p.beats {
		p.beats, p.since = beats, now
	}
	if silent := now.Sub(p.since); silent > limit {
		return fmt.Sprintf("no heartbeat for %v", silent.Round(time.Millisecond))
	}
	return ""
}

// watch kills a worker that is in no supervisor's hands and shows no sign of life, until the channel is closed or it has ended.
func (f *Farm) watch(h *hire, until <-chan struct{}) {
	ticker := time.NewTicker(f.config.watchTick())
	defer ticker.Stop()
	p := pulse{since: time.Now()}
	for {
		select {
		case now := <-ticker.C:
			if why := p.lost(h, now, f.config.StallTimeout); why != "" {
				h.worker.Kill(proc.CauseStalled, why)
			}
		case <-until:
			return
		case <-h.worker.Done():
			return
		}
	}
}

// anonymousMemory is what the process has for itself. The shared frames are not in it, as they are in the resident size.
func anonymousMemory(pid int) int64 {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	s, err := p.NewStatus()
	if err != nil {
		return 0
	}
	return int64(s.RssAnon)
}
