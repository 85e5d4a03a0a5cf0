package media

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// exifBlock is an EXIF block that says how the camera was held.
func exifBlock(orientation byte) string {
	return "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00"
}

func encoded(t *testing.T, encode func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadHeader(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(0, 0, 40, 24))
	jpg := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, picture, nil) })
	portable := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, picture) })
	held := func(orientation byte) string {
		block := "Exif\x00\x00" + exifBlock(orientation)
		return jpg[:2] + "\xff\xe1\x00" + string(rune(len(block)+2)) + block + jpg[2:]
	}
	of := func(format string, turned bool) Header {
		return Header{Format: format, Size: image.Pt(40, 24), Turned: turned}
	}
	deep := func(format string) Header { return Header{Format: format, Size: image.Pt(40, 24), Depth: frame.U16} }
	for _, c := range []struct {
		name, data string
		want       Header
	}{
		{"a jpeg", jpg, of("JPEG", false)},
		{"a jpeg of a camera held upright", held(6), of("JPEG", true)},
		{"a jpeg of a camera held upside down", held(3), of("JPEG", false)},
		{"a png", portable, of("PNG", false)},
		{"a png of a camera held upright", portable[:33] + "\x00\x00\x00\x1aeXIf" + exifBlock(8) + "\x00\x00\x00\x00" + portable[33:], of("PNG", true)},
		{"a bmp", encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, picture) }), of("BMP", false)},
		{"a tiff", encoded(t, func(b *bytes.Buffer) error { return tiff.Encode(b, picture, nil) }), of("TIFF", false)},
		{"a png of 16 bits", encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, image.NewGray16(picture.Rect)) }), deep("PNG")},
		{"a tiff of 16 bits", encoded(t, func(b *bytes.Buffer) error { return tiff.Encode(b, image.NewRGBA64(picture.Rect), nil) }), deep("TIFF")},
		{"half a header", jpg[:20], Header{}},
		{"a block that points beyond the file", jpg[:2] + "\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\x7f" + jpg[2:], of("JPEG", false)},
		{"a video", "\x1a\x45\xdf\xa3", Header{}},
		{"nothing", "", Header{}},
	} {
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := ReadHeader(name); got != c.want || ok != (c.want.Format != "") {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if _, ok := ReadHeader("gone"); ok {
		t.Error("a file that is not there has a header")
	}
}
