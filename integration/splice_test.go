//go:build opencv

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A joined video shows what its segments show, and one can go to any frame of it.
func TestAJoinedVideoShowsTheFramesOfItsSegments(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{".mp4", ".mov", ".mkv", ".webm", ".avi"} {
		t.Run(ext, func(t *testing.T) {
			t.Parallel()
			const perSegment = 13
			dir, apart := t.TempDir(), t.TempDir()
			out, journal := "out"+ext, ".out"+ext+".cvfarm"
			args := []string{clip(t), "-p", "flip", "-o", out, "--segment", fmt.Sprint(perSegment)}
			begun(t, dir, journal, args...)
			var segments []string
			for _, r := range (resumable{journal: journal}).records(t, dir) {
				for _, k := range r.Kept {
					segments = append(segments, copyTo(t, filepath.Join(dir, k.Name), filepath.Join(apart, filepath.Base(k.Name))))
				}
			}
			runIn(t, dir, append([]string{"run", "--resume"}, args...)...).exits(0)
			joined := shown(t, filepath.Join(dir, out))
			if before := shown(t, segments...); len(before) < perSegment || len(joined) != clipFrames || !slices.Equal(joined[:len(before)], before) {
				t.Errorf("%d frames are not the %d of the segments and what follows", len(joined), len(before))
			}
			goesTo(t, filepath.Join(dir, out))
		})
	}
}

// shown is the frames of videos as OpenCV decodes them, one after the other.
func shown(t *testing.T, videos ...string) []string {
	t.Helper()
	dir := t.TempDir()
	runIn(t, dir, append(append([]string{"run"}, videos...), "-p", "flip", "-o", "%06d.png")...).exits(0)
	var all []string
	for _, name := range names(t, dir) {
		all = append(all, read(t, filepath.Join(dir, name)))
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// goesTo checks that a player which goes to a frame is there. The clip has 30 frames a second.
func goesTo(t *testing.T, video string) {
	t.Helper()
	all := frameHashes(t, video)
	for _, i := range []int{0, 12, 13, 14, 77, 130, 165} {
		at := fmt.Sprintf("%.4f", max(0, float64(i)-0.3)/30)
		if got := frameHashes(t, video, "-ss", at); len(got) != clipFrames-i || got[0] != all[i] {
			t.Errorf("%s: at %s s there are %d frames, and not frame %d first", filepath.Base(video), at, len(got), i)
		}
	}
}
