//go:build opencv

package integration

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The first signal ends the input; what was begun is finished, and the output plays.
func TestFirstSignalFinishesTheOutput(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]unix.Signal{"SIGINT": unix.SIGINT, "SIGTERM": unix.SIGTERM, "SIGHUP": unix.SIGHUP} {
		t.Run(name, func(t *testing.T) {
			p, pace := disturbed(t)
			p.signal(s)
			pace.finish().exits(130, "interrupted")
			out := filepath.Join(p.dir, "out.mp4")
			r := readReport(t, filepath.Join(p.dir, "report.json"))
			if n := *r.FramesOut; !r.Interrupted || n < 20 || n >= clipFrames || n != pace.lines || n != probe(t, out).Frames {
				t.Errorf("interrupted: %v, %d frames out, %d with data, %d in the video", r.Interrupted, n, pace.lines, probe(t, out).Frames)
			}
			plays(t, out)
			holds(t, p.dir, "out.mp4", "report.json")
		})
	}
}

func TestInterruptedImagesAreWhole(t *testing.T) {
	t.Parallel()
	p, pace := paced(t, command{args: []string{"run", clip(t), "-p", "stats | gray", "-o", "out/%06d.png", "--report", "report.json"}})
	pace.reach(10)
	p.signal(unix.SIGINT)
	pace.finish().exits(130, "interrupted")
	r := readReport(t, filepath.Join(p.dir, "report.json"))
	images := names(t, filepath.Join(p.dir, "out"))
	if len(images) != *r.FramesOut || len(images) < 10 {
		t.Errorf("%d images, %d frames out", len(images), *r.FramesOut)
	}
	for _, name := range images {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s was left", name)
		}
	}
	plays(t, filepath.Join(p.dir, "out", images[len(images)-1]))
}

// slow is a pipeline whose frames take seconds.
const slow = "resize dsize=1600x1200 | bilateral d=60"

// The second signal does not wait for frames, and leaves nothing. It is another than the first, for the kernel makes one of
// two that are the same.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	twice := func(p *program) {
		p.signal(unix.SIGINT)
		p.signal(unix.SIGTERM)
		began := time.Now()
		p.endsWithin(5 * time.Second)
		p.exits(130, "interrupted")
		t.Logf("ended after %v", time.Since(began))
		holds(t, p.dir, "report.json")
		if r := readReport(t, filepath.Join(p.dir, "report.json")); !r.Interrupted || *r.Output != "" || *r.FramesOut != 0 {
			t.Errorf("the report of a run without an output: %s", read(t, filepath.Join(p.dir, "report.json")))
		}
		if strings.Contains(p.stderr.text(), "→") {
			t.Errorf("it names an output that is not there:\n%s", p.stderr.text())
		}
	}
	t.Run("while frames are slow", func(t *testing.T) {
		p := start(t, command{args: []string{"run", clip(t), "-p", slow, "-o", "out.mp4", "--report", "report.json", "--progress", "json"}})
		p.await("progress", func(line string) bool { return strings.Contains(line, `"frames"`) })
		twice(p)
	})
	t.Run("while nobody reads standard output", func(t *testing.T) {
		p, pace := disturbed(t)
		pace.jam()
		twice(p)
	})
	t.Run("while nothing comes on standard input", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		p := start(t, command{args: []string{"run", "-", "-p", "gray", "-o", "x/%d.png", "--progress", "json"}, stdin: r})
		p.await("progress", func(line string) bool { return strings.Contains(line, `"frames"`) })
		p.signal(unix.SIGINT)
		p.endsWithin(5 * time.Second)
		p.exits(130, "interrupted")
		holds(t, p.dir)
	})
	t.Run("while a named pipe has no writer", func(t *testing.T) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := unix.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		p := start(t, command{args: []string{"run", pipe, "-p", "gray", "-o", "x/%d.png", "--progress", "json"}})
		p.await("progress", func(line string) bool { return strings.Contains(line, `"frames"`) })
		p.signal(unix.SIGINT)
		p.endsWithin(5 * time.Second)
		p.exits(130, "interrupted")
		holds(t, p.dir)
	})
	t.Run("while workers start", func(t *testing.T) {
		p := start(t, command{args: []string{"run", clip(t), "-p", edges, "-o", "out.mp4", "--report", "report.json", "--worker", fakeWorker(t, "hang")}})
		p.awaitWorker()
		twice(p)
	})
}

// What a coordinator leaves that was killed with -9, the next run in the same folder removes.
func TestWhatAKilledCoordinatorLeftIsRemoved(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"out.mp4", "out/%d.png"} {
		t.Run(filepath.Ext(out), func(t *testing.T) {
			dir := t.TempDir()
			p, pace := paced(t, command{dir: dir, args: []string{"run", clip(t), "-p", "stats | gray", "-o", out, "--report", "report.json"}})
			pace.reach(10)
			p.kill()
			runIn(t, dir, "run", clip(t), "--limit", "3", "-p", "gray", "-o", out, "--overwrite").exits(0)
			for _, name := range names(t, dir) {
				if strings.HasPrefix(filepath.Base(name), ".") || name == "report.json" {
					t.Errorf("%s was left", name)
				}
			}
		})
	}
}

// A reader that goes away ends the run as an error of the write does.
func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, command{args: []string{"run", clip(t), "-p", "gray", "-o", "-"}, stdout: w})
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	p.wait().exits(1, "cannot write standard output", "broken pipe")
}

// What only prints ends without a word, as it does before head.
func TestBrokenPipeOfWhatPrints(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"preview", sample(t, "face.jpg"), "-p", "gray", "-o", "-"}, {"ops"}, {"run", sample(t, "face.jpg"), "-p", "gray", "-o", "none", "--dry-run"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		p := start(t, command{args: args, stdout: w})
		w.Close()
		if p.wait().exits(1); strings.Contains(p.stderr.text(), "coordinator:") {
			t.Errorf("%s says\n%s", args[0], p.stderr.text())
		}
	}
}

// Ctrl-Z, a debugger or a frozen container stop the coordinator and nothing else. Its workers, and the decoder and encoder of videos,
// answered meanwhile, and were killed for it.
func TestATimeInWhichTheCoordinatorIsStoppedDoesNotCount(t *testing.T) {
	t.Parallel()
	p := start(t, command{args: []string{"run", clip(t), "--limit", "30", "-p", "resize dsize=1600x1200 | bilateral d=15", "-o", "out.mp4",
		"--timeout", "2s", "--stall-timeout", "2s", "--report", "report.json", "--progress", "json"}})
	for range 2 {
		p.await("progress", func(line string) bool { return strings.Contains(line, `"frames"`) })
		p.signal(unix.SIGSTOP)
		select {
		case <-p.ended:
			t.Fatal("it ended while it was stopped")
		case <-time.After(4 * time.Second): // what is tested is that time
		}
		p.signal(unix.SIGCONT)
	}
	p.wait().exits(0)
	r := readReport(t, filepath.Join(p.dir, "report.json")).counts(t, 30, 30, 0)
	if *r.Retries != 0 || *r.WorkerRestarts != 0 {
		t.Errorf("%d frames were tried again, %d workers restarted", *r.Retries, *r.WorkerRestarts)
	}
	plays(t, filepath.Join(p.dir, "out.mp4"))
}
