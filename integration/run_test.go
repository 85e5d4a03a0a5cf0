//go:build opencv

package integration

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const edges = "gray | canny low=50 high=150"

func TestVideoBecomesVideo(t *testing.T) {
	t.Parallel()
	in := probe(t, clip(t))
	cases := []struct {
		name, out string
		args      []string
		frames    int
	}{
		{"edges as mp4", "edges.mp4", []string{"-p", edges}, clipFrames},
		{"colour as mkv", "flipped.mkv", []string{"-p", "flip"}, clipFrames},
		{"gray as avi", "gray.avi", []string{"-p", "gray"}, clipFrames},
		{"the first frames only", "few.mp4", []string{"-p", edges, "--limit", "10"}, 10},
		{"in one process with threads", "threads.mp4", []string{"-p", edges, "--isolation", "thread", "--limit", "40"}, 40},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := runIn(t, dir, append([]string{"run", clip(t), "-o", c.out, "--report", "report.json"}, c.args...)...)
			p.exits(0, c.out)
			out := probe(t, filepath.Join(dir, c.out))
			if out.Frames != c.frames || out.Rate != in.Rate || out.Width != in.Width || out.Height != in.Height {
				t.Errorf("the output is %+v, the input %+v, and %d frames were to come", out, in, c.frames)
			}
			plays(t, filepath.Join(dir, c.out))
			r := readReport(t, filepath.Join(dir, "report.json")).counts(t, c.frames, c.frames, 0)
			if *r.Retries != 0 || *r.WorkerRestarts != 0 || *r.Workers < 1 || *r.Pipeline != c.args[1] {
				t.Errorf("the report of an undisturbed run: %s", read(t, filepath.Join(dir, "report.json")))
			}
			holds(t, dir, slicesSorted(c.out, "report.json")...)
		})
	}
}

// album is a folder of images with one below it, and things that are none.
func album(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyTo(t, thumbnail(t), filepath.Join(dir, "a.png"))
	copyTo(t, sample(t, "toy.jpg"), filepath.Join(dir, "b.jpg"))
	copyTo(t, sample(t, "sample.webp"), filepath.Join(dir, "sub", "c.webp"))
	copyTo(t, thumbnail(t), filepath.Join(dir, "sub", "deeper", "d.png"))
	write(t, filepath.Join(dir, "notes.txt"), "no image")
	write(t, filepath.Join(dir, ".hidden.jpg"), "no image either")
	return dir
}

func TestImagesBecomeImages(t *testing.T) {
	t.Parallel()
	photos := album(t)
	cases := []struct {
		name string
		args []string
		want []string
	}{
		{"a folder keeps names and formats", []string{photos, "-o", "out/"}, []string{"out/a.png", "out/b.jpg"}},
		{"-r takes the folders below too, and keeps their names", []string{photos, "-r", "-o", "out/"},
			[]string{"out/a.png", "out/b.jpg", "out/sub/c.webp", "out/sub/deeper/d.png"}},
		{"a glob", []string{filepath.Join(photos, "*.png"), "-o", "out/"}, []string{"out/a.png"}},
		{"a pattern counts from 000001", []string{photos, "-r", "-o", "out/%06d.png"},
			[]string{"out/000001.png", "out/000002.png", "out/000003.png", "out/000004.png"}},
		{"several inputs in their order", []string{filepath.Join(photos, "b.jpg"), filepath.Join(photos, "a.png"), "-o", "out/%d.jpg"},
			[]string{"out/1.jpg", "out/2.jpg"}},
		{"one image", []string{filepath.Join(photos, "b.jpg"), "-o", "edges.webp"}, []string{"edges.webp"}},
		{"a format without compression", []string{filepath.Join(photos, "b.jpg"), "-o", "edges.bmp"}, []string{"edges.bmp"}},
		{"the pipeline's own format", []string{filepath.Join(photos, "b.jpg"), "-p", "gray | encode ext=.png", "-o", "out/"},
			[]string{"out/b.png"}},
		{"frames of a video", []string{clip(t), "--limit", "3", "-o", "out/"},
			[]string{"out/small-000001.png", "out/small-000002.png", "out/small-000003.png"}},
		{"none", []string{photos, "-r", "-o", "none"}, nil},
		{"nothing by its other name", []string{photos, "-r", "-o", "/dev/null"}, nil},
		{"an image in folders that are not there yet", []string{filepath.Join(photos, "b.jpg"), "-o", "new/er/x.png"}, []string{"new/er/x.png"}},
		{"a video in a folder that is not there yet", []string{clip(t), "--limit", "3", "-o", "new/x.mp4"}, []string{"new/x.mp4"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"run", "-p", "gray"}, c.args...)
			runIn(t, dir, args...).exits(0)
			holds(t, dir, c.want...)
			for _, name := range c.want {
				plays(t, filepath.Join(dir, name))
			}
		})
	}
}

// Floats were nowhere to be written to; what a format cannot hold is said before the run.
func TestAnImageHoldsThePictureAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	photo := sample(t, "toy.jpg")
	runIn(t, dir, "run", photo, "-p", "convert depth=f32 alpha=0.1 | stats", "-o", "f.tif", "--data", "written.jsonl").exits(0)
	runIn(t, dir, "run", "f.tif", "-p", "decode flags=unchanged | stats", "-o", "again.tiff", "--data", "read.jsonl").exits(0)
	for _, names := range [][2]string{{"f.tif", "again.tiff"}, {"written.jsonl", "read.jsonl"}} {
		written, read := read(t, filepath.Join(dir, names[0])), read(t, filepath.Join(dir, names[1]))
		if strings.ReplaceAll(written, photo, "f.tif") != read {
			t.Errorf("%s has other contents than %s", names[1], names[0])
		}
	}
	runIn(t, dir, "run", photo, "-p", "convert depth=f32", "-o", "f.png").exits(2, "step 2, encode: needs gray, bgr or bgra u8 or u16, got bgr f32")
	for _, args := range [][]string{{"-o", "out/"}, {"-o", "%d.jpg"}, {"-o", "a.bmp"}, {"-o", "a.jpg", "--dry-run"}} {
		runIn(t, dir, append([]string{"run", photo, "-p", "cvt_color code=BGR2BGRA"}, args...)...).
			exits(2, "encode: needs gray or bgr u8, got bgra u8: put cvt_color code=BGRA2BGR before it")
	}
	holds(t, dir, "again.tiff", "f.tif", "read.jsonl", "written.jsonl")
}

// As many kinds of image as there are, one after the other through a pipe, come out in their order.
func TestImagesThroughPipes(t *testing.T) {
	t.Parallel()
	in := read(t, thumbnail(t)) + read(t, sample(t, "toy.jpg")) + read(t, thumbnail(t))
	p := start(t, command{args: []string{"run", "-", "-p", "echo | encode ext=.png", "-o", "-"}, stdin: strings.NewReader(in)}).wait().exits(0)
	parts := bytes.SplitAfter(p.stdout.Bytes(), []byte("IEND\xaeB`\x82"))
	if len(parts) != 4 || len(parts[3]) != 0 {
		t.Fatalf("%d PNGs came out, want 3; stderr:\n%s", len(parts)-1, p.stderr.text())
	}
	if !bytes.Equal(parts[0], parts[2]) || bytes.Equal(parts[0], parts[1]) {
		t.Error("the images are not in their order")
	}
	first := write(t, filepath.Join(t.TempDir(), "first.png"), string(parts[0]))
	if got, want := frameHashes(t, first), frameHashes(t, thumbnail(t)); got[0] != want[0] {
		t.Error("a PNG that only passed through has other pixels")
	}
}

func TestDataIsOneLineForEachFrame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runIn(t, dir, "run", clip(t), "-p", "gray | stats", "--data", "found.jsonl").exits(0)
	holds(t, dir, "found.jsonl")
	n := 0
	for text := range strings.Lines(read(t, filepath.Join(dir, "found.jsonl"))) {
		var line struct {
			Index, Step int
			Input, Op   string
			Value       struct{ Mean, Stddev, Min, Max []float64 }
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		v := line.Value
		if line.Index != n || line.Step != 2 || line.Op != "stats" || line.Input != clip(t) {
			t.Fatalf("line %d is %s", n, text)
		}
		if len(v.Mean) != 1 || v.Mean[0] <= v.Min[0] || v.Mean[0] >= v.Max[0] || v.Stddev[0] <= 0 {
			t.Fatalf("line %d has impossible values: %s", n, text)
		}
		n++
	}
	if n != clipFrames {
		t.Errorf("%d lines, want %d", n, clipFrames)
	}
}

func TestOutputsAreKeptUnlessOverwrite(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, out, file string }{
		{"an image", "x.png", "x.png"},
		{"a file in a folder", "out/", "out/thumbnail.png"},
		{"a number of a pattern", "%d.png", "1.png"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := write(t, filepath.Join(dir, c.file), "precious")
			args := []string{"run", thumbnail(t), "-p", "gray", "-o", c.out}
			runIn(t, dir, args...).exits(2, "exists already", "--overwrite")
			if read(t, file) != "precious" {
				t.Error("the file was not kept")
			}
			runIn(t, dir, append(args, "--overwrite")...).exits(0)
			plays(t, file)
		})
	}
}
