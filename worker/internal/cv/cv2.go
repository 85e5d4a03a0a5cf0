//go:build opencv

package cv

import "strings"

// inCV2 are the functions and classes of cv2 that an op stands for, by the name of the op. An op that cv2 has no name for has
// none.
var inCV2 = map[string]string{
	"decode": "imdecode imread", "encode": "imencode imwrite",

	"gray": "cvtColor", "cvt_color": "cvtColor", "demosaicing": "demosaicing", "extract_channel": "extractChannel split",
	"mix_channels": "mixChannels split merge", "transform": "transform", "in_range": "inRange", "apply_color_map": "applyColorMap",

	"convert": "Mat.convertTo", "convert_scale_abs": "convertScaleAbs", "normalize": "normalize", "bitwise_not": "bitwise_not",
	"invert": "bitwise_not", "compare": "compare", "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
	"abs_diff": "absdiff", "min": "min", "max": "max", "bitwise_and": "bitwise_and", "bitwise_or": "bitwise_or",
	"bitwise_xor": "bitwise_xor", "pow": "pow", "sqrt": "sqrt", "exp": "exp", "log": "log", "lut": "LUT", "gamma": "",

	"resize": "resize", "crop": "", "flip": "flip", "rotate": "rotate", "transpose": "transpose", "repeat": "repeat",
	"copy_make_border": "copyMakeBorder", "get_rect_sub_pix": "getRectSubPix", "pyr_down": "pyrDown", "pyr_up": "pyrUp",
	"rotate_angle": "getRotationMatrix2D warpAffine", "warp_affine": "warpAffine getAffineTransform",
	"warp_perspective": "warpPerspective getPerspectiveTransform",
	"warp_polar":       "warpPolar", "linear_polar": "linearPolar", "log_polar": "logPolar", "undistort": "undistort",
	"fisheye_undistort_image": "fisheye.undistortImage", "remap": "remap",

	"blur": "blur", "gaussian_blur": "GaussianBlur", "median_blur": "medianBlur", "bilateral": "bilateralFilter",
	"pyr_mean_shift_filtering": "pyrMeanShiftFiltering", "box_filter": "boxFilter", "sqr_box_filter": "sqrBoxFilter",
	"filter2d": "filter2D", "sep_filter2d": "sepFilter2D", "gabor": "getGaborKernel filter2D", "unsharp": "",

	"canny": "Canny", "sobel": "Sobel", "scharr": "Scharr", "spatial_gradient": "spatialGradient", "laplacian": "Laplacian",

	"threshold": "threshold", "adaptive_threshold": "adaptiveThreshold",

	"dilate": "dilate getStructuringElement", "erode": "erode getStructuringElement",
	"morphology": "morphologyEx getStructuringElement", "distance_transform": "distanceTransform",

	"equalize_hist": "equalizeHist", "clahe": "createCLAHE", "integral": "integral",

	"fast_nl_means_denoising": "fastNlMeansDenoising", "fast_nl_means_denoising_colored": "fastNlMeansDenoisingColored",
	"denoise_tvl1": "denoise_TVL1", "detail_enhance": "detailEnhance", "edge_preserving_filter": "edgePreservingFilter",
	"stylization": "stylization", "pencil_sketch": "pencilSketch", "decolor": "decolor", "tonemap": "createTonemap",
	"tonemap_drago": "createTonemapDrago", "tonemap_reinhard": "createTonemapReinhard", "tonemap_mantiuk": "createTonemapMantiuk",

	"stats": "meanStdDev mean minMaxLoc", "echo": "",

	"calc_hist": "calcHist", "min_max_loc": "minMaxLoc", "count_non_zero": "countNonZero", "bounding_rect": "boundingRect",
	"moments": "moments", "hu_moments": "HuMoments", "blur_score": "",

	"hough_lines": "HoughLines HoughLinesWithAccumulator", "hough_lines_p": "HoughLinesP", "hough_circles": "HoughCircles",
	"line_segment_detector": "createLineSegmentDetector",

	"find_contours": "findContours contourArea arcLength approxPolyDP convexHull isContourConvex boundingRect minAreaRect " +
		"minEnclosingCircle fitEllipse moments drawContours",
	"connected_components": "connectedComponents connectedComponentsWithStats",

	"watershed": "watershed", "grab_cut": "grabCut", "flood_fill": "floodFill",

	"good_features_to_track": "goodFeaturesToTrack", "corner_sub_pix": "cornerSubPix", "corner_harris": "cornerHarris",
	"corner_min_eigen_val": "cornerMinEigenVal",

	"fast": "FastFeatureDetector drawKeypoints", "agast": "AgastFeatureDetector drawKeypoints", "orb": "ORB drawKeypoints",
	"akaze": "AKAZE drawKeypoints", "kaze": "KAZE drawKeypoints", "sift": "SIFT drawKeypoints", "brisk": "BRISK drawKeypoints",
	"simple_blob": "SimpleBlobDetector drawKeypoints", "mser": "MSER",

	"find_chessboard_corners":    "findChessboardCorners cornerSubPix drawChessboardCorners",
	"find_chessboard_corners_sb": "findChessboardCornersSB drawChessboardCorners",
	"find_circles_grid":          "findCirclesGrid drawChessboardCorners",
	"calibrate_camera":           "calibrateCamera findChessboardCorners cornerSubPix",

	"line": "line", "arrowed_line": "arrowedLine", "rectangle": "rectangle", "circle": "circle", "ellipse": "ellipse",
	"polylines": "polylines", "fill_poly": "fillPoly", "draw_marker": "drawMarker", "draw_grid": "", "put_text": "putText getTextSize",

	"add_weighted": "addWeighted", "copy_to": "copyTo", "inpaint": "inpaint", "seamless_clone": "seamlessClone",

	"psnr": "PSNR", "ssim": "", "match_template": "matchTemplate",

	"match_features": "BFMatcher findHomography", "align": "BFMatcher findHomography warpPerspective",

	"running_average": "accumulateWeighted", "motion": "accumulateWeighted absdiff",

	"cascade_classifier": "CascadeClassifier", "detect_faces": "FaceDetectorYN", "detect_people": "HOGDescriptor",
	"detect_qr_codes": "QRCodeDetector QRCodeDetectorAruco", "detect_barcodes": "barcode.BarcodeDetector",
	"detect_markers": "aruco.ArucoDetector aruco.detectMarkers", "background_subtractor_mog2": "createBackgroundSubtractorMOG2",
	"background_subtractor_knn": "createBackgroundSubtractorKNN", "optical_flow_farneback": "calcOpticalFlowFarneback",
	"optical_flow_pyr_lk": "calcOpticalFlowPyrLK goodFeaturesToTrack", "track": "TrackerMIL TrackerKCF TrackerCSRT",
	"classify": "dnn.readNetFromONNX dnn.blobFromImage", "detect_objects": "dnn.readNetFromONNX dnn.blobFromImage dnn.NMSBoxes",
	"segment": "dnn.readNetFromONNX dnn.blobFromImage",
}

// cv2Names are those of an op, as people write them.
func cv2Names(op string) []string {
	names := strings.Fields(inCV2[op])
	for i, name := range names {
		names[i] = "cv2." + name
	}
	return names
}
