//go:build opencv

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A job that runs away is stopped by the kernel at the cap; the others in the run are done.
func TestWorkerMemoryIsCapped(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, worker, pipeline string
		code, says             string
	}{
		{"the worker dies of it", fakeWorker(t, ""), "hog mb=2048", "poisoned", "its memory was capped at 512 MiB"},
		{"the op survives it", binary(t, "worker"), "resize dsize=30000x30000 | median_blur ksize=3", "overloaded",
			"this worker's memory is capped at 512 MiB"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := runIn(t, dir, "run", thumbnail(t), "-p", c.pipeline, "-o", "none", "--worker", c.worker, "--worker-memory", "512M",
				"--memory", "12G", "--report", "report.json").exits(1, c.says)
			f := readReport(t, filepath.Join(dir, "report.json")).counts(t, 1, 0, 1).Failures[0]
			if *f.Code != c.code || !strings.Contains(*f.Message, c.says) {
				t.Errorf("it failed as %s: %s\n%s", *f.Code, *f.Message, p.stderr.text())
			}
		})
	}
}

// The shared frames do not count: each of these is larger than the cap.
func TestSharedFramesAreNotUnderTheCap(t *testing.T) {
	t.Parallel()
	p := runIn(t, t.TempDir(), "run", clip(t), "-p", "resize dsize=15000x13000", "-o", "none", "--limit", "3", "--worker-memory", "512M",
		"--memory", "4G", "--workers", "1")
	p.exits(0)
}

// What this process's own limits do not allow is told before anything is started, with the limit and what is needed.
func TestLimitsOfTheCoordinatorAreNamed(t *testing.T) {
	t.Parallel()
	for limit, says := range map[string]string{
		"ulimit -n 40":      "open files, but this process may have 40 (ulimit -n)",
		"ulimit -v 1000000": "limited to 976 MiB",
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			cmd := exec.Command("sh", "-c", limit+`; exec "$0" "$@"`, binary(t, "coordinator"), "run", clip(t), "-p", "gray",
				"-o", "none", "--workers", "4")
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), says) {
				t.Errorf("%v: %s\nwant %q", err, out, says)
			}
			if left := names(t, temp); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}
