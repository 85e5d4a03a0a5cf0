package quarantine

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(t *testing.T) *Store {
	t.Helper()
	return &Store{Folder: filepath.Join(t.TempDir(), "state", "quarantine"), MaxBytes: 1 << 20, MaxEntries: 100}
}

// gray is a small picture's geometry; it has 8 bytes.
var gray = frame.Geometry{Width: 4, Height: 2, Format: frame.FormatGray}

func story() Job {
	return Job{
		Pipeline: "decode | gray", Index: 7, PTS: time.Second, Source: "../../etc/\x1b[2Jpasswd", Stream: "camera", Timeout: time.Minute,
		Input:  Named("", gray, []byte("12345678")),
		Inputs: []Picture{Named("../logo", frame.Geometry{Format: frame.FormatEncoded}, []byte("\xff\xd8\xff\xe0 a logo"))},
		Attempts: []Attempt{{Worker: 2, Ran: time.Second, Exit: proc.Exit{
			Cause: proc.CauseStalled, Detail: "job 5", PID: 4711, Code: -1, Signal: "killed", Stderr: "last\nwords", Lived: time.Hour, MaxRSS: 5,
			Proc: &proc.ProcSnapshot{State: "T", RSS: 3, NumThreads: 1, Threads: []proc.ThreadSnapshot{{TID: 4711, Name: "worker", Wchan: "do_signal_stop"}}},
		}}},
	}
}

func add(t *testing.T, s *Store, j Job) Entry {
	t.Helper()
	id, err := s.Add(j)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out
}

func TestAnEntryTellsTheWholeStory(t *testing.T) {
	s, want := newStore(t), story()
	e := add(t, s, want)
	if got := names(t, s.Path(e.ID)); !slices.Equal(got, []string{"input.png", "job.json", "named-1.jpg"}) {
		t.Fatalf("the entry has %q", got)
	}
	if got := names(t, s.Folder); !slices.Equal(got, []string{e.ID}) || !ValidID(e.ID) || len(e.ID) > 24 {
		t.Fatalf("the folder has %q", got)
	}
	if info, err := os.Stat(s.Path(e.ID)); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("others may look into it: %v, %v", info.Mode(), err)
	}
	if e.Damaged != "" || time.Since(e.Time) > time.Hour || e.Size < 1000 || e.Pipeline != want.Pipeline || e.Index != 7 || e.PTS != want.PTS ||
		e.Source != want.Source || e.Stream != "camera" || e.Timeout != want.Timeout || !reflect.DeepEqual(e.Attempts, want.Attempts) {
		t.Fatalf("it tells %+v", e)
	}
	in, err := s.Frame(e, e.Input)
	if err != nil || string(in.Pix) != "12345678" || in.Geometry != gray || in.Index != 7 || in.Source != want.Source || in.PTS != want.PTS {
		t.Fatalf("its input is %+v, %v", in, err)
	}
	logo, err := s.Frame(e, e.Inputs[0])
	if err != nil || string(logo.Pix) != "\xff\xd8\xff\xe0 a logo" || e.Inputs[0].Name != "../logo" {
		t.Fatalf("its named input is %+v, %v", logo, err)
	}
}

// What the worker saw is what a replay shows to it, whatever the pixels are; and it can be looked at.
func TestPicturesAreOpenableAndExact(t *testing.T) {
	s := &Store{Folder: t.TempDir(), MaxBytes: 1 << 40, MaxEntries: 1 << 20}
	rapid.Check(t, func(t *rapid.T) {
		g := frame.Geometry{
			Width: rapid.IntRange(1, 9).Draw(t, "width"), Height: rapid.IntRange(1, 9).Draw(t, "height"),
			Format: frame.Format(rapid.IntRange(int(frame.FormatGray), int(frame.FormatC4)).Draw(t, "format")),
			Depth:  frame.Depth(rapid.IntRange(int(frame.U8), int(frame.F16)).Draw(t, "depth")),
		}
		n, err := g.Size()
		if err != nil {
			t.Fatal(err)
		}
		pix := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "pix")
		var file bytes.Buffer
		if err := encode(&file, g, pix); err != nil {
			t.Fatal(err)
		}
		got, err := decode(g, file.Bytes())
		if err != nil || !bytes.Equal(got, pix) {
			t.Fatalf("%v: %v came back as %v, %v", g, pix, got, err)
		}
		switch ext := extension(g, pix); ext {
		case ".png":
			c, _, err := image.DecodeConfig(&file)
			if err != nil || c.Width != g.Width || c.Height != g.Height {
				t.Fatalf("%v: %+v, %v", g, c, err)
			}
		case ".npy":
			if head := len(npyHeader(g)); head%64 != 0 || file.Len() != head+n {
				t.Fatalf("%v: %d bytes with a header of %d", g, file.Len(), head)
			}
		default:
			t.Fatalf("%v is called %s", g, ext)
		}
	})
	if all, err := s.List(); len(all) != 0 || err != nil {
		t.Fatal(all, err)
	}
}

func TestFilesAreNamedByTheirContent(t *testing.T) {
	for content, want := range map[string]string{
		"\xff\xd8\xff\xe0 jpeg": ".jpg", "\x89PNG\r\n\x1a\n png": ".png", "RIFF\x10\x00\x00\x00WEBPVP8 ": ".webp", "BM" + strings.Repeat("\x00", 30): ".bmp",
		"II*\x00 tiff": ".tiff", "GIF89a": ".gif", "no image": ".bin", "<html><script>": ".bin", "#!/bin/sh\n": ".bin", "MZ\x90\x00": ".bin",
		"<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>": ".bin", "": ".bin",
	} {
		if got := extension(frame.Geometry{Format: frame.FormatEncoded}, []byte(content)); got != want {
			t.Errorf("%.20q is called %s, want %s", content, got, want)
		}
	}
}

func TestWhatExceedsABoundIsRefusedAndLeavesNothing(t *testing.T) {
	t.Run("entries", func(t *testing.T) {
		s := newStore(t)
		s.MaxEntries = 2
		first := add(t, s, story())
		add(t, s, story())
		if _, err := s.Add(story()); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "it has 2 entries, which is the limit") {
			t.Fatal(err)
		}
		if err := s.Remove(first.ID); err != nil {
			t.Fatal(err)
		}
		add(t, s, story())
		if got := names(t, s.Folder); len(got) != 2 {
			t.Fatalf("the folder has %q", got)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		s := newStore(t)
		one := add(t, s, story())
		s.MaxBytes = one.Size + one.Size/2 // a time in the story may be a digit shorter
		if _, err := s.Add(story()); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), fmt.Sprintf("of its %d bytes %d are left", s.MaxBytes, one.Size/2)) {
			t.Fatal(err)
		}
		if got := names(t, s.Folder); !slices.Equal(got, []string{one.ID}) {
			t.Fatalf("the folder has %q", got)
		}
	})
}

func TestTornAndForeignThingsDoNoHarm(t *testing.T) {
	s := newStore(t)
	good := add(t, s, story())
	outside := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(s.Folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.txt", "mine")
	write("folder/job.json", "{}")
	write(".new-20200101-000000.000-aaaa/input.png", "torn")
	write("20200101-000000.000-aaaa/input.png", "no story")
	write("20200101-000000.001-aaaa/job.json", "{\"id\": ")
	write("20200101-000000.002-aaaa/job.json", `{"id": "20200101-000000.009-aaaa"}`)
	write("20200101-000000.003-aaaa", "a file")
	write("20200101-000000.004-aaaa/job.json", `{"id": "20200101-000000.004-aaaa", "input": {"file": "../../../secret", "format": "encoded"}}`)
	for _, link := range []string{"20200101-000000.005-aaaa", filepath.Join("20200101-000000.004-aaaa", "secret")} {
		if err := os.Symlink(outside, filepath.Join(s.Folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.List()
	if err != nil || len(all) != 7 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for _, e := range all {
		if (e.Damaged == "") != (e.ID == good.ID || e.ID == "20200101-000000.004-aaaa") || e.Damaged != "" && e.Pipeline != "" {
			t.Errorf("%+v", e)
		}
		if e.ID != good.ID {
			if f, err := s.Frame(e, e.Input); err == nil {
				t.Errorf("%s gives %v", e.ID, f)
			}
			if err := s.Remove(e.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if got := names(t, s.Folder); !slices.Equal(got, []string{".new-20200101-000000.000-aaaa", good.ID, "folder", "notes.txt"}) {
		t.Errorf("the folder has %q", got)
	}
	old := time.Now().Add(-2 * abandoned)
	if err := os.Chtimes(filepath.Join(s.Folder, ".new-20200101-000000.000-aaaa"), old, old); err != nil {
		t.Fatal(err)
	}
	add(t, s, story())
	if got := names(t, s.Folder); len(got) != 4 || slices.Contains(got, ".new-20200101-000000.000-aaaa") {
		t.Errorf("the folder has %q", got)
	}
}

func TestIDsThatAreNone(t *testing.T) {
	s := newStore(t)
	if all, err := s.List(); all != nil || err != nil {
		t.Fatalf("of no folder: %v, %v", all, err)
	}
	add(t, s, story())
	for _, id := range []string{"", ".", "..", "/", "../quarantine", "20200101-000000.000-aaaa", "20200101-000000.000-aaaa/.."} {
		_, err := s.Get(id)
		if !errors.Is(err, fs.ErrNotExist) || !errors.Is(s.Remove(id), fs.ErrNotExist) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if got := names(t, s.Folder); len(got) != 1 {
		t.Errorf("the folder has %q", got)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	s := &Store{Folder: filepath.Join(t.TempDir(), "file", "quarantine"), MaxBytes: 1 << 20, MaxEntries: 10}
	if err := os.WriteFile(filepath.Dir(s.Folder), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(story()); err == nil {
		t.Fatal("it was written")
	}
}

func TestManyWritersKeepTheBounds(t *testing.T) {
	s := newStore(t)
	s.MaxEntries = 10
	var writers sync.WaitGroup
	for range 20 {
		writers.Go(func() {
			if _, err := s.Add(story()); err != nil && !errors.Is(err, ErrFull) {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	all, err := s.List()
	if err != nil || len(all) != 10 || !slices.IsSortedFunc(all, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) }) {
		t.Fatalf("%d entries, %v", len(all), err)
	}
}

// FuzzDecode is what a replay reads: files that somebody may have changed.
func FuzzDecode(f *testing.F) {
	g := frame.Geometry{Width: 2, Height: 1, Format: frame.FormatBGR}
	for _, d := range []frame.Depth{frame.U8, frame.F32} {
		g.Depth = d
		n, _ := g.Size()
		var b bytes.Buffer
		if err := encode(&b, g, make([]byte, n)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), uint8(d))
	}
	f.Fuzz(func(t *testing.T, data []byte, depth uint8) {
		g := frame.Geometry{Width: 2, Height: 1, Format: frame.FormatBGR, Depth: frame.Depth(depth)}
		pix, err := decode(g, data)
		if n, _ := g.Size(); err == nil && len(pix) != n {
			t.Fatalf("%v has %d bytes", g, len(pix))
		}
	})
}

// Each pixel of a frame was allocated by itself to be written: a service that is busy already had millions to collect.
func TestAFrameIsWrittenInFewAllocations(t *testing.T) {
	for _, format := range []frame.Format{frame.FormatGray, frame.FormatBGR, frame.FormatRGBA} {
		f, err := frame.New(frame.Geometry{Width: 100, Height: 100, Format: format})
		if err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(3, func() {
			if err := encode(io.Discard, f.Geometry, f.Pix); err != nil {
				t.Fatal(err)
			}
		})
		if n > 1000 {
			t.Errorf("%v: %v allocations", f.Geometry, n)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	g := frame.Geometry{Width: 1920, Height: 1080, Format: frame.FormatBGR}
	f, err := frame.New(g)
	if err != nil {
		b.Fatal(err)
	}
	for i := range f.Pix {
		f.Pix[i] = byte(i * i / 7)
	}
	b.ReportAllocs()
	s := &Store{Folder: b.TempDir(), MaxBytes: 1 << 40, MaxEntries: 1 << 20}
	for b.Loop() {
		if _, err := s.Add(Job{Input: Named("", g, f.Pix)}); err != nil {
			b.Fatal(err)
		}
	}
}
