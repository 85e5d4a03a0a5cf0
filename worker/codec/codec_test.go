package codec

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func try(t *testing.T, text string, in frame.Frame) (frame.Frame, error) {
	t.Helper()
	p, err := pipeline.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	program, err := serve.Ops("codec", Ops()...).Compile(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := serve.Try(program, in)
	return out.Frame, err
}

// file is a PNG with a red and a half transparent blue pixel.
func file(t *testing.T) frame.Frame {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	picture.Set(0, 0, color.NRGBA{R: 250, G: 20, B: 3, A: 255})
	picture.Set(1, 0, color.NRGBA{B: 200, A: 128})
	var data bytes.Buffer
	if err := png.Encode(&data, picture); err != nil {
		t.Fatal(err)
	}
	return frame.Encoded(data.Bytes())
}

func TestDecodeMakesBGR(t *testing.T) {
	f, err := try(t, "decode", file(t))
	want := frame.Geometry{Width: 2, Height: 1, Format: frame.FormatBGR}
	if err != nil || f.Geometry != want || !bytes.Equal(f.Pix, []byte{3, 20, 250, 200, 0, 0}) {
		t.Fatalf("%v %v, %v", f.Geometry, f.Pix, err)
	}
}

func TestEncodeIsReadBack(t *testing.T) {
	bgr, pix := frame.Geometry{Width: 2, Height: 2, Format: frame.FormatBGR}, bytes.Repeat([]byte{10, 100, 200}, 4)
	for text, tolerance := range map[string]int{"encode ext=.png": 0, "encode ext=.jpg": 3} {
		encoded, err := try(t, text, frame.Frame{Geometry: bgr, Pix: pix})
		if err != nil {
			t.Fatal(err)
		}
		f, err := try(t, "decode", encoded)
		if err != nil || f.Geometry != bgr {
			t.Fatalf("%s: %v, %v", text, f.Geometry, err)
		}
		for i := range pix {
			if d := int(f.Pix[i]) - int(pix[i]); d > tolerance || d < -tolerance {
				t.Fatalf("%s: %v, want %v", text, f.Pix, pix)
			}
		}
	}
}

func TestWhatIsNoImageOrTooLargeIsRefused(t *testing.T) {
	whole := file(t)
	half := frame.Encoded(whole.Pix[:len(whole.Pix)/2+12])
	t.Setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "1")
	for in, want := range map[*frame.Frame]fault.Code{&whole: fault.Invalid, {Geometry: whole.Geometry, Pix: []byte("no image")}: fault.Undecodable} {
		if _, err := try(t, "decode", *in); code(err) != want {
			t.Errorf("%.8q: %v, want %s", in.Pix, err, want)
		}
	}
	t.Setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "2")
	if _, err := try(t, "decode", half); code(err) != fault.Undecodable {
		t.Errorf("half an image: %v", err)
	}
}

func code(err error) fault.Code { c, _ := fault.CodeOf(err); return c }
