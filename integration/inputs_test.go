//go:build opencv

package integration

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A pipeline names files beside the frames: by their paths, or by names that --input gives them.
func TestAPipelineNamesFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.png"), "\x89PNG\r\n\x1a\nframe")
	write(t, filepath.Join(dir, "logo.png"), "the logo")
	digest := fmt.Sprintf("encoded %x", sha256.Sum256([]byte("the logo")))
	for _, c := range []struct {
		pipeline string
		args     []string
		code     int
		says     string
	}{
		{"recall input=logo.png", nil, 0, digest},
		{"recall input=logo", []string{"--input", "logo=logo.png"}, 0, digest},
		{"recall input=logo", nil, 2, "step 1, recall: input=logo: no such file or directory; --input logo=FILE names it\n  recall input=logo\n               ^"},
		{"recall input=logo", []string{"--input", "logo=nowhere.png"}, 2, "--input logo=nowhere.png: no such file or directory"},
		{"echo", []string{"--input", "logo=logo.png"}, 2, "--input logo=logo.png: no step of the pipeline names it"},
		{"recall input=/", nil, 2, "step 1, recall: input=/: it is not a file"},
	} {
		args := append([]string{"run", "in.png", "-p", c.pipeline, "--data", "-", "--worker", fakeWorker(t, "")}, c.args...)
		p := runIn(t, dir, args...)
		if p.exits(c.code); !strings.Contains(p.stdout.String()+p.stderr.text(), c.says) {
			t.Errorf("%s: said %s%s", c.pipeline, p.stdout.String(), p.stderr.text())
		}
		p.leavesNothing()
	}
}

// The frames of a video are one stream, whatever the number of workers, and so are images.
func TestAPipelineThatKeepsSomethingSeesEveryFrameInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(dir, "in", fmt.Sprintf("%d.png", i)), "\x89PNG\r\n\x1a\nframe")
	}
	p := runIn(t, dir, "run", "in", "-p", "count", "--data", "-", "--worker", fakeWorker(t, ""), "--workers", "3")
	p.exits(0)
	for i, line := range strings.Split(strings.TrimSpace(p.stdout.String()), "\n") {
		if !strings.Contains(line, fmt.Sprintf(`"value":%d}`, i+1)) {
			t.Fatalf("line %d: %s", i, line)
		}
	}
}
