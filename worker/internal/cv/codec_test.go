//go:build opencv

package cv

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

func TestEveryPhotoDecodesAsOpenCVReadsTheFile(t *testing.T) {
	dir, err := imagesDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]gocv.IMReadFlag{"color": gocv.IMReadColor, "grayscale": gocv.IMReadGrayScale, "unchanged": gocv.IMReadUnchanged}
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".mp4") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in := readOnly(t, frame.Encoded(data))
		for name, flag := range flags {
			want := gocv.IMRead(file, flag)
			got, err := serve.Try(compile(t, "decode flags="+name), in)
			if err != nil {
				t.Errorf("%s, %s: %v", filepath.Base(file), name, err)
			} else if got.Frame.Width != want.Cols() || got.Frame.Height != want.Rows() || !bytes.Equal(got.Frame.Pix, want.ToBytes()) {
				t.Errorf("%s, %s: %v, other pixels than imread's", filepath.Base(file), name, got.Frame.Geometry)
			}
			want.Close()
			n++
		}
	}
	if n < 50 {
		t.Fatalf("only %d pictures", n)
	}
}

// turned returns a jpeg with an EXIF block that says that the camera was held so.
func turned(jpeg []byte, orientation byte) []byte {
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	exif[len(exif)-7] = orientation
	head := append([]byte{0xff, 0xd8, 0xff, 0xe1, 0, byte(len(exif) + 2)}, exif...)
	return append(head, jpeg[2:]...)
}

func TestAPictureIsTurnedAsItsEXIFSays(t *testing.T) {
	in := testPicture(t, frame.Geometry{Width: 40, Height: 24, Format: frame.FormatBGR, Depth: frame.U8})
	jpeg := run(t, "encode", in).Frame.Pix
	upright := run(t, "decode", frame.Encoded(jpeg)).Frame
	for orientation, text := range map[byte]string{1: "echo", 3: "rotate rotateCode=180", 6: "rotate", 8: "rotate rotateCode=90_counterclockwise",
		2: "flip", 4: "flip flipCode=0", 5: "transpose", 7: "transpose | rotate rotateCode=180"} {
		data := frame.Encoded(turned(jpeg, orientation))
		want := run(t, text, upright).Frame
		for _, then := range []string{"", " | echo", " | rotate rotateCode=180 | rotate rotateCode=180"} {
			got := run(t, "decode"+then, data).Frame
			if got.Geometry != want.Geometry || !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("orientation %d, decode%s: %v, want %v", orientation, then, got.Geometry, want.Geometry)
			}
		}
		for _, text := range []string{"decode flags=unchanged", "decode ignore_orientation=true"} {
			if got := run(t, text, data).Frame; !bytes.Equal(got.Pix, upright.Pix) {
				t.Errorf("orientation %d: %s turned it", orientation, text)
			}
		}
	}
}

func TestDepthIsKeptWhereThatIsAsked(t *testing.T) {
	in := testPicture(t, frame.Geometry{Width: 40, Height: 24, Format: frame.FormatBGR, Depth: frame.U16})
	png := frame.Encoded(run(t, "encode ext=.png", in).Frame.Pix)
	for text, flags := range map[string]gocv.IMReadFlag{
		"decode anydepth=true":                 gocv.IMReadColor | gocv.IMReadAnyDepth,
		"decode anydepth=true | echo":          gocv.IMReadColor | gocv.IMReadAnyDepth,
		"decode flags=grayscale anydepth=true": gocv.IMReadAnyDepth,
		"decode flags=unchanged":               gocv.IMReadUnchanged,
	} {
		want, err := gocv.IMDecode(png.Pix, flags)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, text, png).Frame; got.Depth != frame.U16 || !bytes.Equal(got.Pix, want.ToBytes()) {
			t.Errorf("%s: %v, other pixels than imdecode's", text, got.Geometry)
		}
		want.Close()
	}
	if got := run(t, "decode", png).Frame; got.Depth != frame.U8 {
		t.Errorf("decode keeps %v unasked", got.Depth)
	}
}

// pngOf returns a PNG that claims a size and has no pixels.
func pngOf(width, height uint32) []byte {
	ihdr := []byte("IHDR\x00\x00\x00\x00\x00\x00\x00\x00\x08\x02\x00\x00\x00")
	binary.BigEndian.PutUint32(ihdr[4:], width)
	binary.BigEndian.PutUint32(ihdr[8:], height)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
}

func TestBytesThatAreNoImageAreUndecodable(t *testing.T) {
	jpeg, png, webp := readPhoto(t, "face.jpg"), readPhoto(t, "gocvlogo.png"), readPhoto(t, "sample.webp")
	cases := []struct {
		name, text string
		data       []byte
		code       fault.Code
		words      string
	}{
		{"nothing", "decode", nil, fault.Undecodable, "no bytes"},
		{"a text", "decode", []byte("hello, this is a text"), fault.Undecodable, "text/plain"},
		{"a web page", "decode", []byte("<!DOCTYPE html><html><body>not found</body></html>"), fault.Undecodable, "text/html"},
		{"noise", "decode", []byte{7, 0, 1, 0xfe, 3, 9, 0, 0, 1}, fault.Undecodable, "no format is known"},
		{"a video", "decode", readPhoto(t, "small.mp4"), fault.Undecodable, "video/mp4"},
		{"half a jpeg", "decode", jpeg[:len(jpeg)/2], fault.Undecodable, "truncated after"},
		{"the beginning of a jpeg", "decode", jpeg[:10], fault.Undecodable, "begins as a jpeg"},
		{"half a png", "decode", png[:len(png)/2], fault.Undecodable, "png"},
		{"half a webp", "decode", webp[:len(webp)/2], fault.Undecodable, "webp"},
		{"a png without pixels", "decode", pngOf(10, 10), fault.Undecodable, "png"},
		{"a bomb", "decode", pngOf(1<<19, 1<<19), fault.Invalid, "png of 524288x524288 has 274877906944 pixels: the limit is 1073741824"},
		{"a line of a bomb", "decode", pngOf(1<<30, 1), fault.Invalid, "the limit is 1048576x1048576"},
		{"a bomb in gray", "decode flags=grayscale", pngOf(1<<19, 1<<19), fault.Invalid, "the limit is"},
		{"a bomb of a portable map", "decode", []byte("P6\n# much\n500000 500000\n255\n"), fault.Invalid, "pnm of 500000x500000 has"},
		{"a bomb that only OpenCV can see", "decode", []byte("P7\nWIDTH 500000\nHEIGHT 500000\nDEPTH 3\nMAXVAL 255\nENDHDR\n"),
			fault.Undecodable, "decode"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// Another picture was decoded by the same program before, so that old pixels would be seen.
			prog := compile(t, c.text)
			if _, err := serve.Try(prog, frame.Encoded(png)); err != nil {
				t.Fatal(err)
			}
			_, err := serve.Try(prog, frame.Encoded(c.data))
			wantFault(t, err, c.code, c.words)
		})
	}
}

// What encode wrote was called damaged.
func TestATIFFOfFloatsSaysHowItIsDecoded(t *testing.T) {
	for _, format := range []frame.Format{frame.FormatGray, frame.FormatBGR} {
		in := testPicture(t, frame.Geometry{Width: 31, Height: 17, Format: format, Depth: frame.F32})
		tiff := run(t, "encode ext=.tiff", in).Frame
		_, err := serve.Try(compile(t, "decode"), tiff)
		wantFault(t, err, fault.Undecodable, "this tiff is 31x17 "+format.String()+" f32", "begin with decode flags=unchanged")
		_, err = serve.Try(compile(t, "decode"), frame.Encoded(tiff.Pix[:100]))
		wantFault(t, err, fault.Undecodable, "tiff")
	}
}

func TestTheLimitOfPixelsIsTheEnvironments(t *testing.T) {
	t.Setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "1000")
	_, err := serve.Try(compile(t, "decode"), frame.Encoded(readPhoto(t, "gocvlogo.png")))
	wantFault(t, err, fault.Invalid, "the limit is 1000")
	for text, want := range map[string]int{"": 5, "x": 5, "0": 5, "-1": 5, "12": 12, "3MB": 3 << 20, "2kb": 2048, "99999999999999999999": 5} {
		t.Setenv("A_LIMIT", text)
		if got := limit("A_LIMIT", 5); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestHalfAJPEGCanBeKept(t *testing.T) {
	jpeg := readPhoto(t, "face.jpg")
	whole := run(t, "decode", frame.Encoded(jpeg)).Frame
	half := run(t, "decode truncated=keep", frame.Encoded(jpeg[:len(jpeg)/2])).Frame
	if whole.Geometry != half.Geometry || !bytes.Equal(whole.Pix[:300], half.Pix[:300]) {
		t.Fatalf("%v and %v", whole.Geometry, half.Geometry)
	}
}

// What a format cannot hold is refused before there is a picture; what is written comes back. A jpeg comes back as something near it.
func TestWhatIsEncodedComesBack(t *testing.T) {
	written := map[string]int{}
	for ext := range imageFormats() {
		for format := frame.FormatGray; format <= frame.FormatC4; format++ {
			for depth := frame.U8; depth <= frame.F16; depth++ {
				g := frame.Geometry{Width: 31, Height: 17, Format: format, Depth: depth}
				if _, err := compile(t, "encode ext="+ext).(serve.Planner).Shapes(g); err != nil {
					wantFault(t, err, fault.Invalid, "encode: needs")
					continue
				}
				written[ext]++
				comesBack(t, ext, testPicture(t, g))
			}
		}
	}
	for ext, want := range map[string]int{".jpg": 2, ".png": 6, ".webp": 3, ".tiff": 13, ".bmp": 2} {
		if written[ext] != want {
			t.Errorf("%d sorts of pictures can be %s, want %d", written[ext], ext, want)
		}
	}
}

func comesBack(t *testing.T, ext string, in frame.Frame) {
	t.Helper()
	want := in
	if ext == ".webp" && in.Format == frame.FormatGray { // it has no gray
		want = run(t, "cvt_color code=GRAY2BGR", in).Frame
	}
	texts := map[string][]string{
		".png":  {"encode ext=.png", "encode ext=.png compression=0"},
		".tiff": {"encode ext=.tiff dpi=72", "encode ext=.tiff tiff_compression=none", "encode ext=.tiff tiff_compression=deflate", "encode ext=.tiff tiff_compression=packbits"},
	}[ext]
	for _, text := range append(texts, "encode ext="+ext) {
		got := run(t, "decode flags=unchanged", run(t, text, in).Frame).Frame
		exact := ext != ".jpg" && (ext != ".webp" || in.Format != frame.FormatBGRA) // .webp forgets the colour of what is transparent
		if got.Geometry != want.Geometry || exact && !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s of %v came back as %v", text, in.Geometry, got.Geometry)
		}
	}
}

func TestAnExceptionOfOpenCVIsAnError(t *testing.T) {
	empty, dst := gocv.NewMat(), gocv.NewMat()
	defer empty.Close()
	defer dst.Close()
	p := &program{names: []string{"bilateral"}, steps: make([]step, 1)}
	err := p.blame(0, bilateral(empty, &dst, 5, 1, 1, gocv.BorderDefault))
	wantFault(t, err, fault.Invalid, "bilateral: (-215:Assertion failed)")
	if len(err.Error()) > 300 {
		t.Errorf("too long: %v", err)
	}
}
