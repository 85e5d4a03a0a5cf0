package codec

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strconv"
	"strings"
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

// The alpha of a JPEG was lost, and what it hid came out black.
func TestAlphaIsRefusedWhereItWouldBeLost(t *testing.T) {
	in := frame.Frame{Geometry: frame.Geometry{Width: 1, Height: 1, Format: frame.FormatBGRA}, Pix: []byte{200, 200, 200, 0}}
	for _, text := range []string{"encode", "encode ext=.jpeg"} {
		_, err := try(t, text, in)
		if code(err) != fault.Invalid || !strings.Contains(err.Error(), "take ext=.png, or put cvt_color code=BGRA2BGR before it") {
			t.Errorf("%s: %v", text, err)
		}
	}
	out, err := try(t, "encode ext=.png", in)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := png.Decode(bytes.NewReader(out.Pix)); err != nil || back.At(0, 0) != (color.NRGBA{R: 200, G: 200, B: 200}) {
		t.Errorf("it comes back as %v, %v", back, err)
	}
}

// held is a PNG of 3x2 pixels, the blues of which are 1 to 6, by a camera that was held so.
func held(t *testing.T, orientation byte) frame.Frame {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range 6 {
		picture.Set(i%3, i/3, color.NRGBA{B: uint8(i + 1), A: 255})
	}
	var data bytes.Buffer
	if err := png.Encode(&data, picture); err != nil {
		t.Fatal(err)
	}
	chunk := []byte("eXIfMM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(rune(orientation)) + "\x00\x00\x00\x00\x00\x00")
	chunk = append(binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-4)), binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk))...)
	return frame.Encoded(slices.Insert(data.Bytes(), len("\x89PNG\r\n\x1a\n")+25, chunk...)) // behind its header
}

// The photos of a telephone came out sideways.
func TestAPictureIsTurnedAsItsEXIFSays(t *testing.T) {
	for orientation, want := range []string{1: "123 456", 2: "321 654", 3: "654 321", 4: "456 123", 5: "14 25 36", 6: "41 52 63", 7: "63 52 41", 8: "36 25 14"} {
		if orientation == 0 {
			continue
		}
		for text, want := range map[string]string{"decode": want, "decode ignore_orientation=true": "123 456"} {
			f, err := try(t, text, held(t, byte(orientation)))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for i := 0; i < len(f.Pix); i += 3 {
				if i > 0 && i/3%f.Width == 0 {
					got += " "
				}
				got += strconv.Itoa(int(f.Pix[i]))
			}
			if got != want {
				t.Errorf("orientation %d, %s: %s, want %s", orientation, text, got, want)
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
