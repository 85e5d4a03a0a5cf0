package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// runOptions is the run command's flags as they were written.
type runOptions struct {
	inputs                            []string
	pipeline, output, data, report    string
	recursive, overwrite, fpsGiven    bool
	fps                               float64
	codec, isolation, progress        string
	limit, workers, threads, attempts int
	timeout                           time.Duration
	memory, worker                    string
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
	if j.pipeline, err = pipeline.Parse(o.pipeline); err != nil {
		return nil, usageError{err}
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
	for _, name := range []string{o.data, o.report} {
		if err := media.Vacant(name, o.overwrite); name != "" && name != "-" && err != nil {
			return nil, usageError{err}
		}
	}
	return j, nil
}

func (o *runOptions) validate() error {
	if strings.TrimSpace(o.pipeline) == "" {
		return usagef("no pipeline: give -p, such as -p 'gray | canny low=50 high=150'; coordinator ops lists the ops")
	}
	numbers := []struct {
		flag           string
		value, low, up int
	}{
		{"--workers", o.workers, 0, 1024},
		{"--threads", o.threads, 1, 1024},
		{"--attempts", o.attempts, 1, 100},
		{"--limit", o.limit, 0, 1 << 40},
		{"--timeout", int(o.timeout), 0, int(24 * time.Hour)},
	}
	for _, n := range numbers {
		if n.value < n.low || n.value > n.up {
			if n.flag == "--timeout" {
				return usagef("--timeout %v: up to 24h is possible", o.timeout)
			}
			return usagef("%s %d: %d to %d are possible", n.flag, n.value, n.low, n.up)
		}
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
	case name == "-" && o.data == "-":
		return out, usagef("--data - and -o - both want standard output: give one of them a file")
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
	memory, err := parseSize(o.memory)
	if err != nil {
		return farm.Config{}, err
	}
	return farm.Config{
		Worker:    worker,
		Workers:   o.workers,
		Isolation: farm.Isolation(o.isolation),
		Threads:   o.threads,
		Attempts:  o.attempts,
		Timeout:   o.timeout,
		Memory:    memory,
	}, nil
}

// minMemory keeps a handful of large frames on their way in and out.
const minMemory = 64 << 20

// parseSize reads a number of bytes with an optional K, M, G or T, of which 1024 make the next, and an optional B or iB.
func parseSize(text string) (int64, error) {
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
	if err != nil || !(n*float64(int64(1)<<shift) >= minMemory && n*float64(int64(1)<<shift) <= 1<<40) {
		return 0, usagef("--memory %s: 64M to 1T are possible, written such as 512M or 2G", text)
	}
	return int64(n * float64(int64(1)<<shift)), nil
}
