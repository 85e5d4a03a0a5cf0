package splice

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/abema/go-mp4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The segments in testdata were written by OpenCV: a and b have 6 frames each, those of H.264 out of order in the file; c has one.
// Those of mpeg4 have 3 each.
func segments(names ...string) []Segment { return segmentsOf(".mp4", names...) }

func segmentsOf(ext string, names ...string) []Segment {
	frames := map[string]int{"a": 6, "b": 6, "c": 1, "mpeg4-a": 3, "mpeg4-b": 3}
	var all []Segment
	for _, n := range names {
		all = append(all, Segment{filepath.Join("testdata", n+ext), frames[n]})
	}
	return all
}

// sample is a frame as a player finds it.
type sample struct {
	shown int64 // in ticks, after the edit
	data  string
}

// samples reads a file by the library's own means.
func samples(t *testing.T, file []byte) []sample {
	t.Helper()
	info, err := mp4.Probe(bytes.NewReader(file))
	if err != nil || len(info.Tracks) != 1 {
		t.Fatalf("%v: %+v", err, info)
	}
	track := info.Tracks[0]
	sizes, err := table[mp4.Stsz](bytes.NewReader(file), inTables("stsz")...)
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	decoded, next := int64(0), 0
	for _, c := range track.Chunks {
		at := c.DataOffset
		for range c.SamplesPerChunk {
			s := track.Samples[next]
			s.Size = max(s.Size, sizes.SampleSize) // the library overlooks that one
			all = append(all, sample{decoded + s.CompositionTimeOffset - track.EditList[0].MediaTime, string(file[at:][:s.Size])})
			at, decoded, next = at+uint64(s.Size), decoded+int64(s.TimeDelta), next+1
		}
	}
	if uint64(decoded) != track.Duration || next != len(track.Samples) {
		t.Errorf("%d of %d samples last %d of %d ticks", next, len(track.Samples), decoded, track.Duration)
	}
	return all
}

func joined(t *testing.T, segments []Segment) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Join(&b, filepath.Ext(segments[0].Name), segments); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheFramesOfEachSegmentFollowThoseOfTheLast(t *testing.T) {
	for _, names := range []string{"a", "a b", "a b c", "c a b", "a c b a", "c", "mpeg4-a mpeg4-b"} {
		t.Run(names, func(t *testing.T) {
			list := segments(strings.Fields(names)...)
			var want []sample
			for _, s := range list {
				file, err := os.ReadFile(s.Name)
				if err != nil {
					t.Fatal(err)
				}
				shift := int64(len(want) * 512) // each frame has 512 ticks: 25 a second of 12,800
				for _, x := range samples(t, file) {
					want = append(want, sample{x.shown + shift, x.data})
				}
			}
			if got := samples(t, joined(t, list)); !slices.Equal(got, want) {
				t.Errorf("%d samples, want %d", len(got), len(want))
				for i := range min(len(got), len(want)) {
					t.Log(got[i].shown, want[i].shown, got[i].data == want[i].data)
				}
			}
		})
	}
}

func TestAJoinedVideoCanBeASegment(t *testing.T) {
	for _, ext := range Containers() {
		if ext == ".mov" {
			continue // as .mp4
		}
		name := filepath.Join(t.TempDir(), "ab"+ext)
		if err := os.WriteFile(name, joined(t, segmentsOf(ext, "a", "b")), 0o666); err != nil {
			t.Fatal(err)
		}
		twice := joined(t, append([]Segment{{name, 12}}, segmentsOf(ext, "c")...))
		if !bytes.Equal(twice, joined(t, segmentsOf(ext, "a", "b", "c"))) {
			t.Errorf("%s: (a+b)+c is not a+b+c", ext)
		}
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	short := segments("a", "b")
	short[1].Frames = 7
	short2 := segmentsOf(".mkv", "a", "b")
	short2[1].Frames = 7
	short3 := segmentsOf(".avi", "a", "b")
	short3[1].Frames = 7
	mixed := append(segmentsOf(".mkv", "a"), segmentsOf(".webm", "a")...)
	for _, tt := range []struct {
		name, ext string
		segments  []Segment
		says      string
	}{
		{"none", ".mp4", nil, "no segment"},
		{"another container", ".gif", segments("a"), "segments of .mp4, .mov, .mkv, .webm, .avi can be joined"},
		{"frames are missing", ".mp4", short, "b.mp4: it has 6 frames, 7 were written"},
		{"another codec", ".mp4", segments("a", "mpeg4-a"), "mpeg4-a.mp4: it was encoded in another way than the first"},
		{"a file that was cut", ".mp4", cut(t, "a.mp4"), "a.mp4: it is damaged"},
		{"frames are missing in Matroska", ".mkv", short2, "b.mkv: it has 6 frames, 7 were written"},
		{"another codec in Matroska", ".mkv", mixed, "a.webm: it was encoded in another way than the first"},
		{"a Matroska file that was cut", ".mkv", cut(t, "a.mkv"), "a.mkv: it is damaged"},
		{"no Matroska file", ".mkv", segments("a"), "a.mp4: it is damaged"},
		{"frames are missing in AVI", ".avi", short3, "b.avi: it has 6 frames, 7 were written"},
		{"an AVI file that was cut", ".avi", cut(t, "a.avi"), "a.avi: it is damaged"},
		{"no AVI file", ".avi", segments("a"), "a.mp4: it is"},
		{"no file", ".mp4", []Segment{{"nowhere.mp4", 6}}, "nowhere.mp4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Join(&b, tt.ext, tt.segments); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written", b.Len())
			}
		})
	}
}

// cut is a segment without its end.
func cut(t *testing.T, name string) []Segment {
	t.Helper()
	whole, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, whole[:len(whole)-100], 0o666); err != nil {
		t.Fatal(err)
	}
	return []Segment{{path, 6}}
}

// Beyond 4 GiB, places and durations need more bits.
func TestLongVideosHaveWideTables(t *testing.T) {
	m, err := readMovie(segments("a")[0])
	if err != nil {
		t.Fatal(err)
	}
	long := m.track
	long.shift(5 << 30)
	long.deltas[0].SampleDelta = 1 << 31
	index, err := m.index(&long)
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(index)
	places, err := table[mp4.Co64](r, inTables("co64")...)
	if err != nil || places == nil || places.ChunkOffset[0] < 5<<30 {
		t.Errorf("%v %+v", err, places)
	}
	clock, err := table[mp4.Mdhd](r, "moov", "trak", "mdia", "mdhd")
	if err != nil || clock.Version != 1 || clock.GetDuration() != 6<<31 {
		t.Errorf("%v %+v", err, clock)
	}
	if head := mediaHeader(5 << 30); len(head) != 16 || fmt.Sprintf("%x", head) != "000000016d6461740000000140000010" {
		t.Errorf("%x", head)
	}
}

// Chunks may lie in any order.
func TestOneFarChunkMakesTheTableWide(t *testing.T) {
	for _, tt := range []struct {
		at   []uint64
		wide bool
	}{{[]uint64{5 << 30, 1}, true}, {[]uint64{1, 5 << 30}, true}, {[]uint64{math.MaxUint32, 1}, false}} {
		var tr track
		for _, at := range tt.at {
			tr.chunks = append(tr.chunks, chunk{at, 1})
		}
		if _, wide := tr.places().(*mp4.Co64); wide != tt.wide {
			t.Errorf("%v: wide %v", tt.at, wide)
		}
	}
}

// Whatever a worker leaves behind, joining it ends with a video or an error.
func FuzzJoin(f *testing.F) {
	for kind, ext := range Containers() {
		for _, s := range segmentsOf(ext, "a", "b", "c") {
			if data, err := os.ReadFile(s.Name); err == nil {
				f.Add(data, s.Frames, kind)
			}
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, frames, kind int) {
		if kind < 0 || kind >= len(Containers()) {
			return
		}
		ext := Containers()[kind]
		name := filepath.Join(dir, "x"+ext)
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Join(&b, ext, []Segment{{name, frames}, {name, frames}}); err != nil || kind < 2 {
			return
		}
		if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Join(&b, ext, []Segment{{name, 2 * frames}}); err != nil {
			t.Errorf("what was joined cannot be read: %v", err)
		}
	})
}
