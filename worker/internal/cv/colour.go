//go:build opencv

package cv

import (
	"slices"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func colourOps() []op {
	return []op{
		{
			OpInfo: info("gray", "imgproc", "Convert a colour picture to one gray channel; a gray one passes.").
				WithReturns("one gray channel of the same size and depth"),
			bind: func(pipeline.Args) (step, error) { return gray(), nil },
		}, {
			OpInfo: info("cvt_color", "imgproc", "Convert from one colour space to another.",
				pipeline.Choice("code", codes(), "from and to, as in cv2.COLOR_BGR2HSV")).
				WithReturns("a picture of the same size and depth, in the other colour space").WithExample("cvt_color code=BGR2HSV"),
			bind: func(a pipeline.Args) (step, error) { return cvtColor(a.String("code")), nil },
		},
	}
}

// conversion is a code of cvtColor, with what its numbers mean before and after.
type conversion struct {
	code    string
	number  gocv.ColorConversionCode
	in, out frame.Format
	// fewer: u8 and f32 only; otherwise u16 as well.
	fewer bool
}

// conversions is the table of cvt_color. The first of a pair of formats is the one that is recommended.
func conversions() []conversion {
	return []conversion{
		{"BGR2RGB", gocv.ColorBGRToRGB, frame.FormatBGR, frame.FormatRGB, false},
		{"BGR2GRAY", gocv.ColorBGRToGray, frame.FormatBGR, frame.FormatGray, false},
		{"BGR2BGRA", gocv.ColorBGRToBGRA, frame.FormatBGR, frame.FormatBGRA, false},
		{"BGR2RGBA", gocv.ColorBGRToRGBA, frame.FormatBGR, frame.FormatRGBA, false},
		{"BGR2HSV", gocv.ColorBGRToHSV, frame.FormatBGR, frame.FormatHSV, true},
		{"BGR2HLS", gocv.ColorBGRToHLS, frame.FormatBGR, frame.FormatHLS, true},
		{"BGR2Lab", gocv.ColorBGRToLab, frame.FormatBGR, frame.FormatLab, true},
		{"BGR2Luv", gocv.ColorBGRToLuv, frame.FormatBGR, frame.FormatLuv, true},
		{"BGR2YCrCb", gocv.ColorBGRToYCrCb, frame.FormatBGR, frame.FormatYCrCb, false},
		{"BGR2YUV", gocv.ColorBGRToYUV, frame.FormatBGR, frame.FormatYUV, false},
		{"BGR2XYZ", gocv.ColorBGRToXYZ, frame.FormatBGR, frame.FormatXYZ, false},
		{"BGRA2BGR", gocv.ColorBGRAToBGR, frame.FormatBGRA, frame.FormatBGR, false},
		{"BGRA2RGB", gocv.ColorBGRAToRGB, frame.FormatBGRA, frame.FormatRGB, false},
		{"BGRA2RGBA", gocv.ColorBGRAToRGBA, frame.FormatBGRA, frame.FormatRGBA, false},
		{"BGRA2GRAY", gocv.ColorBGRAToGray, frame.FormatBGRA, frame.FormatGray, false},
		{"GRAY2BGR", gocv.ColorGrayToBGR, frame.FormatGray, frame.FormatBGR, false},
		{"GRAY2BGRA", gocv.ColorGrayToBGRA, frame.FormatGray, frame.FormatBGRA, false},
		{"GRAY2RGB", gocv.ColorGrayToBGR, frame.FormatGray, frame.FormatRGB, false},
		{"GRAY2RGBA", gocv.ColorGrayToBGRA, frame.FormatGray, frame.FormatRGBA, false},
		{"RGB2BGR", gocv.ColorRGBToBGR, frame.FormatRGB, frame.FormatBGR, false},
		{"RGB2GRAY", gocv.ColorRGBToGray, frame.FormatRGB, frame.FormatGray, false},
		{"RGB2RGBA", gocv.ColorRGBToRGBA, frame.FormatRGB, frame.FormatRGBA, false},
		{"RGB2BGRA", gocv.ColorRGBToBGRA, frame.FormatRGB, frame.FormatBGRA, false},
		{"RGB2HSV", gocv.ColorRGBToHSV, frame.FormatRGB, frame.FormatHSV, true},
		{"RGB2Lab", gocv.ColorRGBToLab, frame.FormatRGB, frame.FormatLab, true},
		{"RGBA2BGR", gocv.ColorRGBAToBGR, frame.FormatRGBA, frame.FormatBGR, false},
		{"RGBA2RGB", gocv.ColorRGBAToRGB, frame.FormatRGBA, frame.FormatRGB, false},
		{"RGBA2BGRA", gocv.ColorRGBAToBGRA, frame.FormatRGBA, frame.FormatBGRA, false},
		{"RGBA2GRAY", gocv.ColorRGBAToGray, frame.FormatRGBA, frame.FormatGray, false},
		{"HSV2BGR", gocv.ColorHSVToBGR, frame.FormatHSV, frame.FormatBGR, true},
		{"HSV2RGB", gocv.ColorHSVToRGB, frame.FormatHSV, frame.FormatRGB, true},
		{"HLS2BGR", gocv.ColorHLSToBGR, frame.FormatHLS, frame.FormatBGR, true},
		{"HLS2RGB", gocv.ColorHLSToRGB, frame.FormatHLS, frame.FormatRGB, true},
		{"Lab2BGR", gocv.ColorLabToBGR, frame.FormatLab, frame.FormatBGR, true},
		{"Lab2RGB", gocv.ColorLabToRGB, frame.FormatLab, frame.FormatRGB, true},
		{"Luv2BGR", gocv.ColorLuvToBGR, frame.FormatLuv, frame.FormatBGR, true},
		{"Luv2RGB", gocv.ColorLuvToRGB, frame.FormatLuv, frame.FormatRGB, true},
		{"YCrCb2BGR", gocv.ColorYCrCbToBGR, frame.FormatYCrCb, frame.FormatBGR, false},
		{"YCrCb2RGB", gocv.ColorYCrCbToRGB, frame.FormatYCrCb, frame.FormatRGB, false},
		{"YUV2BGR", gocv.ColorYUVToBGR, frame.FormatYUV, frame.FormatBGR, false},
		{"YUV2RGB", gocv.ColorYUVToRGB, frame.FormatYUV, frame.FormatRGB, false},
		{"XYZ2BGR", gocv.ColorXYZToBGR, frame.FormatXYZ, frame.FormatBGR, false},
		{"XYZ2RGB", gocv.ColorXYZToRGB, frame.FormatXYZ, frame.FormatRGB, false},
	}
}

func codes() []string {
	var names []string
	for _, c := range conversions() {
		names = append(names, c.code)
	}
	return names
}

// takes is the conversion's input. Channels of no agreed meaning are taken for what the code says.
func (c conversion) takes() input {
	formats := []frame.Format{c.in}
	switch c.in.Channels() {
	case 3:
		formats = append(formats, frame.FormatC3)
	case 4:
		formats = append(formats, frame.FormatC4)
	}
	if c.fewer {
		return only(formats...).of(frame.U8, frame.F32)
	}
	return only(formats...).of(frame.U8, frame.U16, frame.F32)
}

func cvtColor(code string) step {
	all := conversions()
	c := all[slices.IndexFunc(all, func(c conversion) bool { return c.code == code })]
	s := filter(c.takes(), func(src gocv.Mat, dst *gocv.Mat) error { return gocv.CvtColor(src, dst, c.number) })
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = c.out; return in, nil }
	return s
}

// gray chooses the conversion by the format that comes: the weights of red and blue differ.
func gray() step {
	codes := map[frame.Format]gocv.ColorConversionCode{
		frame.FormatBGR: gocv.ColorBGRToGray, frame.FormatBGRA: gocv.ColorBGRAToGray,
		frame.FormatRGB: gocv.ColorRGBToGray, frame.FormatRGBA: gocv.ColorRGBAToGray,
	}
	takes := only(frame.FormatBGR, frame.FormatBGRA, frame.FormatRGB, frame.FormatRGBA).of(frame.U8, frame.U16, frame.F32)
	isGray := func(g frame.Geometry) bool { return g.Format == frame.FormatGray }
	return step{
		idle: isGray,
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			if isGray(in) {
				return in, nil
			}
			out := in
			out.Format = frame.FormatGray
			return out, takes.check(in)
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			return nil, gocv.CvtColor(src.Mat, dst, codes[src.g.Format])
		},
	}
}
