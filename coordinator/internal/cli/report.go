package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/coordinator/internal/splice"
)

// report is what --report writes. Names are stable; fields are only added. frames_in is the sum of the three that follow it.
type report struct {
	FramesIn     int64 `json:"frames_in"`
	FramesOut    int64 `json:"frames_out"`
	FramesFailed int64 `json:"frames_failed"`
	// FramesBefore are those of FramesOut that earlier runs did, see --resume.
	FramesBefore int64 `json:"frames_before,omitempty"`
	// FramesCancelled were given up when the run ended early, or went into an output that could not be completed.
	FramesCancelled int64 `json:"frames_cancelled"`

	Retries        uint64 `json:"retries"`
	WorkerRestarts uint64 `json:"worker_restarts"`
	WorkerRecycles uint64 `json:"worker_recycles"`
	// EncoderRestarts is how often the worker ended that wrote the video, whose frames were then done anew.
	EncoderRestarts int `json:"encoder_restarts,omitempty"`
	// StreamsRestarted is how often a worker ended that kept something from frame to frame, so that ops began anew.
	StreamsRestarted int64 `json:"streams_restarted"`

	Seconds  float64 `json:"seconds"`
	FPS      float64 `json:"fps"`
	Workers  int     `json:"workers"`
	Pipeline string  `json:"pipeline"`
	// Output is as it was named; empty where it is not there.
	Output      string    `json:"output"`
	Interrupted bool      `json:"interrupted"`
	Error       string    `json:"error,omitempty"`
	Memory      memory    `json:"memory"`
	CPU         cpu       `json:"cpu_seconds"`
	Failures    []failure `json:"failures"`
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
	if text := j.keptText(); text != "" && !errors.Is(err, splice.ErrTooLarge) {
		fmt.Fprintln(j.Err, text)
	}
	if werr := j.writeReport(r); werr != nil {
		err = errors.Join(err, werr)
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
		FramesIn:         j.tally.in.Load(),
		FramesOut:        j.tally.out.Load(),
		FramesFailed:     j.tally.bad.Load(),
		FramesBefore:     j.tally.before,
		Retries:          j.last.Retries,
		StreamsRestarted: j.tally.restarted.Load(),
		WorkerRestarts:   j.last.Restarts,
		WorkerRecycles:   j.last.Recycles,
		EncoderRestarts:  j.encoderRestarts,
		Seconds:          time.Since(j.started).Seconds(),
		Workers:          len(j.last.Workers),
		Pipeline:         j.script.String(),
		Output:           j.options.output,
		Interrupted:      errors.Is(err, errInterrupted),
		Memory:           memory{Budget: j.last.Memory.Budget, Peak: j.last.Memory.Peak, CoordinatorRSS: peakRSS()},
		CPU:              cpu{cpuSeconds(unix.RUSAGE_SELF), cpuSeconds(unix.RUSAGE_CHILDREN)},
		Failures:         append([]failure{}, failures...),
	}
	if j.lost() {
		r.FramesOut = j.ledger.keptOut()
	}
	if j.writesFiles() && (r.FramesOut == 0 || j.output.Kind == media.ToVideo && j.lost()) {
		r.Output = ""
	}
	r.FramesCancelled = r.FramesIn - r.FramesOut - r.FramesFailed
	r.FailuresOmitted = r.FramesFailed - int64(len(failures))
	r.FPS = float64(r.FramesOut-r.FramesBefore) / r.Seconds
	if err != nil && !r.Interrupted {
		r.Error = err.Error()
	}
	return r
}

// lost reports whether the output is one that is there as a whole or not at all, and is not there.
func (j *runJob) lost() bool {
	switch {
	case j.output.Kind == media.ToVideo:
		return !j.made.output
	case j.output.Kind == media.ToNone && j.options.data != "" && j.options.data != "-":
		return !j.made.data
	}
	return false
}

func (j *runJob) writesFiles() bool {
	return j.output.Kind != media.ToNone && j.output.Kind != media.ToStdout
}

// reportPatience is how long nobody may be reading a report on standard output.
const reportPatience = 5 * time.Second

func (j *runJob) writeReport(r report) error {
	if j.options.report == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if j.reportFile == nil {
		ctx, cancel := context.WithTimeout(context.Background(), reportPatience)
		defer cancel()
		if _, err := media.Abandonable(ctx, j.Out).Write(text); err != nil {
			return fmt.Errorf("cannot write the report to standard output: %w", err)
		}
		return nil
	}
	if _, err := j.reportFile.Write(text); err != nil {
		return err
	}
	return errors.Join(j.ledger.reports(j.options.report), j.reportFile.Commit())
}

// abandonReport gives up a report that was not written.
func (j *runJob) abandonReport() {
	if j.reportFile != nil {
		j.reportFile.Abort()
	}
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
		fmt.Fprintf(j.Err, "failed: %s (%s)\n", Plain(f.Message), f.Code)
	}
	if more := r.FramesFailed - listed; more > 0 {
		fmt.Fprintf(j.Err, "… and %d more; --report lists them\n", more)
	}
	j.tellQuarantine()
	if n := int(r.StreamsRestarted); n > 0 {
		fmt.Fprintf(j.Err, "%s restarted: a worker ended, and with it what ops had kept of the frames before\n",
			plural(n, "stream was", "streams were"))
	}
	if r.Workers == 0 || j.options.progress == "none" {
		return
	}
	fmt.Fprintf(j.Err, "%s in %.2fs (%.1f fps) by %s: %d done%s, %d failed, %s%s, %s%s%s\n",
		count(int(r.FramesIn), "frame"), r.Seconds, r.FPS, count(r.Workers, "worker"), r.FramesOut, beforeText(r), r.FramesFailed, cancelledText(r),
		plural(int(r.Retries), "retry", "retries"), count(int(r.WorkerRestarts), "restart"), encoderText(r), j.madeText(r))
}

func beforeText(r report) string {
	if r.FramesBefore == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d before)", r.FramesBefore)
}

func encoderText(r report) string {
	if r.EncoderRestarts == 0 {
		return ""
	}
	return ", " + count(r.EncoderRestarts, "encoder restart")
}

func cancelledText(r report) string {
	if r.FramesCancelled == 0 {
		return ""
	}
	return fmt.Sprintf("%d cancelled, ", r.FramesCancelled)
}

// tellQuarantine says where the frames are that ended every worker, and how to look at them.
func (j *runJob) tellQuarantine() {
	if n := int(j.last.Poisoned); n > 0 {
		list := "coordinator quarantine list"
		if j.options.quarantine != "" {
			list += " --quarantine " + j.options.quarantine
		}
		fmt.Fprintf(j.Err, "%s in quarantine: %s\n", plural(n, "frame is", "frames are"), list)
	}
}

func (j *runJob) madeText(r report) string {
	switch {
	case !j.writesFiles():
		return ""
	case r.Output == "":
		return "; nothing was written"
	}
	return " → " + Plain(r.Output)
}

func count(n int, noun string) string { return plural(n, noun, noun+"s") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
