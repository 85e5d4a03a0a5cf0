package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// samples is one small image of each format that can be split, by extension; some formats in several guises.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, 33, 17), color.Palette{color.Black, color.White, color.RGBA{200, 30, 90, 255}})
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7 % 3)
	}
	var j, p, g bytes.Buffer
	for _, err := range []error{jpeg.Encode(&j, img, nil), png.Encode(&p, img), gif.Encode(&g, img, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	thumbnail := append([]byte{0xff, 0xd8, 0xff, 0xe1, byte((j.Len() + 2) >> 8), byte(j.Len() + 2)}, j.Bytes()...)
	return map[string][]byte{
		"a.jpg":         j.Bytes(),
		"thumbnail.jpg": append(thumbnail, j.Bytes()[2:]...),
		"a.png":         p.Bytes(),
		"a.gif":         g.Bytes(),
		"a.webp":        webpSample(10),
		"odd.webp":      append(webpSample(11), 0),
		"a.bmp":         bmpSample(true),
		"unsized.bmp":   bmpSample(false),
		"bits.pbm":      []byte("P4 9 2\n\x01\x02\x03\x04"),
		"text.pbm":      []byte("P1\n# it's art\n3 2\n101 010\n"),
		"raw.pgm":       []byte("P5\n3 2\n255\nP5 P4#"),
		"deep.pgm":      []byte("P5 1 2 65535\n\x01\x02\x03\x04"),
		"text.pgm":      []byte("P2 2 1 9\n3 4\n"),
		"a.ppm":         []byte("P6 # colour\n1 2\n255\nabcdef"),
		"text.ppm":      []byte("P3 1 1 255 1 2 3\n"),
		"a.pam":         []byte("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n12345678"),
		"a.pfm":         append([]byte("PF\n1 1\n-1.0\n"), make([]byte, 12)...),
		"first.tif":     tiffSample(binary.LittleEndian, true),
		"last.tif":      tiffSample(binary.BigEndian, false),
	}
}

func webpSample(n int) []byte {
	b := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), bytes.Repeat([]byte{7}, n)...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func bmpSample(sized bool) []byte {
	b := make([]byte, 54+2*12)
	copy(b, "BM")
	le := binary.LittleEndian
	if sized {
		le.PutUint32(b[2:], uint32(len(b)))
	}
	le.PutUint32(b[10:], 54)
	le.PutUint32(b[14:], 40)
	le.PutUint32(b[18:], 3)
	le.PutUint32(b[22:], uint32(0xfffffffe)) // -2: top row first
	le.PutUint16(b[26:], 1)
	le.PutUint16(b[28:], 24)
	return b
}

// tiffSample has its directory in front of the pixels or behind them.
func tiffSample(order binary.ByteOrder, first bool) []byte {
	const entries, pixels = 2, 10
	directory := 2 + 12*entries + 4
	head := []byte("II*\x00\x00\x00\x00\x00")
	if order == binary.BigEndian {
		head = []byte("MM\x00*\x00\x00\x00\x00")
	}
	at, data := 8, 8+directory
	if !first {
		at, data = 8+pixels, 8
	}
	b := append(head, make([]byte, directory+pixels)...)
	order.PutUint32(b[4:], uint32(at))
	order.PutUint16(b[at:], entries)
	for i, e := range [][2]int{{tiffStripOffsets, data}, {tiffStripCounts, pixels}} {
		f := b[at+2+12*i:]
		order.PutUint16(f, uint16(e[0]))
		order.PutUint16(f[2:], 4)
		order.PutUint32(f[4:], 1)
		order.PutUint32(f[8:], uint32(e[1]))
	}
	return b
}

// folder makes files, and folders on the way to them, in a temporary folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// noTemporaries fails where a folder holds hidden files: they are what an output is called before it is complete.
func noTemporaries(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func background() context.Context { return context.Background() }
