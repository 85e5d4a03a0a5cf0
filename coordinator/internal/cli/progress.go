package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// gauge is what progress shows at one moment.
type gauge struct {
	Frames   int64   `json:"frames"`
	Failed   int64   `json:"failed"`
	Total    int64   `json:"total"` // -1 unknown
	Seconds  float64 `json:"seconds"`
	FPS      float64 `json:"fps"`
	ETA      float64 `json:"eta_seconds"` // -1 unknown
	Workers  int     `json:"workers"`
	Restarts uint64  `json:"restarts"`
	Done     bool    `json:"done"`
}

func (j *runJob) gauge(now time.Time) gauge {
	s := j.snapshot()
	g := gauge{
		Frames:   j.tally.out.Load() + j.tally.bad.Load(),
		Failed:   j.tally.bad.Load(),
		Total:    j.tally.total.Load(),
		Seconds:  now.Sub(j.started).Seconds(),
		ETA:      -1,
		Workers:  len(s.Workers),
		Restarts: s.Restarts,
	}
	if g.Seconds > 0 {
		g.FPS = float64(g.Frames+j.tally.redone.Load()-j.tally.before-j.tally.badBefore) / g.Seconds
	}
	if g.Total >= 0 && g.FPS > 0 {
		g.ETA = float64(max(0, g.Total-g.Frames)) / g.FPS
	}
	return g
}

// showProgress starts the display that the options ask for. The function that it returns ends it, and may be called twice.
func (j *runJob) showProgress() (stop func()) {
	mode := j.options.progress
	if mode == "auto" {
		if mode = "plain"; j.Terminal(j.Err) {
			mode = "bar"
		}
	}
	switch mode {
	case "none":
		return func() {}
	case "bar":
		return j.showBar()
	case "json":
		return j.everySecond(writeGaugeJSON)
	}
	return j.everySecond(writeGauge)
}

// everySecond prints until it is stopped; JSON has a last line when done, plain text has the summary for that.
func (j *runJob) everySecond(print func(io.Writer, gauge)) (stop func()) {
	ticker := time.NewTicker(time.Second)
	quit := make(chan struct{})
	var printer sync.WaitGroup
	printer.Go(func() {
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				print(j.Err, j.gauge(now))
			case <-quit:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(quit)
		printer.Wait()
		g := j.gauge(time.Now())
		g.Done = true
		print(j.Err, g)
	})
}

func writeGaugeJSON(w io.Writer, g gauge) {
	line, err := json.Marshal(g)
	if err == nil {
		_, _ = w.Write(append(line, '\n'))
	}
}

func writeGauge(w io.Writer, g gauge) {
	if !g.Done {
		fmt.Fprintln(w, g.text())
	}
}

// text is such as "120/246 frames, 98.5 fps, 1s left, 2 workers, 0 restarts, 3 failed".
func (g gauge) text() string {
	text := fmt.Sprint(g.Frames)
	if g.Total >= 0 {
		text += fmt.Sprintf("/%d", g.Total)
	}
	text += fmt.Sprintf(" frames, %.1f fps", g.FPS)
	if g.ETA >= 0 && g.Frames > 0 {
		text += fmt.Sprintf(", %v left", time.Duration(g.ETA*float64(time.Second)).Round(time.Second))
	}
	text += fmt.Sprintf(", %s, %s", count(g.Workers, "worker"), count(int(g.Restarts), "restart"))
	if g.Failed > 0 {
		text += fmt.Sprintf(", %d failed", g.Failed)
	}
	return text
}
