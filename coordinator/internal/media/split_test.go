package media

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func splitAll(r io.Reader) ([][]byte, error) {
	var all [][]byte
	for p, err := range split(r, 1<<20) {
		if err != nil {
			return all, err
		}
		all = append(all, p.data)
	}
	return all, nil
}

func TestSplitGivesBackWhatWasConcatenated(t *testing.T) {
	pool := samples(t)
	names := slices.Sorted(maps.Keys(pool))
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		chosen := rapid.SliceOfN(rapid.SampledFrom(names), 0, 12).Draw(t, "images")
		for _, name := range chosen {
			stream = append(stream, pool[name]...)
			stream = append(stream, rapid.SampledFrom([]string{"", "\n", "\r\n "}).Draw(t, "between")...)
		}
		var r io.Reader = bytes.NewReader(stream)
		if rapid.Bool().Draw(t, "slowly") {
			r = iotest.OneByteReader(r)
		}
		got, err := splitAll(r)
		if err != nil || len(got) != len(chosen) {
			t.Fatalf("%v: %d images, %v", chosen, len(got), err)
		}
		for i, name := range chosen {
			if want := pool[name]; !bytes.Equal(bytes.TrimSpace(got[i]), bytes.TrimSpace(want)) {
				t.Fatalf("image %d, %s: %d bytes for %d", i, name, len(got[i]), len(want))
			}
		}
	})
}

func TestSplitTellsTheFormat(t *testing.T) {
	for name, data := range samples(t) {
		for p, err := range split(bytes.NewReader(data), 1<<20) {
			f, _ := formatNamed(name)
			if err != nil || p.ext != f.exts[0] {
				t.Errorf("%s: %s %v", name, p.ext, err)
			}
		}
	}
}

func TestEveryTruncationIsAnErrorThatNamesAByte(t *testing.T) {
	for name, data := range samples(t) {
		whole := len(bytes.TrimRight(data, "\n\x00"))
		for n := 1; n < whole; n++ {
			got, err := splitAll(bytes.NewReader(data[:n]))
			if err == nil && !strings.HasPrefix(name, "text") {
				t.Errorf("%s: its first %d of %d bytes pass for %d images", name, n, len(data), len(got))
			}
			if err != nil && !strings.HasPrefix(err.Error(), "byte ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestSplitSaysWhatItCannotTell(t *testing.T) {
	jpg := string(samples(t)["a.jpg"])
	tests := []struct{ name, stream, want string }{
		{"text", "hello world", `byte 0: "hello wo" begins no image`},
		{"text after an image", jpg + "hello", "begins no image"},
		{"a video", "\x1a\x45\xdf\xa3" + strings.Repeat("x", 600), "byte 0: where a Matroska ends cannot be told"},
		{"a format without an end", "\x76\x2f\x31\x01....", "byte 0: where a OpenEXR ends cannot be told"},
		{"a JPEG cut by the next", jpg[:len(jpg)-2] + jpg, "another one begins within it"},
		{"a length of 2 GiB", "\x89PNG\r\n\x1a\n\x7f\xff\xff\xffIHDR", "more than"},
		{"a raster beyond the limit", "P6 16777216 16777216 255\n", "more than"},
		{"a TIFF that points far away", "II*\x00\xff\xff\xff\x7f", "beyond"},
		{"a BigTIFF", "II+\x00\x08\x00\x00\x00", "BigTIFF"},
		{"a side of letters", "P5 x 1 255\n", `found "x"`},
	}
	for _, tt := range tests {
		if _, err := splitAll(strings.NewReader(tt.stream)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
}

func TestSplitPassesReadErrorsOn(t *testing.T) {
	_, err := splitAll(io.MultiReader(bytes.NewReader(samples(t)["a.png"][:40]), iotest.ErrReader(io.ErrClosedPipe)))
	if err == nil || !strings.Contains(err.Error(), "byte 40: io: read/write on closed pipe") {
		t.Error(err)
	}
}

// TestAnImageIsThereBeforeTheNextBegins is what a program needs that sends an image and waits for its result.
func TestAnImageIsThereBeforeTheNextBegins(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go func() { _, _ = w.Write(samples(t)["a.pgm"]); _, _ = w.Write([]byte("P5 1 1 255\nx")) }()
	for p, err := range split(r, 1<<20) {
		if err != nil || string(p.data) != "P5 1 1 255\nx" {
			t.Errorf("%q %v", p.data, err)
		}
		break
	}
}

func FuzzSplit(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
		f.Add(append(bytes.Clone(data), data...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		for p, err := range split(bytes.NewReader(data), 1<<20) {
			if err != nil {
				break
			}
			if len(p.data) == 0 {
				t.Fatal("an image of no bytes")
			}
			total += len(p.data)
		}
		if total > len(data) {
			t.Fatalf("%d bytes of images in %d", total, len(data))
		}
	})
}
