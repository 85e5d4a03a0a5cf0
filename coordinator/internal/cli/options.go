package cli

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// runOptions is the run command's flags as they were written.
type runOptions struct {
	inputs                            []string
	pipeline, output, data, report    string
	recursive, overwrite, fpsGiven    bool
	dryRun                            bool
	fps                               float64
	codec, isolation, progress        string
	limit, workers, threads, attempts int
	timeout, maxAge, stallTimeout     time.Duration
	memory, maxMemory, workerMemory   string
	spares, maxJobs, segment          int
	worker, quarantine                string
	named                             namedInputs
	resume                            bool
}

func isolations() []string { return []string{string(farm.Process), string(farm.Thread)} }

func progressModes() []string { return []string{"auto", "plain", "json", "none"} }

// resolve checks the options as far as that needs no worker.
func (o *runOptions) resolve(app App) (*runJob, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	j := &runJob{App: app, options: o}
	var err error
	if j.script, err = readScript(o.pipeline); err != nil {
		return nil, err
	}
	if j.output, err = o.parseOutput(app); err != nil {
		return nil, err
	}
	if j.config, err = o.farmConfig(); err != nil {
		return nil, err
	}
	if j.inputs, err = media.Resolve(o.inputs, o.recursive); err != nil {
		return nil, err
	}
	if j.ledger, err = o.openLedger(j); err != nil {
		return nil, err
	}
	if err := o.claimFiles(j); err != nil {
		j.ledger.close()
		return nil, err
	}
	return j, nil
}

// claimFiles checks the files that are to be written beside the output.
func (o *runOptions) claimFiles(j *runJob) (err error) {
	if err := o.checkFiles(j); err != nil {
		return err
	}
	if o.dryRun { // no worker but one, and no report
		j.config.Workers, j.config.Spares = 1, -1
		return o.vacantReport(j.ledger.reported(o.report))
	}
	if o.report != "" && o.report != "-" { // held from now on, so that it can be written in the end
		if j.reportFile, err = media.CreateFile(o.report, o.overwrite || j.ledger.reported(o.report)); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// vacantReport says of a report what creating it would.
func (o *runOptions) vacantReport(ours bool) error {
	if o.report == "" || o.report == "-" {
		return nil
	}
	if err := media.Vacant(o.report, o.overwrite || ours); err != nil {
		return usageError{err}
	}
	return nil
}

// checkFiles refuses two flags that name one file, a data file that exists, and one that is an input.
func (o *runOptions) checkFiles(j *runJob) error {
	files := []struct{ flag, name string }{{"-o", j.output.Path}, {"--data", o.data}, {"--report", o.report}}
	for i, a := range files {
		for _, b := range files[:i] {
			switch {
			case a.name == "" || b.name == "" || (a.name == "-") != (b.name == "-"):
			case a.name == "-":
				return usagef("%s - and %s - both want standard output: give one of them a file", b.flag, a.flag)
			case media.SameFile(a.name, b.name):
				return usagef("%s and %s both name %s: give each a file of its own", b.flag, a.flag, a.name)
			}
		}
	}
	for _, f := range files[1:] {
		if isInput(f.name, j.inputs) {
			return usagef("%s %s is an input: give it another name", f.flag, f.name)
		}
	}
	if err := media.Vacant(o.data, o.overwrite || j.ledger.complete()); o.data != "" && o.data != "-" && err != nil {
		return usageError{err}
	}
	return nil
}

func isInput(name string, inputs []media.Input) bool {
	info, err := os.Stat(name)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(inputs, func(in media.Input) bool {
		other, err := os.Stat(in.Path)
		return err == nil && os.SameFile(info, other)
	})
}

func (o *runOptions) validate() error {
	if _, err := o.named.parse(); err != nil {
		return err
	}
	numbers := []struct {
		flag           string
		value, low, up int
	}{
		{"--workers", o.workers, 0, 1024},
		{"--spares", o.spares, 0, 1024},
		{"--threads", o.threads, 1, 1024},
		{"--attempts", o.attempts, 1, 100},
		{"--limit", o.limit, 0, 1 << 40},
		{"--max-jobs", o.maxJobs, 0, 1 << 40},
		{"--segment", o.segment, 1, 1 << 20},
	}
	for _, n := range numbers {
		if n.value < n.low || n.value > n.up {
			return usagef("%s %d: %d to %d are possible", n.flag, n.value, n.low, n.up)
		}
	}
	durations := []struct {
		flag  string
		value time.Duration
		hours int // at most
	}{{"--timeout", o.timeout, 24}, {"--max-age", o.maxAge, 24000}}
	for _, d := range durations {
		if d.value < 0 || d.value > time.Duration(d.hours)*time.Hour {
			return usagef("%s %v: 0 to %dh are possible", d.flag, d.value, d.hours)
		}
	}
	if err := checkStall(o.stallTimeout); err != nil {
		return err
	}
	if !slices.Contains(isolations(), o.isolation) {
		return usagef("--isolation %s: it is process or thread", o.isolation)
	}
	if !slices.Contains(progressModes(), o.progress) {
		return usagef("--progress %s: it is auto, plain, json or none", o.progress)
	}
	return nil
}

func (o *runOptions) parseOutput(app App) (media.Output, error) {
	name := o.output
	if name == "" && o.data != "" {
		name = "none"
	}
	out, err := media.ParseOutput(name)
	if err != nil {
		return out, err
	}
	switch {
	case name == "-" && app.Terminal(app.Out):
		return out, usagef("-o - would write images to the terminal: redirect standard output, or name a file")
	case out.Kind != media.ToVideo && (o.fpsGiven || o.codec != ""):
		return out, usagef("--fps and --codec are for video outputs, but -o %s is none", name)
	case o.fpsGiven && !(o.fps >= 0.01 && o.fps <= 1000):
		return out, usagef("--fps %v: 0.01 to 1000 are possible", o.fps)
	case o.codec != "" && !isFourCC(o.codec):
		return out, usagef("--codec %s: a codec is four characters, such as mp4v, avc1, MJPG", o.codec)
	}
	return out, nil
}

func isFourCC(s string) bool {
	return len(s) == 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (o *runOptions) farmConfig() (farm.Config, error) {
	worker, err := findWorker(o.worker)
	if err != nil {
		return farm.Config{}, err
	}
	c := farm.Config{
		Worker:       worker,
		Workers:      o.workers,
		Isolation:    farm.Isolation(o.isolation),
		Threads:      o.threads,
		Spares:       o.spares,
		Attempts:     o.attempts,
		Timeout:      o.timeout,
		MaxJobs:      o.maxJobs,
		MaxAge:       o.maxAge,
		StallTimeout: o.stallTimeout,
	}
	if o.spares == 0 {
		c.Spares = -1
	}
	if c.Quarantine, err = quarantineFolder(o.quarantine); err != nil {
		return c, err
	}
	if c.Memory, err = parseSize("--memory", o.memory, minMemory); err != nil {
		return c, err
	}
	if c.MaxMemory, err = parseSize("--max-memory", o.maxMemory, minMemory); err != nil {
		return c, err
	}
	c.MemoryCap, err = parseSize("--worker-memory", o.workerMemory, minWorkerMemory)
	return c, err
}

// What is less than useful: a handful of large frames on their way in and out, and a worker that has only just started.
const (
	minMemory       = 64 << 20
	minWorkerMemory = 256 << 20
)

// parseSize reads a number of bytes with an optional K, M, G or T, of which 1024 make the next, and an optional B or iB.
func parseSize(flag, text string, least int64) (int64, error) {
	if text == "" {
		return 0, nil
	}
	s := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I")
	shift := 0
	if i := strings.IndexAny(s, "KMGT"); i >= 0 && i == len(s)-1 {
		shift = 10 * (1 + strings.Index("KMGT", s[i:]))
		s = s[:i]
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n*float64(int64(1)<<shift) >= float64(least) && n*float64(int64(1)<<shift) <= 1<<40) {
		return 0, usagef("%s %s: %dM to 1T are possible, written such as 512M or 2G", flag, text, least>>20)
	}
	return int64(n * float64(int64(1)<<shift)), nil
}

func checkStall(d time.Duration) error {
	if d != 0 && (d < farm.MinStallTimeout || d > 24*time.Hour) {
		return usagef("--stall-timeout %v: 0, and %v to 24h are possible", d, farm.MinStallTimeout)
	}
	return nil
}
