package media

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

func TestParseOutput(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		kind OutputKind
		ext  string
	}{
		{"none", ToNone, ""},
		{"-", ToStdout, ""},
		{"out.mp4", ToVideo, ".mp4"},
		{"a/b.MKV", ToVideo, ".mkv"},
		{"out/%06d.png", ToPattern, ".png"},
		{"100%%-%d.jpeg", ToPattern, ".jpeg"},
		{"out/", ToFolder, ""},
		{dir, ToFolder, ""},
		{"small.webp", ToImage, ".webp"},
	}
	for _, tt := range tests {
		if out, err := ParseOutput(tt.name); err != nil || out.Kind != tt.kind || out.Ext != tt.ext {
			t.Errorf("%s: %+v %v", tt.name, out, err)
		}
	}
	for _, name := range []string{"", "out", "out.txt", "%d%d.png", "%s.png", "%.png", "%06d", "%06d.mp4", "100%%.png", "%99d.png", "a.gif"} {
		var usage *UsageError
		if out, err := ParseOutput(name); !errors.As(err, &usage) {
			t.Errorf("%s: %+v %v", name, out, err)
		}
	}
}

func TestPatternName(t *testing.T) {
	for pattern, want := range map[string]string{
		"%06d.png": "000042.png", "%d.png": "42.png", "%1d.png": "42.png", "%4d.png": "  42.png", "5%%/%03d.png": "5%/042.png",
	} {
		if got, err := patternName(pattern, 42); got != want || err != nil {
			t.Errorf("%s: %q %v", pattern, got, err)
		}
	}
}

func TestFolderNames(t *testing.T) {
	out := Output{Kind: ToFolder, Path: "out"}
	tests := []struct {
		rel    string
		number int
		ext    string
		want   string
	}{
		{"a.jpg", 0, ".jpg", "out/a.jpg"},
		{"sub/A.JPG", 0, ".jpg", "out/sub/A.JPG"},
		{"a.jpg", 0, ".png", "out/a.png"},
		{"a.b.tiff", 0, ".png", "out/a.b.png"},
		{"noext", 0, ".png", "out/noext.png"},
		{"clip.mp4", 7, ".png", "out/clip-000007.png"},
		{"stdin", 1234567, ".webp", "out/stdin-1234567.webp"},
	}
	for _, tt := range tests {
		if got := out.name(Item{Input: &Input{Rel: tt.rel}, Number: tt.number}, tt.ext); got != tt.want {
			t.Errorf("%v: %s", tt, got)
		}
	}
}

// catalogue is a worker that writes three formats.
func catalogue() pipeline.Catalogue {
	return pipeline.Catalogue{
		{Name: "decode"}, {Name: "gray"},
		{Name: "encode", Params: []pipeline.Param{pipeline.Choice("ext", []string{".png", ".jpg", ".webp"}, "format")}},
	}
}

func newPlan(t *testing.T, text, output string) (*Plan, Output, error) {
	t.Helper()
	p, err := pipeline.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ParseOutput(output)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(p, out, catalogue())
	return plan, out, err
}

func TestThePipelineIsCompleted(t *testing.T) {
	bytes, pixels := frame.Geometry{Format: frame.FormatEncoded}, frame.Geometry{Format: frame.FormatBGR}
	tests := []struct {
		text, output string
		encoded      bool
		ext          string
		want         Variant
	}{
		{"gray", "out/", true, ".jpg", Variant{"decode | gray | encode ext=.jpg", ".jpg", 1, bytes}},
		{"gray", "out/", true, ".jpeg", Variant{"decode | gray | encode ext=.jpg", ".jpeg", 1, bytes}},
		{"gray", "out/", true, ".bmp", Variant{"decode | gray | encode ext=.png", ".png", 1, bytes}},
		{"gray", "out/", false, "", Variant{"gray | encode ext=.png", ".png", 0, pixels}},
		{"gray", "-", true, ".webp", Variant{"decode | gray | encode ext=.webp", ".webp", 1, bytes}},
		{"decode | gray", "none", true, ".jpg", Variant{"decode | gray", "", 0, bytes}},
		{"gray", "%d.jpg", true, ".png", Variant{"decode | gray | encode ext=.jpg", ".jpg", 1, bytes}},
		{"gray", "a.mp4", true, ".png", Variant{"decode | gray", "", 1, bytes}},
		{"gray", "a.mp4", false, "", Variant{"gray", "", 0, pixels}},
		{"gray | encode ext=.webp", "out/", false, "", Variant{"gray | encode ext=.webp", ".webp", 0, pixels}},
		{"gray | encode", "out/", true, ".jpg", Variant{"decode | gray | encode", ".png", 1, bytes}},
		{"encode ext=jpg", "%d.jpeg", false, "", Variant{"encode ext=jpg", ".jpg", 0, pixels}},
	}
	for _, tt := range tests {
		plan, _, err := newPlan(t, tt.text, tt.output)
		if err != nil {
			t.Errorf("%s → %s: %v", tt.text, tt.output, err)
			continue
		}
		if got := plan.For(tt.encoded, tt.ext); got != tt.want {
			t.Errorf("%s → %s: %+v, want %+v", tt.text, tt.output, got, tt.want)
		}
	}
}

func TestPlansThatCannotBe(t *testing.T) {
	for _, tt := range []struct{ text, output, want string }{
		{"gray | encode", "out.mp4", "ends in encode, but a video is made of pixels"},
		{"gray | encode ext=.jpg", "%d.png", "name the output %d.jpg"},
		{"gray", "out.tif", "writes no .tif; it writes .png, .jpg, .webp"},
	} {
		if _, _, err := newPlan(t, tt.text, tt.output); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s → %s: %v", tt.text, tt.output, err)
		}
	}
	plan, _, _ := newPlan(t, "decode | gray", "none")
	if _, err := plan.Variants([]Input{{Kind: Video, Name: "v.mp4"}}); err == nil || !strings.Contains(err.Error(), "leave decode out") {
		t.Error(err)
	}
}

func TestCheckNames(t *testing.T) {
	png := string(samples(t)["a.png"])
	dir := folder(t, map[string]string{
		"in/a.png": png, "in/a.jpg": "text", "in/b.png": png, "other/a.png": png, "v.mkv": "\x1a\x45\xdf\xa3",
		"out/b.png": "old", "out/v-000001.png": "old", "out/000002.png": "old", "old.mp4": "old",
	})
	at := func(names ...string) []string {
		for i := range names {
			names[i] = filepath.Join(dir, names[i])
		}
		return names
	}
	tests := []struct {
		name, output string
		inputs       []string
		limit        int
		overwrite    bool
		want         string
	}{
		{"new names", "new/", at("in/a.png", "in/b.png"), 0, false, ""},
		{"an old name", "out/", at("in/a.png", "in/b.png"), 0, false, "out/b.png exists already"},
		{"an old name beyond the limit", "out/", at("in/a.png", "in/b.png"), 1, false, ""},
		{"an old name, allowed", "out/", at("in/a.png", "in/b.png"), 0, true, ""},
		{"the same name twice", "new/", at("in/a.png", "other/a.png"), 0, true, "would both become"},
		{"the same name with two extensions", "new/", at("in/a.png", "in/a.jpg"), 0, false, ""},
		{"an old frame of a video", "out/", at("v.mkv"), 0, false, "v-000001.png exists"},
		{"an old number", "out/%06d.png", at("in/a.png", "in/b.png"), 0, false, "000002.png exists"},
		{"an old number beyond the limit", "out/%06d.png", at("in/a.png", "in/b.png"), 1, false, ""},
		{"an old video", "old.mp4", at("v.mkv"), 0, false, "old.mp4 exists"},
		{"an image from a video", "one.png", at("v.mkv"), 0, false, "--limit 1"},
		{"an image from a video's first frame", "one.png", at("v.mkv"), 1, false, ""},
		{"an image from two", "one.png", at("in/a.png", "in/b.png"), 0, false, "one-%06d.png"},
	}
	for _, tt := range tests {
		in, err := Resolve(tt.inputs, false)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, tt.output)
		if strings.HasSuffix(tt.output, "/") {
			name += "/"
		}
		plan, out, err := newPlan(t, "gray", name)
		if err != nil {
			t.Fatal(err)
		}
		err = out.CheckNames(in, tt.limit, plan, tt.overwrite)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("checking made the folder")
	}
}
