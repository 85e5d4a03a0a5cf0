package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// fakeVideo is a video of grey frames, of which its header may promise more.
type fakeVideo struct {
	frames int
	info   farm.Video
	broken int // this frame, from 1, is an error
	closed *int
}

func (v fakeVideo) Video() farm.Video { return v.info }
func (v fakeVideo) Close() error      { *v.closed++; return nil }
func (v fakeVideo) Frames(context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for n := range v.frames {
			f, _ := frame.New(frame.Geometry{Width: 2, Height: 2, Format: frame.FormatGray})
			var err error
			if n+1 == v.broken {
				f, err = frame.Frame{}, errors.New("no key frame")
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// story is what came of every item, in short.
func story(s *Source) []string {
	var all []string
	for it := range s.Items(background()) {
		text := fmt.Sprintf("%d %s %d", it.Index, it.Input.Rel, it.Number)
		if it.Err != nil {
			text += " failed"
		}
		all = append(all, text)
	}
	return all
}

func mixed(t *testing.T) (s *Source, closed *int) {
	png := string(samples(t)["a.png"])
	dir := folder(t, map[string]string{"a.png": png, "empty.png": "", "v.mkv": "\x1a\x45\xdf\xa3"})
	in, err := Resolve([]string{filepath.Join(dir, "a.png"), "-", filepath.Join(dir, "nothing.jpg"), filepath.Join(dir, "v.mkv"),
		filepath.Join(dir, "empty.png")}, false)
	if err != nil {
		t.Fatal(err)
	}
	closed = new(int)
	open := func(context.Context, string, int) (VideoReader, error) {
		return fakeVideo{frames: 3, broken: 2, info: farm.Video{FPS: 10, Frames: 3}, closed: closed}, nil
	}
	return &Source{Inputs: in, Open: open, Stdin: strings.NewReader(png + png)}, closed
}

func TestItemsAreNumberedThrough(t *testing.T) {
	s, closed := mixed(t)
	var totals []int
	s.Total = func(n int) { totals = append(totals, n) }
	got := story(s)
	want := []string{"0 a.png 0", "1 stdin 1", "2 stdin 2", "3 nothing.jpg 0 failed", "4 v.mkv 1", "5 v.mkv 2 failed", "6 v.mkv 3",
		"7 empty.png 0 failed"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if *closed != 1 || totals[0] != -1 || totals[len(totals)-1] != 8 {
		t.Errorf("closed %d, totals %v", *closed, totals)
	}
}

func TestLimit(t *testing.T) {
	for limit := 1; limit <= 8; limit++ {
		s, _ := mixed(t)
		s.Limit = limit
		if got := story(s); len(got) != limit {
			t.Errorf("limit %d: %q", limit, got)
		}
	}
}

func TestAVideoThatCannotBeOpenedIsOneFailure(t *testing.T) {
	s := &Source{Inputs: []Input{{Kind: Live, Name: "camera:7", Path: "camera:7", Rel: "camera-7"}}}
	s.Open = func(context.Context, string, int) (VideoReader, error) { return nil, errors.New("no such device") }
	for it := range s.Items(background()) {
		if it.Err == nil || it.Err.Error() != "no such device" {
			t.Error(it.Err)
		}
	}
}

// TestStdinThatSaysNothingDoesNotHoldTheEndUp: a terminal or an idle pipe cannot be interrupted, the run must be.
func TestStdinThatSaysNothingDoesNotHoldTheEndUp(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(background())
	defer cancel()
	in, _ := Resolve([]string{"-"}, false)
	go func() { _, _ = w.Write(samples(t)["raw.pgm"]) }()
	n := 0
	for it := range (&Source{Inputs: in, Stdin: r}).Items(ctx) {
		if it.Err != nil {
			t.Error(it.Err)
		}
		n++
		cancel()
	}
	_ = w.Close()
	if n != 1 {
		t.Errorf("%d images", n)
	}
}

func fifo(t *testing.T) (string, []Input) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := Resolve([]string{name}, false)
	if err != nil {
		t.Fatal(err)
	}
	return name, in
}

// An open of such a pipe waits in the kernel, and once made both Ctrl-Cs wait with it.
func TestANamedPipeThatNobodyWritesToIsGivenUp(t *testing.T) {
	_, in := fifo(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for it := range (&Source{Inputs: in}).Items(ctx) {
		t.Errorf("%+v", it)
	}
	if ctx.Err() == nil {
		t.Error("it did not wait for a writer")
	}
}

func TestANamedPipeWaitsForItsWriter(t *testing.T) {
	name, in := fifo(t)
	png := samples(t)["a.png"]
	go func() {
		w, err := os.OpenFile(name, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		for range 2 {
			_, _ = w.Write(png)
		}
	}()
	if got, want := story(&Source{Inputs: in}), []string{"0 pipe 1", "1 pipe 2"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
