//go:build opencv

package cv

import (
	"math"
	"slices"
	"strings"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func featureOps() []op {
	return []op{
		detectorOp("fast", "Find corners by comparing each pixel with a circle around it.", false, fast,
			pipeline.Int("threshold", 10, 0, 255, "how much the circle differs from its centre"),
			pipeline.Bool("nonmaxSuppression", true, "keep the strongest of neighbours"),
			pipeline.Choice("type", fastTypes, "pixels that differ, and pixels of the circle").Otherwise("9_16")),
		detectorOp("agast", "Find corners as fast does, by faster trees.", false, agast,
			pipeline.Int("threshold", 10, 0, 255, "how much the circle differs from its centre"),
			pipeline.Bool("nonmaxSuppression", true, "keep the strongest of neighbours"),
			pipeline.Choice("type", agastTypes, "which pixels are compared").Otherwise("oast_9_16")),
		orbOp(detectorOp("orb", "Find corners at several scales, and describe them by 32 bytes.", true, orb,
			pipeline.Int("nfeatures", 500, 1, 1<<20, "how many at most, the strongest"),
			pipeline.Float("scaleFactor", 1.2, 1.01, 2, "from one scale to the next"),
			pipeline.Int("nlevels", 8, 1, 32, "number of scales"),
			pipeline.Int("edgeThreshold", 31, 0, 1000, "width of the border where none are found"),
			pipeline.Int("firstLevel", 0, 0, 8, "the scale at which the picture itself is"),
			pipeline.Int("WTA_K", 2, 2, 4, "pixels for an element of the descriptor"),
			pipeline.Choice("scoreType", orbScores, "how the strongest are found"),
			pipeline.Int("patchSize", 31, 2, 100, "side of what is described"),
			pipeline.Int("fastThreshold", 20, 0, 255, "threshold of fast"))),
		akazeOp(detectorOp("akaze", "Find blobs at several scales without blurring edges, and describe them.", true, akaze,
			pipeline.Choice("descriptor_type", akazeDescriptors, "what describes them").Otherwise("mldb"),
			pipeline.Int("descriptor_size", 0, 0, 486, "in bits; 0 for all; of mldb, any other takes descriptor_channels=3"),
			pipeline.Int("descriptor_channels", 3, 1, 3, "of the descriptor"),
			pipeline.Float("threshold", 0.001, 0, 10, "least response"),
			pipeline.Int("nOctaves", 4, 1, 8, "number of octaves"),
			pipeline.Int("nOctaveLayers", 4, 1, 8, "scales in an octave"),
			diffusivityParam())),
		kazeOp(detectorOp("kaze", "Find blobs as akaze does, more slowly, and describe them by 64 numbers.", true, kaze,
			pipeline.Bool("extended", false, "describe by 128 numbers"),
			pipeline.Bool("upright", false, "leave their direction out"),
			pipeline.Float("threshold", 0.001, 0, 10, "least response"),
			pipeline.Int("nOctaves", 4, 1, 8, "number of octaves"),
			pipeline.Int("nOctaveLayers", 4, 1, 8, "scales in an octave"),
			diffusivityParam())),
		detectorOp("sift", "Find blobs at several scales, and describe them by 128 numbers.", true, sift,
			pipeline.Int("nfeatures", 0, 0, 1<<20, "how many at most, the strongest; 0 for no limit"),
			pipeline.Int("nOctaveLayers", 3, 1, 16, "scales in an octave"),
			pipeline.Float("contrastThreshold", 0.04, 0, 10, "leaves weak ones out"),
			pipeline.Float("edgeThreshold", 10, 0, 1000, "leaves those on edges out, the larger the fewer"),
			pipeline.Float("sigma", 1.6, 0.1, 10, "blur of the first scale")),
		detectorOp("brisk", "Find corners at several scales, and describe them by 64 bytes.", true, brisk,
			pipeline.Int("thresh", 30, 1, 255, "threshold of agast"),
			pipeline.Int("octaves", 3, 0, 8, "number of octaves; 0 for one scale"),
			pipeline.Float("patternScale", 1, 0.1, 10, "scale of what is described")),
		blobOp(detectorOp("simple_blob", "Find blobs by thresholds, and by how they look.", false, simpleBlob,
			pipeline.Float("thresholdStep", 10, 1, 255, "from one threshold to the next"),
			pipeline.Float("minThreshold", 50, 0, 255, "the first threshold"),
			pipeline.Float("maxThreshold", 220, 0, 256, "the thresholds end before this"),
			pipeline.Int("minRepeatability", 2, 1, 255, "at how many thresholds a blob is there"),
			pipeline.Float("minDistBetweenBlobs", 10, 0.01, frame.MaxSide, "nearer ones are one"),
			pipeline.Int("blobColor", 0, -1, 255, "0 for dark ones, 255 for bright ones, -1 for any"),
			pipeline.Float("minArea", 25, 0, 1e12, "least area; 0 for any area"),
			pipeline.Float("maxArea", 5000, 0, 1e12, "largest area, where minArea is above 0"),
			pipeline.Float("minCircularity", 0, 0, 1, "how round they are at least; 0 for any form"),
			pipeline.Float("minInertiaRatio", 0.1, 0, 1, "how far from a line they are at least; 0 for any form"),
			pipeline.Float("minConvexity", 0.95, 0, 1, "which part of their hull they fill at least; 0 for any"))),
		{
			OpInfo: info("mser", "features2d", "Find regions that stay the same at many thresholds, such as letters.", drawing(
				pipeline.Int("delta", 5, 1, 255, "thresholds that are compared"),
				pipeline.Int("min_area", 60, 1, 1<<30, "least number of pixels"),
				pipeline.Int("max_area", 14400, 1, 1<<30, "largest number of pixels"),
				pipeline.Float("max_variation", 0.25, 0, 10, "how much a region may grow"),
				pipeline.Float("min_diversity", 0.2, 0, 10, "how much regions within each other differ"),
				pipeline.Int("max_evolution", 200, 1, 10000, "steps, of colour pictures"),
				pipeline.Float("area_threshold", 1.01, 0, 100, "least growth, of colour pictures"),
				pipeline.Float("min_margin", 0.003, 0, 100, "least margin, of colour pictures"),
				pipeline.Int("edge_blur_size", 5, 1, 31, "aperture of the blur of edges, of colour pictures").OnlyOdd(),
				maxCount(1000, "the first that are found"))...).
				WithReturns(passesDoc + `{"count", "regions": [{"box": [x, y, width, height], "area", "hull": [[x, y], ...]}, ...]}, ` +
					`the hulls are drawn: ` + countDoc).
				WithExample("gray | mser draw=true"),
			bind: mserStep,
		},
	}
}

// OpenCV's names, in its order.
var (
	fastTypes        = []string{"5_8", "7_12", "9_16"}
	agastTypes       = []string{"agast_5_8", "agast_7_12d", "agast_7_12s", "oast_9_16"}
	orbScores        = []string{"harris", "fast"}
	akazeDescriptors = []string{"kaze_upright", "kaze", "mldb_upright", "mldb"}
	diffusivities    = []string{"pm_g1", "pm_g2", "weickert", "charbonnier"}
)

func diffusivityParam() pipeline.Param {
	return pipeline.Choice("diffusivity", diffusivities, "how blur stops at edges").Otherwise("pm_g2")
}

type (
	keypoint struct {
		X        float32 `json:"x"`
		Y        float32 `json:"y"`
		Size     float32 `json:"size"`
		Angle    float32 `json:"angle"`
		Response float32 `json:"response"`
		Octave   int     `json:"octave"`
		ClassID  int     `json:"class_id"`
		// Descriptor has whole numbers in 0..255 or floats, by the op.
		Descriptor []float32 `json:"descriptor,omitempty"`
	}
	keypointList struct {
		Count     int        `json:"count"`
		Keypoints []keypoint `json:"keypoints"`
	}
)

func (t *tape) keypoints() keypointList {
	count := t.int()
	list := all(t, func() keypoint {
		return keypoint{X: t.single(), Y: t.single(), Size: t.single(), Angle: t.single(), Response: t.single(), Octave: t.int(),
			ClassID: t.int()}
	})
	if n := t.int(); n > 0 {
		for i := range list {
			list[i].Descriptor = some(t, n, t.single)
		}
	}
	return keypointList{count, list}
}

// detectorOp makes an op of a detector of keypoints.
func detectorOp(name, doc string, describes bool, create newDetector, own ...pipeline.Param) op {
	params := append(slices.Clone(own), maxCount(1000, "those with the largest response"))
	returns := `{"count", "keypoints": [{"x", "y", "size", "angle", "response", "octave", "class_id"`
	if describes {
		params = append(params, pipeline.Bool("descriptors", false, "tell the descriptors, too"))
		returns += `, "descriptor": [numbers]`
	}
	params = append(params, pipeline.Bool("draw", false, "draw the keypoints"), colorParam(green),
		pipeline.Bool("rich", false, "draw their size and direction, too"))
	return op{
		OpInfo: info(name, "features2d", doc, params...).
			WithReturns("the picture passes, or with draw=true the keypoints are drawn on it, in bgr; " + returns + "}, ...]}: " + countDoc).
			WithExample(name + " draw=true"),
		bind: func(a pipeline.Args) (step, error) {
			return detectorStep(a, create, describes && a.Bool("descriptors")), nil
		},
	}
}

// blobOp refuses thresholds among which no blob can be there often enough.
func blobOp(o op) op {
	bind := o.bind
	o.bind = func(a pipeline.Args) (step, error) {
		low, high, by, often := a.Float("minThreshold"), a.Float("maxThreshold"), a.Float("thresholdStep"), a.Int("minRepeatability")
		if n := max(0, int(math.Ceil((high-low)/by))); n < often {
			return step{}, wrong("minThreshold maxThreshold thresholdStep minRepeatability", "minThreshold=%v maxThreshold=%v thresholdStep=%v are %d thresholds, minRepeatability=%d needs as many",
				low, high, by, n, often)
		}
		return bind(a)
	}
	return o
}

// orbOp refuses pictures of which nothing is left at the last of the scales, as OpenCV rounds.
func orbOp(o op) op {
	bind := o.bind
	o.bind = func(a pipeline.Args) (step, error) {
		levels, factor := a.Int("nlevels"), a.Float("scaleFactor")
		smallest := math.Pow(factor, float64(levels-1-a.Int("firstLevel"))) / 2
		if smallest >= frame.MaxSide {
			return step{}, wrong("nlevels scaleFactor", "nlevels=%d scaleFactor=%v leave nothing of any picture at the last scale: take fewer levels",
				levels, factor)
		}
		s, err := bind(a)
		s.shape = after(func(in frame.Geometry) (frame.Geometry, error) {
			if float64(min(in.Width, in.Height)) > smallest {
				return in, nil
			}
			return in, wrong("nlevels scaleFactor", "nlevels=%d scaleFactor=%v are too large for %v, of which nothing is left at the last scale: "+
				"take fewer levels", levels, factor, in)
		}, s.shape)
		return s, err
	}
	return o
}

// akazeOp refuses what corrupts the heap. To choose the bits of a shortened MLDB descriptor, OpenCV 4 (generateDescriptorSubsample
// in AKAZEFeatures.cpp) makes an array of descriptor_channels rows for each pick, and writes three: with fewer channels the last
// pick lies beyond its end, at every size. The KAZE descriptors have no such choice, and the size does not matter to them.
func akazeOp(o op) op {
	bind := o.bind
	o.bind = func(a pipeline.Args) (step, error) {
		size, channels := a.Int("descriptor_size"), a.Int("descriptor_channels")
		if strings.HasPrefix(a.String("descriptor_type"), "mldb") && size > 0 && channels < 3 {
			return step{}, wrong("descriptor_channels descriptor_size", "descriptor_size=%d descriptor_channels=%d is not allowed, OpenCV would write past the end of its memory: "+
				"take descriptor_size=0 or descriptor_channels=3", size, channels)
		}
		return bind(a)
	}
	return o
}

// kazeOp refuses what ended the worker now and then: OpenCV's diffusion (nld_step_scalar_one_lane in KAZE's
// nldiffusion_functions.cpp) reads a second row and a second column wherever it is, and adds to them.
func kazeOp(o op) op {
	bind := o.bind
	o.bind = func(a pipeline.Args) (step, error) {
		s, err := bind(a)
		s.shape = after(func(in frame.Geometry) (frame.Geometry, error) {
			if min(in.Width, in.Height) < 2 {
				return in, refuse("%v is too small: each side is at least 2", in)
			}
			return in, nil
		}, s.shape)
		return s, err
	}
	return o
}

func detectorStep(a pipeline.Args, create newDetector, describe bool) step {
	s := step{takes: only(frame.FormatGray, frame.FormatBGR).of(frame.U8)}
	search := func(src picture) (keypointList, error) {
		found, err := detect(a, create, src.Mat, describe, a.Int("max_count"))
		return found, tooSmall(src.g, err)
	}
	if !a.Bool("draw") {
		s.find = func(src picture) (any, error) { return search(src) }
		return s
	}
	i, rich := ink{color: scalarOf(a, "color")}, a.Bool("rich")
	s.fits = forColorOver(a)
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatBGR; return in, nil }
	s.apply = func(src picture, dst *gocv.Mat) (any, error) {
		found, err := search(src)
		if err != nil {
			return nil, err
		}
		return found, drawKeypoints(src.Mat, dst, found, i, rich)
	}
	return s
}

type (
	mserRegion struct {
		Box  bbox    `json:"box"`
		Area int     `json:"area"`
		Hull []pixel `json:"hull"`
	}
	mserList struct {
		Count   int          `json:"count"`
		Regions []mserRegion `json:"regions"`
	}
)

func mserStep(a pipeline.Args) (step, error) {
	if a.Int("min_area") >= a.Int("max_area") {
		return step{}, wrong("min_area max_area", "min_area=%d is not below max_area=%d", a.Int("min_area"), a.Int("max_area"))
	}
	return finding[mserList]{
		takes: only(frame.FormatGray, frame.FormatBGR).of(frame.U8),
		check: func(in frame.Geometry) error {
			if in.Width < 3 || in.Height < 3 {
				return refuse("%v is too small: it takes 3x3 and more", in)
			}
			return nil
		},
		find: func(src picture) (mserList, error) { return mser(a, src.Mat) },
		draw: func(m *gocv.Mat, found mserList, i ink) error {
			for _, r := range found.Regions {
				if err := drawPolygon(m, r.Hull, true, i); err != nil {
					return err
				}
			}
			return nil
		},
	}.step(a), nil
}
