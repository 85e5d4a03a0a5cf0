//go:build opencv

package cv

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func photoOps() []op { return append(append(denoiseOps(), artOps()...), tonemapOps()...) }

// denoiseOps take noise away.
func denoiseOps() []op {
	windows := []pipeline.Param{
		pipeline.Int("templateWindowSize", 7, 1, 21, "side of what is compared").OnlyOdd(),
		pipeline.Int("searchWindowSize", 21, 1, 101, "side of where it is looked for; the time grows with its square").OnlyOdd(),
	}
	strength := pipeline.Float("h", 3, 0.1, 1e3, "strength; more takes away noise, and detail")
	return []op{
		{
			OpInfo: info("fast_nl_means_denoising", "photo", "Average each pixel with those whose neighbourhoods look alike. Slow.",
				append([]pipeline.Param{strength, pipeline.Choice("normType", []string{"l2", "l1"}, "how to compare; u16 needs l1")}, windows...)...).
				WithExample("resize dsize=100x0 | fast_nl_means_denoising h=5"),
			bind: func(a pipeline.Args) (step, error) {
				h, block, search := a.Float("h"), a.Int("templateWindowSize"), a.Int("searchWindowSize")
				norm, takes := gocv.NormL2, input{}.of(frame.U8).by("normType")
				if a.String("normType") == "l1" {
					norm, takes = gocv.NormL1, input{}.of(frame.U8, frame.U16)
				}
				return filter(takes, func(src gocv.Mat, dst *gocv.Mat) error { return denoise(src, dst, h, block, search, norm) }), nil
			},
		}, {
			OpInfo: info("fast_nl_means_denoising_colored", "photo", "The same in Lab, so that colours and brightness are smoothed each by its own strength.",
				append([]pipeline.Param{strength, pipeline.Float("hColor", 3, 0.1, 1e3, "strength for colours")}, windows...)...).
				WithExample("resize dsize=100x0 | fast_nl_means_denoising_colored h=5 hColor=10"),
			bind: func(a pipeline.Args) (step, error) {
				h, hColor, block, search := a.Float("h"), a.Float("hColor"), a.Int("templateWindowSize"), a.Int("searchWindowSize")
				return filter(only(frame.FormatBGR).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return denoiseColored(src, dst, h, hColor, block, search)
				}), nil
			},
		}, {
			OpInfo: info("denoise_tvl1", "photo", "Smooth a gray picture and keep its edges, by the least total variation. Slow.",
				pipeline.Float("lambda", 1, 0.01, 100, "less is smoother"), pipeline.Int("niters", 30, 1, 1000, "iterations")).
				WithExample("gray | denoise_tvl1 lambda=0.5"),
			bind: func(a pipeline.Args) (step, error) {
				lambda, n := a.Float("lambda"), a.Int("niters")
				return filter(only(frame.FormatGray).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
					return denoiseTVL1(src, dst, lambda, n)
				}), nil
			},
		},
	}
}

// artOps are for the eye. All of them take colour pictures.
func artOps() []op {
	sigmas := func(s, r float64) []pipeline.Param {
		return []pipeline.Param{
			pipeline.Float("sigma_s", s, 1, 200, "how far the neighbourhood reaches"),
			pipeline.Float("sigma_r", r, 0.01, 1, "how far colours may differ and still mix"),
		}
	}
	art := func(shape func(*frame.Geometry), apply func(src gocv.Mat, dst *gocv.Mat) error) (step, error) {
		s := filter(only(frame.FormatBGR).of(frame.U8), apply)
		if shape != nil {
			s.shape = func(in frame.Geometry) (frame.Geometry, error) { shape(&in); return in, nil }
		}
		return s, nil
	}
	toGray := func(g *frame.Geometry) { g.Format = frame.FormatGray }
	return []op{
		{
			OpInfo: info("detail_enhance", "photo", "Bring out details.", sigmas(10, 0.15)...),
			bind: func(a pipeline.Args) (step, error) {
				s, r := a.Float("sigma_s"), a.Float("sigma_r")
				return art(nil, func(src gocv.Mat, dst *gocv.Mat) error { return detailEnhance(src, dst, s, r) })
			},
		}, {
			OpInfo: info("edge_preserving_filter", "photo", "Smooth and keep edges; faster than bilateral.", append([]pipeline.Param{
				pipeline.Choice("flags", []string{"recursive", "normconv"}, "recursive is faster, normconv sharpens edges"),
			}, sigmas(60, 0.4)...)...),
			bind: func(a pipeline.Args) (step, error) {
				s, r, flags := a.Float("sigma_s"), a.Float("sigma_r"), gocv.RecursFilter
				if a.String("flags") == "normconv" {
					flags = gocv.NormconvFilter
				}
				return art(nil, func(src gocv.Mat, dst *gocv.Mat) error { return edgePreserving(src, dst, flags, s, r) })
			},
		}, {
			OpInfo: info("stylization", "photo", "Draw edges and leave out detail, as in a water colour.", sigmas(60, 0.45)...),
			bind: func(a pipeline.Args) (step, error) {
				s, r := a.Float("sigma_s"), a.Float("sigma_r")
				return art(nil, func(src gocv.Mat, dst *gocv.Mat) error { return stylization(src, dst, s, r) })
			},
		}, {
			OpInfo: info("pencil_sketch", "photo", "Draw with a pencil.", append(sigmas(60, 0.07),
				pipeline.Float("shade_factor", 0.02, 0, 0.1, "brightness"),
				pipeline.Choice("result", []string{"gray", "color"}, "which of the two sketches"))...).
				WithReturns("gray u8 or bgr u8 of the same size"),
			bind: func(a pipeline.Args) (step, error) {
				s, r, shade, colour := a.Float("sigma_s"), a.Float("sigma_r"), a.Float("shade_factor"), a.String("result") == "color"
				shape := toGray
				if colour {
					shape = nil
				}
				return art(shape, func(src gocv.Mat, dst *gocv.Mat) error { return pencilSketch(src, dst, colour, s, r, shade) })
			},
		}, {
			OpInfo: info("decolor", "photo", "Convert to gray so that colours that differ stay apart. Slow.",
				pipeline.Choice("result", []string{"grayscale", "color_boost"}, "which of the two results")).
				WithReturns("gray u8 or bgr u8 of the same size").WithExample("resize dsize=100x0 | decolor"),
			bind: func(a pipeline.Args) (step, error) {
				boost := a.String("result") == "color_boost"
				s, err := art(toGray, func(src gocv.Mat, dst *gocv.Mat) error { return decolor(src, dst, boost) })
				s.shape = decolored(boost)
				return s, err
			},
		},
	}
}

// decolored is the shape of decolor, which looks at a picture whose sides are 800 pixels together: of a longer one none may shrink to 0.
func decolored(boost bool) func(frame.Geometry) (frame.Geometry, error) {
	return func(in frame.Geometry) (frame.Geometry, error) {
		if thin := min(in.Width, in.Height); thin > 0 && 2*800*thin <= in.Width+in.Height {
			return in, refuse("%v is too thin: both sides together must be below %d, %d times the shorter one", in, 2*800*thin, 2*800)
		}
		if !boost {
			in.Format = frame.FormatGray
		}
		return in, nil
	}
}

// tonemapOps make 0..1 of a wide range of light.
func tonemapOps() []op {
	gamma := pipeline.Float("gamma", 1, 0.01, 100, "correction of the brightness; 2.2 for most screens")
	saturation := pipeline.Float("saturation", 1, 0, 100, "of colours; 1 keeps it")
	kinds := []struct {
		name, doc string
		method    uint32
		params    []pipeline.Param
	}{
		{"tonemap", "Scale light of any range to 0..1.", tonemapLinear, nil},
		{"tonemap_drago", "Scale light of any range to 0..1, by logarithms.", tonemapDrago,
			[]pipeline.Param{saturation, pipeline.Float("bias", 0.85, 0.01, 1, "0.7 to 0.9 look best")}},
		{"tonemap_reinhard", "Scale light of any range to 0..1, as an eye does.", tonemapReinhard, []pipeline.Param{
			pipeline.Float("intensity", 0, -8, 8, "more is brighter"),
			pipeline.Float("light_adapt", 1, 0, 1, "1 adapts to each pixel, 0 to the whole picture"),
			pipeline.Float("color_adapt", 0, 0, 1, "1 adapts each channel by itself")}},
		{"tonemap_mantiuk", "Scale light of any range to 0..1, by contrasts.", tonemapMantiuk,
			[]pipeline.Param{pipeline.Float("scale", 0.7, 0.1, 10, "of contrasts; 0.6 to 0.9 look best"), saturation}},
	}
	var ops []op
	for _, k := range kinds {
		ops = append(ops, op{
			OpInfo: info(k.name, "photo", k.doc, append([]pipeline.Param{gamma}, k.params...)...).
				WithExample("convert depth=f32 alpha=0.01 | " + k.name + " gamma=2.2 | convert depth=u8 alpha=255"),
			bind: func(a pipeline.Args) (step, error) {
				var more [3]float64
				for i, p := range k.params {
					more[i] = a.Float(p.Name)
				}
				return tonemapStep(k.method, a.Float("gamma"), more), nil
			},
		})
	}
	return ops
}

// tonemapStep says in words what OpenCV asserts of pictures that there is nothing to map in.
func tonemapStep(method uint32, gamma float64, more [3]float64) step {
	s := step{takes: only(frame.FormatBGR).of(frame.F32), apply: func(src picture, dst *gocv.Mat) (any, error) {
		err := tonemap(src.Mat, dst, method, gamma, more)
		switch {
		case err == nil || lacksMemory(err):
			return nil, err
		case method == tonemapDrago:
			return nil, refuse("%v has no light: some pixel must be above 0, and none may be NaN or infinite", src.g)
		case method == tonemapMantiuk:
			return nil, refuse("%v has no contrast: pixels must differ, and none may be NaN or infinite", src.g)
		}
		return nil, err
	}}
	if method == tonemapMantiuk {
		s.shape = func(in frame.Geometry) (frame.Geometry, error) {
			if min(in.Width, in.Height) < 2 {
				return in, refuse("%v is too small: it takes 2x2 and more", in)
			}
			return in, nil
		}
	}
	return s
}
