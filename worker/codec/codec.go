// Package codec has the ops decode and encode in pure Go, for workers without OpenCV: the coordinator puts decode before the
// pipeline of an image file, and encode behind it where files come out.
package codec

import (
	"bytes"
	"image"
	"image/draw"
	_ "image/gif" // read only
	"image/jpeg"
	"image/png"
	"os"
	"strconv"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// Ops returns decode, which makes 8-bit BGR of PNG, JPEG and GIF, and encode, which makes JPEG or PNG of 8-bit gray, BGR or BGRA.
func Ops() []serve.Op {
	return []serve.Op{
		{
			OpInfo:  describe("decode", "Make a picture of a PNG, JPEG or GIF file.", "decode", "an 8-bit BGR picture"),
			Formats: []frame.Format{frame.FormatEncoded},
			Shape:   becomes(frame.Geometry{Format: frame.FormatBGR}),
			Run:     decode,
		}, {
			OpInfo: describe("encode", "Make an image file of the picture.", "encode ext=.png", "the bytes of the file",
				pipeline.Choice("ext", []string{".jpg", ".jpeg", ".png"}, "kind of file, by its usual extension"),
				pipeline.Int("quality", 95, 1, 100, "of a JPEG: the higher, the larger and the better")),
			Formats: []frame.Format{frame.FormatGray, frame.FormatBGR, frame.FormatBGRA},
			Depths:  []frame.Depth{frame.U8},
			Shape:   becomes(frame.Geometry{Format: frame.FormatEncoded}),
			Run:     encode,
		},
	}
}

func describe(name, doc, example, returns string, params ...pipeline.Param) pipeline.OpInfo {
	return pipeline.OpInfo{Name: name, Family: "codec", Module: "codec", Doc: doc, Example: example, Returns: returns, Params: params}
}

func becomes(g frame.Geometry) func(pipeline.Args, frame.Geometry) (frame.Geometry, error) {
	return func(pipeline.Args, frame.Geometry) (frame.Geometry, error) { return g, nil }
}

func decode(_ pipeline.Args, in frame.Frame, out *serve.Output) error {
	header, kind, err := image.DecodeConfig(bytes.NewReader(in.Pix))
	if err != nil {
		return fault.Errorf(fault.Undecodable, "%v", err)
	}
	if n, limit := header.Width*header.Height, maxPixels(); n > limit {
		return fault.Errorf(fault.Invalid, "%s of %dx%d has %d pixels: the limit is %d", kind, header.Width, header.Height, n, limit)
	}
	picture, _, err := image.Decode(bytes.NewReader(in.Pix))
	if err != nil {
		return fault.Errorf(fault.Undecodable, "%v", err)
	}
	size := picture.Bounds().Size()
	dst, err := out.Pixels(frame.Geometry{Width: size.X, Height: size.Y, Format: frame.FormatBGR})
	if err != nil {
		return err
	}
	rgba := image.NewNRGBA(image.Rectangle{Max: size})
	draw.Draw(rgba, rgba.Rect, picture, picture.Bounds().Min, draw.Src)
	for i := range size.X * size.Y {
		p := rgba.Pix[4*i:]
		dst[3*i], dst[3*i+1], dst[3*i+2] = p[2], p[1], p[0]
	}
	return nil
}

// maxPixels is the coordinator's bound on the size of an image. It goes by the name that OpenCV has for it.
func maxPixels() int {
	n, err := strconv.Atoi(os.Getenv("OPENCV_IO_MAX_IMAGE_PIXELS"))
	if err != nil {
		return 1 << 30
	}
	return n
}

func encode(a pipeline.Args, in frame.Frame, out *serve.Output) error {
	var file bytes.Buffer
	var err error
	if a.String("ext") == ".png" {
		err = png.Encode(&file, toImage(in))
	} else {
		err = jpeg.Encode(&file, toImage(in), &jpeg.Options{Quality: a.Int("quality")})
	}
	if err != nil {
		return err
	}
	dst, err := out.Encoded(file.Len())
	copy(dst, file.Bytes())
	return err
}

func toImage(f frame.Frame) image.Image {
	bounds := image.Rect(0, 0, f.Width, f.Height)
	if f.Format == frame.FormatGray {
		return &image.Gray{Pix: f.Pix, Stride: f.Width, Rect: bounds}
	}
	rgba, n := image.NewNRGBA(bounds), f.Format.Channels()
	for i := range f.Width * f.Height {
		p, q := f.Pix[n*i:], rgba.Pix[4*i:]
		q[0], q[1], q[2], q[3] = p[2], p[1], p[0], 255
		if n == 4 {
			q[3] = p[3]
		}
	}
	return rgba
}
