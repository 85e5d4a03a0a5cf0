//go:build opencv

package cv

import (
	"slices"
	"testing"

	"github.com/cvfarm/cvfarm/shared/pipeline"
)

func knownOps() pipeline.Catalogue {
	info := New(Options{}).Info()
	return slices.Concat(info.Ops, info.Absent)
}

func TestEveryOpIsTheFirstThatItsNameFinds(t *testing.T) {
	for _, op := range knownOps() {
		if found := knownOps().Search([]string{op.Name}); len(found) == 0 || found[0].Name != op.Name {
			t.Errorf("%s finds %v first", op.Name, names(found))
		}
	}
}

func TestTheNameInCV2FindsTheOpFirst(t *testing.T) {
	for name, want := range map[string]string{
		"imread": "decode", "cv2.imwrite": "encode", "cvtColor": "cvt_color", "split": "extract_channel", "merge": "mix_channels",
		"inRange": "in_range", "LUT": "lut", "convertTo": "convert", "absdiff": "abs_diff", "cv2.bitwise_not": "bitwise_not", "resize": "resize",
		"copyMakeBorder": "copy_make_border", "warpAffine": "warp_affine", "warpPerspective": "warp_perspective",
		"getRotationMatrix2D": "rotate_angle", "undistort": "undistort", "blur": "blur", "GaussianBlur": "gaussian_blur",
		"medianBlur": "median_blur", "bilateralFilter": "bilateral", "filter2D": "filter2d", "Canny": "canny", "Sobel": "sobel",
		"threshold": "threshold", "adaptiveThreshold": "adaptive_threshold", "dilate": "dilate", "morphologyEx": "morphology",
		"getStructuringElement": "dilate", "equalizeHist": "equalize_hist", "createCLAHE": "clahe", "meanStdDev": "stats",
		"minMaxLoc": "min_max_loc", "boundingRect": "bounding_rect", "HoughLinesP": "hough_lines_p", "HoughCircles": "hough_circles",
		"findContours": "find_contours", "minAreaRect": "find_contours", "connectedComponentsWithStats": "connected_components",
		"grabCut": "grab_cut", "goodFeaturesToTrack": "good_features_to_track", "ORB": "orb", "findChessboardCorners": "find_chessboard_corners",
		"putText": "put_text", "addWeighted": "add_weighted", "matchTemplate": "match_template", "findHomography": "match_features",
		"absDiff": "abs_diff", "CascadeClassifier": "cascade_classifier", "fastNlMeansDenoising": "fast_nl_means_denoising",
	} {
		if found := knownOps().Search([]string{name}); len(found) == 0 || found[0].Name != want {
			t.Errorf("%s finds %v, want %s first", name, names(found), want)
		}
	}
}

// LUT found lines with a resolution.
func TestLettersWithinWordsAreNoHit(t *testing.T) {
	for word, want := range map[string][]string{"LUT": {"lut"}, "resize": {"resize"}, "solutio": {"hough_lines", "hough_lines_p"}} {
		if got := names(knownOps().Search([]string{word})); !slices.Equal(got, want) {
			t.Errorf("%s finds %v, want %v", word, got, want)
		}
	}
}

func names(ops pipeline.Catalogue) []string {
	var all []string
	for _, op := range ops {
		all = append(all, op.Name)
	}
	return all
}
