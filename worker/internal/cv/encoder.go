//go:build opencv

package cv

import (
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// encoder is the encode op with its arguments.
type encoder struct {
	imageFormat
	ext    string
	params []int
}

// imageFormat is what a format can hold. OpenCV's writers leave out what theirs cannot: alpha, sixteen bits, what lies between whole
// numbers.
type imageFormat struct {
	takes   input
	colours []frame.Depth // those of takes' depths that it can hold of pictures with more than one channel; nil for all
	maxSide int
}

func imageFormats() map[string]imageFormat {
	opaque := only(frame.FormatGray, frame.FormatBGR)
	alpha := only(frame.FormatGray, frame.FormatBGR, frame.FormatBGRA)
	return map[string]imageFormat{
		".jpg":  {takes: opaque.of(frame.U8), maxSide: 65500},
		".png":  {takes: alpha.of(frame.U8, frame.U16), maxSide: frame.MaxSide},
		".webp": {takes: alpha.of(frame.U8), maxSide: 16383},
		".bmp":  {takes: opaque.of(frame.U8), maxSide: frame.MaxSide},
		".tiff": {takes: alpha.of(frame.U8, frame.U16, frame.F32, frame.S8, frame.S16, frame.S32, frame.F64),
			colours: []frame.Depth{frame.F32, frame.U8, frame.U16}, maxSide: frame.MaxSide},
	}
}

// Of OpenCV's ImwriteFlags, those that gocv has no name for.
const (
	tiffResolutionUnit = 256
	tiffXDPI           = 257
	tiffYDPI           = 258
	tiffCompression    = 259
	inches             = 2
)

var tiffCompressions = map[string]int{"none": 1, "lzw": 5, "deflate": 8, "packbits": 32773}

func newEncoder(a pipeline.Args) encoder {
	e := encoder{ext: a.String("ext")}
	e.imageFormat = imageFormats()[e.ext]
	e.takes = e.takes.by("ext")
	given := func(key, value int, is bool) {
		if is {
			e.params = append(e.params, key, value)
		}
	}
	quality, dpi := a.Int("quality"), a.Int("dpi")
	switch e.ext {
	case ".jpg":
		given(gocv.IMWriteJpegQuality, quality, quality > 0)
	case ".webp":
		given(gocv.IMWriteWebpQuality, quality, quality > 0)
	case ".png":
		given(gocv.IMWritePngCompression, a.Int("compression"), a.Int("compression") >= 0)
	case ".tiff":
		given(tiffCompression, tiffCompressions[a.String("tiff_compression")], true) // untold, bgr f32 loses what LogLuv cannot hold
		given(tiffResolutionUnit, inches, dpi > 0)
		given(tiffXDPI, dpi, dpi > 0)
		given(tiffYDPI, dpi, dpi > 0)
	}
	return e
}

func (e *encoder) fits(in frame.Geometry) error {
	if e.colours == nil || in.Format == frame.FormatGray {
		return nil
	}
	return e.takes.of(e.colours...).check(in)
}

func (e *encoder) shape(in frame.Geometry) (frame.Geometry, error) {
	if in.Width > e.maxSide || in.Height > e.maxSide {
		return in, wrong("ext", "%v cannot be %s: the limit of a side is %d", in, e.ext, e.maxSide)
	}
	return frame.Geometry{Format: frame.FormatEncoded}, nil
}

func (f *flow) encode(e *encoder) error {
	buf, err := imencode(e, *f.now)
	if buf != nil {
		defer buf.Close()
	}
	if err != nil {
		return err
	}
	data := buf.GetBytes()
	if len(data) == 0 {
		return fault.Errorf(fault.Invalid, "OpenCV made no %s of %v", e.ext, f.g)
	}
	out, err := f.out.Encoded(len(data))
	if err != nil {
		return err
	}
	copy(out, data)
	f.place = encoded
	return nil
}

func imencode(e *encoder, m gocv.Mat) (*gocv.NativeByteBuffer, error) {
	if e.params == nil {
		return gocv.IMEncode(gocv.FileExt(e.ext), m)
	}
	return gocv.IMEncodeWithParams(gocv.FileExt(e.ext), m, e.params)
}
