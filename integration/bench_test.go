//go:build opencv

package integration

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Every figure is there and has a sense. How large it is, nobody judges here: the machine may have other things to do.
func TestBenchMeasuresBothSides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, pipeline string
		args           []string
		steps          int
	}{
		{"made content", "gray | canny low=50 high=150", nil, 2},
		{"a photograph", "gray", []string{"-p", "gray", "--image", sample(t, "space_shuttle.jpg")}, 1},
		{"decode", "decode | gray", []string{"-p", "gray", "--work", "decode"}, 2},
		{"encode, in threads", "encode ext=.jpg", []string{"--work", "encode", "--isolation", "thread"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"bench", "--seconds", "0.2", "--rounds", "1", "--size", "64x48", "--size", "100x100", "--workers", "2",
				"--json", "b.json", "--html", "b.html"}, c.args...)
			out := runIn(t, dir, args...).exits(0).stdout.String()
			sizes := []string{"64x48", "100x100"}
			for i, r := range benchResults(t, filepath.Join(dir, "b.json"), len(sizes)) {
				if r.Pipeline != c.pipeline || r.Size != sizes[i] || r.Workers != 2 || len(r.Steps) != c.steps {
					t.Errorf("measured %+v, want %s at %s", r, c.pipeline, sizes[i])
				}
				if !strings.Contains(out, r.Size) {
					t.Errorf("%s is not in the table:\n%s", r.Size, out)
				}
				r.makesSense(t)
			}
			page := read(t, filepath.Join(dir, "b.html"))
			if !strings.Contains(page, "<svg") || strings.Contains(page, "<script") || strings.Contains(page, "http") {
				t.Error("the page has no charts, or needs something from elsewhere")
			}
		})
	}
}

// benchResult is what --json promises.
type benchResult struct {
	Pipeline, Size string
	Workers        int
	FarmFPS        float64 `json:"farm_fps"`
	BareFPS        float64 `json:"bare_fps"`
	CopyFPS        float64 `json:"copy_fps"`
	Ratio          float64
	LatencyOne     benchLatency                     `json:"latency_one_in_flight_us"`
	LatencyLoad    benchLatency                     `json:"latency_full_load_us"`
	LoopLag        *struct{ P50, P99, Max float64 } `json:"loop_lag_us"`
	CPU            float64                          `json:"coordinator_cpu_us_per_frame"`
	BareCPU        float64                          `json:"bare_cpu_us_per_frame"`
	CoordinatorRSS int64                            `json:"coordinator_rss_bytes"`
	Arena          int64                            `json:"arena_bytes"`
	Steps          []struct {
		Op string
		US float64
	}
}

// benchLatency has no percentiles that too few frames are behind.
type benchLatency struct {
	Frames int
	P50    float64
	P99    *float64
	P999   *float64 `json:"p99_9"`
}

func (l benchLatency) check(t *testing.T) {
	t.Helper()
	if (l.P99 != nil) != (l.Frames >= 100) || (l.P999 != nil) != (l.Frames >= 1000) ||
		l.P99 != nil && *l.P99 < l.P50 || l.P999 != nil && *l.P999 < *l.P99 {
		t.Errorf("the percentiles are %+v", l)
	}
}

func benchResults(t *testing.T, path string, want int) []benchResult {
	t.Helper()
	var all []benchResult
	if err := json.Unmarshal([]byte(read(t, path)), &all); err != nil || len(all) != want {
		t.Fatalf("%d results, want %d: %v", len(all), want, err)
	}
	return all
}

func (r benchResult) makesSense(t *testing.T) {
	t.Helper()
	for name, v := range map[string]float64{
		"farm_fps": r.FarmFPS, "bare_fps": r.BareFPS, "copy_fps": r.CopyFPS, "ratio": r.Ratio,
		"coordinator CPU": r.CPU, "coordinator RSS": float64(r.CoordinatorRSS), "arena": float64(r.Arena),
	} {
		if v <= 0 {
			t.Errorf("%s is %v", name, v)
		}
	}
	r.LatencyOne.check(t)
	r.LatencyLoad.check(t)
	if cpus := r.BareFPS * r.BareCPU / 1e6; cpus <= 0 || cpus > 1.1*float64(min(r.Workers, runtime.NumCPU())) {
		t.Errorf("the bare loop did %.0f frames a second of %.1f µs of CPU time each: that is %.2f of %d CPUs", r.BareFPS, r.BareCPU, cpus, runtime.NumCPU())
	}
	if r.LoopLag == nil || r.LoopLag.P50 > r.LoopLag.Max {
		t.Errorf("loop lag %+v", r.LoopLag)
	}
	for _, s := range r.Steps {
		if s.Op == "" || s.US <= 0 {
			t.Errorf("step %+v", s)
		}
	}
}

func TestBenchRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"a size that is none", []string{"--size", "big"}, "such as 640x480"},
		{"no time", []string{"--seconds", "0"}, "0.01 to 3600"},
		{"work that is none", []string{"--work", "play"}, "ops, decode, encode"},
		{"an image that is not there", []string{"--image", "nowhere.jpg"}, "nowhere.jpg"},
		{"a pipeline that is none", []string{"-p", "gray | cany"}, "did you mean canny"},
		{"a folder for a file", []string{"--json", "/tmp"}, "it is a folder"},
		{"a folder that cannot be written to", []string{"--json", "/proc/x/b.json"}, "/proc/x"},
		{"one file for two", []string{"--json", "b", "--html", "./b"}, "both name ./b"},
		{"a file that is read", []string{"--json", "b.jpg", "--image", "b.jpg", "--overwrite"}, "both name b.jpg"},
		{"an op that keeps something", []string{"-p", "gray | running_average"}, "keeps something from frame to frame"},
		{"a size that the pipeline cannot do, behind one that it can", []string{"-p", "crop x=60 y=0 width=10 height=10", "--size", "640x480", "--size", "64x48"}, "64x48"},
		{"a wrong parameter", []string{"-p", "gray | canny lo=50"}, "\n               ^"},
		{"a named file that is not there", []string{"-p", "match_template templ=nowhere.png"}, "nowhere.png"},
	} {
		t.Run(c.name, func(t *testing.T) { run(t, append([]string{"bench"}, c.args...)...).exits(2, c.says) })
	}
}

// A pipeline that no frame passes ends the measurement with the frame's error.
func TestBenchTellsWhyAFrameFailed(t *testing.T) {
	t.Parallel()
	run(t, "bench", "-p", "decode | crop x=500 y=0 width=10 height=10", "--work", "decode", "--size", "64x48").exits(1, "64x48", "crop")
}

// A pipeline is written as for the other commands: in a file, with files beside the frames.
func TestBenchKeepsToTheOtherCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.cvf"), "gray  # for the next\n| match_template templ=patch\n")
	write(t, filepath.Join(dir, "kept.json"), "mine")
	write(t, filepath.Join(dir, "patch.png"), read(t, sample(t, "face-detect.jpg")))
	short := []string{"bench", "-p", "@p.cvf", "--input", "patch=patch.png", "--size", "640x480", "--seconds", "0.05", "--rounds", "1"}
	runIn(t, dir, append(short, "--json", "kept.json")...).exits(2, "kept.json exists already")
	p := runIn(t, dir, append(short, "--json", "-", "--html", "b.html")...).exits(0)
	var all []benchResult
	if err := json.Unmarshal(p.stdout.Bytes(), &all); err != nil || len(all) != 1 || len(all[0].Steps) != 2 {
		t.Errorf("%v: %s", err, p.stdout.String())
	}
	holds(t, dir, "b.html", "kept.json", "p.cvf", "patch.png")
}
