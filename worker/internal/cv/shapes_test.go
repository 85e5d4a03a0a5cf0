//go:build opencv

package cv

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func TestASizeThatIsTheSameForEveryPictureIsForetold(t *testing.T) {
	bgr := func(w, h int) frame.Geometry {
		return frame.Geometry{Width: w, Height: h, Format: frame.FormatBGR, Depth: frame.U8}
	}
	gray := bgr(60, 40)
	gray.Format = frame.FormatGray
	cases := []struct {
		name, text string
		want       []frame.Geometry
	}{
		{"of a resize to both sides", "decode | resize dsize=60x40 | gray", []frame.Geometry{bgr(0, 0), bgr(60, 40), gray}},
		{"not of one that keeps the aspect", "decode | resize dsize=60x0", []frame.Geometry{bgr(0, 0), bgr(0, 0)}},
		{"of a remap", "decode | blur | remap map1=x.tiff map2=y.tiff", []frame.Geometry{bgr(0, 0), bgr(0, 0), bgr(60, 40)}},
		{"of a crop", "decode | crop width=6 height=4 | rotate", []frame.Geometry{bgr(0, 0), bgr(6, 4), bgr(4, 6)}},
		{"not of one up to the edge", "decode | crop width=6 | resize fx=2", []frame.Geometry{bgr(0, 0), bgr(0, 0), bgr(0, 0)}},
		{"not of one that only large pictures bear", "decode | crop width=1000 height=1000", []frame.Geometry{bgr(0, 0), bgr(0, 0)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			prog := compileWith(t, c.text, inputsOf(parse(t, c.text), frame.Frame{}))
			got, err := prog.(serve.Planner).Shapes(frame.Geometry{Format: frame.FormatEncoded})
			if err != nil || len(got) != len(c.want) {
				t.Fatal(got, err)
			}
			for i, want := range c.want {
				if got[i] != want {
					t.Errorf("step %d makes %v, want %v", i+1, got[i], want)
				}
			}
		})
	}
	if _, err := compile(t, "decode | resize dsize=60x40 | crop x=50 width=20").(serve.Planner).Shapes(frame.Geometry{Format: frame.FormatEncoded}); err == nil {
		t.Error("a crop outside of what is known to be 60x40 is not refused")
	}
}

// It was announced as u8, and the pipelines that suit the file were refused for that.
func TestADepthThatTheFileDecidesIsNotForetold(t *testing.T) {
	encoded := frame.Geometry{Format: frame.FormatEncoded}
	for _, text := range []string{"decode anydepth=true | tonemap", "decode flags=grayscale anydepth=true | tonemap", "decode flags=unchanged | tonemap"} {
		got, err := compile(t, text).(serve.Planner).Shapes(encoded)
		if want := make([]frame.Geometry, 2); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s makes %v, %v; the file decides that", text, got, err)
		}
	}
	floats := testPicture(t, frame.Geometry{Width: 31, Height: 17, Format: frame.FormatBGR, Depth: frame.F32})
	out := run(t, "decode anydepth=true | tonemap", run(t, "encode ext=.tiff", floats).Frame).Frame
	if want := run(t, "tonemap", floats).Frame; out.Geometry != want.Geometry || !bytes.Equal(out.Pix, want.Pix) {
		t.Errorf("a file of floats became %v, want %v", out.Geometry, want.Geometry)
	}
}
