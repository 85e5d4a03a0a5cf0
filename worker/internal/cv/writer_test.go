//go:build opencv

package cv

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func TestAVideoThatIsWrittenComesBack(t *testing.T) {
	colour := frame.Geometry{Width: 160, Height: 120, Format: frame.FormatBGR, Depth: frame.U8}
	cases := []struct {
		ext, codec, taken string
		format            frame.Format
	}{
		{".mp4", "", "avc1", frame.FormatBGR}, {".mkv", "", "avc1", frame.FormatBGR}, {".mov", "", "avc1", frame.FormatBGR},
		{".avi", "", "MJPG", frame.FormatBGR}, {".webm", "", "VP80", frame.FormatBGR}, {".mp4", "mp4v", "mp4v", frame.FormatBGR},
		{".mp4", "", "avc1", frame.FormatGray}, {".avi", "", "MJPG", frame.FormatGray}, {".mkv", "", "avc1", frame.FormatBGRA},
	}
	for _, c := range cases {
		t.Run(c.ext+" "+c.codec+" "+c.format.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out"+c.ext)
			g := colour
			g.Format = c.format
			w, codec, err := New(Options{}).OpenWriter(path, serve.Video{Geometry: g, FPS: 12.5, Codec: c.codec, Container: c.ext})
			if err != nil {
				t.Fatal(err)
			}
			if codec != c.taken {
				t.Errorf("codec %q, want %q", codec, c.taken)
			}
			for i := range 30 {
				if _, err := serve.Try(w, shade(t, g, byte(20+7*i))); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			checkShades(t, path, 30, 12.5)
		})
	}
}

// shade is a picture of one value.
func shade(t testing.TB, g frame.Geometry, value byte) frame.Frame {
	t.Helper()
	f, err := frame.New(g)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Pix {
		f.Pix[i] = value
	}
	return readOnly(t, f)
}

func checkShades(t *testing.T, path string, n int, fps float64) {
	t.Helper()
	p, v := openReader(t, path, 0)
	if v.Frames < uint64(n)-1 || v.Frames > uint64(n)+1 || v.FPS < fps-0.1 || v.FPS > fps+0.1 {
		t.Errorf("%d frames, %v fps; want %d and %v", v.Frames, v.FPS, n, fps)
	}
	for i := range n {
		out, err := serve.Try(p, frame.Frame{})
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		got, want := int(out.Frame.Pix[len(out.Frame.Pix)/2]), 20+7*i
		if got < want-6 || got > want+6 {
			t.Fatalf("frame %d is %d, want %d", i, got, want)
		}
	}
	if _, err := serve.Try(p, frame.Frame{}); err != io.EOF {
		t.Fatalf("the end: %v", err)
	}
}

func TestAVideoThatCannotBeWrittenSaysWhy(t *testing.T) {
	dir := t.TempDir()
	good := serve.Video{Geometry: frame.Geometry{Width: 64, Height: 48, Format: frame.FormatBGR, Depth: frame.U8}, Container: ".mp4"}
	cases := []struct {
		name, path string
		change     func(v *serve.Video)
		words      string
	}{
		{"another ending", "/x.tmp", func(*serve.Video) {}, "must end in .mp4"},
		{"another container", "/x.flv", func(v *serve.Video) { v.Container = ".flv" }, "there are .mp4, .mkv, .mov, .avi, .webm"},
		{"an unknown codec", "/x.mp4", func(v *serve.Video) { v.Codec = "XXXX" }, "codec XXXX does not work in .mp4 here; try avc1 or mp4v"},
		{"a codec of another container", "/x.mp4", func(v *serve.Video) { v.Codec = "FFV1" }, "codec FFV1"},
		{"a codec's name", "/x.mp4", func(v *serve.Video) { v.Codec = "h.264" }, "not four characters"},
		{"an odd side", "/x.mp4", func(v *serve.Video) { v.Width = 65 }, "needs even sides, got 65x48: put crop width=64 height=48"},
		{"sixteen bits", "/x.mp4", func(v *serve.Video) { v.Depth = frame.U16 }, "needs bgr, gray or bgra u8"},
		{"another colour space", "/x.mp4", func(v *serve.Video) { v.Format = frame.FormatHSV }, "put cvt_color code=HSV2BGR"},
		{"too fast", "/x.mp4", func(v *serve.Video) { v.FPS = 1e9 }, "frames per second"},
		{"a directory that is not there", "/no/x.mp4", func(*serve.Video) {}, "no such file"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := good
			c.change(&v)
			_, _, err := New(Options{}).OpenWriter(dir+c.path, v)
			wantFault(t, err, fault.Invalid, c.words)
		})
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %v, %v", left, err)
	}
}

func TestAFrameThatDoesNotFitIsRefusedAndTheVideoGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.mp4")
	g := frame.Geometry{Width: 64, Height: 48, Format: frame.FormatBGR, Depth: frame.U8}
	w, _, err := New(Options{}).OpenWriter(path, serve.Video{Geometry: g, Container: ".mp4"})
	if err != nil {
		t.Fatal(err)
	}
	small := g
	small.Width = 32
	for i, f := range []frame.Frame{shade(t, g, 1), shade(t, small, 1), shade(t, g, 2)} {
		_, err := serve.Try(w, f)
		if i == 1 {
			wantFault(t, err, fault.Invalid, "frame 2 is 32x48 bgr u8, the video is 64x48 bgr u8")
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// OpenCV's VideoWriter ignores every error of a write.
func TestAFullDiskIsAnErrorOfClose(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot make a small disk: %v %s", err, out)
	}
	defer func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, out)
		}
	}()
	g := frame.Geometry{Width: 320, Height: 240, Format: frame.FormatBGR, Depth: frame.U8}
	noise := testPicture(t, g)
	for _, ext := range []string{".mp4", ".avi", ".mkv", ".mov", ".webm"} {
		path := filepath.Join(dir, "x"+ext)
		w, _, err := New(Options{}).OpenWriter(path, serve.Video{Geometry: g, Container: ext})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			noise.Pix[i*31]++
			for j := i; j < len(noise.Pix); j += 7 {
				noise.Pix[j] = noise.Pix[j]*5 + 77
			}
			if _, err := serve.Try(w, noise); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err == nil {
			info, _ := os.Stat(path)
			t.Errorf("%s: nobody noticed; %d bytes", ext, info.Size())
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", ext, err)
		} else {
			t.Log(err)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func TestAVideoWithoutFramesIsNotComplete(t *testing.T) {
	g := frame.Geometry{Width: 64, Height: 48, Format: frame.FormatBGR, Depth: frame.U8}
	w, _, err := New(Options{}).OpenWriter(filepath.Join(t.TempDir(), "x.mp4"), serve.Video{Geometry: g, Container: ".mp4"})
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, w.Close(), fault.Invalid, "no frame was written")
}
