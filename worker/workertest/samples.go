package workertest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// samples are pictures of every format and depth and of awkward sizes, image files, and bytes that are none.
func samples() []frame.Frame {
	var all []frame.Frame
	add := func(w, h int, f frame.Format, d frame.Depth) {
		all = append(all, noise(frame.Geometry{Width: w, Height: h, Format: f, Depth: d}))
	}
	add(64, 48, frame.FormatBGR, frame.U8)
	add(64, 48, frame.FormatGray, frame.U8)
	for format := frame.FormatGray; format.Channels() > 0; format++ {
		add(7, 5, format, frame.U8)
	}
	for depth := frame.S8; depth.Bytes() > 0; depth++ {
		add(7, 5, frame.FormatGray, depth)
		add(7, 5, frame.FormatBGR, depth)
	}
	for _, size := range [][2]int{{1, 1}, {1, 23}, {23, 1}, {2, 2}, {8191, 1}, {131, 67}} {
		add(size[0], size[1], frame.FormatGray, frame.U8)
		add(size[0], size[1], frame.FormatBGR, frame.U8)
	}
	files := files()
	for _, f := range files {
		all = append(all, frame.Encoded(f), frame.Encoded(f[:len(f)/2]))
	}
	return append(all, frame.Encoded([]byte{0}), frame.Encoded([]byte("this is no image at all")))
}

// noise is the same for the same geometry.
func noise(g frame.Geometry) frame.Frame {
	f, err := frame.New(g)
	if err != nil {
		panic(err) // a sample of ours
	}
	state := uint32(2463534242)
	for i := range f.Pix {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		f.Pix[i] = byte(state >> 16)
	}
	return f
}

func files() [][]byte {
	picture := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range 40 * 30 {
		picture.Set(i%40, i/40, color.NRGBA{R: uint8(6 * (i % 40)), G: uint8(i / 5), B: 90, A: 255})
	}
	var p, j bytes.Buffer
	if png.Encode(&p, picture) != nil || jpeg.Encode(&j, picture, nil) != nil {
		panic("an image in memory cannot be encoded")
	}
	return [][]byte{p.Bytes(), j.Bytes()}
}
