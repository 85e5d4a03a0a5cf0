//go:build opencv

package integration

import (
	"path/filepath"
	"slices"
	"testing"
)

// The tests of this file measure, so they do not run beside others.

// Ten thousand frames need no more memory than five hundred.
func TestMemoryIsBounded(t *testing.T) {
	const (
		frames, settled = 10_000, 500
		tolerance       = 8 << 20 // the garbage that Go has not collected yet goes up and down by less
	)
	long := produced(t, "long.mp4", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=100", "-frames:v", "10000",
		"-c:v", "mpeg4", "-q:v", "8", "-pix_fmt", "yuv420p")
	p, pace := paced(t, command{args: []string{"run", long, "-p", "stats | " + edges, "-o", "x.mp4", "--report", "report.json", "--progress", "none"}})
	pace.reach(settled)
	children := p.children()
	workers := slices.Concat(children[ops], children[decoder], children[encoder])
	early, before := memoryOf(t, p.Process.Pid), sum(t, workers)
	pace.reach(frames - 200)
	if now := p.children(); !now.include(children) {
		t.Fatalf("workers came and went: first %v, then %v", children, now)
	}
	late, after := memoryOf(t, p.Process.Pid), sum(t, workers)
	pace.finish().exits(0)
	r := readReport(t, filepath.Join(p.dir, "report.json")).counts(t, frames, frames, 0)
	t.Logf("coordinator after %5d frames: %v", settled, early)
	t.Logf("coordinator after %5d frames: %v", frames-200, late)
	t.Logf("workers, decoder and encoder: anonymous %.1f MiB, then %.1f MiB", mebi(before.anon), mebi(after.anon))
	t.Logf("arena: at most %.1f MiB in use of %.0f MiB; %d frames in %.1f s (%.0f a second)", mebi(r.Memory.Peak), mebi(r.Memory.Budget),
		frames, *r.Seconds, *r.FPS)
	if grown := late.rss - early.rss; grown > tolerance {
		t.Errorf("the coordinator grew by %.1f MiB", mebi(grown))
	}
	if grown := after.anon - before.anon; grown > int64(len(workers))*tolerance {
		t.Errorf("the %d workers grew by %.1f MiB", len(workers), mebi(grown))
	}
	if peak := int64(64 << 20); r.Memory.Peak > peak {
		t.Errorf("frames of 57 KiB had %.1f MiB of the arena", mebi(r.Memory.Peak))
	}
}

func sum(t *testing.T, pids []int) memory {
	t.Helper()
	var all memory
	for _, pid := range pids {
		m := memoryOf(t, pid)
		all.rss, all.anon = all.rss+m.rss, all.anon+m.anon
	}
	return all
}

func mebi(n int64) float64 { return float64(n) / (1 << 20) }

// The coordinator's share of the CPU time is told, not judged: the machine may have other things to do.
func TestCPUShare(t *testing.T) {
	hd := produced(t, "hd.mp4", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30", "-frames:v", "200",
		"-vf", "noise=alls=8:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-pix_fmt", "yuv420p")
	for _, c := range []struct{ pipeline, out string }{
		{edges, "x.mp4"},
		{edges, "none"},
		{"gaussian_blur ksize=9 | " + edges, "none"},
	} {
		dir := t.TempDir()
		runIn(t, dir, "run", hd, "-p", c.pipeline, "-o", c.out, "--report", "report.json").exits(0)
		r := readReport(t, filepath.Join(dir, "report.json")).counts(t, 200, 200, 0)
		share := 100 * r.CPU.Coordinator / (r.CPU.Coordinator + r.CPU.Workers)
		t.Logf("1080p, %s → %s: coordinator %.2f s of %.2f s CPU: %.2f %%; %.1f frames a second, arena at most %.0f MiB",
			c.pipeline, c.out, r.CPU.Coordinator, r.CPU.Coordinator+r.CPU.Workers, share, *r.FPS, mebi(r.Memory.Peak))
		if r.CPU.Coordinator <= 0 || r.CPU.Workers <= r.CPU.Coordinator {
			t.Errorf("CPU seconds of a coordinator: %v, of its workers: %v", r.CPU.Coordinator, r.CPU.Workers)
		}
	}
}
