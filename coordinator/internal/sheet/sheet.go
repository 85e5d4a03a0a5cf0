// Package sheet lays pictures out on one, each with words above and below it: a contact sheet. It is pure, and works on raw
// pixels only: it decodes nothing.
package sheet

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// Tile is one picture with what is said of it. Lines that are too long are cut short, and end in "…".
type Tile struct {
	Title, Detail string
	// Picture is nil where there is none. It is drawn as it is; Shrink makes one that fits.
	Picture image.Image
	// Notes stand below the picture. They are broken into at most maxNotes lines.
	Notes string
	// Alarm shows the notes as an error.
	Alarm bool
}

const (
	margin     = 14
	lineHeight = 18
	maxNotes   = 5
)

var (
	paper  = color.Gray{0xf6}
	border = color.Gray{0xd0}
	ink    = color.Gray{0x20}
	faint  = color.Gray{0x60}
	alarm  = color.RGBA{0xb0, 0x10, 0x10, 0xff}
)

// Draw returns the tiles in rows, in order, each width pixels wide.
func Draw(tiles []Tile, width int) (image.Image, error) {
	w, err := newWriter()
	if err != nil {
		return nil, err
	}
	columns := columnsFor(len(tiles))
	var rows [][]Tile
	for rest := tiles; len(rest) > 0; {
		n := min(columns, len(rest))
		rows, rest = append(rows, rest[:n]), rest[n:]
	}
	height := margin
	for _, row := range rows {
		height += w.rowHeight(row, width) + margin
	}
	w.canvas = image.NewRGBA(image.Rect(0, 0, columns*(width+margin)+margin, height))
	draw.Draw(w.canvas, w.canvas.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	y := margin
	for _, row := range rows {
		for i, t := range row {
			w.tile(t, margin+i*(width+margin), y, width)
		}
		y += w.rowHeight(row, width) + margin
	}
	return w.canvas, nil
}

// columnsFor keeps a few tiles in one row and many in a sheet that is not much higher than it is wide.
func columnsFor(n int) int {
	if n <= 4 {
		return max(n, 1)
	}
	return min(4, int(math.Ceil(math.Sqrt(float64(n)))))
}

func (w *writer) rowHeight(row []Tile, width int) int {
	height := 0
	for _, t := range row {
		height = max(height, 2*lineHeight+pictureHeight(t)+lineHeight*len(w.wrap(t.Notes, width)))
	}
	return height
}

// pictureHeight includes the frame, and some space below.
func pictureHeight(t Tile) int {
	if t.Picture == nil {
		return 0
	}
	return t.Picture.Bounds().Dy() + 2 + lineHeight/3
}

func (w *writer) tile(t Tile, x, y, width int) {
	w.line(w.bold, ink, x, y, w.fit(w.bold, t.Title, width))
	w.line(w.regular, faint, x, y+lineHeight, w.fit(w.regular, t.Detail, width))
	y += 2 * lineHeight
	if t.Picture != nil {
		b := t.Picture.Bounds()
		around := image.Rect(x, y, x+b.Dx()+2, y+b.Dy()+2)
		draw.Draw(w.canvas, around, image.NewUniform(border), image.Point{}, draw.Src)
		draw.Draw(w.canvas, around.Inset(1), t.Picture, b.Min, draw.Src)
	}
	y += pictureHeight(t)
	shade := color.Color(ink)
	if t.Alarm {
		shade = alarm
	}
	for i, line := range w.wrap(t.Notes, width) {
		w.line(w.mono, shade, x, y+i*lineHeight, line)
	}
}
