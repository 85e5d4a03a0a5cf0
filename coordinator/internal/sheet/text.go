package sheet

import (
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// writer writes lines on a canvas.
type writer struct {
	canvas              *image.RGBA
	bold, regular, mono font.Face
}

func newWriter() (*writer, error) {
	w := &writer{}
	for _, f := range []struct {
		face *font.Face
		ttf  []byte
		size float64
	}{{&w.bold, gobold.TTF, 14}, {&w.regular, goregular.TTF, 13}, {&w.mono, gomono.TTF, 12}} {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			return nil, err
		}
		if *f.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// line writes text whose line begins with its top left at x, y.
func (w *writer) line(face font.Face, shade color.Color, x, y int, text string) {
	d := font.Drawer{Dst: w.canvas, Src: image.NewUniform(shade), Face: face, Dot: fixed.P(x, y+lineHeight-5)}
	d.DrawString(text)
}

// fit cuts text to what is at most width wide.
func (w *writer) fit(face font.Face, text string, width int) string {
	limit := fixed.I(width)
	r := []rune(text)
	if len(r) <= width && font.MeasureString(face, text) <= limit {
		return text
	}
	r = r[:min(len(r), width)] // no character is narrower than a pixel
	for len(r) > 0 && font.MeasureString(face, string(r)+"…") > limit {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// wrap breaks text into lines of the mono font, at most maxNotes of them.
func (w *writer) wrap(text string, width int) []string {
	advance, _ := w.mono.GlyphAdvance('0')
	per := max(int(fixed.I(width)/max(advance, 1)), 2)
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		for r := []rune(paragraph); len(r) > 0; {
			n := min(per, len(r))
			lines, r = append(lines, string(r[:n])), r[n:]
			if len(lines) > maxNotes { // what is left over is not shown
				last := []rune(lines[maxNotes-1])
				lines[maxNotes-1] = string(last[:min(len(last), per-1)]) + "…"
				return lines[:maxNotes]
			}
		}
	}
	return lines
}
