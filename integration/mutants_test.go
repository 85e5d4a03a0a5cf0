//go:build opencv

package integration

import (
	"bytes"
	"compress/zlib"
	"context"
	bits "encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	_ "image/png" // the reference
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// mutants is how many mutated images there are, with a good one after each nine; seedling is what they grow from.
const (
	mutants  = 10_000
	seedling = 20260101
)

// realFarm starts a farm of OpenCV workers in this process, which must hold nothing of it at the end.
func realFarm(t *testing.T, c farm.Config) *farm.Farm {
	t.Helper()
	c.Worker = binary(t, "worker")
	f, err := farm.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if s := f.Snapshot(); s.Pending != 0 || s.Memory.InUse != 0 || s.Submitted != s.Done+s.Failed {
			t.Errorf("something is left: %+v", s)
		}
	})
	return f
}

// Images that nobody would make on purpose, and some that somebody did: each is answered once, with a code where there is no
// picture, and the good ones between them come out right.
func TestMutatedImages(t *testing.T) {
	good := read(t, thumbnail(t))
	want := grayOf(t, good)
	m := newMutator(t)
	f := realFarm(t, farm.Config{Workers: 2, MaxPixels: 1 << 24, Timeout: 10 * time.Second})
	images := func(yield func(frame.Frame, error) bool) {
		for i := range mutants * 10 / 9 {
			data := []byte(good)
			if i%10 != 0 {
				data = m.mutant()
			}
			in := frame.Encoded(data)
			in.Index = uint64(i)
			if !yield(in, nil) {
				return
			}
		}
	}
	next, answers := 0, map[string]int{}
	began := time.Now()
	for r, err := range f.Map(t.Context(), "decode | gray", images) {
		index := next
		next++
		var e *farm.Error
		switch {
		case errors.As(err, &e) && int(e.Index) == index && e.Code != "" && index%10 != 0:
			answers[string(e.Code)]++
		case err != nil:
			t.Fatalf("image %d: %v", index, err)
		case int(r.Index) != index:
			t.Fatalf("image %d came as %d", r.Index, index)
		case index%10 == 0:
			answers["good"]++
			if !alike(r.Frame, want) {
				t.Errorf("image %d, which is good, came out wrong: %v", index, r.Geometry)
			}
			r.Release()
		default:
			answers["a picture all the same"]++
			if size, err := r.Geometry.Size(); err != nil || size != len(r.Pix) || r.Format != frame.FormatGray {
				t.Errorf("image %d: %v of %d bytes", index, r.Geometry, len(r.Pix))
			}
			r.Release()
		}
	}
	s := f.Snapshot()
	t.Logf("%d images in %v: %v; %d workers ended, %d frames tried again", next, time.Since(began).Round(time.Second), answers, s.Restarts,
		s.Retries)
	if want := mutants * 10 / 9; next != want || answers["good"] != (want+9)/10 {
		t.Errorf("%d of %d images were answered; %v", next, want, answers)
	}
}

// grayOf is what gray makes of a PNG, by another decoder and OpenCV's documented formula.
func grayOf(t *testing.T, data string) frame.Frame {
	t.Helper()
	picture, _, err := image.Decode(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b := picture.Bounds()
	g := frame.Frame{Geometry: frame.Geometry{Width: b.Dx(), Height: b.Dy(), Format: frame.FormatGray}}
	for y := range b.Dy() {
		for x := range b.Dx() {
			red, green, blue, _ := picture.At(b.Min.X+x, b.Min.Y+y).RGBA()
			g.Pix = append(g.Pix, byte(0.299*float64(red>>8)+0.587*float64(green>>8)+0.114*float64(blue>>8)+0.5))
		}
	}
	return g
}

// alike allows for the rounding of one.
func alike(got, want frame.Frame) bool {
	if got.Geometry.Width != want.Geometry.Width || got.Geometry.Height != want.Geometry.Height || len(got.Pix) != len(want.Pix) {
		return false
	}
	for i := range got.Pix {
		if d := int(got.Pix[i]) - int(want.Pix[i]); d < -1 || d > 1 {
			return false
		}
	}
	return true
}

// mutator makes images that are wrong in one way or several, the same ones each time.
type mutator struct {
	random  *rand.Rand
	samples [][]byte
}

func newMutator(t *testing.T) *mutator {
	t.Helper()
	m := &mutator{random: rand.New(rand.NewPCG(seedling, 0))}
	from := []string{"-i", sample(t, "space_shuttle.jpg"), "-vf", "scale=97:61", "-frames:v", "1"}
	for _, s := range mutated {
		data := read(t, produced(t, "mutant-"+s.name, append(append([]string{}, from...), s.args...)...))
		m.samples = append(m.samples, []byte(data))
	}
	return m
}

// mutated are the formats, as ffmpeg writes them.
var mutated = []struct {
	name string
	args []string
}{
	{"a.jpg", nil}, {"b.jpg", []string{"-q:v", "31", "-pix_fmt", "yuvj444p"}}, {"c.jpg", []string{"-pix_fmt", "gray"}},
	{"a.png", nil}, {"b.png", []string{"-pix_fmt", "rgb48be"}}, {"c.png", []string{"-pix_fmt", "pal8"}}, {"d.png", []string{"-pix_fmt", "rgba"}},
	{"a.webp", []string{"-quality", "60"}}, {"b.webp", []string{"-lossless", "1"}},
	{"a.tiff", nil}, {"b.tiff", []string{"-compression_algo", "deflate"}}, {"c.tiff", []string{"-compression_algo", "raw"}},
	{"a.bmp", nil}, {"b.bmp", []string{"-pix_fmt", "pal8"}},
	{"a.gif", nil},
}

// mutant is the next.
func (m *mutator) mutant() []byte {
	data := bytes.Clone(m.any())
	for range 1 + m.random.IntN(2) {
		data = []func([]byte) []byte{m.flip, m.flip, m.cut, m.swapHeader, m.absurd, m.overwrite, m.overwrite, m.splice}[m.random.IntN(8)](data)
	}
	return data
}

func (m *mutator) any() []byte { return m.samples[m.random.IntN(len(m.samples))] }

// flip changes some bits, more often near the start, where the headers are.
func (m *mutator) flip(data []byte) []byte {
	for range 1 + m.random.IntN(4) {
		if n := len(data); n > 0 {
			i := m.random.IntN(n)
			if m.random.IntN(4) == 0 {
				i = m.random.IntN(min(n, 256))
			}
			data[i] ^= 1 << m.random.IntN(8)
		}
	}
	return data
}

// cut keeps the beginning; now and then nothing.
func (m *mutator) cut(data []byte) []byte { return data[:m.random.IntN(len(data)+1)] }

// swapHeader puts the beginning of another file in front.
func (m *mutator) swapHeader(data []byte) []byte {
	other := m.any()
	n := min(4+m.random.IntN(60), len(other), len(data))
	copy(data, other[:n])
	return data
}

// overwrite fills a part with one byte.
func (m *mutator) overwrite(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	from := m.random.IntN(len(data))
	part := data[from:min(len(data), from+1+m.random.IntN(64))]
	b := []byte{0, 0xff, byte(m.random.IntN(256))}[m.random.IntN(3)]
	for i := range part {
		part[i] = b
	}
	return data
}

// splice goes on with the end of another file.
func (m *mutator) splice(data []byte) []byte {
	other := m.any()
	return append(data[:m.random.IntN(len(data)+1)], other[m.random.IntN(len(other)):]...)
}

// absurd says another size in the header, and keeps its checksum right where it has one.
func (m *mutator) absurd(data []byte) []byte {
	side := func() uint32 {
		return []uint32{0, 1, 0xffff, 0x10000, 65000, 30000, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1, m.random.Uint32()}[m.random.IntN(11)]
	}
	w, h := side(), side()
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG")) && len(data) > 33:
		bits.BigEndian.PutUint32(data[16:], w)
		bits.BigEndian.PutUint32(data[20:], h)
		bits.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		for _, sof := range []string{"\xff\xc0", "\xff\xc2"} {
			if i := bytes.Index(data, []byte(sof)); i > 0 && i+9 < len(data) {
				bits.BigEndian.PutUint16(data[i+5:], uint16(h))
				bits.BigEndian.PutUint16(data[i+7:], uint16(w))
			}
		}
	case bytes.HasPrefix(data, []byte("BM")) && len(data) > 26:
		bits.LittleEndian.PutUint32(data[18:], w)
		bits.LittleEndian.PutUint32(data[22:], h)
	case bytes.HasPrefix(data, []byte("GIF")) && len(data) > 10:
		bits.LittleEndian.PutUint16(data[6:], uint16(w))
		bits.LittleEndian.PutUint16(data[8:], uint16(h))
	case bytes.HasPrefix(data, []byte("RIFF")) && len(data) > 30:
		bits.LittleEndian.PutUint32(data[26-4*m.random.IntN(2):], w)
	case bytes.HasPrefix(data, []byte("II*\x00")):
		m.absurdTIFF(data, w, h)
	}
	return data
}

// absurdTIFF changes the entries of width and height, wherever the directory is.
func (m *mutator) absurdTIFF(data []byte, w, h uint32) {
	for tag, value := range map[string]uint32{"\x00\x01": w, "\x01\x01": h} {
		for _, kind := range []string{"\x03\x00\x01\x00\x00\x00", "\x04\x00\x01\x00\x00\x00"} {
			if i := bytes.Index(data, []byte(tag+kind)); i >= 0 && i+12 <= len(data) {
				bits.LittleEndian.PutUint32(data[i+8:], value)
			}
		}
	}
}

// A decompression bomb is refused by its header: no memory is asked for what it would be.
func TestADecompressionBombIsRefusedBeforeItIsDecoded(t *testing.T) {
	f := realFarm(t, farm.Config{Workers: 1, Spares: -1})
	if r, err := once(t, f, []byte(read(t, thumbnail(t)))); err != nil {
		t.Fatal(err)
	} else {
		r.Release()
	}
	pid := f.Snapshot().Workers[0].PID
	before := peakOf(t, pid)
	bomb := bombPNG(t, 65000, 65000)
	if len(bomb) > 16<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	_, err := once(t, f, bomb)
	if code, _ := fault.CodeOf(err); code != fault.Invalid || !strings.Contains(err.Error(), "65000x65000") {
		t.Errorf("%s: %v", code, err)
	}
	if after := peakOf(t, pid); after > before+(16<<20) || f.Snapshot().Workers[0].PID != pid {
		t.Errorf("the worker took %d MiB, and then %d; it is %d, and was %d", before>>20, after>>20, f.Snapshot().Workers[0].PID, pid)
	}
	t.Logf("%d bytes: %v", len(bomb), err)
}

func once(t *testing.T, f *farm.Farm, data []byte) (*farm.Result, error) {
	t.Helper()
	future, err := f.Submit(t.Context(), farm.Job{Pipeline: "decode | gray", Frame: frame.Encoded(data)})
	if err != nil {
		return nil, err
	}
	return future.Wait(t.Context())
}

// bombPNG is a PNG of that size whose pixels are 4 MiB of zeros for a beginning.
func bombPNG(t *testing.T, width, height uint32) []byte {
	t.Helper()
	var pixels bytes.Buffer
	z, err := zlib.NewWriterLevel(&pixels, zlib.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		out = bits.BigEndian.AppendUint32(out, uint32(len(data)))
		body := append([]byte(kind), data...)
		out = bits.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	head := bits.BigEndian.AppendUint32(bits.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(head, 8, 2, 0, 0, 0))
	chunk("IDAT", pixels.Bytes())
	chunk("IEND", nil)
	return out
}

// peakOf is the most memory that a process ever had, in bytes.
func peakOf(t *testing.T, pid int) int64 {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", pid))) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("process %d does not tell its peak", pid)
	return 0
}
