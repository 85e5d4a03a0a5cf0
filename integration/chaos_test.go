//go:build opencv

package integration

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// verdict is what chaos --json promises.
type verdict struct {
	Frames, Lost, Duplicated, Failed, Different, Refused *int
	Disordered                                           *int           `json:"out_of_order"`
	Strikes                                              map[string]int `json:"strikes"`
	Restarts                                             *int           `json:"worker_restarts"`
	ChildrenLeft                                         *int           `json:"children_left"`
	Promoted                                             *span          `json:"recovery_by_spare"`
	Cold                                                 *span          `json:"recovery_by_cold_start"`
	Gauges                                               []gauges       `json:"gauges"`
}

type span struct {
	N             int
	P50, P99, Max float64
}

type gauges struct {
	Memory, Heap, Arena                   int64
	Goroutines, Files, Children, Mappings int
}

// chaosOf runs the command, which must end with that exit code, and reads its verdict.
func chaosOf(t *testing.T, code int, args ...string) verdict {
	t.Helper()
	dir := t.TempDir()
	p := runIn(t, dir, append([]string{"chaos", "--workers", "2", "--json", "v.json"}, args...)...).exits(code)
	t.Logf("\n%s", p.stdout.String())
	var v verdict
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "v.json"))), &v); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*int{v.Frames, v.Lost, v.Duplicated, v.Disordered, v.Failed, v.Different, v.Refused, v.Restarts, v.ChildrenLeft} {
		if n == nil {
			t.Fatalf("the verdict lacks something: %s", read(t, filepath.Join(dir, "v.json")))
		}
	}
	return v
}

func (v verdict) struck() (n int) {
	for _, k := range v.Strikes {
		n += k
	}
	return n
}

// shots is a folder of good images with a bad one among them.
func shots(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 20 {
		copyTo(t, sample(t, []string{"face.jpg", "toy.jpg", "space_shuttle.jpg"}[i%3]), filepath.Join(dir, fmt.Sprintf("%02d.jpg", i)))
	}
	write(t, filepath.Join(dir, "07-bad.jpg"), "\xff\xd8\xff\xe0 this is none")
	return dir
}

const shotsFrames = 21

func TestChaosLosesNothing(t *testing.T) {
	for name, input := range map[string]string{"images": shots(t), "a video": clip(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := chaosOf(t, 0, input, "-p", "median_blur ksize=9 | gray | canny low=50 high=150", "--for", "5s", "--rate", "10")
			if *v.Frames < 1 || v.struck() == 0 || *v.ChildrenLeft != 0 {
				t.Errorf("%d frames, %d strikes, %d children left", *v.Frames, v.struck(), *v.ChildrenLeft)
			}
			if name == "images" && *v.Refused < *v.Frames/shotsFrames {
				t.Errorf("%d frames were refused of %d, of which each %dth is bad", *v.Refused, *v.Frames, shotsFrames)
			}
		})
	}
}

// What is wrong is found: the verdict is not always the same.
func TestChaosFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	worker := fakeWorker(t, "")
	t.Run("results that differ", func(t *testing.T) {
		if v := chaosOf(t, 1, shots(t), "-p", "pid", "--worker", worker, "--rate", "1"); *v.Different == 0 || *v.Lost != 0 {
			t.Errorf("%d different, %d lost", *v.Different, *v.Lost)
		}
		chaosOf(t, 0, shots(t), "-p", "pid", "--worker", worker, "--rate", "1", "--no-compare")
	})
	t.Run("frames that fail", func(t *testing.T) {
		v := chaosOf(t, 1, shots(t), "-p", "sleep ms=200", "--worker", worker, "--rate", "5", "--kinds", "kill", "--attempts", "1")
		if *v.Failed == 0 || *v.Frames != shotsFrames {
			t.Errorf("%d failed of %d", *v.Failed, *v.Frames)
		}
	})
}

// Whatever state its workers are in, stopped ones too: they are gone within a second after the coordinator was killed with -9.
func TestChaosThatIsKilledLeavesNothing(t *testing.T) {
	t.Parallel()
	p := start(t, command{args: []string{"chaos", shots(t), "-p", "bilateral d=40", "--for", "1m", "--no-compare", "--kinds", "stop",
		"--rate", "20", "--stall-timeout", "1m", "--workers", "2"}})
	eventually(t, patience, func() error { // both stand still
		stopped := 0
		for _, pid := range p.children()[ops] {
			if stateOf(pid) == "T" {
				stopped++
			}
		}
		if stopped < 2 {
			return fmt.Errorf("%d workers are stopped", stopped)
		}
		return nil
	})
	began := time.Now()
	p.kill()
	p.allGone()
	t.Logf("gone %v after the kill", time.Since(began))
}

// A short soak; coordinator chaos --for 30m is a long one.
func TestASoakLeaksNothing(t *testing.T) {
	v := chaosOf(t, 0, shots(t), "-p", "median_blur ksize=31 | gray", "--for", "10s", "--rate", "5")
	if len(v.Gauges) != 4 {
		t.Fatalf("%d gauges, want those of the start, the middle, the end and after it", len(v.Gauges))
	}
	early, late, after := v.Gauges[0], v.Gauges[2], v.Gauges[3]
	const perWorker, spread = 20, 4 // of goroutines, files and mappings; there may be so many more workers on their way in or out
	if late.Goroutines > early.Goroutines+spread*perWorker || late.Files > early.Files+spread*perWorker ||
		late.Children > early.Children+spread || late.Mappings > early.Mappings+spread*perWorker {
		t.Errorf("from %+v\nto   %+v", early, late)
	}
	if grown := late.Heap - early.Heap; grown > 8<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if after.Children != 0 || after.Goroutines > 16 || after.Files > 16 {
		t.Errorf("when all is over there is %+v", after)
	}
}
