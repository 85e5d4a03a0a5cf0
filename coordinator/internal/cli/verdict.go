package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/chaos"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// verdict is what the chaos command found. Names in JSON are stable; fields are only added.
type verdict struct {
	Pipeline string `json:"pipeline"`
	Workers  int    `json:"workers"`
	Seed     uint64 `json:"seed"`
	chaos.Counts
	// Compared says that results were compared with those of an undisturbed run, which took CalmSeconds.
	Compared    bool    `json:"compared"`
	Seconds     float64 `json:"seconds"`
	CalmSeconds float64 `json:"undisturbed_seconds,omitempty"`
	// Strikes are those that hit, by kind; Missed found no worker that was not struck before.
	Strikes  map[chaos.Kind]int `json:"strikes"`
	Missed   int                `json:"strikes_missed"`
	Restarts uint64             `json:"worker_restarts"`
	Retries  uint64             `json:"retries"`
	// NormalMS is what a frame takes in an undisturbed worker, the median; recovery is beyond that. Where nothing was compared it is
	// 0, and recovery is beyond what the frame itself took.
	NormalMS float64 `json:"normal_frame_ms"`
	Promoted span    `json:"recovery_by_spare"`
	Cold     span    `json:"recovery_by_cold_start"`
	Noticed  span    `json:"stop_noticed"`
	// Unfinished are deaths whose successor was struck before it had finished a frame.
	Unfinished   int `json:"successors_struck"`
	EventsMissed int `json:"events_missed"`
	// Gauges are those of a soak. ChildrenLeft are processes that were there after the farm had closed.
	Gauges       []chaos.Gauges `json:"gauges,omitempty"`
	ChildrenLeft int            `json:"children_left"`
}

// span is a distribution of times.
type span struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

func spanOf(t chaos.Times) span {
	return span{len(t), milliseconds(t.Quantile(0.5)), milliseconds(t.Quantile(0.99)), milliseconds(t.Quantile(1))}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s span) String() string {
	if s.N == 0 {
		return "none"
	}
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, max %.1f ms (%d)", s.P50, s.P99, s.Max, s.N)
}

// fill takes what was counted. The farm has been closed.
func (v *verdict) fill(j *chaosJob, c chaos.Counts, lives *chaos.Lives) {
	story := lives.Story(j.calm.normal)
	v.Counts, v.Workers, v.Restarts, v.Retries = c, len(j.last.Workers), j.last.Restarts, j.last.Retries
	v.Strikes, v.Unfinished, v.EventsMissed = story.Strikes, story.Unfinished, story.Missed
	v.Promoted, v.Cold, v.Noticed = spanOf(story.Promoted), spanOf(story.Cold), spanOf(story.Noticed)
	v.CalmSeconds, v.NormalMS = j.calm.took.Seconds(), milliseconds(j.calm.normal)
	v.Gauges = j.soak
	after := chaos.Measure(time.Since(j.began), 0)
	v.ChildrenLeft = after.Children
	if len(v.Gauges) > 0 {
		v.Gauges = append(v.Gauges, after)
	}
}

// Wrong reports whether anything is.
func (v *verdict) Wrong() bool { return v.Counts.Wrong() || v.ChildrenLeft > 0 }

func (v *verdict) write(name string, overwrite bool) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	file, err := media.CreateFile(name, overwrite)
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := file.Write(append(text, '\n')); err != nil {
		return err
	}
	return file.Commit()
}

// text is for people.
func (v *verdict) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s "+format+"\n", append([]any{name}, args...)...)
	}
	total := 0
	var kinds []string
	for _, k := range chaos.Kinds() {
		if n := v.Strikes[k]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, k))
			total += n
		}
	}
	line("frames", "%d by %s, in %.1fs%s", v.Frames, count(v.Workers, "worker"), v.Seconds, v.calmText())
	if total == 0 {
		kinds = []string{"the run was over before it had shown anything: give it longer with --for, or a higher --rate"}
	}
	line("strikes", "%d (%.1f a second): %s; %d found no worker that was not struck before", total, float64(total)/v.Seconds,
		strings.Join(kinds, ", "), v.Missed)
	line("restarts", "%d, and %s", v.Restarts, plural(int(v.Retries), "frame tried again", "frames tried again"))
	line("recovery", "beyond %s, by the spare: %v", v.normalText(), v.Promoted)
	line("", "by a cold start: %v; successors struck before their first frame: %d", v.Cold, v.Unfinished)
	if v.Noticed.N > 0 {
		line("stops", "noticed after %v", v.Noticed)
	}
	for i, g := range v.Gauges {
		line([]string{"gauges", "", "", ""}[min(i, 3)], "%v", g)
	}
	line("verdict", "%s", v.conclusion())
	return b.String()
}

func (v *verdict) normalText() string {
	if !v.Compared {
		return "the time that the frame itself took"
	}
	return fmt.Sprintf("a normal frame of %.1f ms", v.NormalMS)
}

func (v *verdict) calmText() string {
	if !v.Compared {
		return "; compared with nothing"
	}
	return fmt.Sprintf(", undisturbed %.1fs", v.CalmSeconds)
}

func (v *verdict) conclusion() string {
	same := fmt.Sprintf(", %d different", v.Different)
	if !v.Compared {
		same = ""
	}
	text := fmt.Sprintf("%d lost, %d duplicated, %d out of order, %d failed%s", v.Lost, v.Duplicated, v.Disordered, v.Failed, same)
	if v.Refused > 0 {
		text += fmt.Sprintf("; %d refused for what they are", v.Refused)
	}
	if v.ChildrenLeft > 0 {
		text += fmt.Sprintf("; %s left", plural(v.ChildrenLeft, "process is", "processes are"))
	}
	return text
}
