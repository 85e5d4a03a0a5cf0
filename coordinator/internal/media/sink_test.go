package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// held counts how often memory was given back.
type held struct{ released int }

func (h *held) Retain()  { h.released-- }
func (h *held) Release() { h.released++ }

func encodedResult(h *held, text string) *farm.Result {
	f := frame.Encoded([]byte(text))
	f.Mem = h
	return &farm.Result{Frame: f}
}

func pixelResult(h *held, side int) *farm.Result {
	f, _ := frame.New(frame.Geometry{Width: side, Height: side, Format: frame.FormatGray})
	f.Mem = h
	return &farm.Result{Frame: f}
}

func item(rel string, index uint64) Item {
	it := Item{Input: &Input{Rel: rel, Name: rel}}
	it.Index = index
	return it
}

func TestFilesGetTheirNamesWhenComplete(t *testing.T) {
	dir := t.TempDir()
	s, err := NewSink(SinkConfig{Output: Output{Kind: ToFolder, Path: filepath.Join(dir, "out")}})
	if err != nil {
		t.Fatal(err)
	}
	var h held
	if err := s.Write(background(), item("sub/a.jpg", 0), ".png", encodedResult(&h, "picture")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "out/sub/a.png")); got != "picture" || h.released != 1 {
		t.Errorf("%q, released %d times", got, h.released)
	}
	err = s.Write(background(), item("sub/a.jpg", 1), ".png", encodedResult(&h, "another"))
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("a second file of that name: %v", err)
	}
	noTemporaries(t, filepath.Join(dir, "out/sub"))
}

func TestPixelsAreNoImageFile(t *testing.T) {
	var h held
	for _, s := range []Sink{&fileSink{}, &stdoutSink{&bytes.Buffer{}}} {
		var own *farm.Error
		if err := s.Write(background(), item("a", 3), ".png", pixelResult(&h, 2)); !errors.As(err, &own) || own.Index != 3 {
			t.Errorf("%T: %v", s, err)
		}
	}
	if h.released != 2 {
		t.Errorf("released %d times", h.released)
	}
}

func TestAFileThatCameToExistMeanwhileIsKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.json")
	f, err := CreateFile(name, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("another's"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if got := read(t, name); got != "another's" {
		t.Errorf("%q", got)
	}
	noTemporaries(t, filepath.Dir(name))
}

func TestAVideoIsMadeByOneRunAtATime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.mp4")
	first, _ := newFakeVideoSink(t, name)
	second := func() error {
		s, err := newVideoSink(SinkConfig{Output: Output{Kind: ToVideo, Path: name, Ext: ".mp4"}})
		if err == nil {
			s.Abort()
		}
		return err
	}
	var usage *UsageError
	if err := second(); !errors.As(err, &usage) || !strings.Contains(err.Error(), "another run is making it") {
		t.Errorf("while another makes it: %v", err)
	}
	if s, err := newVideoSink(SinkConfig{Output: Output{Path: strings.Replace(name, "a.mp4", "b.mp4", 1)}}); err != nil {
		t.Errorf("another video: %v", err)
	} else {
		s.Abort()
	}
	resumable := SinkConfig{Output: Output{Kind: ToVideo, Path: name, Ext: ".mp4"}}
	if _, err := NewKeeper(resumable, Keep{Folder: t.TempDir()}); !errors.As(err, &usage) {
		t.Errorf("with --resume, while another makes it: %v", err)
	}
	first.Abort()
	if err := second(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	k, err := NewKeeper(resumable, Keep{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := second(); !errors.As(err, &usage) {
		t.Errorf("while another makes it with --resume: %v", err)
	}
	k.Abort()
	noTemporaries(t, filepath.Dir(name))
}

// As by flock(1) with the folder, which waited for its own lock for ever.
func TestAFolderThatSomebodyKeepsLocked(t *testing.T) {
	dir := t.TempDir()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	f, err := createNamed(filepath.Join(dir, "a.mp4"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Error(err)
	}
}

func TestOfRunsThatBeginTogetherOneMakesTheVideo(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		name := filepath.Join(dir, fmt.Sprintf("%d.mp4", i))
		var runs sync.WaitGroup
		files := make(chan *File, 2)
		for range cap(files) {
			runs.Go(func() {
				if f, err := createNamed(name, false); err == nil {
					files <- f
				}
			})
		}
		runs.Wait()
		if len(files) != 1 {
			t.Fatalf("%d of 2 runs make one video", len(files))
		}
		(<-files).Abort()
	}
}

func TestOverwriteReplacesOnlyAtTheEnd(t *testing.T) {
	dir := folder(t, map[string]string{"a.json": "old"})
	name := filepath.Join(dir, "a.json")
	f, err := CreateFile(name, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "old" {
		t.Errorf("%q before Commit", got)
	}
	if err := f.Commit(); err != nil || read(t, name) != "new" {
		t.Errorf("%v, %q", err, read(t, name))
	}
	f.Abort()
	noTemporaries(t, dir)
}

func TestOverwriteReplacesWhatALinkLeadsTo(t *testing.T) {
	dir := folder(t, map[string]string{"far/real.json": "old"})
	link, dangling := filepath.Join(dir, "link.json"), filepath.Join(dir, "dangling.json")
	for name, to := range map[string]string{link: "far/real.json", dangling: "far/nothing"} {
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, create := range []func(string, bool) (*File, error){CreateFile, createNamed} {
		f, err := create(link, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink(link); err != nil || to != "far/real.json" || read(t, filepath.Join(dir, to)) != "new" {
			t.Errorf("%s %v, %q", to, err, read(t, filepath.Join(dir, "far/real.json")))
		}
		for _, overwrite := range []bool{false, true} {
			if _, err := create(dangling, overwrite); err == nil || !strings.Contains(err.Error(), "link to a file that does not exist") {
				t.Errorf("overwrite %v: %v", overwrite, err)
			}
		}
	}
	noTemporaries(t, dir)
	noTemporaries(t, filepath.Join(dir, "far"))
}

func TestFoldersAreMadeForEveryKindOfOutput(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b/x.png", "c/%d.png", "d/e/"} {
		out, err := ParseOutput(filepath.Join(dir, name) + strings.Repeat("/", strings.Count(name, "e/")))
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSink(SinkConfig{Output: out})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(background(), item("y.png", 0), ".png", encodedResult(&held{}, "picture")); err != nil {
			t.Error(err)
		}
	}
	s, _ := newFakeVideoSink(t, filepath.Join(dir, "f/g/x.mp4"))
	if err := s.Write(background(), item("y", 0), "", pixelResult(&held{}, 2)); err != nil {
		t.Error(err)
	}
	if err := s.Close(background()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"a/b/x.png", "c/1.png", "d/e/y.png", "f/g/x.mp4"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// A run that was killed with -9 leaves its temporary file, and nobody holds the lock on it.
func TestTheNextRunRemovesWhatAKilledOneLeft(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.mp4")
	killed, err := createNamed(name, false)
	if err != nil {
		t.Fatal(err)
	}
	running, err := createNamed(name, true)
	if err != nil {
		t.Fatal(err)
	}
	killed.Close()
	others := filepath.Join(filepath.Dir(name), ".a.tmp-ABCDEFGH.mp4")
	if err := os.WriteFile(others, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateFile(filepath.Join(filepath.Dir(name), "b.json"), false); err != nil {
		t.Fatal(err)
	}
	for path, there := range map[string]bool{killed.temp: false, running.temp: true, others: true} {
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", path, err, there)
		}
	}
	if err := running.Commit(); err != nil {
		t.Error(err)
	}
}

// Another's file may never be seen half made, or under a name that is not its own: it has none.
func TestAFileInTheMakingHasNoName(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "cvfarm-test-") // not every file system can; a tmpfs does
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f, err := CreateFile(filepath.Join(dir, "a.json"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Error(left)
	}
}

func TestSameFile(t *testing.T) {
	dir := folder(t, map[string]string{"real/a": ""})
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"x", "./y/../x", true}, {"x", filepath.Join(dir, "x"), true}, {"x", "y", false}, {"real/new", "link/new", true}, {"real/a", "link/a", true},
	} {
		if got := SameFile(tt.a, tt.b); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestAFullDiskNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("needs root to mount a small tmpfs:", err)
	}
	defer unix.Unmount(dir, 0)
	name := filepath.Join(dir, "large.png")
	images, _ := newFileSink(Output{}, false)
	err := images.write(name, make([]byte, 1<<20))
	if !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), "cannot write "+name+": no space left") {
		t.Error(err)
	}
	noTemporaries(t, dir)
	if _, err := os.Stat(name); err == nil {
		t.Error("half a file has the final name")
	}
	s, w := newFakeVideoSink(t, filepath.Join(dir, "a.mp4"))
	w.content, w.fails = make([]byte, 1<<20), errors.New("it has 3 frames, 9 were written")
	var h held
	if err := s.Write(background(), item("a", 0), "", pixelResult(&h, 2)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(background()); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "a.mp4") {
		t.Errorf("an encoder that does not know why: %v", err)
	}
	noTemporaries(t, dir)
}

func TestAFolderThatCannotBeWrittenTo(t *testing.T) {
	dir := folder(t, map[string]string{"file": ""})
	for _, out := range []Output{
		{Kind: ToVideo, Path: filepath.Join(dir, "file", "a.mp4")},
		{Kind: ToVideo, Path: "/proc/self/missing/a.mp4"},
		{Kind: ToFolder, Path: filepath.Join(dir, "file", "out")},
	} {
		if _, err := NewSink(SinkConfig{Output: out}); err == nil || !strings.Contains(err.Error(), "cannot write "+out.Path) {
			t.Errorf("%s: %v", out.Path, err)
		}
	}
}

// fakeEncoder writes its content when it is closed.
type fakeEncoder struct {
	path    string
	video   farm.Video
	content []byte
	frames  int
	fails   error // of Close
	aborted bool
}

func (e *fakeEncoder) Write(_ context.Context, f frame.Frame) error {
	e.frames++
	f.Release()
	return nil
}
func (e *fakeEncoder) Close(context.Context) error {
	_ = os.WriteFile(e.path, e.content, 0o644)
	return e.fails
}
func (e *fakeEncoder) Abort() { e.aborted = true }

func newFakeVideoSink(t *testing.T, name string) (Sink, *fakeEncoder) {
	t.Helper()
	e := &fakeEncoder{content: []byte("a video")}
	s, err := NewSink(SinkConfig{
		Output: Output{Kind: ToVideo, Path: name, Ext: ".mp4"},
		Codec:  "avc1",
		Create: func(_ context.Context, path string, v farm.Video) (VideoWriter, error) {
			e.path, e.video = path, v
			return e, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

func TestVideo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.mp4")
	s, e := newFakeVideoSink(t, name)
	var h held
	it := item("v", 0)
	it.FPS = 29.97
	for _, side := range []int{4, 4} {
		if err := s.Write(background(), it, "", pixelResult(&h, side)); err != nil {
			t.Fatal(err)
		}
	}
	var own *farm.Error
	if err := s.Write(background(), it, "", pixelResult(&h, 8)); !errors.As(err, &own) || !strings.Contains(err.Error(), "resize") {
		t.Errorf("another size: %v", err)
	}
	if err := s.Write(background(), it, "", encodedResult(&h, "x")); !errors.As(err, &own) {
		t.Errorf("no pixels: %v", err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("it has its name before it is complete")
	}
	if err := s.Close(background()); err != nil || read(t, name) != "a video" {
		t.Error(err)
	}
	s.Abort()
	if e.video.FPS != 29.97 || e.video.Codec != "avc1" || e.video.Container != ".mp4" || e.frames != 2 || h.released != 4 || e.aborted {
		t.Errorf("%+v, released %d", e, h.released)
	}
	if filepath.Ext(e.path) != ".mp4" {
		t.Errorf("the encoder was given %s", e.path)
	}
	noTemporaries(t, filepath.Dir(name))
}

func TestAVideoThatIsNotWholeGetsNoName(t *testing.T) {
	for name, end := range map[string]func(Sink, *fakeEncoder) error{
		"abort": func(s Sink, _ *fakeEncoder) error { s.Abort(); return errors.New("aborted") },
		"lost frames": func(s Sink, e *fakeEncoder) error {
			e.fails = errors.New(e.path + ": short")
			return s.Close(background())
		},
	} {
		dir := t.TempDir()
		s, e := newFakeVideoSink(t, filepath.Join(dir, "a.mp4"))
		for range 2 {
			if err := s.Write(background(), item("a", 0), "", pixelResult(&held{}, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if err := end(s, e); err == nil || strings.Contains(err.Error(), "tmp-") {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

func TestWithoutFramesThereIsNoVideo(t *testing.T) {
	dir := t.TempDir()
	s, _ := newFakeVideoSink(t, filepath.Join(dir, "a.mp4"))
	if err := s.Close(background()); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error(left)
	}
}

func TestData(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.jsonl")
	d, err := CreateData(name, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	values := []farm.Value{{Step: 1, Op: "stats", JSON: []byte(`{"mean":[1]}`)}, {Step: 2, Op: "stats", JSON: []byte(`null`)}}
	lines, err := DataLines(item("a.png", 5), 1, values)
	if err = errors.Join(err, d.Write(5, lines)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("it has its name before it is complete")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"index":5,"input":"a.png","step":1,"op":"stats","value":{"mean":[1]}}` + "\n" +
		`{"index":5,"input":"a.png","step":2,"op":"stats","value":null}` + "\n"
	if got := read(t, name); got != want || !json.Valid([]byte(strings.Split(got, "\n")[0])) {
		t.Errorf("%s", got)
	}
	d.Abort()
	noTemporaries(t, filepath.Dir(name))
}
