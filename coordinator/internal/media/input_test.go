package media

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	jpg := string(samples(t)["a.jpg"])
	ts := make([]byte, 512)
	ts[0], ts[188], ts[376] = 0x47, 0x47, 0x47
	tests := []struct {
		name, head string
		want       class
	}{
		{"a.jpg", jpg, classImage},
		{"video.mp4", jpg, classImage},
		{"a.jpg", "\x00\x00\x00\x20ftypisom", classVideo},
		{"a.mjpeg", jpg, classVideo},
		{"a.jpg", "some text", classImage},
		{"a.mkv", "some text", classVideo},
		{"notes.txt", "some text", classUnknown},
		{"notes", "BMW is a car, and this is text", classUnknown},
		{"noext", jpg, classImage},
		{"a.avif", "\x00\x00\x00\x20ftypavif", classImage},
		{"a.avi", "RIFF\x00\x00\x00\x00AVI LIST", classVideo},
		{"a.webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", classImage},
		{"a", "\x1a\x45\xdf\xa3", classVideo},
		{"a", string(ts), classVideo},
		{"a.gif", "GIF89a", classVideo},
		{"A.JPEG", "", classImage},
	}
	for _, tt := range tests {
		if got := classify(tt.name, []byte(tt.head)); got != tt.want {
			t.Errorf("%s with %.12q: %q, want %q", tt.name, tt.head, got, tt.want)
		}
	}
}

func names(in []Input) []string {
	var all []string
	for _, i := range in {
		all = append(all, i.Rel)
	}
	return all
}

func TestFolder(t *testing.T) {
	png := string(samples(t)["a.png"])
	dir := folder(t, map[string]string{
		"frame10.png": png, "frame2.png": png, "broken.jpg": "text", "noext": png, "notes.txt": "text", ".hidden.png": png,
		"clip.mp4": "\x00\x00\x00\x20ftypisom", "sub/x.png": png, "sub/deep/y.png": png, ".git/z.png": png, "zero.png": "",
	})
	if err := os.Symlink(dir, filepath.Join(dir, "sub", "loop")); err != nil {
		t.Fatal(err)
	}
	flat := []string{"broken.jpg", "frame2.png", "frame10.png", "noext", "zero.png"}
	for recursive, want := range map[bool][]string{false: flat, true: append(slices.Clone(flat), "sub/x.png", "sub/deep/y.png")} {
		in, err := Resolve([]string{dir}, recursive)
		if err != nil || !slices.Equal(names(in), want) {
			t.Errorf("recursive %v: %v %v, want %v", recursive, names(in), err, want)
		}
	}
}

func TestGlobKeepsNamesFromItsFirstStar(t *testing.T) {
	png := string(samples(t)["a.png"])
	dir := folder(t, map[string]string{"b/10.png": png, "b/9.png": png, "a/1.png": png, "we[i]rd.png": png})
	in, err := Resolve([]string{filepath.Join(dir, "*", "*.png")}, false)
	if want := []string{"a/1.png", "b/9.png", "b/10.png"}; err != nil || !slices.Equal(names(in), want) {
		t.Errorf("%v %v, want %v", names(in), err, want)
	}
	in, err = Resolve([]string{filepath.Join(dir, "we[i]rd.png")}, false)
	if err != nil || len(in) != 1 || in[0].Err != nil || in[0].Kind != Image {
		t.Errorf("a file whose name looks like a glob: %+v %v", in, err)
	}
}

func TestInputsByName(t *testing.T) {
	dir := folder(t, map[string]string{"text.jpg": "text", "notes.txt": "text", "clip": "\x1a\x45\xdf\xa3"})
	tests := []struct {
		name string
		kind Kind
		rel  string
	}{
		{"-", Stream, "stdin"},
		{"camera:12", Live, "camera-12"},
		{"rtsp://user@host:554/live/one.sdp?x=/y", Live, "one.sdp"},
		{"http://host:8080", Live, "host-8080"},
		{filepath.Join(dir, "text.jpg"), Image, "text.jpg"},
		{filepath.Join(dir, "notes.txt"), Image, "notes.txt"},
		{filepath.Join(dir, "clip"), Video, "clip"},
		{"/dev/null", Stream, "null"},
	}
	for _, tt := range tests {
		in, err := Resolve([]string{tt.name}, false)
		if err != nil || len(in) != 1 || in[0].Kind != tt.kind || in[0].Rel != tt.rel || in[0].Err != nil {
			t.Errorf("%s: %+v %v", tt.name, in, err)
		}
	}
}

func TestTheSchemeOfAURLMayBeInUpperCase(t *testing.T) {
	const name = "HTTP://Host/A.mp4"
	if in, err := Resolve([]string{name}, false); err != nil || in[0].Name != name || in[0].Path != "http://Host/A.mp4" {
		t.Errorf("%+v %v", in, err)
	}
}

func TestInputsThatAreMistakes(t *testing.T) {
	for _, args := range [][]string{{""}, {"-", "-"}, {"camera:"}, {"camera:x"}, {"ftp://host/a.mp4"}, {"[/x*"}} {
		var usage *UsageError
		if in, err := Resolve(args, false); !errors.As(err, &usage) {
			t.Errorf("%q: %+v %v", args, in, err)
		}
	}
}

func TestInputsThatCannotBeReadAreNamed(t *testing.T) {
	dir := folder(t, map[string]string{"sub/a.png": "x", "empty/notes.txt": "text"})
	for name, want := range map[string]string{
		"missing.png": "missing.png: no such file",
		"empty":       "no images in folder",
		"sub/*.jpg":   "nothing matches",
	} {
		in, err := Resolve([]string{filepath.Join(dir, name), filepath.Join(dir, "sub", "a.png")}, false)
		if err != nil || len(in) != 2 || in[0].Err == nil || !strings.Contains(in[0].Err.Error(), want) || in[1].Err != nil {
			t.Errorf("%s: %+v %v", name, in, err)
		}
	}
	in, _ := Resolve([]string{filepath.Join(dir, "missing.png")}, false)
	if !errors.Is(in[0].Err, fs.ErrNotExist) {
		t.Errorf("%v hides its cause", in[0].Err)
	}
}

func TestNatural(t *testing.T) {
	got := []string{"b", "a10", "a2", "a02", "a", "A3", "a2b", "10", "9"}
	slices.SortFunc(got, natural)
	want := []string{"9", "10", "A3", "a", "a02", "a2", "a2b", "a10", "b"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
