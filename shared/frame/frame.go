// Package frame says what a picture is: its geometry, element type and pixel format, and the bytes. It does not say where the
// bytes live. Sizes are multiplied in this package only, and checked for overflow and limits.
package frame

import "time"

// Frame is one picture, or the encoded bytes of one.
//
// Pixels are dense: Height rows of Width pixels of Format.Channels() elements of Depth, in the machine's byte order, top row
// first, no padding. A frame is a small value that may be copied; its Pix is shared by the copies.
type Frame struct {
	Geometry
	Pix []byte
	// Index is the position in the stream it came from, from 0.
	Index uint64
	// PTS is the presentation time in that stream.
	PTS time.Duration
	// Source names where it came from, for messages: a file name, usually.
	Source string
	// Mem owns Pix where Pix is not ordinary Go memory; nil otherwise.
	Mem Memory
}

// Memory is memory that must be given back. A second Release does nothing.
type Memory interface{ Release() }

// Encoded returns a frame of encoded bytes: a JPEG or PNG file's content, for the decode op.
func Encoded(data []byte) Frame {
	return Frame{Geometry: Geometry{Format: FormatEncoded}, Pix: data}
}

// New returns a frame of zeroed pixels in Go memory.
func New(g Geometry) (Frame, error) {
	n, err := g.Size()
	if err != nil {
		return Frame{}, err
	}
	return Frame{Geometry: g, Pix: make([]byte, n)}, nil
}

// Validate reports whether Pix has the length that the geometry asks for.
func (f Frame) Validate() error {
	if f.Format == FormatEncoded {
		if len(f.Pix) == 0 {
			return errorf("no bytes to decode")
		}
		return nil
	}
	n, err := f.Size()
	if err != nil {
		return err
	}
	if len(f.Pix) != n {
		return errorf("%v needs %d bytes of pixels, got %d", f.Geometry, n, len(f.Pix))
	}
	return nil
}

// Release gives the frame's memory back. Pix must not be touched afterwards. It does nothing for Go memory.
func (f Frame) Release() {
	if f.Mem != nil {
		f.Mem.Release()
	}
}

// Copy returns the frame with its bytes in Go memory of their own. The original keeps its memory.
func (f Frame) Copy() Frame {
	f.Pix, f.Mem = append([]byte(nil), f.Pix...), nil
	return f
}
