//go:build opencv

package cv

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// jpegs are files of a photo, as OpenCV writes them by its flags, and one with a thumbnail, which is a jpeg within a segment.
func jpegs(t testing.TB) map[string][]byte {
	t.Helper()
	m := gocv.IMRead(photo(t, "face.jpg"), gocv.IMReadColor)
	defer m.Close()
	files := map[string][]byte{}
	for name, flags := range map[string][]int{
		"baseline": nil, "progressive": {gocv.IMWriteJpegProgressive, 1}, "restarts": {gocv.IMWriteJpegRstInterval, 3},
	} {
		file, err := gocv.IMEncodeWithParams(".jpg", m, append(flags, gocv.IMWriteJpegQuality, 60))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = bytes.Clone(file.GetBytes())
		file.Close()
	}
	thumbnail := []byte("\xff\xd8\xff\xda\x00\x02...\xff\xd9\xff\xd9")
	files["thumbnail"] = slices.Concat(files["baseline"][:2], []byte{0xff, 0xe1, 0, byte(len(thumbnail) + 2)}, thumbnail,
		[]byte{0xff, 0xff}, files["baseline"][2:])
	return files
}

// Phones append the video of a motion photo to the photo, and its bytes were taken for a scan that does not end.
func TestWhatFollowsTheEndOfAJPEGDoesNotMatter(t *testing.T) {
	for name, file := range jpegs(t) {
		want := run(t, "decode", frame.Encoded(file)).Frame
		for _, tail := range []string{"\xff\xda", "\x00\x00\x00\x18ftypmp42\xff\xda\x00", "\xff\xd9\xff\xda\x00\x0c", "\xff\xd8\xff\xda\x00"} {
			long := frame.Encoded(append(bytes.Clone(file), tail...))
			out, err := serve.Try(compile(t, "decode"), long)
			if err != nil || !bytes.Equal(out.Frame.Pix, want.Pix) {
				t.Errorf("%s with %q behind it: %v, %v", name, tail, out.Frame.Geometry, err)
			}
			if _, err := serve.Try(compileWith(t, "psnr image=in", serve.Inputs{"in": long}), want); err != nil {
				t.Errorf("%s with %q behind it, beside a frame: %v", name, tail, err)
			}
		}
	}
}

func TestAJPEGThatEndsWithinAScanIsTruncated(t *testing.T) {
	for name, file := range jpegs(t) {
		h := readHeader(file)
		first := bytes.Index(file, []byte{0xff, 0xc4})
		for end := max(first, 200); end < len(file)-1; end += 97 {
			if !h.cut(file[:end]) {
				t.Fatalf("%s of %d bytes is not called truncated after %d", name, len(file), end)
			}
		}
		_, err := serve.Try(compile(t, "decode"), frame.Encoded(file[:len(file)/2]))
		wantFault(t, err, fault.Undecodable, "truncated after")
	}
}

func FuzzReadHeader(f *testing.F) {
	for _, name := range []string{"face.jpg", "gocvlogo.png", "sample.webp", "multipage.tif"} {
		data := readPhoto(f, name)
		f.Add(data[:min(len(data), 4096)])
	}
	f.Add([]byte("BM"))
	f.Add([]byte("GIF89a"))
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xda\x00\x02.\xff\x00\xff\xd9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := readHeader(data)
		if h.size.X < 0 || h.size.Y < 0 {
			t.Fatalf("%+v", h)
		}
		tail := append(bytes.Clone(data), "\xff\xda\xff\xd8"...)
		if h.size.X > 0 && !h.cut(data) && h.cut(tail) {
			t.Fatal("what follows makes it a truncated one")
		}
		_ = h.checkSize()
	})
}
