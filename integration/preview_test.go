//go:build opencv

package integration

import (
	"bytes"
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
		"inputs: 1 image, 1 video clip.mp4: 560x320 bgr u8, 166 frames at 30 fps", "pipeline: decode | gray | gaussian_blur ksize=5 | canny low=50 high=150 | encode ext=.jpg",
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
