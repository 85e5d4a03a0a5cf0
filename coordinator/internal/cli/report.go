package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// report is what --report writes. Names are stable; fields are only added.
type report struct {
	FramesIn       int64     `json:"frames_in"`
	FramesOut      int64     `json:"frames_out"`
	FramesFailed   int64     `json:"frames_failed"`
	Retries        uint64    `json:"retries"`
	WorkerRestarts uint64    `json:"worker_restarts"`
	Seconds        float64   `json:"seconds"`
	FPS            float64   `json:"fps"`
	Workers        int       `json:"workers"`
	Pipeline       string    `json:"pipeline"`
	Output         string    `json:"output"`
	Interrupted    bool      `json:"interrupted"`
	Error          string    `json:"error,omitempty"`
	Memory         memory    `json:"memory"`
	CPU            cpu       `json:"cpu_seconds"`
	Failures       []failure `json:"failures"`
	// FailuresOmitted is how many more there were than are listed.
	FailuresOmitted int64 `json:"failures_omitted,omitempty"`
}

// memory is in bytes.
type memory struct {
	Budget         int64 `json:"budget"`
	Peak           int64 `json:"peak"`
	CoordinatorRSS int64 `json:"coordinator_peak_rss"`
}

type cpu struct {
	Coordinator float64 `json:"coordinator"`
	Workers     float64 `json:"workers"`
}

// finish says how the run went, on standard error and in the report, and returns what the exit code comes from.
func (j *runJob) finish(err error) error {
	r := j.report(err)
	j.summary(r)
	if j.options.report != "" {
		if werr := writeReport(j.options.report, r, j.options.overwrite); werr != nil {
			err = errors.Join(err, werr)
		}
	}
	switch {
	case err != nil:
		return err
	case r.FramesFailed > 0:
		return fmt.Errorf("%d of %s failed", r.FramesFailed, count(int(r.FramesIn), "frame"))
	}
	return nil
}

func (j *runJob) report(err error) report {
	failures := j.tally.stories()
	r := report{
		FramesOut:      j.tally.out.Load(),
		FramesFailed:   j.tally.bad.Load(),
		Retries:        j.last.Retries,
		WorkerRestarts: j.last.Restarts,
		Seconds:        time.Since(j.started).Seconds(),
		Workers:        len(j.last.Workers),
		Pipeline:       j.pipeline.String(),
		Output:         j.options.output,
		Interrupted:    errors.Is(err, errInterrupted),
		Memory:         memory{Budget: j.last.Memory.Budget, Peak: j.last.Memory.Peak, CoordinatorRSS: peakRSS()},
		CPU:            cpu{cpuSeconds(unix.RUSAGE_SELF), cpuSeconds(unix.RUSAGE_CHILDREN)},
		Failures:       append([]failure{}, failures...),
	}
	r.FramesIn = max(j.tally.in.Load(), r.FramesFailed)
	r.FailuresOmitted = r.FramesFailed - int64(len(failures))
	r.FPS = float64(r.FramesOut) / r.Seconds
	if err != nil && !r.Interrupted {
		r.Error = err.Error()
	}
	return r
}

func writeReport(name string, r report, overwrite bool) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return media.WriteFile(name, append(text, '\n'), overwrite)
}

func cpuSeconds(who int) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func peakRSS() int64 {
	p, err := procfs.Self()
	if err != nil {
		return 0
	}
	s, err := p.NewStatus()
	if err != nil {
		return 0
	}
	return int64(s.VmHWM)
}

// listed is how many failures are printed; the report has more.
const listed = 20

func (j *runJob) summary(r report) {
	for _, f := range r.Failures[:min(len(r.Failures), listed)] {
		fmt.Fprintf(j.Err, "failed: %s (%s)\n", f.Message, f.Code)
	}
	if more := r.FramesFailed - listed; more > 0 {
		fmt.Fprintf(j.Err, "… and %d more; --report lists them\n", more)
	}
	if r.Workers == 0 || j.options.progress == "none" {
		return
	}
	fmt.Fprintf(j.Err, "%s in %.2fs (%.1f fps) by %s: %d done, %d failed, %s, %s%s\n",
		count(int(r.FramesIn), "frame"), r.Seconds, r.FPS, count(r.Workers, "worker"), r.FramesOut, r.FramesFailed,
		plural(int(r.Retries), "retry", "retries"), count(int(r.WorkerRestarts), "restart"), j.madeText(r))
}

func (j *runJob) madeText(r report) string {
	switch {
	case r.Error != "" || j.output.Kind == media.ToNone:
		return ""
	case r.FramesOut == 0:
		return "; nothing was written"
	case j.output.Kind == media.ToStdout:
		return ""
	}
	return " → " + j.options.output
}

func count(n int, noun string) string { return plural(n, noun, noun+"s") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
