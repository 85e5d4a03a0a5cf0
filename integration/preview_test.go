//go:build opencv

package integration

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPreviewOfRealPictures(t *testing.T) {
	t.Parallel()
	dir := readmeFolder(t)
	for _, c := range []struct {
		name  string
		args  []string
		tiles int
		says  []string
	}{
		{"a photograph", []string{"photo.jpg", "-p", "@edges.cvf"}, 4, []string{"decode", "1     gray", "3     canny", "640x480 gray u8"}},
		{"a frame of a video", []string{"clip.mp4", "--frame", "12", "-p", "gray | sobel ddepth=s16 | stats"}, 4, []string{"560x320 gray s16"}},
		{"what is encoded at the end", []string{"photo.jpg", "-p", "resize dsize=100x0 | encode ext=.webp"}, 3, []string{"encoded, "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := runIn(t, dir, append(append([]string{"preview"}, c.args...), "-o", "-", "--width", "200")...).exits(0, append(c.says, " ms ")...)
			sheet, err := png.Decode(bytes.NewReader(p.stdout.Bytes()))
			if err != nil || sheet.Bounds().Dx() != c.tiles*(200+14)+14 {
				t.Errorf("the sheet has not %d tiles: %v", c.tiles, err)
			}
		})
	}
}

// The reason for a failure is in the picture and on the screen; a frame of which nothing can be shown leaves no file.
func TestPreviewOfAFailure(t *testing.T) {
	t.Parallel()
	dir := readmeFolder(t)
	write(t, filepath.Join(dir, "fake.jpg"), "not a picture")
	runIn(t, dir, "preview", "photo.jpg", "-p", "gray | crop x=5000 y=0 width=9 height=9", "-o", "sheet.png").exits(1, "step 2, crop")
	if _, err := os.Stat(filepath.Join(dir, "sheet.png")); err != nil {
		t.Errorf("the sheet of what went well: %v", err)
	}
	runIn(t, dir, "preview", "fake.jpg", "-p", "gray", "-o", "none.png").exits(1, "fake.jpg")
	if _, err := os.Stat(filepath.Join(dir, "none.png")); err == nil {
		t.Error("there is a sheet with nothing on it")
	}
}

func TestADryRunTellsShapes(t *testing.T) {
	t.Parallel()
	dir := readmeFolder(t)
	p := runIn(t, dir, "run", "photo.jpg", "clip.mp4", "-p", "@edges.cvf", "-o", "out/", "--dry-run").exits(0)
	said := strings.Join(strings.Fields(p.stdout.String()), " ")
	for _, want := range []string{
		"inputs: 1 image, 1 video clip.mp4: 560x320 bgr u8, 166 frames at 30 fps photo.jpg: 640x480 JPEG pipeline: decode | gray | " +
			"gaussian_blur ksize=5 | canny low=50 high=150 | encode ext=.jpg", "(input) 640x480 JPEG added decode 640x480 bgr u8 flags=color",
		"3 canny 640x480 gray u8 low=50 high=150 apertureSize=3 L2gradient=false",
		"3 canny 560x320 gray u8 low=50 high=150 apertureSize=3 L2gradient=false", "outputs: out/photo.jpg out/clip-000001.png",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q, but:\n%s", want, p.stdout.String())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("it made the output folder")
	}
}

// The sizes of images were told by nobody before the run.
func TestADryRunReadsTheHeadersOfImages(t *testing.T) {
	t.Parallel()
	dir := readmeFolder(t)
	jpeg := read(t, filepath.Join(dir, "photo.jpg"))
	const exif = "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	write(t, filepath.Join(dir, "upright.jpg"), jpeg[:2]+"\xff\xe1\x00"+string(rune(len(exif)+2))+exif+jpeg[2:])
	var deep bytes.Buffer
	if err := png.Encode(&deep, image.NewGray16(image.Rect(0, 0, 50, 30))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "deep.png"), deep.String())
	dryRun := func(args ...string) *program {
		return runIn(t, dir, append([]string{"run", "-o", "new/", "--dry-run"}, args...)...)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"upright.jpg", "-p", "rotate"}, "decode 480x640 bgr u8"},
		{[]string{"upright.jpg", "-p", "decode ignore_orientation=true | gray"}, "2 gray 640x480 gray u8"},
		{[]string{"upright.jpg", "-p", "decode flags=unchanged | gray"}, "2 gray depends on the picture"},
		{[]string{"deep.png", "-p", "decode flags=grayscale anydepth=true | blur"}, "2 blur 50x30 gray u16"},
		{[]string{"deep.png", "-p", "decode anydepth=true | gray"}, "1 decode 50x30 bgr u16"},
		{[]string{"deep.png", "-p", "decode | blur"}, "2 blur 50x30 bgr u8"},
		{[]string{"photo.jpg", "-p", "decode anydepth=true | blur"}, "2 blur 640x480 bgr u8"},
		{[]string{"upright.jpg", "photo.jpg", "photos/a.jpg", "-p", "resize dsize=100x0"}, "1 resize 100x133 bgr u8"},
		{[]string{"upright.jpg", "photo.jpg", "photos/a.jpg", "-p", "gray"}, "upright.jpg: 640x480 JPEG; 1 of 3 images have another size"},
	} {
		if said := strings.Join(strings.Fields(dryRun(c.args...).exits(0).stdout.String()), " "); !strings.Contains(said, c.want) {
			t.Errorf("%q says not %q, but\n%s", c.args, c.want, said)
		}
	}
	runIn(t, dir, "run", "upright.jpg", "-p", "echo", "-o", "turned.png").exits(0)
	if got := probe(t, filepath.Join(dir, "turned.png")); got.Width != 480 || got.Height != 640 {
		t.Errorf("the run makes %dx%d of it", got.Width, got.Height)
	}
	dryRun("photo.jpg", "-p", "gray | crop x=5000 width=9").exits(1, "photo.jpg: step 2, crop: 9x480 at 5000,0 does not lie within 640x480 gray u8")
	dryRun("deep.png", "-p", "decode anydepth=true | gray | canny").exits(1, "deep.png: step 3, canny: needs ", "got 50x30 gray u16")
	dryRun("photo.jpg", "-p", "decode | gray | crop x=5000 width=9").exits(1, "photo.jpg: step 3, crop: ")
}
