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

	"github.com/cvfarm/cvfarm/shared/exif"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// Ops returns decode, which makes 8-bit BGR of PNG, JPEG and GIF, and encode, which makes JPEG or PNG of 8-bit gray, BGR or BGRA.
func Ops() []serve.Op {
	return []serve.Op{
		{
			OpInfo: describe("decode", "Make a picture of a PNG, JPEG or GIF file.", "decode",
				"an 8-bit BGR picture, turned as its EXIF says, as by cv2.imread",
				pipeline.Bool("ignore_orientation", false, "do not turn by EXIF, as with cv2.IMREAD_IGNORE_ORIENTATION")),
			Formats: []frame.Format{frame.FormatEncoded},
			Shape:   decoded,
			Run:     decode,
		}, {
			OpInfo: describe("encode", "Make an image file of the picture.", "encode ext=.png",
				"the bytes of the file, refused where the format cannot hold the picture as it is",
				pipeline.Choice("ext", []string{".jpg", ".jpeg", ".png"}, "kind of file, by its usual extension; .png alone holds alpha"),
				pipeline.Int("quality", 95, 1, 100, "of a JPEG: the higher, the larger and the better")),
			Formats: []frame.Format{frame.FormatGray, frame.FormatBGR, frame.FormatBGRA},
			Depths:  []frame.Depth{frame.U8},
			Shape:   encoded,
			Run:     encode,
		},
	}
}

func describe(name, doc, example, returns string, params ...pipeline.Param) pipeline.OpInfo {
	return pipeline.OpInfo{Name: name, Family: "codec", Module: "codec", Doc: doc, Example: example, Returns: returns, Params: params}
}

func decoded(pipeline.Args, frame.Geometry) (frame.Geometry, error) {
	return frame.Geometry{Format: frame.FormatBGR}, nil
}

func decode(a pipeline.Args, in frame.Frame, out *serve.Output) error {
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
	held := 1
	if !a.Bool("ignore_orientation") {
		held = exif.Orientation(in.Pix)
	}
	size := picture.Bounds().Size()
	rgba := image.NewNRGBA(image.Rectangle{Max: size})
	draw.Draw(rgba, rgba.Rect, picture, picture.Bounds().Min, draw.Src)
	if held >= 5 {
		size.X, size.Y = size.Y, size.X
	}
	dst, err := out.Pixels(frame.Geometry{Width: size.X, Height: size.Y, Format: frame.FormatBGR})
	if err != nil {
		return err
	}
	for i := range size.X * size.Y {
		at := stored(held, image.Pt(i%size.X, i/size.X), rgba.Rect.Max)
		p := rgba.Pix[rgba.PixOffset(at.X, at.Y):]
		dst[3*i], dst[3*i+1], dst[3*i+2] = p[2], p[1], p[0]
	}
	return nil
}

// stored is where in the file's picture, of that size, a point of the upright picture lies.
func stored(held int, p, size image.Point) image.Point {
	if held >= 5 {
		p.X, p.Y = p.Y, p.X
	}
	switch held {
	case 2, 3, 7, 8:
		p.X = size.X - 1 - p.X
	}
	switch held {
	case 3, 4, 6, 7:
		p.Y = size.Y - 1 - p.Y
	}
	return p
}

// maxPixels is the coordinator's bound on the size of an image. It goes by the name that OpenCV has for it.
func maxPixels() int {
	n, err := strconv.Atoi(os.Getenv("OPENCV_IO_MAX_IMAGE_PIXELS"))
	if err != nil {
		return 1 << 30
	}
	return n
}

// encoded refuses what the format would leave out.
func encoded(a pipeline.Args, in frame.Geometry) (frame.Geometry, error) {
	if ext := a.String("ext"); in.Format == frame.FormatBGRA && ext != ".png" {
		return in, fault.Errorf(fault.Invalid, "ext=%s needs gray or bgr u8, got %v: take ext=.png, or put cvt_color code=BGRA2BGR before it", ext, in).Of("ext")
	}
	return frame.Geometry{Format: frame.FormatEncoded}, nil
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
