//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/gabriel-vasile/mimetype"
	"gocv.io/x/gocv"
)

func codecOps() []op {
	return []op{
		{
			OpInfo: info("decode", "imgcodecs", "Decode the bytes of an image file. Only as the first step.",
				pipeline.Choice("flags", []string{"color", "grayscale", "unchanged"},
					"unchanged keeps alpha and 16 bits, and ignores the EXIF orientation"),
				pipeline.Bool("anydepth", false, "keep 16 bits and floats, as with cv2.IMREAD_ANYDEPTH"),
				pipeline.Bool("ignore_orientation", false, "do not turn by EXIF, as with cv2.IMREAD_IGNORE_ORIENTATION"),
				pipeline.Choice("truncated", []string{"refuse", "keep"}, "what to do with a jpeg that ends too early")).
				WithReturns("bgr u8, gray u8, or what the file holds; turned as its EXIF says, as by cv2.imread").WithExample("decode flags=grayscale"),
			bind: func(a pipeline.Args) (step, error) {
				d, err := newDecoder(a)
				return step{decode: &d}, err
			},
		}, {
			OpInfo: info("encode", "imgcodecs", "Encode as an image file. Only as the last step.",
				pipeline.Choice("ext", []string{".jpg", ".png", ".webp", ".tiff", ".bmp"},
					".jpg: u8 without alpha; .png: u8 and u16; .webp: u8, gray as bgr, no colour where alpha is 0; "+
						".tiff: u8, u16 and f32, and in gray s8, s16, s32 and f64; .bmp: u8 without alpha"),
				pipeline.Int("quality", 0, 0, 100, "of .jpg and .webp; 0 for the usual: 95 for .jpg, lossless for .webp"),
				pipeline.Int("compression", -1, -1, 9, "of .png, 0 fast to 9 small; -1 for OpenCV's choice"),
				pipeline.Choice("tiff_compression", []string{"lzw", "none", "deflate", "packbits"},
					"of .tiff; OpenCV may leave floats uncompressed"),
				pipeline.Int("dpi", 0, 0, 65535, "of .tiff: dots in an inch; 0 for nothing said")).
				WithReturns("the bytes of the file, refused where the format cannot hold the picture as it is").
				WithExample("encode ext=.png compression=3"),
			bind: func(a pipeline.Args) (step, error) {
				e := newEncoder(a)
				return step{takes: e.takes, fits: e.fits, encode: &e, shape: e.shape}, nil
			},
		},
	}
}

// decoder is the decode op with its arguments.
type decoder struct {
	flags         gocv.IMReadFlag
	format        frame.Format // FormatNone where the file decides
	anyDepth      bool         // the file decides the depth
	keepTruncated bool
}

func newDecoder(a pipeline.Args) (decoder, error) {
	d := map[string]decoder{
		"color":     {flags: gocv.IMReadColor, format: frame.FormatBGR},
		"grayscale": {flags: gocv.IMReadGrayScale, format: frame.FormatGray},
		"unchanged": {flags: gocv.IMReadUnchanged},
	}[a.String("flags")]
	d.anyDepth, d.keepTruncated = a.Bool("anydepth"), a.String("truncated") == "keep"
	switch {
	case d.format == frame.FormatNone && (d.anyDepth || a.Bool("ignore_orientation")):
		return d, wrong("flags", "flags=unchanged keeps depth and orientation already: leave anydepth and ignore_orientation out")
	case d.anyDepth:
		d.flags |= gocv.IMReadAnyDepth
	}
	if a.Bool("ignore_orientation") {
		d.flags |= gocv.IMReadIgnoreOrientation
	}
	return d, nil
}

// decode makes the first picture, in the lent block where the file's header tells the size and nothing changes it later.
func (f *flow) decode(i int) error {
	d, h := f.steps[i].decode, readHeader(f.bytes)
	switch {
	case f.place != inInput || f.now != nil:
		return errDecodes(f.g)
	case len(f.bytes) > math.MaxInt32:
		return fault.Errorf(fault.Invalid, "%d bytes are too many: the limit is %d", len(f.bytes), math.MaxInt32)
	case h.cut(f.bytes) && !d.keepTruncated:
		return fault.Errorf(fault.Undecodable, "jpeg of %dx%d is truncated after %d bytes; truncated=keep decodes what is there",
			h.size.X, h.size.Y, len(f.bytes))
	}
	if err := h.checkSize(); err != nil {
		return err
	}
	g := frame.Geometry{Format: d.format}
	if d.format != frame.FormatNone && !d.anyDepth {
		g.Width, g.Height = h.size.X, h.size.Y
	}
	t, err := f.target(i, g)
	if err != nil {
		return err
	}
	err = imdecode(f.bytes, d.flags, t.mat)
	switch {
	case err != nil && lacksMemory(err):
		return err
	case err != nil || t.mat.Empty():
		return d.undecodable(f.bytes, h, err)
	}
	return f.decoded(t)
}

// undecodable says why a file could not be decoded. OpenCV makes no u8 of floats, nor colour of a gray picture of them, which is a
// matter of the flags.
func (d *decoder) undecodable(data []byte, h header, err error) error {
	if h.kind == "tiff" && d.flags != gocv.IMReadUnchanged {
		m := gocv.NewMat()
		defer m.Close()
		if imdecode(data, gocv.IMReadUnchanged, &m) == nil && !m.Empty() {
			return fault.Errorf(fault.Undecodable, "this tiff is %v, which is decoded as it is or not at all: begin with decode flags=unchanged",
				geometryOf(&m, frame.FormatNone))
		}
	}
	if err != nil {
		return fault.Errorf(fault.Undecodable, "%s: %s", looksLike(data, h), short(err))
	}
	return fault.Errorf(fault.Undecodable, "%s", looksLike(data, h))
}

func errDecodes(g frame.Geometry) error {
	return fault.Errorf(fault.Invalid, "needs the bytes of an image file, got %v", g)
}

// decoded takes what the decoder made. It may have another geometry than the header told: EXIF may turn it.
func (f *flow) decoded(t target) error {
	f.bytes = nil
	g := geometryOf(t.mat, t.g.Format)
	if t.slot == nil && g != t.g {
		f.moved.Add(1)
		f.g, f.now, f.place = g, t.mat, inOurs
		return nil
	}
	t.g = g
	return f.settle(t)
}

// looksLike says what bytes that cannot be decoded seem to be.
func looksLike(data []byte, h header) string {
	switch m := mimetype.Detect(data); {
	case h.size.X > 0:
		return "not decodable: looks like a truncated, damaged or unsupported " + h.kind
	case h.kind != "":
		return "not decodable: begins as a " + h.kind + " and ends or breaks in its header"
	case m.Is("application/octet-stream"):
		return "not an image: no format is known that begins so"
	default:
		return "not an image that OpenCV can decode: looks like " + m.String()
	}
}
