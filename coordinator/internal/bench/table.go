package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is one line of the table: a figure of each size.
type row struct {
	name string
	of   func(Result) string
}

// rows is what people read, in that order.
var rows = []row{
	{"farm, frames/s", func(r Result) string { return number(r.FarmFPS) }},
	{"bare loop, frames/s", func(r Result) string { return number(r.BareFPS) }},
	{"farm ÷ bare, median", func(r Result) string { return fmt.Sprintf("%.3f", r.Ratio) }},
	{"  of each round", func(r Result) string { return list(r.Ratios) }},
	{"copied ÷ bare, median", func(r Result) string { return fmt.Sprintf("%.3f (%s frames/s)", r.CopyRatio, number(r.CopyFPS)) }},
	{"latency, one in flight", func(r Result) string { return r.LatencyOne.String() }},
	{"latency, full load", func(r Result) string { return fmt.Sprintf("%v, %d in flight", r.LatencyLoad, r.InFlight) }},
	{"loop lag", func(r Result) string {
		return fmt.Sprintf("%s / %s / max %s", span(r.LoopLag.P50), span(r.LoopLag.P99), span(r.LoopLag.Max))
	}},
	{"steps, mean", func(r Result) string { return steps(r.Steps) }},
	{"coordinator CPU a frame", func(r Result) string { return span(r.CoordinatorCPU) }},
	{"workers' CPU a frame", func(r Result) string { return span(r.WorkerCPU) }},
	{"bare loop's CPU a frame", func(r Result) string { return span(r.BareCPU) }},
	{"by CPU, farm ÷ bare", func(r Result) string { return fmt.Sprintf("%.3f", r.CPURatio) }},
	{"coordinator RSS", func(r Result) string { return mebibytes(r.CoordinatorRSS) }},
	{"arena", func(r Result) string { return mebibytes(r.Arena) }},
}

// Print writes the table: a column for each size, a line for each figure.
func Print(w io.Writer, results []Result) error {
	if len(results) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, title(results[0])); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(t, "\n")
	for _, r := range results {
		fmt.Fprintf(t, "\t%s", r.Size)
	}
	fmt.Fprintln(t)
	for _, line := range rows {
		fmt.Fprint(t, line.name)
		for _, r := range results {
			fmt.Fprintf(t, "\t%s", line.of(r))
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "\nLatencies are p50 / p99 / p99.9. coordinator bench --help says how it is measured.")
	return t.Flush()
}

// title says what was measured where.
func title(r Result) string {
	return fmt.Sprintf("%s on %d workers (%s), %d rounds of %.3g s each\n%s, %d CPUs, %s, %s, %s, load average %.2f",
		r.Pipeline, r.Workers, r.Isolation, r.Rounds, r.Seconds, r.Machine.CPU, r.Machine.CPUs, r.Machine.Kernel,
		r.Machine.versions(), r.Machine.Date, r.Machine.Load)
}

func (p Percentiles) String() string {
	rare := func(us *float64) string {
		if us == nil {
			return "–"
		}
		return span(*us)
	}
	return fmt.Sprintf("%s / %s / %s", span(p.P50), rare(p.P99), rare(p.P999))
}

// number writes a count of frames with three digits at least.
func number(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// span writes microseconds.
func span(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%.2f s", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%.2f ms", us/1e3)
	case us >= 100:
		return fmt.Sprintf("%.0f µs", us)
	}
	return fmt.Sprintf("%.1f µs", us)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// list writes ratios, or the range of many.
func list(values []float64) string {
	if len(values) > 10 {
		return fmt.Sprintf("%.3f to %.3f", slices.Min(values), slices.Max(values))
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%.3f", v)
	}
	return strings.Join(texts, " ")
}

func steps(all []Step) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = s.Op + " " + span(s.US)
	}
	return strings.Join(texts, ", ")
}
