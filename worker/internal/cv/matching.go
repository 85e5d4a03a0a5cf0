//go:build opencv

package cv

/*
#include "bridge_matching.h"
*/
import "C"

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func matchingOps() []op {
	return []op{
		{
			OpInfo: info("match_features", "features2d", "Find a picture in the frame, turned, scaled or in perspective, by its features.",
				drawing(matchingParams(pipeline.Image("image", "the picture to find"),
					maxCount(100, "the best"))...)...).
				WithReturns(passesDoc + `{"keypoints": [number in the frame, number in the picture], "count", "matches": [{"picture": [x, y], ` +
					`"frame": [x, y], "distance", "inlier"}, ...], "inliers", "homography": three rows, from the picture to the frame, ` +
					`"corners": the four of the picture, in the frame; these are drawn}; the last two where four matches and more agree: ` + countDoc).
				WithExample("match_features image=logo.png draw=true"),
			with: beside("image", matchFeatures),
		}, {
			OpInfo: info("align", "calib3d", "Warp the frame so that it lies on a picture of the same thing.",
				matchingParams(pipeline.Image("image", "the picture to lie on"),
					pipeline.Int("min_inliers", 10, 4, 1<<20, "a frame with fewer matches that agree is refused"),
					pipeline.Choice("flags", []string{"linear", "nearest", "cubic", "lanczos4"}, "interpolation"))...).
				WithReturns(`a picture of the frame's format and depth, of the size of image; {"count": matches, "inliers", ` +
					`"homography": three rows, from the frame to the picture}`).
				WithExample("align image=first.png"),
			with: beside("image", align),
		},
	}
}

func matchingParams(image pipeline.Param, own ...pipeline.Param) []pipeline.Param {
	return append([]pipeline.Param{
		image,
		pipeline.Choice("detector", detectors, "what finds and describes features; sift is the best and slowest"),
		pipeline.Int("nfeatures", 500, 10, 10000, "how many features at most, of orb and sift"),
		pipeline.Float("ratio", 0.75, 0.01, 1, "a match is better than the second best by this (Lowe)"),
		pipeline.Float("ransacReprojThreshold", 3, 0.1, 1000, "matches within so many pixels agree"),
	}, own...)
}

var detectors = []string{"orb", "akaze", "sift", "brisk"} // in the bridge's order

type (
	homography   [3][3]float64
	featureMatch struct {
		Picture  spot    `json:"picture"`
		Frame    spot    `json:"frame"`
		Distance float32 `json:"distance"`
		Inlier   bool    `json:"inlier"`
	}
	featureMatches struct {
		Keypoints  [2]int         `json:"keypoints"`
		Count      int            `json:"count"`
		Matches    []featureMatch `json:"matches"`
		Inliers    int            `json:"inliers"`
		Homography *homography    `json:"homography,omitempty"`
		Corners    []spot         `json:"corners,omitempty"`
	}
)

// featureMatcher knows the features of a reference.
type featureMatcher struct {
	a      pipeline.Args
	handle C.matcher
	g      frame.Geometry // of the reference
	back   bool           // homographies are from the frame to the reference
}

// newFeatureMatcher makes a matcher of the reference in gray, which frames are turned into, too.
func newFeatureMatcher(a pipeline.Args, r *reference, back bool) (*featureMatcher, error) {
	v, err := r.like(frame.Geometry{Format: frame.FormatGray, Depth: frame.U8})
	if err != nil {
		return nil, wrong(r.param, "%s is %v: it must be gray or bgr u8", r.name, r.variants[0].g)
	}
	m := &featureMatcher{a: a, g: v.g, back: back}
	kind := C.features(index(detectors, a.String("detector")))
	err = bridged(C.bridge_matcher(ptr(&v.mat), kind, C.int(a.Int("nfeatures")), &m.handle))
	if err != nil && !lacksMemory(err) {
		return nil, wrong(r.param, "%s=%s: %v", r.param, r.name, tooSmall(v.g, err))
	}
	return m, err
}

func (m *featureMatcher) close() { C.bridge_matcher_close(m.handle) }

func (m *featureMatcher) match(src picture) (featureMatches, error) {
	gray := src.Mat
	if src.g.Format == frame.FormatBGR {
		gray = gocv.NewMat()
		defer gray.Close()
		if err := gocv.CvtColor(src.Mat, &gray, gocv.ColorBGRToGray); err != nil {
			return featureMatches{}, err
		}
	}
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_match(m.handle, ptr(&gray), C.double(m.a.Float("ratio")), C.double(m.a.Float("ransacReprojThreshold")),
			C.bool(m.back), out)
	})
	if err != nil {
		return featureMatches{}, tooSmall(src.g, err)
	}
	found := featureMatches{Keypoints: [2]int{t.int(), t.int()}, Matches: all(t, func() featureMatch {
		return featureMatch{t.spot(), t.spot(), t.single(), t.bool()}
	}), Inliers: t.int()}
	found.Count = len(found.Matches)
	if h := t.homography(); h != (homography{}) {
		found.Homography = &h
	}
	return found, nil
}

func (t *tape) homography() (h homography) {
	for i := range 9 {
		h[i/3][i%3] = t.float()
	}
	return h
}

// project is where h puts x, y; false where it lies on the horizon or beyond all pictures.
func (h *homography) project(x, y float64) (spot, bool) {
	row := func(i int) float64 { return h[i][0]*x + h[i][1]*y + h[i][2] }
	px, py := row(0)/row(2), row(1)/row(2)
	return spot{float32(px), float32(py)}, math.Abs(px) <= maxCoordinate && math.Abs(py) <= maxCoordinate
}

func matchFeatures(a pipeline.Args, r *reference) (step, error) {
	m, err := newFeatureMatcher(a, r, false)
	if err != nil {
		return step{}, err
	}
	s := finding[featureMatches]{
		takes: only(frame.FormatGray, frame.FormatBGR).of(frame.U8),
		find: func(src picture) (featureMatches, error) {
			found, err := m.match(src)
			if found.Homography != nil {
				found.Corners = m.corners(found.Homography)
			}
			found.Matches = first(found.Matches, a.Int("max_count"))
			return found, err
		},
		draw: func(picture *gocv.Mat, found featureMatches, i ink) error {
			var polygon []pixel
			for _, c := range found.Corners {
				polygon = append(polygon, rounded(float64(c[0]), float64(c[1])))
			}
			return drawPolygon(picture, polygon, true, i)
		},
	}.step(a)
	s.close = m.close
	return s, nil
}

// corners are those of the reference in the frame; nil where one is nowhere.
func (m *featureMatcher) corners(h *homography) []spot {
	w, height := float64(m.g.Width), float64(m.g.Height)
	var corners []spot
	for _, c := range [][2]float64{{0, 0}, {w, 0}, {w, height}, {0, height}} {
		at, ok := h.project(c[0], c[1])
		if !ok {
			return nil
		}
		corners = append(corners, at)
	}
	return corners
}

// alignment is the JSON of align.
type alignment struct {
	Count      int        `json:"count"`
	Inliers    int        `json:"inliers"`
	Homography homography `json:"homography"`
}

func align(a pipeline.Args, r *reference) (step, error) {
	m, err := newFeatureMatcher(a, r, true)
	if err != nil {
		return step{}, err
	}
	interpolation := interpolations[a.String("flags")]
	return step{
		takes: only(frame.FormatGray, frame.FormatBGR).of(frame.U8),
		shape: func(in frame.Geometry) (frame.Geometry, error) {
			if max(m.g.Width, m.g.Height) > maxWarp {
				return in, wrong(r.param, "%s is %v, which is too large to be aligned with: the limit of a side is %d", r.name, m.g, maxWarp)
			}
			if _, err := turnable(in); err != nil {
				return in, err
			}
			in.Width, in.Height = m.g.Width, m.g.Height
			return in, nil
		},
		apply: func(src picture, dst *gocv.Mat) (any, error) {
			found, err := m.match(src)
			if err != nil {
				return nil, err
			}
			if found.Homography == nil || found.Inliers < a.Int("min_inliers") {
				return nil, refuse("cannot be aligned with %s: %d of %d matches agree, %d are needed", r.name, found.Inliers, found.Count,
					a.Int("min_inliers"))
			}
			h := *found.Homography
			return alignment{found.Count, found.Inliers, h}, bridged(C.bridge_warp(ptr(&src.Mat), ptr(dst), (*C.double)(&h[0][0]),
				C.int(m.g.Width), C.int(m.g.Height), C.int(interpolation)))
		},
		close: m.close,
	}, nil
}

// turnable refuses what OpenCV's remap has no numbers for.
func turnable(in frame.Geometry) (frame.Geometry, error) {
	if max(in.Width, in.Height) > maxWarp {
		return in, refuse("%v is too large: the limit of a side is %d", in, maxWarp)
	}
	return in, nil
}
