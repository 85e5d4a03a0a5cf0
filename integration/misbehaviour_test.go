//go:build opencv

package integration

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a worker can do wrong, done at the frame of index 3 of ten. The fake worker's frames are the bytes of the files, which
// come out as they went in.
func TestMisbehaviourOfAWorker(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, deed string
		args       []string
		code       string // of the frame's failure; empty: it is done all the same
		attempts   int    // 0: not the same each time
		says       string
		restarts   int // at least
	}{
		{"dies once by SIGKILL", "kill signal=KILL once=ONCE", nil, "", 0, "", 1},
		{"dies once by SIGSEGV", "kill signal=SEGV once=ONCE", nil, "", 0, "", 1},
		{"aborts once", "kill signal=ABRT once=ONCE", nil, "", 0, "", 1},
		{"ends once with code 0", "exit code=0 once=ONCE", nil, "", 0, "", 1},
		{"dies of the frame each time", "kill signal=SEGV", nil, "poisoned", 3, "segmentation fault", 3},
		{"dies of the frame, which is tried once", "kill signal=SEGV", []string{"--attempts", "1"}, "poisoned", 1, "segmentation fault", 1},
		{"leaves last words", "exit code=3", []string{"--attempts", "1"}, "poisoned", 1, "these are my last words", 1},
		{"hangs", "hang", []string{"--timeout", "500ms"}, "deadline_exceeded", 1, "500ms", 1},
		{"stops", "kill signal=STOP", []string{"--timeout", "500ms"}, "deadline_exceeded", 0, "500ms", 1},
		{"refuses the frame", "fail", nil, "invalid", 1, "as it was told to", 0},
		{"writes into its input", "scribble once=ONCE", nil, "", 0, "", 1},
		{"lies about a size", "lie about=huge once=ONCE", nil, "", 0, "", 1},
		{"answers twice", "lie about=twice once=ONCE", nil, "", 0, "", 0},
		{"floods standard output", "flood fd=1 kb=4096", nil, "", 0, "", 0},
		{"floods standard error", "flood fd=2 kb=4096", nil, "", 0, "", 0},
		{"prints what breaks go-plugin", "mumble", nil, "", 0, "", 0},
		{"leaves a grandchild that holds its pipes", "grandchild", nil, "", 0, "", 0},
		{"panics once", "panic once=ONCE", nil, "", 0, "", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			deed := strings.ReplaceAll(c.deed, "ONCE", filepath.Join(t.TempDir(), "once"))
			args := append([]string{"run", "in", "-p", deed + " index=3", "-o", "out/", "--worker", fakeWorker(t, ""),
				"--report", "report.json"}, c.args...)
			var want []string
			for i := range 10 {
				name := fmt.Sprintf("%d.png", i)
				write(t, filepath.Join(dir, "in", name), "\x89PNG\r\n\x1a\n"+name)
				if i != 3 || c.code == "" {
					want = append(want, name)
				}
			}
			p := runIn(t, dir, args...)
			failed := 10 - len(want)
			p.exits(failed, c.says)
			holds(t, filepath.Join(dir, "out"), want...)
			for _, name := range want {
				if got := read(t, filepath.Join(dir, "out", name)); !strings.HasSuffix(got, name) && !strings.HasPrefix(c.deed, "lie") {
					t.Errorf("%s became %q", name, got)
				}
			}
			r := readReport(t, filepath.Join(dir, "report.json")).counts(t, 10, len(want), failed)
			if *r.WorkerRestarts < c.restarts {
				t.Errorf("%d restarts, want %d at least", *r.WorkerRestarts, c.restarts)
			}
			if failed == 1 {
				f := r.Failures[0]
				if *f.Index != 3 || *f.Code != c.code || c.attempts != 0 && *f.Attempts != c.attempts || !strings.Contains(*f.Input, "3.png") {
					t.Errorf("frame %d of %s failed as %s after %d attempts, want %s after %d", *f.Index, *f.Input, *f.Code, *f.Attempts,
						c.code, c.attempts)
				}
			}
		})
	}
}

// A farm has workers as long as one can be started; a run whose workers die of each frame ends all the same, and tells of each.
func TestWorkersThatDieOfEveryFrame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 4 {
		write(t, filepath.Join(dir, "in", fmt.Sprintf("%d.png", i)), "\x89PNG\r\n\x1a\n")
	}
	p := runIn(t, dir, "run", "in", "-p", "kill signal=KILL", "-o", "out/", "--worker", fakeWorker(t, ""), "--attempts", "2",
		"--report", "report.json")
	p.exits(1, "killed")
	r := readReport(t, filepath.Join(dir, "report.json")).counts(t, 4, 0, 4)
	var indexes []int
	for _, f := range r.Failures {
		indexes = append(indexes, *f.Index)
	}
	if !slices.Equal(indexes, []int{0, 1, 2, 3}) {
		t.Errorf("the failures are those of frames %v", indexes)
	}
	t.Logf("%d restarts in %v", *r.WorkerRestarts, p.took)
}
