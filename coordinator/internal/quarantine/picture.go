package quarantine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// extension is how the file of a frame is called: by its content, never by its source.
func extension(g frame.Geometry, pix []byte) string {
	switch m := mimetype.Detect(pix); {
	case isPNG(g):
		return ".png"
	case g.IsPixels():
		return ".npy"
	case strings.HasPrefix(m.String(), "image/") && !m.Is("image/svg+xml") && m.Extension() != "":
		return m.Extension()
	}
	return ".bin"
}

// isPNG reports whether PNG has such pixels: gray, or colour with or without alpha, of 8 or 16 bits.
func isPNG(g frame.Geometry) bool {
	_, _, ok := channels(g.Format)
	return ok && (g.Depth == frame.U8 || g.Depth == frame.U16)
}

// channels tells where red and blue are in a pixel.
func channels(f frame.Format) (red, blue int, ok bool) {
	switch f {
	case frame.FormatGray:
		return 0, 0, true
	case frame.FormatBGR, frame.FormatBGRA:
		return 2, 0, true
	case frame.FormatRGB, frame.FormatRGBA:
		return 0, 2, true
	}
	return 0, 0, false
}

// encode writes a frame so that Decode returns the same: the bytes of an image file as they are, pixels as PNG where that has
// them, and else as a NumPy array of height × width × channels, which numpy.load reads.
func encode(w io.Writer, g frame.Geometry, pix []byte) error {
	if isPNG(g) {
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		return e.Encode(w, plain(newPicture(g, pix)))
	}
	if g.IsPixels() {
		if _, err := w.Write(npyHeader(g)); err != nil {
			return err
		}
	}
	_, err := w.Write(pix)
	return err
}

// decode is the reverse of encode.
func decode(g frame.Geometry, data []byte) ([]byte, error) {
	if !g.IsPixels() {
		return data, nil
	}
	size, err := g.Size()
	if err != nil {
		return nil, err
	}
	if isPNG(g) {
		return decodePNG(g, size, data)
	}
	head := npyHeader(g)
	if !bytes.HasPrefix(data, head) || len(data) != len(head)+size {
		return nil, fmt.Errorf("it is no NumPy array of %v", g)
	}
	return data[len(head):], nil
}

func decodePNG(g frame.Geometry, size int, data []byte) ([]byte, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err == nil && (c.Width != g.Width || c.Height != g.Height) {
		err = fmt.Errorf("it has %dx%d pixels, not those of %v", c.Width, c.Height, g)
	}
	if err != nil {
		return nil, err
	}
	from, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	to := newPicture(g, make([]byte, size))
	for y := range g.Height {
		for x := range g.Width {
			to.set(x, y, from.At(x, y))
		}
	}
	return to.pix, nil
}

// picture is a frame's pixels as an image.Image, where they lie.
type picture struct {
	frame.Geometry
	pix            []byte
	red, blue, all int // channels: where two of them are, and how many
}

func newPicture(g frame.Geometry, pix []byte) *picture {
	red, blue, _ := channels(g.Format)
	return &picture{g, pix, red, blue, g.Format.Channels()}
}

// plain is the picture as a type that the encoder reads row by row, where there is one: from others it has a colour allocated for
// each pixel.
func plain(p *picture) image.Image {
	switch {
	case p.Depth != frame.U8:
		return p
	case p.all == 1:
		return &image.Gray{Pix: p.pix, Stride: p.Width, Rect: p.Bounds()}
	}
	m := image.NewNRGBA(p.Bounds())
	for i, o := 0, 0; o < len(m.Pix); i, o = i+p.all, o+4 {
		from, to := p.pix[i:i+p.all], m.Pix[o:o+4]
		to[0], to[1], to[2], to[3] = from[p.red], from[1], from[p.blue], 0xff
		if p.all == 4 {
			to[3] = from[3]
		}
	}
	if !p.Opaque() && m.Opaque() {
		return p // whose alpha is kept
	}
	return m
}

func (p *picture) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// Opaque keeps the encoder from looking for alpha where there is none, and from leaving out one that happens to be full.
func (p *picture) Opaque() bool { return p.all < 4 }

func (p *picture) ColorModel() color.Model {
	switch {
	case p.Depth == frame.U8 && p.all == 1:
		return color.GrayModel
	case p.Depth == frame.U8:
		return color.NRGBAModel
	case p.all == 1:
		return color.Gray16Model
	}
	return color.NRGBA64Model
}

func (p *picture) At(x, y int) color.Color {
	i := (y*p.Width + x) * p.all
	switch {
	case p.Depth == frame.U8 && p.all == 1:
		return color.Gray{Y: p.pix[i]}
	case p.Depth == frame.U8:
		c := color.NRGBA{R: p.pix[i+p.red], G: p.pix[i+1], B: p.pix[i+p.blue], A: 0xff}
		if p.all == 4 {
			c.A = p.pix[i+3]
		}
		return c
	case p.all == 1:
		return color.Gray16{Y: p.word(i)}
	}
	c := color.NRGBA64{R: p.word(i + p.red), G: p.word(i + 1), B: p.word(i + p.blue), A: 0xffff}
	if p.all == 4 {
		c.A = p.word(i + 3)
	}
	return c
}

func (p *picture) set(x, y int, c color.Color) {
	i := (y*p.Width + x) * p.all
	switch c := p.ColorModel().Convert(c).(type) {
	case color.Gray:
		p.pix[i] = c.Y
	case color.NRGBA:
		p.pix[i+p.red], p.pix[i+1], p.pix[i+p.blue] = c.R, c.G, c.B
		if p.all == 4 {
			p.pix[i+3] = c.A
		}
	case color.Gray16:
		p.setWord(i, c.Y)
	case color.NRGBA64:
		p.setWord(i+p.red, c.R)
		p.setWord(i+1, c.G)
		p.setWord(i+p.blue, c.B)
		if p.all == 4 {
			p.setWord(i+3, c.A)
		}
	}
}

func (p *picture) word(i int) uint16       { return binary.NativeEndian.Uint16(p.pix[2*i:]) }
func (p *picture) setWord(i int, v uint16) { binary.NativeEndian.PutUint16(p.pix[2*i:], v) }

var npyTypes = map[frame.Depth]string{
	frame.U8: "u1", frame.S8: "i1", frame.U16: "u2", frame.S16: "i2", frame.S32: "i4", frame.F16: "f2", frame.F32: "f4", frame.F64: "f8",
}

// npyHeader is what stands before the bytes of an array, version 1.0: https://numpy.org/neps/nep-0001-npy-format.html
func npyHeader(g frame.Geometry) []byte {
	order := "<"
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		order = ">"
	}
	text := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%d, %d, %d), }",
		order, npyTypes[g.Depth], g.Height, g.Width, g.Format.Channels())
	const prefix = 10 // magic, version, length
	text += strings.Repeat(" ", 63-(prefix+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(head[8:], uint16(len(text)))
	return append(head, text...)
}
