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

	pulse pulse // of its heartbeat
	toil  pulse // of its lanes, while it has jobs and they are at none
}

func newWear(c Config, now time.Time) wear {
	jitter := 1 + rand.Float64()/10
	return wear{
		limit: int(float64(c.MaxJobs) * jitter), age: time.Duration(float64(c.MaxAge) * jitter), born: now,
		pulse: pulse{looked: now}, toil: pulse{looked: now},
	}
}

// recycle makes the worker due. The first reason counts.
func (d *dispatcher) recycle(why string) {
	if d.due == "" {
		d.due = why
	}
}

// wantsReplacement is where the next worker comes from, once this one is due.
func (d *dispatcher) wantsReplacement() <-chan offer {
	if d.due == "" || d.replacement != nil || d.ending {
		return nil
	}
	return d.farm.spares
}

// leaving reports whether the worker gets no more jobs: its replacement is there, or none will come.
func (d *dispatcher) leaving() bool {
	return d.due != "" && (d.replacement != nil || d.farm.config.Spares < 0)
}

// replaced reports whether the worker can go.
func (d *dispatcher) replaced() bool { return d.leaving() && len(d.inFlight) == 0 && d.suspect == nil }

// look is the supervisor's regular look at the worker.
func (d *dispatcher) look(now time.Time) {
	d.slept(now)
	if d.age > 0 && now.Sub(d.born) > d.age {
		d.recycle(fmt.Sprintf("%v old", now.Sub(d.born).Round(time.Second)))
	}
	if limit := d.farm.config.MaxMemory; limit > 0 {
		if used := anonymousMemory(d.worker.PID()); used > limit {
			d.recycle(fmt.Sprintf("%d bytes of memory, more than %d", used, limit))
		}
	}
	d.checkHeartbeat(now)
	d.checkProgress(now)
	if d.farm.outs.Waiting(d.farm.arena) {
		d.spill()
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
func (d *dispatcher) checkHeartbeat(now time.Time) {
	if silent := d.pulse.lost(d.region.Beats(), now, d.farm.config.StallTimeout); silent > 0 && !d.ending {
		d.kill(stalled, nil, noHeartbeat(silent))
	}
}

func noHeartbeat(silent time.Duration) string {
	return "no heartbeat for " + silent.Round(time.Millisecond).String()
}

// checkProgress kills a worker that lives and does not work: it has jobs, its lanes are at none, and go from none to another. What a job
// in a lane may take is its timeout's to say.
func (d *dispatcher) checkProgress(now time.Time) {
	steps, at := uint64(0), false
	for lane := range d.farm.lanes {
		job, n := d.region.Lane(lane)
		steps, at = steps+n, at || job != 0
	}
	if at || len(d.inFlight) == 0 || d.worker.Unseen() || len(d.replies) > 0 {
		d.toil = pulse{beats: steps, looked: now}
		return
	}
	if idle := d.toil.lost(steps, now, d.farm.config.StallTimeout); idle > 0 && !d.ending {
		d.kill(stalled, nil, fmt.Sprintf("it has jobs, and was at none of them for %v", idle.Round(time.Millisecond)))
	}
}

// watch kills a worker that is in no supervisor's hands and shows no sign of life, until the channel is closed or it has ended.
func (f *Farm) watch(in *instance, until <-chan struct{}) {
	ticker := time.NewTicker(f.config.watchTick())
	defer ticker.Stop()
	p := pulse{looked: time.Now()}
	for {
		select {
		case now := <-ticker.C:
			if silent := p.lost(in.region.Beats(), now, f.config.StallTimeout); silent > 0 {
				in.worker.Kill(proc.CauseStalled, noHeartbeat(silent))
			}
		case <-until:
			return
		case <-in.worker.Done():
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
