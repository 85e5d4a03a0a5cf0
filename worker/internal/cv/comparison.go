//go:build opencv

package cv

/*
#include "bridge_compare.h"
*/
import "C"

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// comparisonOps find how the frame and a second picture compare.
func comparisonOps() []op {
	image := pipeline.Image("image", "the picture to compare with, of the frame's size and depth; for gray frames it is taken in gray")
	return []op{
		{
			OpInfo: info("psnr", "core", "Tell how near a picture is to the frame, by the ratio of peak signal to noise.",
				image, pipeline.Float("R", 255, 1e-6, 1e12, "the largest value there is; 65535 in u16, 1 in most f32")).
				WithReturns(`the picture passes; {"psnr"} in decibels: about 30 to 50 after a good jpeg, 361 for equal pictures of u8`).
				WithExample("psnr image=other.png"),
			with: beside("image", func(a pipeline.Args, r *reference) (step, error) {
				return compared(r, func(x, y *gocv.Mat) (psnr, error) {
					t, err := find(func(out *C.numbers) *C.char { return C.bridge_psnr(ptr(x), ptr(y), C.double(a.Float("R")), out) })
					if err != nil {
						return psnr{}, err
					}
					return psnr{t.float()}, nil
				}), nil
			}),
		}, {
			OpInfo: info("ssim", "imgproc", "Tell how similar in structure a picture is to the frame: the mean SSIM of windows of 11x11.",
				image, pipeline.Float("R", 255, 1e-6, 1e12, "the largest value there is; 65535 in u16, 1 in most f32")).
				WithReturns(`the picture passes; {"ssim": mean of the channels, "channels": [that of each]}: 1 for equal pictures`).
				WithExample("ssim image=other.png"),
			with: beside("image", func(a pipeline.Args, r *reference) (step, error) {
				return compared(r, func(x, y *gocv.Mat) (ssim, error) { return ssimOf(x, y, a.Float("R")) }), nil
			}),
		}, {
			OpInfo: info("match_template", "imgproc", "Find where a smaller picture fits into the frame.", drawing(
				pipeline.Image("templ", "the smaller picture, of the frame's depth; for gray frames it is taken in gray"),
				pipeline.Choice("method", matchMethods, "how to compare").Otherwise("ccoeff_normed"),
				pipeline.Float("threshold", 0.8, math.Inf(-1), math.Inf(1), "matches are at least so good; with sqdiff methods, at most so bad"),
				maxCount(10, "the best, each half a template away from the better ones"),
				pipeline.Bool("map", false, "make a picture of how well it fits at each place"))...).
				WithReturns(`the picture passes, or with draw=true a box is drawn around each match, in bgr where it was gray, or with map=true ` +
					`gray f32 that is smaller by the size of templ less 1; {"best": {"box": [x, y, width, height], "value"}, ` +
					`"matches": [{"box", "value"}, ...]} where those of matches pass the threshold`).
				WithExample("match_template templ=part.png draw=true"),
			with: beside("templ", matchTemplate),
		},
	}
}

// psnr and ssim are the JSON of the ops.
type (
	psnr struct {
		PSNR float64 `json:"psnr"`
	}
	ssim struct {
		SSIM     float64   `json:"ssim"`
		Channels []float64 `json:"channels"`
	}
)

// compared makes a step that finds something of two pictures of the same geometry.
func compared[T any](r *reference, f func(x, y *gocv.Mat) (T, error)) step {
	return step{
		takes: input{}.of(frame.U8, frame.U16, frame.F32),
		fits:  r.fits,
		shape: passing(r.over),
		find: func(src picture) (any, error) {
			other, err := r.over(src.g)
			if err != nil {
				return nil, err
			}
			return f(&src.Mat, &other.mat)
		},
	}
}

func ssimOf(x, y *gocv.Mat, largest float64) (ssim, error) {
	t, err := find(func(out *C.numbers) *C.char { return C.bridge_ssim(ptr(x), ptr(y), C.double(largest), out) })
	if err != nil {
		return ssim{}, err
	}
	found := ssim{Channels: some(t, x.Channels(), t.float)}
	for _, v := range found.Channels {
		found.SSIM += v / float64(len(found.Channels))
	}
	return found, nil
}

var matchMethods = []string{"sqdiff", "sqdiff_normed", "ccorr", "ccorr_normed", "ccoeff", "ccoeff_normed"} // in OpenCV's order

type (
	templateMatch struct {
		Box   bbox    `json:"box"`
		Value float64 `json:"value"`
	}
	templateMatches struct {
		Best    templateMatch   `json:"best"`
		Matches []templateMatch `json:"matches"`
	}
)

func matchTemplate(a pipeline.Args, r *reference) (step, error) {
	if a.Bool("draw") && a.Bool("map") {
		return step{}, wrong("map draw", "takes draw=true or map=true, not both")
	}
	within := func(in frame.Geometry) error {
		v, err := r.like(in)
		if err == nil && (v.g.Width > in.Width || v.g.Height > in.Height) {
			return wrong(r.param, "%s has %dx%d, more than the frame's %dx%d", r.name, v.g.Width, v.g.Height, in.Width, in.Height)
		}
		return err
	}
	takes := input{}.of(frame.U8, frame.F32)
	if !a.Bool("map") {
		return finding[templateMatches]{takes: takes, fits: r.fits, check: within, find: func(src picture) (templateMatches, error) {
			fit := gocv.NewMat()
			defer fit.Close()
			return templatesIn(a, r, src, &fit)
		}, draw: drawMatches}.step(a), nil
	}
	return step{
		takes: takes,
		fits:  r.fits,
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			if err := within(in); err != nil {
				return in, err
			}
			v, _ := r.like(in)
			return frame.Geometry{Width: in.Width - v.g.Width + 1, Height: in.Height - v.g.Height + 1, Format: frame.FormatGray,
				Depth: frame.F32}, nil
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) { return templatesIn(a, r, src, dst) },
	}, nil
}

func templatesIn(a pipeline.Args, r *reference, src picture, fit *gocv.Mat) (templateMatches, error) {
	v, err := r.like(src.g)
	if err != nil {
		return templateMatches{}, err
	}
	method := index(matchMethods, a.String("method"))
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_match_template(ptr(&src.Mat), ptr(&v.mat), ptr(fit), C.int(method), C.double(a.Float("threshold")),
			C.int(a.Int("max_count")), out)
	})
	if err != nil {
		return templateMatches{}, err
	}
	match := func() templateMatch {
		value, at := t.float(), t.point()
		return templateMatch{bbox{at[0], at[1], v.g.Width, v.g.Height}, value}
	}
	return templateMatches{match(), all(t, match)}, nil
}

func drawMatches(m *gocv.Mat, found templateMatches, i ink) error {
	for _, match := range found.Matches {
		if err := drawBox(m, match.Box, i); err != nil {
			return err
		}
	}
	return nil
}
