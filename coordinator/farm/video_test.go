//go:build opencv

package farm

import (
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// realFarm is newFarm with the OpenCV worker.
func realFarm(t *testing.T, change ...func(*Config)) *Farm {
	t.Helper()
	worker := os.Getenv("CVFARM_WORKER")
	if worker == "" {
		t.Fatal("CVFARM_WORKER does not name the OpenCV worker: run `make test`")
	}
	return newFarm(t, append([]func(*Config){func(c *Config) { c.Worker, c.Memory = worker, 512<<20 }}, change...)...)
}

// clip is gocv's own small video: 166 frames of 560x320.
func clip(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "gocv.io/x/gocv").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "images", "small.mp4")
}

func openClip(t *testing.T, f *Farm) *Reader {
	t.Helper()
	r, err := f.OpenReader(t.Context(), clip(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// digests are the frames' hashes; after frame i, do(i) is called.
func digests(t *testing.T, in iter.Seq2[frame.Frame, error], do func(i int)) [][32]byte {
	t.Helper()
	var out [][32]byte
	for f, err := range in {
		if err != nil {
			t.Fatalf("frame %d: %v", len(out), err)
		}
		if int(f.Index) != len(out) {
			t.Fatalf("frame %d came as %d", f.Index, len(out))
		}
		out = append(out, sha256.Sum256(f.Pix))
		f.Release()
		do(len(out) - 1)
	}
	return out
}

func TestAReaderBeginsWhereItIsTold(t *testing.T) {
	f := realFarm(t)
	whole := digests(t, openClip(t, f).Frames(t.Context()), func(int) {})
	for _, at := range []int{1, 100, 165, 166} {
		r, err := f.OpenReaderAt(t.Context(), clip(t), uint64(at))
		if err != nil {
			t.Fatal(err)
		}
		n := at
		for x, err := range r.Frames(t.Context()) {
			if err != nil || int(x.Index) != n || sha256.Sum256(x.Pix) != whole[n] {
				t.Fatalf("from %d: frame %d came as %d, or is another (%v)", at, n, x.Index, err)
			}
			x.Release()
			n++
		}
		if n != len(whole) {
			t.Errorf("from %d: the last frame was %d of %d", at, n, len(whole))
		}
		r.Close()
	}
}

func TestAReaderGoesOnAtTheSameFrameAfterACrash(t *testing.T) {
	f := realFarm(t)
	quiet := digests(t, openClip(t, f).Frames(t.Context()), func(int) {})
	if len(quiet) != 166 {
		t.Fatalf("%d frames", len(quiet))
	}
	r := openClip(t, f)
	disturbed := digests(t, r.Frames(t.Context()), func(i int) {
		if i == 20 || i == 90 || i == 164 {
			if err := syscall.Kill(r.session.worker.PID(), syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	})
	if len(disturbed) != len(quiet) {
		t.Fatalf("%d frames, undisturbed %d", len(disturbed), len(quiet))
	}
	for i := range quiet {
		if quiet[i] != disturbed[i] {
			t.Fatalf("frame %d differs after a crash", i)
		}
	}
}

// A decoder that is stopped, or that dies while it takes another's place, is replaced like one that dies.
func TestAReaderOutlivesStopsAndDeathsInARow(t *testing.T) {
	f := realFarm(t, func(c *Config) { c.StallTimeout, c.Attempts = 500*time.Millisecond, 5 })
	r := openClip(t, f)
	struck := map[int]bool{} // processes: a frame read ahead comes from the one that is dead already
	n := len(digests(t, r.Frames(t.Context()), func(i int) {
		if i == 30 {
			struck[strike(t, r, syscall.SIGSTOP)] = true
		}
		if i == 60 || i == 61 {
			struck[strike(t, r, syscall.SIGKILL)] = true
		}
	}))
	if n != 166 || int(f.Snapshot().Restarts) < len(struck) {
		t.Fatalf("%d frames, %d restarts", n, f.Snapshot().Restarts)
	}
}

// The first start in its place was all it got, which may have been stopped too.
func TestAReaderOutlivesAStartThatComesToNothing(t *testing.T) {
	for what, spoil := range map[string]func(g gates) error{
		"stopped": func(g gates) error { return os.WriteFile(filepath.Join(string(g), "stop.2"), nil, 0o600) },
		"hanging": func(g gates) error { return unix.Mkfifo(g.name(2), 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			g := newGates(t)
			f := realFarm(t, func(c *Config) {
				g.wrap(t, c.Worker)
				c.Worker, c.Workers, c.Spares = g.worker(), 1, -1 // start 0
				if c.StallTimeout = 500 * time.Millisecond; what == "hanging" {
					c.StartTimeout = 2 * time.Second
				}
			})
			r := openClip(t, f) // start 1
			if err := spoil(g); err != nil {
				t.Fatal(err)
			}
			n := len(digests(t, r.Frames(t.Context()), func(i int) {
				if i == 30 {
					strike(t, r, syscall.SIGKILL)
				}
			}))
			if _, err := os.Stat(filepath.Join(string(g), "start.3")); n != 166 || err != nil {
				t.Fatalf("%d frames, %v", n, err)
			}
		})
	}
}

func strike(t *testing.T, r *Reader, s syscall.Signal) (pid int) {
	t.Helper()
	pid = r.session.worker.PID()
	if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
		t.Error(err)
	}
	return pid
}

func TestAReaderThatIsLeftEarlyGivesEverythingBack(t *testing.T) {
	f := realFarm(t)
	r := openClip(t, f)
	for fr, err := range r.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fr.Release()
		break
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Frames(t.Context()) {
		if code(err) != fault.Closing {
			t.Fatalf("a closed reader: %v", err)
		}
	}
}

func TestAVideoIsWrittenAndReadBack(t *testing.T) {
	f := realFarm(t)
	in := openClip(t, f)
	path := filepath.Join(t.TempDir(), "gray.mp4")
	v := in.Video()
	v.Format, v.Container, v.Codec = frame.FormatGray, ".mp4", ""
	w, err := f.CreateWriter(t.Context(), path, v)
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range f.Map(t.Context(), "gray", in.Frames(t.Context())) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(t.Context(), r.Frame); err != nil {
			t.Fatal(err)
		}
	}
	wrong := gray(0)
	if err := w.Write(t.Context(), wrong); code(err) != fault.Invalid || !strings.Contains(err.Error(), "takes frames of 560x320 gray u8") {
		t.Fatalf("a frame of another size: %v", err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	back, err := f.OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if n := len(digests(t, back.Frames(t.Context()), func(int) {})); n != 166 || back.Video().FPS != v.FPS {
		t.Fatalf("%d frames at %v per second, written 166 at %v", n, back.Video().FPS, v.FPS)
	}
}

func TestAWriterWhoseProcessDiesSaysSo(t *testing.T) {
	f := realFarm(t)
	v := Video{Geometry: frame.Geometry{Width: 64, Height: 48, Format: frame.FormatBGR}, FPS: 25, Container: ".mp4"}
	w, err := f.CreateWriter(t.Context(), filepath.Join(t.TempDir(), "x.mp4"), v)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(w.session.worker.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	blank, err := frame.New(v.Geometry)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = w.Write(t.Context(), blank)
	}
	if code(err) != fault.Crashed || !strings.Contains(err.Error(), "x.mp4") || !strings.Contains(err.Error(), `"killed"`) {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); code(err) != fault.Crashed {
		t.Fatalf("close after a crash: %v", err)
	}
}

func TestWhatIsNoVideoIsRefused(t *testing.T) {
	f := realFarm(t)
	text := filepath.Join(t.TempDir(), "notes.mp4")
	if err := os.WriteFile(text, []byte("these are notes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{text, "/no/such/file.mp4", "rtsp://127.0.0.1:1/none", "camera:99"} {
		if _, err := f.OpenReader(t.Context(), uri); code(err) != fault.Invalid && code(err) != fault.Undecodable || !strings.Contains(err.Error(), uri) {
			t.Errorf("%s: %v (%s)", uri, err, code(err))
		}
	}
	if _, err := f.CreateWriter(t.Context(), "/no/such/folder/x.mp4", Video{Geometry: frame.Geometry{Width: 2, Height: 2, Format: frame.FormatBGR}, Container: ".mp4"}); err == nil {
		t.Error("a video was created in a folder that does not exist")
	}
}

// The way of an image file through the farm: bytes in, bytes out.
func TestARealImageRoundTrip(t *testing.T) {
	f := realFarm(t)
	file, err := os.Open(filepath.Join(filepath.Dir(clip(t)), "gocvlogo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := one(t, f, Job{Pipeline: "decode | gray | encode ext=.png", Frame: frame.Encoded(data)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if r.Format != frame.FormatEncoded || !strings.HasPrefix(string(r.Pix), "\x89PNG") {
		t.Fatalf("got %v, %.8q", r.Geometry, r.Pix)
	}
}

// The farm's end gives the memory back under readers and writers that were not closed: to go on with one ended the program.
func TestReadersAndWritersSayThatTheFarmHasClosed(t *testing.T) {
	f := realFarm(t)
	g := frame.Geometry{Width: 64, Height: 64, Format: frame.FormatBGR}
	r := openClip(t, f)
	w, err := f.CreateWriter(t.Context(), filepath.Join(t.TempDir(), "x.mp4"), Video{Geometry: g, FPS: 25, Container: ".mp4"})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_ = f.Close(over)
	for _, err := range r.Frames(t.Context()) {
		if code(err) != fault.Closing {
			t.Errorf("the reader: %v", err)
		}
		break
	}
	if err := w.Write(t.Context(), frame.Frame{Geometry: g, Pix: make([]byte, 64*64*3)}); code(err) != fault.Closing && code(err) != fault.Crashed {
		t.Errorf("the writer: %v", err)
	}
	if err := w.Close(t.Context()); err == nil {
		t.Error("the writer's file is whole, it says")
	}
}
