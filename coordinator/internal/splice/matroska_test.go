package splice

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
)

// matroskaFile is how the library reads one.
type matroskaFile struct {
	Header  webm.EBMLHeader `ebml:"EBML"`
	Segment webm.Segment    `ebml:"Segment"`
}

func parsed(t *testing.T, file []byte) matroskaFile {
	t.Helper()
	var m matroskaFile
	if err := ebml.Unmarshal(bytes.NewReader(file), &m, ebml.WithIgnoreUnknown(true)); err != nil {
		t.Fatal(err)
	}
	return m
}

// samples are the frames, in the order of the file, with the time at which each is shown in milliseconds.
func (m matroskaFile) samples() []sample {
	var all []sample
	for _, c := range m.Segment.Cluster {
		for _, b := range c.SimpleBlock {
			all = append(all, sample{int64(c.Timecode) + int64(b.Timecode), string(b.Data[0])})
		}
	}
	return all
}

func TestTheFramesOfEachMatroskaSegmentFollowThoseOfTheLast(t *testing.T) {
	for _, ext := range []string{".mkv", ".webm"} {
		for _, names := range []string{"a", "a b", "a b c", "c a b", "a c b a", "c"} {
			t.Run(names+ext, func(t *testing.T) {
				list := segmentsOf(ext, strings.Fields(names)...)
				var want []sample
				for _, s := range list {
					file, err := os.ReadFile(s.Name)
					if err != nil {
						t.Fatal(err)
					}
					shift := int64(len(want) * 40) // 25 a second
					for _, x := range parsed(t, file).samples() {
						want = append(want, sample{x.shown + shift, x.data})
					}
				}
				got := parsed(t, joined(t, list))
				if !slices.Equal(got.samples(), want) {
					t.Errorf("%d samples, want %d", len(got.samples()), len(want))
				}
				if d := got.Segment.Info.Duration; d != float64(40*len(want)) {
					t.Errorf("%v ms, want %d", d, 40*len(want))
				}
			})
		}
	}
}

// What the file tells of places is where that is.
func TestTheIndexOfAJoinedMatroskaFile(t *testing.T) {
	file := joined(t, segmentsOf(".mkv", "a", "b", "c"))
	m := parsed(t, file)
	segment := bytes.Index(file, []byte{0x11, 0x4D, 0x9B, 0x74}) // where the first element of the segment begins
	for _, s := range m.Segment.SeekHead.Seek {
		if at := file[segment+int(s.SeekPosition):]; !bytes.HasPrefix(at, s.SeekID) {
			t.Errorf("%X is not where the head has it, but %X", s.SeekID, at[:4])
		}
	}
	var times []uint64
	for _, c := range m.Segment.Cues.CuePoint {
		times = append(times, c.CueTime)
		at := file[segment+int(c.CueTrackPositions[0].CueClusterPosition):]
		if !bytes.HasPrefix(at, []byte{0x1F, 0x43, 0xB6, 0x75}) {
			t.Errorf("there is no cluster where the index has that of %d ms, but %X", c.CueTime, at[:4])
		}
	}
	if want := []uint64{0, 240, 480}; !slices.Equal(times, want) {
		t.Errorf("one can go to %v ms, want %v", times, want)
	}
}

// The encoder gives each track a random identity.
func TestWhatIsRandomInASegmentIsNotInTheVideo(t *testing.T) {
	a, err := os.ReadFile("testdata/a.mkv")
	if err != nil {
		t.Fatal(err)
	}
	uid := bytes.Index(a, []byte{0x73, 0xC5, 0x88})
	copy(a[uid+3:], "anything")
	name := t.TempDir() + "/a.mkv"
	if err := os.WriteFile(name, a, 0o666); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(joined(t, []Segment{{name, 6}}), joined(t, segmentsOf(".mkv", "a"))) {
		t.Error("the identity makes a difference")
	}
}

// A cluster counts the time of its frames in 16 bits.
func TestFramesFarFromTheLastKeyBeginAClusterOfTheirOwn(t *testing.T) {
	m := matroska{scale: 1e6, every: 1e9}
	for i := range 100 {
		m.pictures = append(m.pictures, picture{shown: int64(i)})
	}
	m.pictures[0].flags = flagKey
	var begins []string
	for _, c := range m.clusters(0, 7) {
		begins = append(begins, fmt.Sprint(c.time()))
	}
	if got := strings.Join(begins, " "); got != "7000 40000 73000 106000" {
		t.Errorf("clusters begin at %s ms", got)
	}
}

// Rates that are no whole number of ticks are rounded once, not once a segment.
func TestTimesDoNotDrift(t *testing.T) {
	m := matroska{scale: 1e6, every: 33366700} // 29.97 a second
	for frame, want := range map[int]int64{0: 0, 1: 33, 2: 67, 3: 100, 1000: 33367, 1e6: 33366700} {
		if got := m.tick(frame); got != want {
			t.Errorf("frame %d is shown at %d ms, want %d", frame, got, want)
		}
	}
}
