//go:build opencv

package cv

/*
#include "bridge_drawing.h"
#include "bridge_features.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// newDetector makes a detector of an op's arguments. detect ends it.
type newDetector func(a pipeline.Args, out *C.detector) *C.char

func detect(a pipeline.Args, create newDetector, src gocv.Mat, describe bool, limit int) (keypointList, error) {
	var d C.detector
	if err := bridged(create(a, &d)); err != nil {
		return keypointList{}, err
	}
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_detect(d, ptr(&src), C.bool(describe), C.int(limit), out)
	})
	if err != nil {
		return keypointList{}, err
	}
	return t.keypoints(), nil
}

// drawKeypoints draws on a gray or bgr picture; the result is bgr.
func drawKeypoints(src gocv.Mat, dst *gocv.Mat, found keypointList, i ink, rich bool) error {
	list := make([]C.double, 1) // never empty, so that there is an address
	for _, k := range found.Keypoints {
		list = append(list, C.double(k.X), C.double(k.Y), C.double(k.Size), C.double(k.Angle), C.double(k.Response),
			C.double(k.Octave), C.double(k.ClassID))
	}
	list = append(list[1:], 0)
	return bridged(C.bridge_keypoints(ptr(&src), ptr(dst), &list[0], C.int(len(found.Keypoints)), i.c(), C.bool(rich)))
}

func fast(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_fast(C.int(a.Int("threshold")), C.bool(a.Bool("nonmaxSuppression")), C.int(index(fastTypes, a.String("type"))), out)
}

func agast(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_agast(C.int(a.Int("threshold")), C.bool(a.Bool("nonmaxSuppression")), C.int(index(agastTypes, a.String("type"))), out)
}

func orb(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_orb(C.int(a.Int("nfeatures")), C.float(a.Float("scaleFactor")), C.int(a.Int("nlevels")),
		C.int(a.Int("edgeThreshold")), C.int(a.Int("firstLevel")), C.int(a.Int("WTA_K")),
		C.int(index(orbScores, a.String("scoreType"))), C.int(a.Int("patchSize")), C.int(a.Int("fastThreshold")), out)
}

func akaze(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_akaze(C.int(2+index(akazeDescriptors, a.String("descriptor_type"))), C.int(a.Int("descriptor_size")),
		C.int(a.Int("descriptor_channels")), C.float(a.Float("threshold")), C.int(a.Int("nOctaves")), C.int(a.Int("nOctaveLayers")),
		C.int(index(diffusivities, a.String("diffusivity"))), out)
}

func kaze(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_kaze(C.bool(a.Bool("extended")), C.bool(a.Bool("upright")), C.float(a.Float("threshold")),
		C.int(a.Int("nOctaves")), C.int(a.Int("nOctaveLayers")), C.int(index(diffusivities, a.String("diffusivity"))), out)
}

func sift(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_sift(C.int(a.Int("nfeatures")), C.int(a.Int("nOctaveLayers")), C.double(a.Float("contrastThreshold")),
		C.double(a.Float("edgeThreshold")), C.double(a.Float("sigma")), out)
}

func brisk(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_brisk(C.int(a.Int("thresh")), C.int(a.Int("octaves")), C.float(a.Float("patternScale")), out)
}

func simpleBlob(a pipeline.Args, out *C.detector) *C.char {
	return C.bridge_simple_blob(C.blob_filter{
		threshold_step: C.float(a.Float("thresholdStep")), min_threshold: C.float(a.Float("minThreshold")),
		max_threshold: C.float(a.Float("maxThreshold")), min_repeatability: C.int(a.Int("minRepeatability")),
		min_dist: C.float(a.Float("minDistBetweenBlobs")), color: C.int(a.Int("blobColor")),
		min_area: C.float(a.Float("minArea")), max_area: C.float(a.Float("maxArea")),
		min_circularity: C.float(a.Float("minCircularity")), min_inertia: C.float(a.Float("minInertiaRatio")),
		min_convexity: C.float(a.Float("minConvexity")),
	}, out)
}

func mser(a pipeline.Args, src gocv.Mat) (mserList, error) {
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_mser(ptr(&src), C.int(a.Int("delta")), C.int(a.Int("min_area")), C.int(a.Int("max_area")),
			C.double(a.Float("max_variation")), C.double(a.Float("min_diversity")), C.int(a.Int("max_evolution")),
			C.double(a.Float("area_threshold")), C.double(a.Float("min_margin")), C.int(a.Int("edge_blur_size")),
			C.int(a.Int("max_count")), out)
	})
	if err != nil {
		return mserList{}, err
	}
	return mserList{t.int(), all(t, func() mserRegion { return mserRegion{t.box(), t.int(), all(t, t.point)} })}, nil
}
