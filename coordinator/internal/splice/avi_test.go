package splice

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"
)

// aviSamples are the frames as one finds them who does not look at the index, with what the index says of each.
func aviSamples(t *testing.T, file []byte) []sample {
	t.Helper()
	movi := bytes.Index(file, []byte("movi"))
	end := movi + int(binary.LittleEndian.Uint32(file[movi-4:]))
	index := file[bytes.Index(file, []byte("idx1"))+8:]
	var all []sample
	for at := movi + 4; at < end; {
		size := int(binary.LittleEndian.Uint32(file[at+4:]))
		all = append(all, sample{int64(binary.LittleEndian.Uint32(index[4:])), string(file[at+8:][:size])})
		if said := int(binary.LittleEndian.Uint32(index[8:])); said != at-movi {
			t.Errorf("frame %d is at %d, the index has it at %d", len(all), at-movi, said)
		}
		at += 8 + size + size%2
		index = index[16:]
	}
	if len(index) > 0 || len(file) != 8+int(binary.LittleEndian.Uint32(file[4:])) {
		t.Errorf("%d bytes of the index are left, the file has %d bytes", len(index), len(file))
	}
	return all
}

func TestTheFramesOfEachAVISegmentFollowThoseOfTheLast(t *testing.T) {
	for _, names := range []string{"a", "a b", "a b c", "c a b", "c"} {
		t.Run(names, func(t *testing.T) {
			list := segmentsOf(".avi", strings.Fields(names)...)
			var want []sample
			for _, s := range list {
				file, err := os.ReadFile(s.Name)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, aviSamples(t, file)...)
			}
			got := joined(t, list)
			if !slices.Equal(aviSamples(t, got), want) {
				t.Errorf("%d samples, want %d", len(aviSamples(t, got)), len(want))
			}
			strh := bytes.Index(got, []byte("strh")) + 8
			if n := binary.LittleEndian.Uint32(got[strh+streamFrames:]); int(n) != len(want) {
				t.Errorf("the head has %d frames, want %d", n, len(want))
			}
		})
	}
}

func TestAnAVIHasTwoGiB(t *testing.T) {
	a := &avi{head: []byte("hdrl"), media: span{0, maxAVI - 10}}
	err := a.append(&avi{head: a.head, media: span{100, 111}})
	if err == nil || !strings.Contains(err.Error(), "would have 2147483648 bytes; the limit is 2147483647: write an .mkv or .mp4") {
		t.Error(err)
	}
}
