//go:build opencv

package cv

import (
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
