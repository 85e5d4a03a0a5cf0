//go:build opencv

package farm

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cvfarm/cvfarm/coordinator/internal/splice"
)

// With a codec that loses nothing, a video that is joined from segments has the very pixels of one that is written in one go, from
// whatever frame on it is read.
func TestAJoinedVideoHasThePixelsOfTheWhole(t *testing.T) {
	f := realFarm(t)
	for ext, codec := range map[string]string{".mkv": "FFV1", ".avi": "HFYU"} {
		dir := t.TempDir()
		whole := filepath.Join(dir, "whole"+ext)
		writeClip(t, f, whole, codec, 0, 30)
		var segments []splice.Segment
		for i := 0; i < 30; i += 7 {
			s := splice.Segment{Name: filepath.Join(dir, fmt.Sprint(i)+ext), Frames: min(7, 30-i)}
			writeClip(t, f, s.Name, codec, i, s.Frames)
			segments = append(segments, s)
		}
		joined := filepath.Join(dir, "joined"+ext)
		to, err := os.Create(joined)
		if err != nil {
			t.Fatal(err)
		}
		if err := splice.Join(to, ext, segments); err != nil {
			t.Fatal(err)
		}
		to.Close()
		want, wantVideo := readFrom(t, f, whole, 0)
		for _, at := range []int{0, 6, 7, 8, 20, 29} {
			if got, video := readFrom(t, f, joined, at); !slices.Equal(got, want[at:]) || video != wantVideo || len(want) != 30 {
				t.Errorf("%s from %d: %d frames of %+v, want %d of %+v", ext, at, len(got), video, len(want)-at, wantVideo)
			}
		}
	}
}

// writeClip writes frames of the clip.
func writeClip(t *testing.T, f *Farm, path, codec string, from, frames int) {
	t.Helper()
	r, err := f.OpenReaderAt(t.Context(), clip(t), uint64(from))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := f.CreateWriter(t.Context(), path, Video{Geometry: r.Video().Geometry, FPS: r.Video().FPS, Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	for x, err := range r.Frames(t.Context()) {
		if err == nil {
			err = w.Write(t.Context(), x)
		}
		if err != nil {
			t.Fatal(err)
		}
		if frames--; frames == 0 {
			break
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// readFrom returns the frames from one on, as hashes.
func readFrom(t *testing.T, f *Farm, path string, at int) ([][32]byte, Video) {
	t.Helper()
	r, err := f.OpenReaderAt(t.Context(), path, uint64(at))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all [][32]byte
	for x, err := range r.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sha256.Sum256(x.Pix))
		x.Release()
	}
	return all, r.Video()
}
