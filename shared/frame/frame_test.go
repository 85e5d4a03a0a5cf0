package frame

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestSizeIsTheProductOrAnError(t *testing.T) {
	cases := []struct {
		name string
		g    Geometry
		want int // 0: an error
	}{
		{"a full HD colour frame", Geometry{1920, 1080, FormatBGR, U8}, 6220800},
		{"one gray pixel", Geometry{1, 1, FormatGray, U8}, 1},
		{"doubles have eight bytes", Geometry{2, 3, FormatC2, F64}, 96},
		{"the zero geometry", Geometry{}, 0},
		{"encoded bytes have no pixels", Geometry{10, 10, FormatEncoded, U8}, 0},
		{"an unknown format", Geometry{1, 1, 200, U8}, 0},
		{"an unknown depth", Geometry{1, 1, FormatGray, 99}, 0},
		{"no width", Geometry{0, 5, FormatGray, U8}, 0},
		{"a negative height", Geometry{5, -1, FormatGray, U8}, 0},
		{"a side beyond the limit", Geometry{MaxSide + 1, 1, FormatGray, U8}, 0},
		{"too many bytes", Geometry{MaxSide, MaxSide, FormatBGRA, F64}, 0},
		{"a product that overflows 64 bits", Geometry{math.MaxInt, math.MaxInt, FormatBGRA, F64}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.g.Size()
			if got != c.want || (err == nil) != (c.want > 0) {
				t.Fatalf("Size(%v) = %d, %v; want %d", c.g, got, err, c.want)
			}
		})
	}
}

func TestAFrameIsValidOnlyWithItsExactBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Geometry{
			Width:  rapid.IntRange(1, 50).Draw(t, "width"),
			Height: rapid.IntRange(1, 50).Draw(t, "height"),
			Format: Format(rapid.IntRange(int(FormatGray), len(formats)-1).Draw(t, "format")),
			Depth:  Depth(rapid.IntRange(0, len(depths)-1).Draw(t, "depth")),
		}
		f, err := New(g)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Validate(); err != nil {
			t.Fatal(err)
		}
		if len(f.Pix) != g.Height*g.RowBytes() {
			t.Fatalf("%d bytes for %d rows of %d", len(f.Pix), g.Height, g.RowBytes())
		}
		f.Pix = f.Pix[:len(f.Pix)-1]
		if f.Validate() == nil {
			t.Fatal("a frame with a byte missing is valid")
		}
	})
}

func TestACopyHasBytesOfItsOwn(t *testing.T) {
	f := Encoded([]byte{1, 2, 3})
	c := f.Copy()
	f.Pix[0] = 9
	if c.Pix[0] != 1 {
		t.Fatal("the copy shares the original's bytes")
	}
}

func TestGeometryAsJSON(t *testing.T) {
	for f := range formats {
		for d := range depths {
			g := Geometry{Width: 3, Height: 2, Format: Format(f), Depth: Depth(d)}
			text, err := json.Marshal(g)
			var got Geometry
			if err == nil {
				err = json.Unmarshal(text, &got)
			}
			if want := fmt.Sprintf(`{"width":3,"height":2,"format":%q,"depth":%q}`, g.Format, g.Depth); err != nil || got != g || string(text) != want {
				t.Fatalf("%v became %s and %v: %v", g, text, got, err)
			}
		}
	}
	for _, text := range []string{`{"format": "bgrr"}`, `{"depth": "u9"}`, `{"format": 3}`} {
		if err := json.Unmarshal([]byte(text), new(Geometry)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}
