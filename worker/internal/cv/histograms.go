//go:build opencv

package cv

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func histogramOps() []op {
	return []op{
		{
			OpInfo: info("equalize_hist", "imgproc", "Spread the histogram of a gray picture over the whole range.").
				WithExample("gray | equalize_hist"),
			bind: func(pipeline.Args) (step, error) {
				return filter(only(frame.FormatGray).of(frame.U8), gocv.EqualizeHist), nil
			},
		}, {
			OpInfo: info("clahe", "imgproc", "Spread the histogram of a gray picture tile by tile, with a limit to the contrast.",
				pipeline.Float("clipLimit", 40, 0, 1e6, "limit of the contrast; 0 for none"),
				pipeline.SizeOf("tileGridSize", "8", 1, 256, "tiles across and down")).
				WithExample("gray | clahe clipLimit=2 tileGridSize=8"),
			bind: claheStep,
		}, {
			OpInfo: info("integral", "imgproc", "Sum all elements above and left of each.",
				pipeline.Choice("sdepth", []string{"same", "s32", "f32", "f64"}, "element type of the sums; same is s32 for u8 and f64 for floats")).
				WithReturns("sums, one row and one column larger than the picture").WithExample("gray | integral"),
			bind: integralStep,
		},
	}
}

func integralStep(a pipeline.Args) (step, error) {
	depth, number, told := depthOf(a.String("sdepth"))
	takes := map[string]input{
		"same": input{}.of(frame.U8, frame.F32, frame.F64), "s32": input{}.of(frame.U8),
		"f32": input{}.of(frame.U8, frame.F32), "f64": input{}.of(frame.U8, frame.U16, frame.S16, frame.F32, frame.F64),
	}[a.String("sdepth")].by("sdepth")
	s := filter(takes, func(src gocv.Mat, dst *gocv.Mat) error { return integral(src, dst, number) })
	s.shape = func(in frame.Geometry) (frame.Geometry, error) {
		out, err := sized(in, in.Width+1, in.Height+1)
		switch {
		case told:
			out.Depth = depth
		case in.Depth == frame.U8:
			out.Depth = frame.S32
		default:
			out.Depth = frame.F64
		}
		return out, err
	}
	return s, nil
}

func claheStep(a pipeline.Args) (step, error) {
	limit, tiles := a.Float("clipLimit"), a.Size("tileGridSize")
	s := filter(only(frame.FormatGray).of(frame.U8, frame.U16), func(src gocv.Mat, dst *gocv.Mat) error {
		return clahe(src, dst, limit, tiles)
	})
	s.fits = func(in frame.Geometry) error { return tables(in, tiles) }
	return s, nil
}

// maxTables bounds the tables of CLAHE: 256 MB.
const maxTables = 256 << 20

// tables checks the memory that CLAHE needs for the tables of all tiles: each has an element for every value that there is.
func tables(in frame.Geometry, tiles pipeline.Size) error {
	size := 1 << 8
	if in.Depth == frame.U16 {
		size = 2 << 16
	}
	if n := tiles.Width * tiles.Height; n > maxTables/size {
		return wrong("tileGridSize", "tileGridSize=%dx%d of %v needs %d tables of %d bytes, more than %d: take fewer tiles",
			tiles.Width, tiles.Height, in, n, size, maxTables/size)
	}
	return nil
}
