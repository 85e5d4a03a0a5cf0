//go:build opencv

package cv

import (
	"image"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func morphologyOps() []op {
	return []op{
		{
			OpInfo: info("dilate", "imgproc", "Grow what is bright: the largest value under a kernel.", kernelParams()...).
				WithExample("dilate shape=ellipse ksize=5"),
			bind: func(a pipeline.Args) (step, error) { return morphology(gocv.MorphDilate, a) },
		}, {
			OpInfo: info("erode", "imgproc", "Shrink what is bright: the smallest value under a kernel.", kernelParams()...).
				WithExample("erode shape=cross ksize=3 iterations=2"),
			bind: func(a pipeline.Args) (step, error) { return morphology(gocv.MorphErode, a) },
		}, {
			OpInfo: info("morphology", "imgproc", "Combine erosion and dilation, as cv2.morphologyEx.", append([]pipeline.Param{
				pipeline.Choice("op", []string{"open", "close", "gradient", "tophat", "blackhat", "erode", "dilate", "hitmiss"},
					"how; hitmiss finds a pattern in a gray u8 picture: kernel is 1 where it is white, -1 where it is black, 0 where it may be either"),
			}, kernelParams()...)...).WithExample("morphology op=close shape=ellipse ksize=9"),
			bind: func(a pipeline.Args) (step, error) {
				kinds := map[string]gocv.MorphType{"open": gocv.MorphOpen, "close": gocv.MorphClose, "gradient": gocv.MorphGradient,
					"tophat": gocv.MorphTophat, "blackhat": gocv.MorphBlackhat, "erode": gocv.MorphErode, "dilate": gocv.MorphDilate,
					"hitmiss": gocv.MorphHitmiss}
				return morphology(kinds[a.String("op")], a)
			},
		}, {
			OpInfo: info("distance_transform", "imgproc", "Tell how far each pixel of a gray picture is from the nearest zero.",
				pipeline.Choice("distanceType", []string{"l2", "l1", "c"}, "how to measure; c is the larger of both ways"),
				pipeline.Choice("maskSize", []string{"3", "5", "precise"}, "precise is exact, and slower"),
				pipeline.Choice("dstType", []string{"f32", "u8"}, "element type of the result; u8 for l1 only")).
				WithReturns("gray f32 or u8 of the same size, in pixels").WithExample("gray | threshold auto=otsu | distance_transform maskSize=5"),
			bind: distanceStep,
		},
	}
}

func kernelParams() []pipeline.Param {
	custom := pipeline.Kernel("kernel", "", maxCustomKernel, "a structuring element of one's own, in place of shape and ksize: 1 where it counts, 0 where not")
	return []pipeline.Param{
		pipeline.Choice("shape", []string{"rect", "cross", "ellipse"}, "shape of the kernel"),
		pipeline.SizeOf("ksize", "3", 1, 255, "size of the kernel"),
		custom, anchorParam(),
		pipeline.Int("iterations", 1, 1, 100, "how many times"),
		pipeline.Choice("borderType", []string{"constant", "reflect101", "replicate", "reflect"},
			"what lies outside the picture; constant never wins"),
	}
}

// morphology goes through morphologyEx for erosion and dilation too: with its default border value, nothing outside the picture
// ever wins.
func morphology(kind gocv.MorphType, a pipeline.Args) (step, error) {
	e, err := elementOf(a)
	if err != nil {
		return step{}, err
	}
	takes := filterable()
	if e.depth = frame.U8; kind == gocv.MorphHitmiss {
		takes, e.depth = only(frame.FormatGray).of(frame.U8).by("op"), frame.S8
	}
	for _, b := range e.bytes {
		if b > 1 && e.depth == frame.U8 {
			return step{}, wrong("kernel", "kernel takes 0 and 1; -1 is for op=hitmiss")
		}
	}
	n, border := a.Int("iterations"), borders[a.String("borderType")]
	return filter(takes, func(src gocv.Mat, dst *gocv.Mat) error { return morphologyEx(src, dst, kind, e, n, border) }), nil
}

func elementOf(a pipeline.Args) (element, error) {
	custom, size := a.Matrix("kernel"), a.Size("ksize")
	if custom.Rows > 0 {
		size = pipeline.Size{Width: custom.Cols, Height: custom.Rows}
	}
	anchor, err := anchorOf(a, image.Pt(size.Width, size.Height))
	if err != nil {
		return element{}, err
	}
	if custom.Rows == 0 {
		shapes := map[string]gocv.MorphShape{"rect": gocv.MorphRect, "cross": gocv.MorphCross, "ellipse": gocv.MorphEllipse}
		return structuringElement(shapes[a.String("shape")], size, anchor)
	}
	e := element{rows: custom.Rows, cols: custom.Cols, anchor: anchor}
	for _, v := range custom.Values {
		if v != 0 && v != 1 && v != -1 {
			return e, wrong("kernel", "kernel takes 0, 1 and -1, not %v", v)
		}
		e.bytes = append(e.bytes, byte(int8(v)))
	}
	return e, nil
}

func distanceStep(a pipeline.Args) (step, error) {
	depth, number, _ := depthOf(a.String("dstType"))
	kind := map[string]gocv.DistanceTypes{"l1": gocv.DistL1, "l2": gocv.DistL2, "c": gocv.DistC}[a.String("distanceType")]
	mask := map[string]int{"3": 3, "5": 5, "precise": 0}[a.String("maskSize")]
	if depth == frame.U8 && kind != gocv.DistL1 {
		return step{}, wrong("dstType distanceType", "dstType=u8 needs distanceType=l1, got %s", a.String("distanceType"))
	}
	s := filter(only(frame.FormatGray).of(frame.U8), func(src gocv.Mat, dst *gocv.Mat) error {
		return distanceTransform(src, dst, kind, mask, number)
	})
	s.shape = depthIs(depth)
	return s, nil
}
