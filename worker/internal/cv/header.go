//go:build opencv

package cv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"iter"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// header is what the first bytes of an image file tell.
type header struct {
	kind string // "jpeg"; empty for what this package cannot read, which OpenCV may be able to decode nevertheless
	size image.Point
}

// readHeader reads the size of a picture without decoding it. The bytes come from anywhere: nothing in them is believed.
func readHeader(data []byte) header {
	for _, f := range []struct {
		kind, magic string
		size        func([]byte) image.Point
	}{
		{"jpeg", "\xff\xd8\xff", jpegSize},
		{"png", "\x89PNG\r\n\x1a\n", func(b []byte) image.Point { return image.Pt(be32(b, 16), be32(b, 20)) }},
		{"webp", "RIFF", webpSize},
		{"bmp", "BM", bmpSize},
		{"tiff", "II*\x00", func(b []byte) image.Point { return tiffSize(b, binary.LittleEndian) }},
		{"tiff", "MM\x00*", func(b []byte) image.Point { return tiffSize(b, binary.BigEndian) }},
		{"pnm", "P1", pnmSize}, {"pnm", "P2", pnmSize}, {"pnm", "P3", pnmSize},
		{"pnm", "P4", pnmSize}, {"pnm", "P5", pnmSize}, {"pnm", "P6", pnmSize},
		{"gif", "GIF8", func(b []byte) image.Point { return image.Pt(le16(b, 6), le16(b, 8)) }},
	} {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			if size := f.size(data); size.X > 0 && size.Y > 0 {
				return header{f.kind, size}
			}
			return header{kind: f.kind}
		}
	}
	return header{}
}

// at returns n bytes from offset, zeros where data ends before.
func at(data []byte, offset, n int) []byte {
	if offset < 0 || offset > len(data)-n {
		return make([]byte, n)
	}
	return data[offset : offset+n]
}

func be16(b []byte, offset int) int { return int(binary.BigEndian.Uint16(at(b, offset, 2))) }
func be32(b []byte, offset int) int { return int(binary.BigEndian.Uint32(at(b, offset, 4))) }
func le16(b []byte, offset int) int { return int(binary.LittleEndian.Uint16(at(b, offset, 2))) }
func le24(b []byte, offset int) int { return le16(b, offset) | int(at(b, offset+2, 1)[0])<<16 }
func le32(b []byte, offset int) int { return int(binary.LittleEndian.Uint32(at(b, offset, 4))) }

// jpegMarkers goes from marker to marker, up to the end of the picture, and tells where each is. Those that stand alone it passes
// over, and with them what a scan is made of: in it 0xff comes before 0, which makes it a number, or as a restart.
func jpegMarkers(b []byte) iter.Seq2[byte, int] {
	return func(yield func(byte, int) bool) {
		for i := 2; i < len(b); {
			next := bytes.IndexByte(b[i:], 0xff)
			if next < 0 {
				return
			}
			i += next
			switch marker := at(b, i+1, 1)[0]; {
			case marker == 0xff: // padding
				i++
			case marker <= 1 || marker >= 0xd0 && marker <= 0xd8: // no length
				i += 2
			case !yield(marker, i) || marker == jpegEnd:
				return
			default:
				i += 2 + max(be16(b, i+2), 2)
			}
		}
	}
}

const jpegEnd = 0xd9

// jpegSize looks for the frame header.
func jpegSize(b []byte) image.Point {
	for marker, i := range jpegMarkers(b) {
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc {
			return image.Pt(be16(b, i+7), be16(b, i+5))
		}
	}
	return image.Point{}
}

func webpSize(b []byte) image.Point {
	switch string(at(b, 8, 8)) {
	case "WEBPVP8 ":
		return image.Pt(le16(b, 26)&0x3fff, le16(b, 28)&0x3fff)
	case "WEBPVP8L":
		bits := le32(b, 21)
		return image.Pt(bits&0x3fff+1, bits>>14&0x3fff+1)
	case "WEBPVP8X":
		return image.Pt(le24(b, 24)+1, le24(b, 27)+1)
	}
	return image.Point{}
}

func bmpSize(b []byte) image.Point {
	if le32(b, 14) == 12 {
		return image.Pt(le16(b, 18), le16(b, 20))
	}
	height := int(int32(le32(b, 22)))
	return image.Pt(int(int32(le32(b, 18))), max(height, -height)) // negative: top row first
}

func tiffSize(b []byte, order binary.ByteOrder) image.Point {
	var size image.Point
	u16 := func(offset int) int { return int(order.Uint16(at(b, offset, 2))) }
	u32 := func(offset int) int { return int(order.Uint32(at(b, offset, 4))) }
	directory := u32(4)
	for i := range u16(directory) {
		entry := directory + 2 + 12*i
		value := u32(entry + 8)
		if u16(entry+2) == 3 { // a short
			value = u16(entry + 8)
		}
		switch u16(entry) {
		case 256:
			size.X = value
		case 257:
			size.Y = value
		}
	}
	return size
}

var pnmComment = regexp.MustCompile(`#[^\r\n]*`)

// pnmSize reads the first two numbers; between them are white space and comments.
func pnmSize(b []byte) image.Point {
	var size image.Point
	text := pnmComment.ReplaceAll(b[2:min(len(b), 512)], nil)
	if _, err := fmt.Sscan(string(text), &size.X, &size.Y); err != nil {
		return image.Point{}
	}
	return size
}

// cut reports that the file is known to end too early: a JPEG without an end marker. What others appended behind that does not
// matter, nor what segments hold, such as a thumbnail, which is a JPEG too.
func (h header) cut(data []byte) bool {
	if h.kind != "jpeg" || h.size.X == 0 {
		return false
	}
	for marker := range jpegMarkers(data) {
		if marker == jpegEnd {
			return false
		}
	}
	return true
}

// checkSize refuses a picture whose pixels would exceed a limit, before OpenCV allocates them. OpenCV has the same limits; it
// throws where it meets a format that readHeader cannot read.
func (h header) checkSize() error {
	limits := imageLimits()
	switch {
	case h.size.X > limits.width || h.size.Y > limits.height:
		return fault.Errorf(fault.Invalid, "%s of %dx%d: the limit is %dx%d", h.kind, h.size.X, h.size.Y, limits.width, limits.height)
	case h.size.X > 0 && h.size.Y > limits.pixels/h.size.X:
		return fault.Errorf(fault.Invalid, "%s of %dx%d has %d pixels: the limit is %d", h.kind, h.size.X, h.size.Y,
			h.size.X*h.size.Y, limits.pixels)
	}
	return nil
}

// limits are OpenCV's for decoding.
type limits struct{ width, height, pixels int }

func imageLimits() limits {
	return limits{
		width:  min(limit("OPENCV_IO_MAX_IMAGE_WIDTH", 1<<20), frame.MaxSide),
		height: min(limit("OPENCV_IO_MAX_IMAGE_HEIGHT", 1<<20), frame.MaxSide),
		pixels: limit("OPENCV_IO_MAX_IMAGE_PIXELS", 1<<30),
	}
}

// limit reads a number as OpenCV does, which takes 16MB and 16KB too.
func limit(name string, def int) int {
	digits, unit := strings.ToUpper(os.Getenv(name)), 1
	for suffix, size := range map[string]int{"MB": 1 << 20, "KB": 1 << 10} {
		if rest, ok := strings.CutSuffix(digits, suffix); ok {
			digits, unit = rest, size
		}
	}
	if n, err := strconv.ParseUint(digits, 10, 40); err == nil && n > 0 {
		return int(n) * unit
	}
	return def
}
