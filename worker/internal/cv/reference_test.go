//go:build opencv

package cv

import (
	"encoding/json"
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

func TestAPictureBesideTheFrameThatDoesNotSuitIsRefused(t *testing.T) {
	colour := testPicture(t, frame.Geometry{Width: 40, Height: 30, Format: frame.FormatBGR, Depth: frame.U8})
	compiling := []struct {
		name, text string
		input      frame.Frame
		words      string
	}{
		{"no input of that name", "psnr image=other", colour, "psnr: image=other: there is no input of that name"},
		{"bytes that are no image", "psnr image=in", frame.Encoded([]byte("hello")), "psnr: image=in: not an image"},
		{"no bytes", "psnr image=in", frame.Frame{Geometry: frame.Geometry{Format: frame.FormatEncoded}}, "it is empty"},
		{"a truncated file", "psnr image=in", frame.Encoded(readPhoto(t, "face.jpg")[:3000]), "truncated"},
		{"a mask that is missing", "seamless_clone src=in mask=other", colour, "mask=other: there is no input of that name"},
	}
	for _, c := range compiling {
		t.Run(c.name, func(t *testing.T) {
			p, err := pipeline.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Options{}).Compile(p, serve.Inputs{"in": c.input})
			wantFault(t, err, fault.Invalid, c.words)
		})
	}
	running := []struct{ name, text, words string }{
		{"another size", "resize dsize=20x20 | add image=in", "in has 40x30, the frame has 20x20: they must have the same size"},
		{"another format", "cvt_color code=BGR2HSV | abs_diff image=in", "in is 40x30 bgr u8, the frame is 40x30 hsv u8: they must have the same format"},
		{"a mask of another size", "crop width=9 height=9 | copy_to mask=in", "in has 40x30, the frame has 9x9"},
		{"a template that is larger", "crop width=39 | match_template templ=in", "in has 40x30, more than the frame's 39x30"},
		{"nothing to align by", "align image=in", "cannot be aligned with in: "},
		{"a part that does not fit", "seamless_clone src=in mask=in p=0,0", "does not fit"},
	}
	for _, c := range running {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve.Try(compileWith(t, c.text, serve.Inputs{"in": colour}), colour)
			wantFault(t, err, fault.Invalid, c.words)
		})
	}
}
