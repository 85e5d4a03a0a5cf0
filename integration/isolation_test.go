//go:build opencv

package integration

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disturbed is a run over a video that is stopped in the middle. finish lets it go on.
func disturbed(t *testing.T, args ...string) (*program, *pacer) {
	t.Helper()
	p, pace := paced(t, command{args: append([]string{"run", clip(t), "-p", "stats | " + edges, "-o", "out.mp4", "--report", "report.json"}, args...)})
	pace.reach(20)
	return p, pace
}

// undisturbed are the frames that such a run makes when nothing happens.
func undisturbed(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	runIn(t, dir, "run", clip(t), "-p", "stats | "+edges, "-o", "out.mp4").exits(0)
	return frameHashes(t, filepath.Join(dir, "out.mp4"))
}

// A worker that dies costs an attempt, never a frame: the output is that of an undisturbed run.
func TestDeathOfAWorkerLosesNothing(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	cases := []struct {
		name    string
		signal  unix.Signal
		role    role
		restart bool // counted as one
		args    []string
	}{
		{"an op worker is killed", unix.SIGKILL, ops, true, nil},
		{"an op worker has a segmentation fault", unix.SIGSEGV, ops, true, nil},
		{"an op worker aborts", unix.SIGABRT, ops, true, nil},
		{"an op worker is asked to end", unix.SIGTERM, ops, true, nil},
		{"the only op worker is killed", unix.SIGKILL, ops, true, []string{"--workers", "1"}},
		{"it is killed, and none is kept ready", unix.SIGKILL, ops, true, []string{"--workers", "1", "--spares", "0"}},
		{"it is killed, and three are kept ready", unix.SIGKILL, ops, true, []string{"--workers", "1", "--spares", "3"}},
		{"the one process of all threads is killed", unix.SIGKILL, ops, true, []string{"--isolation", "thread"}},
		{"the decoder is killed", unix.SIGKILL, decoder, false, nil},
		{"the encoder is killed", unix.SIGKILL, encoder, false, nil},
		{"the encoder is stopped", unix.SIGSTOP, encoder, false, []string{"--stall-timeout", "1s", "--timeout", "5s"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, pace := disturbed(t, c.args...)
			kill(t, p.one(c.role), c.signal)
			pace.finish().exits(0)
			r := readReport(t, filepath.Join(p.dir, "report.json")).counts(t, clipFrames, clipFrames, 0)
			if c.restart && *r.WorkerRestarts < 1 {
				t.Errorf("the report tells of %d restarts", *r.WorkerRestarts)
			}
			t.Logf("%d restarts, %d retries, %v", *r.WorkerRestarts, *r.Retries, p.took)
			if pace.lines != clipFrames {
				t.Errorf("%d frames have data, want %d", pace.lines, clipFrames)
			}
			if got := frameHashes(t, filepath.Join(p.dir, "out.mp4")); !slices.Equal(got, want) {
				t.Errorf("the video is not that of an undisturbed run: %d frames, want %d", len(got), len(want))
			}
			holds(t, p.dir, "out.mp4", "report.json")
		})
	}
}

func TestRecyclesAreReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runIn(t, dir, "run", clip(t), "-p", "resize dsize=1920x1440 | gray | canny low=50 high=150", "-o", "none", "--max-jobs", "20", "--report", "report.json").exits(0)
	r := readReport(t, filepath.Join(dir, "report.json")).counts(t, clipFrames, clipFrames, 0)
	if *r.WorkerRecycles < 1 || *r.WorkerRestarts != 0 {
		t.Errorf("%d recycles, %d restarts", *r.WorkerRecycles, *r.WorkerRestarts)
	}
}

// Every op worker is killed once; nothing is lost.
func TestDeathOfAllWorkersLosesNothing(t *testing.T) {
	t.Parallel()
	p, pace := disturbed(t)
	killed := p.children()[ops] // the spare one too, whose end is no restart
	for _, pid := range killed {
		kill(t, pid, unix.SIGKILL)
	}
	pace.finish().exits(0)
	r := readReport(t, filepath.Join(p.dir, "report.json")).counts(t, clipFrames, clipFrames, 0)
	if *r.WorkerRestarts < *r.Workers {
		t.Errorf("%d workers were killed, %d restarts; it said:\n%s", len(killed), *r.WorkerRestarts, p.stderr.text())
	}
}

// Frames that take less time than a message do come several in one, and that is no reason to kill who sent them: a decoder was
// killed for it, and decoded from the start to where it had been, again and again.
func TestFastFramesKeepTheirWorkers(t *testing.T) {
	t.Parallel()
	tiny := produced(t, "tiny.mp4", "-f", "lavfi", "-i", "testsrc=size=32x32:rate=100", "-frames:v", "1000", "-c:v", "mpeg4",
		"-pix_fmt", "yuv420p")
	p, pace := paced(t, command{args: []string{"run", tiny, "-p", "stats", "-o", "out.avi"}})
	pace.reach(20)
	before := p.children()
	pace.reach(900)
	if after := p.children(); !after.include(before) {
		t.Errorf("the workers were %v, and are %v", before, after)
	}
	pace.finish().exits(0)
	if n := probe(t, filepath.Join(p.dir, "out.avi")).Frames; n != 1000 {
		t.Errorf("%d frames came out, want 1000", n)
	}
	t.Logf("%v", p.took)
}

// Where the frames cannot be had again, or no more attempts are left, the end of the encoder is that of the run; but nothing
// half-written gets the final name.
func TestDeathOfTheEncoderEndsTheRun(t *testing.T) {
	t.Parallel()
	t.Run("attempts", func(t *testing.T) {
		p, pace := disturbed(t, "--attempts", "1")
		kill(t, p.one(encoder), unix.SIGKILL)
		pace.finish().exits(1, "out.mp4", "killed", "attempt 1 of --attempts 1")
		holds(t, p.dir, "report.json")
	})
	t.Run("standard input", func(t *testing.T) {
		pictures, in := io.Pipe()
		defer pictures.Close()
		p := start(t, command{args: []string{"run", "-", "-p", "gray", "-o", "out.mp4", "--report", "report.json"}, stdin: pictures})
		image := []byte(read(t, sample(t, "face-detect.jpg")))
		go func() { // the run ends before its input does
			for {
				if _, err := in.Write(image); err != nil {
					return
				}
			}
		}()
		kill(t, p.onlyEncoder(), unix.SIGKILL)
		p.wait().exits(1, "out.mp4", "standard input brought cannot be read again")
		holds(t, p.dir, "report.json")
	})
}

// A stopped worker is killed when its frame is overdue. The frame that it was at has failed; one that it had done already, or
// had not begun, has not.
func TestStoppedWorkerIsKilledAtTheDeadline(t *testing.T) {
	t.Parallel()
	p, pace := disturbed(t, "--timeout", "1s")
	kill(t, p.one(ops), unix.SIGSTOP)
	pace.finish()
	r := readReport(t, filepath.Join(p.dir, "report.json"))
	if *r.FramesIn != clipFrames || *r.WorkerRestarts < 1 || *r.FramesFailed > 1 {
		t.Errorf("%d frames in, %d failed, %d restarts", *r.FramesIn, *r.FramesFailed, *r.WorkerRestarts)
	}
	if p.exits(min(1, *r.FramesFailed)); *r.FramesFailed == 1 && *r.Failures[0].Code != "deadline_exceeded" {
		t.Errorf("the frame failed as %s: %s", *r.Failures[0].Code, *r.Failures[0].Message)
	}
	t.Logf("%d failed, %d retries, %v", *r.FramesFailed, *r.Retries, p.took)
	plays(t, filepath.Join(p.dir, "out.mp4"))
}

// Killed with -9 at any moment, a coordinator leaves no process behind, and no file but the hidden output in the making.
func TestKilledCoordinatorLeavesNothing(t *testing.T) {
	t.Parallel()
	t.Run("in the middle of a video", func(t *testing.T) {
		p, _ := disturbed(t)
		p.kill()
		p.allGone()
		p.leftInTemp(0)
		for _, name := range names(t, p.dir) {
			if !strings.HasPrefix(name, ".") {
				t.Errorf("%s got its name, and it is not complete", name)
			}
		}
	})
	t.Run("while workers start", func(t *testing.T) {
		p := start(t, command{args: []string{"run", clip(t), "-p", edges, "-o", "none"}})
		p.diesWhileStarting()
	})
	t.Run("while a worker hangs before its handshake", func(t *testing.T) {
		p := start(t, command{args: []string{"ops", "--worker", fakeWorker(t, "hang")}})
		p.diesWhileStarting()
	})
}

func (p *program) awaitWorker() {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		if len(p.children()) == 0 {
			return errors.New("no worker was started")
		}
		return nil
	})
}

func (p *program) diesWhileStarting() {
	p.t.Helper()
	p.awaitWorker()
	p.kill()
	p.allGone()
	p.leftInTemp(0)
}

// allGone checks that a second after the coordinator's end none of its workers lives.
func (p *program) allGone() {
	p.t.Helper()
	eventually(p.t, time.Second, func() error {
		if alive := processesOf(p.temp); len(alive) > 0 {
			return fmt.Errorf("these processes are left: %v", alive)
		}
		return nil
	})
}

func (p *program) leftInTemp(n int) {
	p.t.Helper()
	if left := names(p.t, p.temp); len(left) != n {
		p.t.Errorf("left in the temporary folder: %v", left)
	}
}
