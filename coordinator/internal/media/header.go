package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"github.com/cvfarm/cvfarm/shared/frame"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Header is what an image file says of itself before its pixels.
type Header struct {
	Format string // such as "JPEG"
	Size   image.Point
	// Turned says that the camera was held upright: what shows the picture as it should be swaps the sides of Size.
	Turned bool
	// Depth is U8 or U16. Files with other numbers have no Header.
	Depth frame.Depth
}

// maxHeader is how far into a file its EXIF block is looked for, in bytes.
const maxHeader = 128 << 10

// configs is how to read the size of an image, by format.
func configs() map[string]func(io.Reader) (image.Config, error) {
	return map[string]func(io.Reader) (image.Config, error){
		"JPEG": jpeg.DecodeConfig,
		"PNG":  png.DecodeConfig,
		"WebP": webp.DecodeConfig,
		"BMP":  bmp.DecodeConfig,
		"TIFF": tiff.DecodeConfig,
	}
}

// ReadHeader reads the header of an image file. It reports false where nothing can be told by it; a worker may be able to decode
// the image nevertheless.
func ReadHeader(name string) (Header, bool) {
	file, err := os.Open(name)
	if err != nil {
		return Header{}, false
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, maxHeader))
	f, known := formatOf(head[:min(len(head), sniffLen)])
	config := configs()[f.name]
	if err != nil || !known || config == nil {
		return Header{}, false
	}
	c, err := config(io.NewSectionReader(file, 0, maxImage))
	if err != nil || c.Width < 1 || c.Height < 1 {
		return Header{}, false
	}
	return Header{Format: f.name, Size: image.Pt(c.Width, c.Height), Turned: isTurned(f.name, head), Depth: depthOf(c.ColorModel)}, true
}

func depthOf(m color.Model) frame.Depth {
	switch m {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return frame.U16
	}
	return frame.U8
}

// isTurned looks for the EXIF block of those formats whose block OpenCV heeds.
func isTurned(format string, head []byte) bool {
	mark := map[string]string{"JPEG": "Exif\x00\x00", "PNG": "eXIf"}[format]
	_, exif, found := bytes.Cut(head, []byte(mark))
	if mark == "" || !found || len(exif) < 8 {
		return false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if exif[0] == 'M' {
		order = binary.BigEndian
	}
	at := func(offset, n int) []byte { // zeros beyond the end
		return append(bytes.Clone(exif[min(offset, len(exif)):min(offset+n, len(exif))]), make([]byte, n)...)
	}
	directory := int(order.Uint32(exif[4:]))
	for i := range int(order.Uint16(at(directory, 2))) {
		entry := at(directory+2+12*i, 12)
		if order.Uint16(entry) == 0x112 {
			orientation := order.Uint16(entry[8:])
			return orientation >= 5 && orientation <= 8
		}
	}
	return false
}
