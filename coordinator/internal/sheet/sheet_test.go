package sheet

import (
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
)

func picture(width, height int, format frame.Format, depth frame.Depth, pix []byte) frame.Frame {
	return frame.Frame{Geometry: frame.Geometry{Width: width, Height: height, Format: format, Depth: depth}, Pix: pix}
}

func native(values ...any) []byte {
	var pix []byte
	for _, v := range values {
		pix, _ = binary.Append(pix, binary.NativeEndian, v)
	}
	return pix
}

func TestPicturesAreShownForWhatTheyAre(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	gray := func(v uint8) color.RGBA { return color.RGBA{v, v, v, 255} }
	tests := []struct {
		name        string
		frame       frame.Frame
		left, right color.RGBA
		text        string
	}{
		{"gray bytes", picture(2, 1, frame.FormatGray, frame.U8, []byte{7, 200}), gray(7), gray(200), ""},
		{"bgr", picture(2, 1, frame.FormatBGR, frame.U8, []byte{1, 2, 3, 4, 5, 6}), color.RGBA{3, 2, 1, 255}, color.RGBA{6, 5, 4, 255}, ""},
		{"rgb", picture(2, 1, frame.FormatRGB, frame.U8, []byte{1, 2, 3, 4, 5, 6}), color.RGBA{1, 2, 3, 255}, color.RGBA{4, 5, 6, 255}, ""},
		{"alpha over gray", picture(2, 1, frame.FormatBGRA, frame.U8, []byte{0, 0, 255, 255, 9, 9, 9, 0}), color.RGBA{255, 0, 0, 255},
			gray(0xcc), ""},
		{"two channels", picture(2, 1, frame.FormatC2, frame.U8, []byte{1, 2, 3, 4}), color.RGBA{0, 2, 1, 255}, color.RGBA{0, 4, 3, 255}, ""},
		{"signed bytes", picture(2, 1, frame.FormatGray, frame.S8, native(int8(-3), int8(5))), gray(0), gray(255), "-3 black to 5 white"},
		{"16 bits", picture(2, 1, frame.FormatGray, frame.U16, native(uint16(1000), uint16(60000))), gray(0), gray(255), "1000 black to 6e+04 white"},
		{"signed", picture(2, 1, frame.FormatGray, frame.S16, native(int16(9), int16(-9))), gray(255), gray(0), "-9 black to 9 white"},
		{"32 bits", picture(2, 1, frame.FormatGray, frame.S32, native(int32(-5), int32(5))), gray(0), gray(255), "-5 black to 5 white"},
		{"float", picture(2, 1, frame.FormatBGR, frame.F32, native(float32(0), float32(1), float32(4), float32(0), float32(0), float32(2))),
			color.RGBA{255, 64, 0, 255}, color.RGBA{128, 0, 0, 255}, "0 black to 4 white"},
		{"float that is not all finite", picture(4, 1, frame.FormatGray, frame.F32, native(nan, float32(1), inf, float32(3))), gray(0), gray(255), "1 black to 3 white"},
		{"all the same", picture(2, 1, frame.FormatGray, frame.F32, native(float32(2), float32(2))), gray(0), gray(0), "2 black to 2 white"},
		{"nothing finite", picture(2, 1, frame.FormatGray, frame.F32, native(nan, nan)), gray(0), gray(0), "0 black to 0 white"},
		{"double", picture(2, 1, frame.FormatGray, frame.F64, native(-math.MaxFloat64, math.MaxFloat64)), gray(0), gray(0), "black to"},
		{"half", picture(2, 1, frame.FormatGray, frame.F16, native(uint16(0xbc00), uint16(0x4000))), gray(0), gray(255), "-1 black to 2 white"},
		{"alpha of floats has no part in the range", picture(2, 1, frame.FormatBGRA, frame.F32, native(
			float32(2), float32(2), float32(2), float32(1), float32(3), float32(3), float32(3), float32(1))), gray(0), gray(255), "2 black to 3 white"},
	}
	for _, tt := range tests {
		got, text, err := Shrink(tt.frame, tt.frame.Width)
		if err != nil || text != tt.text && !(tt.name == "double" && strings.Contains(text, tt.text)) {
			t.Fatalf("%s: %q, %v", tt.name, text, err)
		}
		if left, right := got.At(0, 0), got.At(got.Bounds().Dx()-1, 0); left != tt.left || right != tt.right {
			t.Errorf("%s: %v and %v, want %v and %v", tt.name, left, right, tt.left, tt.right)
		}
	}
}

func TestWhatCannotBeShownIsAnError(t *testing.T) {
	for _, f := range []frame.Frame{
		{}, frame.Encoded([]byte("x")), picture(2, 2, frame.FormatGray, frame.U8, []byte{1}), picture(1, 1, frame.FormatGray, frame.Depth(99), []byte{1}),
	} {
		if _, _, err := Shrink(f, 100); err == nil {
			t.Errorf("%v", f.Geometry)
		}
	}
}

func TestShrinkKeepsTheAspect(t *testing.T) {
	for _, c := range []struct{ width, height, side, wantWidth, wantHeight int }{
		{640, 480, 320, 320, 240}, {480, 640, 320, 240, 320}, {100, 50, 320, 300, 150}, {1, 1, 320, 320, 320}, {4096, 1, 320, 320, 1}, {300, 2, 320, 300, 2},
	} {
		f, _ := frame.New(frame.Geometry{Width: c.width, Height: c.height, Format: frame.FormatGray})
		got, _, err := Shrink(f, c.side)
		if err != nil || got.Bounds() != image.Rect(0, 0, c.wantWidth, c.wantHeight) {
			t.Errorf("%dx%d in %d: %v, %v", c.width, c.height, c.side, got.Bounds(), err)
		}
	}
}

// A thin line must not vanish when a picture is made smaller: that is what edges are.
func TestShrinkAveragesWhatItLeavesOut(t *testing.T) {
	f, _ := frame.New(frame.Geometry{Width: 400, Height: 10, Format: frame.FormatGray})
	for y := range 10 {
		f.Pix[y*400+203] = 255
	}
	got, _, _ := Shrink(f, 40)
	sum := 0
	for x := range 40 {
		r, _, _, _ := got.At(x, 0).RGBA()
		sum += int(r >> 8)
	}
	if sum < 20 || sum > 32 {
		t.Errorf("a line of 255 in 400 pixels has %d left in 40", sum)
	}
}

func TestTilesStandInRows(t *testing.T) {
	tall := image.NewGray(image.Rect(0, 0, 50, 120))
	var tiles []Tile
	for range 5 {
		tiles = append(tiles, Tile{Title: "a", Detail: "b", Picture: tall})
	}
	got, err := Draw(tiles, 100)
	if err != nil {
		t.Fatal(err)
	}
	row := 2*lineHeight + 120 + 2 + lineHeight/3
	if want := image.Rect(0, 0, 3*(100+margin)+margin, 2*(row+margin)+margin); got.Bounds() != want {
		t.Errorf("five tiles are %v, want %v", got.Bounds(), want)
	}
	if c := got.At(margin+1+25, margin+2*lineHeight+60); c == (color.RGBA{0xf6, 0xf6, 0xf6, 0xff}) {
		t.Error("there is no picture at its place")
	}
}

func TestTextIsCutToTheWidth(t *testing.T) {
	w, err := newWriter()
	if err != nil {
		t.Fatal(err)
	}
	if got := w.fit(w.bold, "gray", 100); got != "gray" {
		t.Error(got)
	}
	if got := w.fit(w.bold, strings.Repeat("gray ", 100_000), 100); len(got) > 40 || !strings.HasSuffix(got, "…") {
		t.Error(got)
	}
	long := w.wrap(strings.Repeat("0123456789", 1000), 100)
	if len(long) != maxNotes || !strings.HasSuffix(long[maxNotes-1], "…") || len([]rune(long[maxNotes-1])) > len(long[0]) {
		t.Errorf("%q", long)
	}
	if got := w.wrap("a\nb", 100); len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("%q", got)
	}
}
