//go:build opencv

package cv

import (
	"encoding/json"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// flat is a gray picture of one value.
func flatPicture(t *testing.T, value byte) frame.Frame {
	t.Helper()
	f := testPicture(t, frame.Geometry{Width: 6, Height: 4, Format: frame.FormatGray, Depth: frame.U8})
	for i := range f.Pix {
		f.Pix[i] = value
	}
	return f
}

func TestARunningAverageGoesOnFromFrameToFrameOfItsStream(t *testing.T) {
	prog := compile(t, "running_average alpha=0.5")
	var one, two serve.Stream
	defer one.Close()
	defer two.Close()
	for i, want := range []byte{100, 150, 175, 188} { // 100, then half of the way to 200 each time; 187.5 is rounded to even
		in := flatPicture(t, 200)
		if i == 0 {
			in = flatPicture(t, 100)
		}
		out, err := one.Try(prog, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Frame.Pix[7]; got != want {
			t.Fatalf("frame %d: got %d, want %d", i, got, want)
		}
	}
	out, err := two.Try(prog, flatPicture(t, 10))
	if err != nil || out.Frame.Pix[0] != 10 {
		t.Fatalf("another stream begins at %v, %v", out.Frame.Pix, err)
	}
	_, err = two.Try(prog, testPicture(t, frame.Geometry{Width: 5, Height: 5, Format: frame.FormatGray, Depth: frame.U8}))
	wantFault(t, err, fault.Invalid, "the stream's frames were 6x4 gray u8, this one is 5x5 gray u8")
}

func TestMotionIsWhatDiffersFromTheFramesBefore(t *testing.T) {
	prog := compile(t, "motion alpha=0.5 threshold=25")
	var stream serve.Stream
	defer stream.Close()
	moves := flatPicture(t, 100)
	moves.Pix[7], moves.Pix[8] = 126, 125 // 26 moves, 25 does not
	for i, want := range []int{0, 0, 1, 0} {
		in := flatPicture(t, 100)
		if i == 2 {
			in = moves
		}
		out, err := stream.Try(prog, in)
		if err != nil {
			t.Fatal(err)
		}
		var found moved
		if err := json.Unmarshal(out.Values[0].JSON, &found); err != nil {
			t.Fatal(err)
		}
		if found.Moving != want || found.Frames != uint64(i) || (want == 1) != (out.Frame.Pix[7] == 255) {
			t.Fatalf("frame %d: %+v %v", i, found, out.Frame.Pix)
		}
	}
}
