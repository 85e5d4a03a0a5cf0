package media

import (
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"github.com/cvfarm/cvfarm/shared/exif"
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
	return Header{
		Format: f.name, Size: image.Pt(c.Width, c.Height), Turned: exif.Orientation(head) >= 5, Depth: depthOf(c.ColorModel),
	}, true
}

func depthOf(m color.Model) frame.Depth {
	switch m {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return frame.U16
	}
	return frame.U8
}
