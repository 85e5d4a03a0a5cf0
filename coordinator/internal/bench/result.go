package bench

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/procfs"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// Result is what was measured at one size; doc.go says how. Its JSON names are stable; fields are only added.
type Result struct {
	Pipeline  string `json:"pipeline"`
	Work      Work   `json:"work"`
	Size      string `json:"size"`
	Content   string `json:"content"`
	Workers   int    `json:"workers"`
	Isolation string `json:"isolation"`
	Frames    int    `json:"frames"`    // that both sides go round over
	InFlight  int    `json:"in_flight"` // at full load
	// Seconds is the time of one turn, Rounds how often each side had one.
	Seconds float64 `json:"seconds"`
	Rounds  int     `json:"rounds"`

	// FarmFPS, BareFPS and CopyFPS are frames a second, medians of the rounds; Ratio is the median of the rounds' ratios farm to
	// bare, CopyRatio the same for frames from the Go heap.
	FarmFPS   float64   `json:"farm_fps"`
	BareFPS   float64   `json:"bare_fps"`
	Ratio     float64   `json:"ratio"`
	Ratios    []float64 `json:"ratios"` // of each round
	CopyFPS   float64   `json:"copy_fps"`
	CopyRatio float64   `json:"copy_ratio"`

	// LatencyOne is with one frame in flight, LatencyLoad at full load; in microseconds.
	LatencyOne  Percentiles `json:"latency_one_in_flight_us"`
	LatencyLoad Percentiles `json:"latency_full_load_us"`
	LoopLag     Lag         `json:"loop_lag_us"`
	Steps       []Step      `json:"steps"`

	// CoordinatorCPU, WorkerCPU and BareCPU are CPU time a frame: of the coordinator, of the farm's workers, of the bare loop's
	// processes. CPURatio is the last to the sum of the others: what Ratio comes to where cores are what is short.
	CoordinatorCPU float64 `json:"coordinator_cpu_us_per_frame"`
	WorkerCPU      float64 `json:"worker_cpu_us_per_frame"`
	BareCPU        float64 `json:"bare_cpu_us_per_frame"`
	CPURatio       float64 `json:"cpu_ratio"`
	// CoordinatorRSS is the coordinator's own memory, without the frames to copy and without the shared memory that it has mapped;
	// Arena is that, without the frames to work on.
	CoordinatorRSS int64 `json:"coordinator_rss_bytes"`
	Arena          int64 `json:"arena_bytes"`

	Machine Machine `json:"machine"`

	curveOne, curveLoad []point // for the chart
}

// Percentiles of the latency of so many frames, in microseconds. Those that too few frames are behind are null.
type Percentiles struct {
	Frames int64    `json:"frames"`
	P50    float64  `json:"p50"`
	P99    *float64 `json:"p99"`
	P999   *float64 `json:"p99_9"`
}

// Lag of the loop in microseconds.
type Lag struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Step is the mean time of one step of the pipeline in a worker.
type Step struct {
	Op string  `json:"op"`
	US float64 `json:"us"`
}

func (m *measurement) result() Result {
	r := Result{
		Pipeline: m.pipeline.String(), Work: m.Work, Size: m.size.String(), Content: m.Content, Workers: m.Workers,
		Isolation: string(m.Isolation), Frames: len(m.frames), InFlight: m.InFlight, Seconds: m.Time.Seconds(), Rounds: m.Rounds,
		FarmFPS: median(m.farmFPS), BareFPS: median(m.bareFPS), CopyFPS: median(m.copyFPS),
		Ratios: ratios(m.farmFPS, m.bareFPS), CopyRatio: median(ratios(m.copyFPS, m.bareFPS)),
		LatencyOne: percentiles(m.single.latency), LatencyLoad: percentiles(m.shared.latency), LoopLag: lagOf(m.lag),
		CoordinatorCPU: each(m.shared.cpu, m.shared.counted), WorkerCPU: each(m.shared.inOps, m.shared.counted),
		BareCPU:        each(m.bare.cpu, int(m.bare.counted)),
		CoordinatorRSS: ownRSS() - bytesOf(m.copied.frames), Arena: m.farm.Snapshot().Memory.InUse - m.held, Machine: thisMachine(m.farm.Info()),
		curveOne: curve(m.single.latency), curveLoad: curve(m.shared.latency), Steps: []Step{},
	}
	r.Ratio, r.CPURatio = median(r.Ratios), r.BareCPU/max(r.CoordinatorCPU+r.WorkerCPU, 1e-3)
	for i, d := range m.shared.steps[:min(len(m.shared.steps), len(m.pipeline))] {
		r.Steps = append(r.Steps, Step{m.pipeline[i].Op, each(d, m.shared.counted)})
	}
	return r
}

// each is a frame's share in microseconds.
func each(sum time.Duration, frames int) float64 { return micros(sum) / float64(max(frames, 1)) }

// median of what need not be sorted; 0 of nothing. Of an even number it is the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// ratios of a to b, element by element; 0 where b is 0.
func ratios(a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		if b[i] > 0 {
			out[i] = a[i] / b[i]
		}
	}
	return out
}

func percentiles(h *hdrhistogram.Histogram) Percentiles {
	p := Percentiles{Frames: h.TotalCount(), P50: quantile(h, 50)}
	if p.Frames >= 100 {
		p.P99 = new(quantile(h, 99))
	}
	if p.Frames >= 1000 {
		p.P999 = new(quantile(h, 99.9))
	}
	return p
}

func bytesOf(frames []frame.Frame) (n int64) {
	for _, f := range frames {
		n += int64(len(f.Pix))
	}
	return n
}

func lagOf(h *hdrhistogram.Histogram) Lag {
	return Lag{P50: quantile(h, 50), P99: quantile(h, 99), Max: micros(time.Duration(h.Max()))}
}

func quantile(h *hdrhistogram.Histogram, percent float64) float64 {
	return micros(time.Duration(h.ValueAtQuantile(percent)))
}

// point of a latency curve.
type point struct {
	percent float64
	micros  float64
}

// curve is the latency at the percentiles that a chart shows, each nine being as wide as the one before it.
func curve(h *hdrhistogram.Histogram) []point {
	var out []point
	for share := 0.5; share*float64(h.TotalCount()) >= 1; share /= 1.5 {
		percent := 100 * (1 - share)
		out = append(out, point{percent, quantile(h, percent)})
	}
	return out
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// ownRSS is this process's resident memory but for what it shares.
func ownRSS() int64 {
	p, err := procfs.Self()
	if err != nil {
		return 0
	}
	s, err := p.NewStatus()
	if err != nil {
		return 0
	}
	return int64(s.VmRSS - s.RssShmem)
}
