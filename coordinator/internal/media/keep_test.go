package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
	"github.com/cvfarm/cvfarm/coordinator/internal/splice"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// shooter is a VideoWriter whose files are real segments, whatever it is given: OpenCV made them, of six frames each.
type shooter struct {
	path, segment string
	frames        int
}

func (w *shooter) Write(_ context.Context, f frame.Frame) error { f.Release(); w.frames++; return nil }
func (w *shooter) Abort()                                       {}
func (w *shooter) Close(context.Context) error {
	data, err := os.ReadFile(filepath.Join("../splice/testdata", w.segment+".mp4"))
	if err != nil || w.frames != 6 {
		return fmt.Errorf("%d frames: %w", w.frames, err)
	}
	return os.WriteFile(w.path, data, 0o666)
}

// shoot is a keeper of a video in dir, whose segments are called as told.
func shoot(t *testing.T, dir string, k Keep, segments ...string) Keeper {
	t.Helper()
	k.Folder = filepath.Join(dir, "kept")
	s, err := NewKeeper(SinkConfig{
		Output: Output{Kind: ToVideo, Path: filepath.Join(dir, "out.mp4"), Ext: ".mp4"},
		Create: func(_ context.Context, path string, v farm.Video) (VideoWriter, error) {
			if v.FPS != 25 || v.Width != 2 {
				t.Errorf("a segment of %+v", v)
			}
			w := &shooter{path: path, segment: segments[0]}
			segments = segments[1:]
			return w, nil
		},
	}, k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// six writes a segment's frames and cuts.
func six(t *testing.T, s Keeper, first uint64) []Kept {
	t.Helper()
	for i := range uint64(6) {
		if err := s.Write(background(), item("x", first+i), "", pixelResult(&held{}, 2)); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := s.Cut()(background())
	if err != nil || len(kept) != 1 || kept[0].Frames != 6 || !kept[0].Intact() {
		t.Fatalf("%+v %v", kept, err)
	}
	return kept
}

func TestAVideoGoesOnBehindItsSegments(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	s := shoot(t, whole, Keep{}, "a", "b")
	six(t, s, 0)
	six(t, s, 6)
	if err := s.Close(background()); err != nil {
		t.Fatal(err)
	}
	s = shoot(t, dir, Keep{}, "a", "c")
	past := six(t, s, 0)
	if err := s.Write(background(), item("x", 6), "", pixelResult(&held{}, 2)); err != nil {
		t.Fatal(err)
	}
	s.Abort() // and the segment that was begun is gone
	s = shoot(t, dir, Keep{Past: past, Again: true}, "b")
	var own *farm.Error
	if err := s.Write(background(), item("x", 6), "", pixelResult(&held{}, 4)); !errors.As(err, &own) {
		t.Errorf("a frame of another size than those before: %v", err)
	}
	past = append(past, six(t, s, 6)...)
	for range 2 { // the second as after a death between the name and the end
		if err := s.Close(background()); err != nil {
			t.Fatal(err)
		}
		if read(t, filepath.Join(dir, "out.mp4")) != read(t, filepath.Join(whole, "out.mp4")) {
			t.Error("the video is another")
		}
		s = shoot(t, dir, Keep{Past: past, Again: true})
	}
	noTemporaries(t, filepath.Join(dir, "kept"))
}

func TestAVideoOfAnotherIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	past := six(t, shoot(t, dir, Keep{}, "a"), 0)
	name := filepath.Join(dir, "out.mp4")
	if err := os.WriteFile(name, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := shoot(t, dir, Keep{Past: past, Again: true}).Close(background())
	if !errors.Is(err, fs.ErrExist) || read(t, name) != "precious" {
		t.Errorf("%v, %q", err, read(t, name))
	}
}

// What can never be joined is known when the segments are too many, not when all are made.
func TestAnAVIOfMoreThanItsLimitEndsEarly(t *testing.T) {
	for _, c := range []struct {
		ext   string
		sizes []int64
		says  string
	}{
		{".avi", []int64{1 << 30, 1 << 30}, ""}, // Join will tell
		{".avi", []int64{1 << 30, 1<<30 + 1<<20}, "cannot write out.avi: it is too large: an .avi holds 2147483647 bytes at most"},
		{".mkv", []int64{1 << 40}, ""},
	} {
		s := &segmentSink{SinkConfig: SinkConfig{Output: Output{Path: "out" + c.ext, Ext: c.ext}}}
		for _, n := range c.sizes {
			s.Past = append(s.Past, Kept{Size: n})
		}
		if err := s.fits(); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s of %v: %v", c.ext, c.sizes, err)
		}
	}
}

func TestASegmentWithoutFramesIsNone(t *testing.T) {
	dir := t.TempDir()
	s := shoot(t, dir, Keep{})
	if err := s.Write(background(), item("x", 0), "", encodedResult(&held{}, "no pixels")); err == nil {
		t.Error("an encoded image became a frame")
	}
	if kept, err := s.Cut()(background()); err != nil || len(kept) != 0 {
		t.Errorf("%+v %v", kept, err)
	}
	if err := s.Close(background()); err != nil {
		t.Error(err)
	}
	if names := list(t, dir); len(names) != 1 || len(list(t, filepath.Join(dir, "kept"))) != 0 {
		t.Errorf("%q", names)
	}
}

// Looking for what a pipe of that name holds waited for ever.
func TestAPipeReachesNoMark(t *testing.T) {
	name := filepath.Join(t.TempDir(), "data")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := Reaches(name, []Mark{{}, {End: 1}}); n != 1 {
		t.Errorf("it reaches %d", n)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// An image that was written, and its writer killed before it could tell, is there again with the same content.
func TestAnImageThatIsThereAlready(t *testing.T) {
	for _, tt := range []struct {
		name, there string
		again, ok   bool
	}{
		{"nothing is there", "", true, true},
		{"its own content, again", "picture", true, true},
		{"its own content, at first", "picture", false, false},
		{"another content", "precious", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "a.png")
			if tt.there != "" {
				if err := os.WriteFile(name, []byte(tt.there), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			s, err := NewKeeper(SinkConfig{Output: Output{Kind: ToFolder, Path: dir}}, Keep{Again: tt.again})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Write(background(), item("a.png", 0), ".png", encodedResult(&held{}, "picture"))
			kept, _ := s.Cut()(background())
			if tt.ok && (err != nil || len(kept) != 1 || kept[0].Name != name || kept[0].Size != 7) {
				t.Errorf("%v %+v", err, kept)
			}
			if !tt.ok && (!errors.Is(err, fs.ErrExist) || len(kept) != 0 || read(t, name) != tt.there) {
				t.Errorf("%v %+v %q", err, kept, read(t, name))
			}
		})
	}
}

func TestDataGoesOnBehindItsMark(t *testing.T) {
	dir := t.TempDir()
	temp, final := filepath.Join(dir, "temp"), filepath.Join(dir, "data.jsonl")
	add := func(d *Data, i uint64) Mark {
		t.Helper()
		lines, err := DataLines(item("x", i), 0, []farm.Value{{Op: "stats", JSON: fmt.Appendf(nil, "%d", i)}})
		if err = errors.Join(err, d.Write(i, lines)); err != nil {
			t.Fatal(err)
		}
		m, err := d.Cut()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	d, err := KeepData(final, temp, Mark{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	marks := []Mark{add(d, 0), add(d, 1), add(d, 2)}
	d.Abort()
	whole := read(t, temp)
	for cut := range len(whole) + 1 { // the machine lost its power, and the file its end
		if err := os.WriteFile(temp, []byte(whole[:cut]), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, want := Reaches(temp, marks), strings.Count(whole[:cut], "\n"); got != want {
			t.Fatalf("%d of %d bytes reach %d marks, want %d", cut, len(whole), got, want)
		}
	}
	changed := strings.Replace(whole, `"value":1`, `"value":7`, 1)
	if err := os.WriteFile(temp, []byte(changed), 0o666); err != nil || Reaches(temp, marks) != 1 {
		t.Errorf("%v, a file that was changed reaches %d marks", err, Reaches(temp, marks))
	}
	if Reaches(filepath.Join(dir, "nowhere"), marks) != 0 || Reaches(filepath.Join(dir, "nowhere"), []Mark{{}, {}}) != 2 {
		t.Error("no file is not an empty one")
	}
	if d, err = KeepData(final, temp, marks[0], false, true); err != nil {
		t.Fatal(err)
	}
	if got := []Mark{add(d, 1), add(d, 2)}; !slices.Equal(got, marks[1:]) {
		t.Errorf("the marks are %v, and were %v", got, marks)
	}
	if err := d.Close(); err != nil || read(t, final) != whole {
		t.Errorf("%v, %q, want %q", err, read(t, final), whole)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("%q", names)
	}
}

// Two runs with other outputs but one file of data wrote into each other's.
func TestDataIsForOneAtATime(t *testing.T) {
	dir := t.TempDir()
	temp, final := filepath.Join(dir, "temp"), filepath.Join(dir, "data.jsonl")
	d, err := KeepData(final, temp, Mark{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(0, []byte("1\n")); err != nil {
		t.Fatal(err)
	}
	mark, err := d.Cut()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := KeepData(final, temp, Mark{}, true, false); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("a second: %v", err)
	}
	if got := read(t, temp); got != "1\n" {
		t.Errorf("%q, want what the first wrote", got)
	}
	d.Abort()
	if d, err = KeepData(final, temp, mark, false, true); err != nil {
		t.Fatalf("after the first: %v", err)
	}
	d.Abort()
	if got := read(t, temp); got != "1\n" {
		t.Errorf("%q is left, want what the first wrote", got)
	}
	other := filepath.Join(dir, "other")
	if d, err = KeepData(final, other, Mark{}, false, false); err != nil {
		t.Fatal(err)
	}
	d.Abort()
	if names := list(t, dir); slices.Contains(names, "other") {
		t.Errorf("%q: a file that nobody was told of is left", names)
	}
}

// Wherever a source begins, it yields what one that began at the front has left.
func TestASourceBeginsAnywhere(t *testing.T) {
	open := func(frames, broken int) func(context.Context, string, int) (VideoReader, error) {
		return func(_ context.Context, _ string, at int) (VideoReader, error) {
			left, bad := max(0, frames-at), max(0, broken-at)
			return fakeVideo{frames: left, broken: bad, info: farm.Video{FPS: 10, Frames: uint64(frames)}, closed: new(int)}, nil
		}
	}
	for _, broken := range []int{0, 3} {
		dir := folder(t, map[string]string{"a.png": string(samples(t)["a.png"]), "v.mkv": "\x1a\x45\xdf\xa3", "empty.png": ""})
		in, err := Resolve([]string{filepath.Join(dir, "a.png"), filepath.Join(dir, "v.mkv"), filepath.Join(dir, "no.jpg"),
			filepath.Join(dir, "v.mkv"), filepath.Join(dir, "empty.png")}, false)
		if err != nil {
			t.Fatal(err)
		}
		source := func(start Position, limit int) *Source {
			return &Source{Inputs: in, Start: start, Limit: limit, Open: open(3, broken)}
		}
		starts := []Position{{}}
		for it := range source(Position{}, 0).Items(background()) {
			starts = append(starts, it.Next)
		}
		whole := story(source(Position{}, 0))
		for i, start := range starts {
			if got := story(source(start, 0)); !slices.Equal(got, whole[i:]) {
				t.Errorf("from %+v: %q, want %q", start, got, whole[i:])
			}
			if got := story(source(start, 4)); !slices.Equal(got, whole[min(i, 4):4]) {
				t.Errorf("from %+v to 4: %q", start, got)
			}
			total := -1
			s := source(start, 0)
			s.Total = func(n int) { total = n }
			if story(s); total != len(whole) {
				t.Errorf("from %+v: %d in all, want %d", start, total, len(whole))
			}
		}
	}
}

// A run with --resume would otherwise learn of it in the end, when all is encoded.
func TestEveryKindOfVideoCanBeJoined(t *testing.T) {
	for _, ext := range videoExts() {
		if !slices.Contains(splice.Containers(), ext) {
			t.Errorf("segments of %s cannot be joined", ext)
		}
	}
}
