//go:build opencv

package cv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func TestAPictureBesideTheFrameMayBeAFile(t *testing.T) {
	in := decodedPhoto(t, "face.jpg")
	part := run(t, "crop x=40 y=30 width=50 height=60 | encode ext=.png", in).Frame
	for _, text := range []string{"match_template templ=part max_count=1", "gray | match_template templ=part max_count=1"} {
		out, err := serve.Try(compileWith(t, text, serve.Inputs{"part": part}), in)
		if err != nil {
			t.Fatal(err)
		}
		var found templateMatches
		if err := json.Unmarshal(out.Values[0].JSON, &found); err != nil {
			t.Fatal(err)
		}
		if want := (bbox{40, 30, 50, 60}); found.Best.Box != want || len(found.Matches) != 1 || found.Best.Value < 0.99 {
			t.Fatalf("%s: %+v", text, found)
		}
	}
}

// OpenCV makes no colour of such a file, and it was refused for that.
func TestAGrayFileOfFloatsIsAPictureForGrayFrames(t *testing.T) {
	in, err := serve.Try(compile(t, "decode flags=unchanged"), frame.Encoded(mapFiles()["y.tiff"]))
	if err != nil {
		t.Fatal(err)
	}
	const text = "abs_diff image=y.tiff | stats"
	out, err := serve.Try(compileWith(t, text, inputsOf(parse(t, text), in.Frame)), in.Frame)
	if err != nil || !bytes.Contains(out.Values[0].JSON, []byte(`"max":[0]`)) {
		t.Fatalf("%+v, %v; want no difference", out, err)
	}
}

func TestMapsMayBeFiles(t *testing.T) {
	in := decodedPhoto(t, "face.jpg")
	const text = "remap map1=x.tiff map2=y.tiff"
	out, err := serve.Try(compileWith(t, text, inputsOf(parse(t, text), in)), in)
	if err != nil {
		t.Fatal(err)
	}
	want := run(t, "crop width=60 height=40 | flip flipCode=0", in).Frame
	if out.Frame.Geometry != want.Geometry || !bytes.Equal(out.Frame.Pix, want.Pix) {
		t.Fatalf("%v, not the upper left corner upside down", out.Frame.Geometry)
	}
}

func TestAPictureBesideTheFrameThatDoesNotSuitIsRefused(t *testing.T) {
	colour := testPicture(t, frame.Geometry{Width: 40, Height: 30, Format: frame.FormatBGR, Depth: frame.U8})
	f32 := func(format frame.Format, width int) frame.Frame {
		return testPicture(t, frame.Geometry{Width: width, Height: 9, Format: format, Depth: frame.F32})
	}
	blank := frame.Frame{Geometry: frame.Geometry{Width: 2, Height: 2, Format: frame.FormatGray}, Pix: make([]byte, 4)}
	compiling := []struct {
		name, text string
		input      frame.Frame
		words      string
	}{
		{"no input of that name", "psnr image=other", colour, "psnr: image=other: there is no input of that name"},
		{"bytes that are no image", "psnr image=in", frame.Encoded([]byte("hello")), "psnr: image=in: not an image"},
		{"no bytes", "psnr image=in", frame.Frame{Geometry: frame.Geometry{Format: frame.FormatEncoded}}, "it is empty"},
		{"a truncated file", "psnr image=in", frame.Encoded(readPhoto(t, "face.jpg")[:3000]), "truncated"},
		{"a map of bytes", "remap map1=in map2=in", colour, "remap: map1 is 40x30 bgr u8: it must have f32, and one channel or two"},
		{"a map of x without one of y", "remap map1=in", f32(frame.FormatGray, 8), "map1 is 8x9 gray f32, which is x only: it needs map2"},
		{"a map of x and y with another", "remap map1=in map2=in", f32(frame.FormatC2, 8), "there is nothing for map2 to say"},
		{"maps of two sizes", "remap map1=in map2=x.tiff", f32(frame.FormatGray, 8), "map1 is 8x9 gray f32, map2 is 60x40 gray f32: they must"},
		{"a map that is missing", "remap map1=x.tiff map2=other", colour, "map2=other: there is no input of that name"},
		{"a map of another world", "remap map1=in", f32(frame.FormatBGR, 8), "one channel or two"},
		{"a rectangle and a mask", "grab_cut rect=1,1,5,5 mask=in", colour, "grab_cut: takes rect or mask, not both"},
		{"a mask of black and white", "grab_cut mask=in", colour, "0 is background, 1 the thing, 2 perhaps background, 3 perhaps the thing"},
		{"a mask of other numbers", "grab_cut mask=x.tiff", colour, "grab_cut: x.tiff is 60x40 gray f32: it must be gray or bgr u8"},
		{"a mask of background only", "grab_cut mask=in", blank, "in must have some background (0 or 2) and some of the thing (1 or 3)"},
		{"a mask that is missing", "seamless_clone src=in mask=other", colour, "mask=other: there is no input of that name"},
	}
	for _, c := range compiling {
		t.Run(c.name, func(t *testing.T) {
			p, err := pipeline.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Options{}).Compile(p, serve.Inputs{"in": c.input, "x.tiff": frame.Encoded(mapFiles()["x.tiff"])})
			wantFault(t, err, fault.Invalid, c.words)
		})
	}
	running := []struct{ name, text, words string }{
		{"another size", "resize dsize=20x20 | add image=in", "in has 40x30, the frame has 20x20: they must have the same size"},
		{"markers of another size", "resize dsize=20x20 | watershed markers=in", "in has 40x30, the frame has 20x20"},
		{"markers between whole numbers", "watershed markers=x.tiff", "x.tiff is 60x40 gray f32, it must be gray u8, u16 or s32"},
		{"too wide for maps", "resize dsize=32767x1 | remap map1=x.tiff map2=x.tiff", "32767x1 bgr u8 cannot become 60x40: the limit of a side is 32766"},
		{"too wide to align", "copy_make_border right=16384 | copy_make_border right=16384 | align image=in", "32808x30 bgr u8 is too large: the limit of a side is 32766"},
		{"another format", "cvt_color code=BGR2HSV | abs_diff image=in", "in is 40x30 bgr u8, the frame is 40x30 hsv u8: they must have the same format"},
		{"a mask of another size", "crop width=9 height=9 | copy_to mask=in", "in has 40x30, the frame has 9x9"},
		{"a template that is larger", "crop width=39 | match_template templ=in", "in has 40x30, more than the frame's 39x30"},
		{"nothing to align by", "align image=in", "cannot be aligned with in: "},
		{"a part that does not fit", "seamless_clone src=in mask=in p=0,0", "does not fit"},
	}
	for _, c := range running {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve.Try(compileWith(t, c.text, serve.Inputs{"in": colour, "x.tiff": frame.Encoded(mapFiles()["x.tiff"])}), colour)
			wantFault(t, err, fault.Invalid, c.words)
		})
	}
}

// resident is how much memory of this process is in RAM, in MiB.
func resident(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	var size, pages int
	if err == nil {
		_, err = fmt.Sscan(string(data), &size, &pages)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// The part of a seamless_clone whose mask was none stayed: 60 such pipelines made 900 MiB of a worker.
func TestAPipelineThatIsRefusedKeepsNoPictures(t *testing.T) {
	colour := testPicture(t, frame.Geometry{Width: 2000, Height: 1000, Format: frame.FormatBGR})
	small := testPicture(t, frame.Geometry{Width: 20, Height: 10, Format: frame.FormatGray})
	maps := testPicture(t, frame.Geometry{Width: 1000, Height: 1000, Format: frame.FormatC2, Depth: frame.F32})
	in := serve.Inputs{"in": colour, "small": small, "maps": maps}
	for _, text := range []string{"seamless_clone src=in mask=none", "seamless_clone src=in mask=small", "seamless_clone src=small mask=in",
		"seamless_clone src=in mask=in p=0.5,1", "grab_cut mask=in", "remap map1=maps map2=none", "remap map1=maps map2=in", "psnr image=in | decode"} {
		before := 0
		for i := range 30 {
			if i == 5 {
				before = resident(t)
			}
			if prog, err := New(Options{}).Compile(parse(t, text), in); err == nil {
				prog.Close()
				t.Fatalf("%s is taken", text)
			}
		}
		if more := resident(t) - before; more > 80 {
			t.Errorf("%s: 25 times took %d MiB", text, more)
		}
	}
}
