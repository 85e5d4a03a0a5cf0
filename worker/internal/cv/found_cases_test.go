//go:build opencv

package cv

import "strings"

// foundCase is a pipeline of one op, and the same in the words of testdata/found.py: (data, picture).
type foundCase struct {
	pipeline string
	python   string
	takes    string // the inputs that must not be refused; after "only", there are no others
}

// inputs are those of a case that has no others; nil for all.
func (c foundCase) inputs() []string {
	if names, ok := strings.CutPrefix(c.takes, "only "); ok {
		return strings.Fields(names)
	}
	return nil
}

const (
	grays    = "gray oddgray graypixel grayrow column edges binary box circles grayboard black"
	sizeable = "gray oddgray edges binary box circles grayboard" // gray, and no tiny one
	photos   = "colour oddcolour large board"
	u8s      = grays + " colour oddcolour pixel row large board alpha"
	anything = u8s + " u16 u16colour f32 f32colour"
)

var foundCases = []foundCase{
	{"calc_hist", "{'hist': [cv2.calcHist([img], [c], None, [256], [0, 256]).ravel() for c in range(1 if img.ndim == 2 else img.shape[2])]}, None", anything},
	{"calc_hist histSize=7 ranges=-3.5,99.5", "{'hist': [cv2.calcHist([img], [c], None, [7], [-3.5, 99.5]).ravel() for c in range(1 if img.ndim == 2 else img.shape[2])]}, None", anything},
	{"min_max_loc", "dict(zip(('minVal', 'maxVal', 'minLoc', 'maxLoc'), cv2.minMaxLoc(only_gray(img)))), None", grays + " u16 f32"},
	{"count_non_zero", "{'count': cv2.countNonZero(only_gray(img))}, None", grays + " u16 f32"},
	{"bounding_rect", "{'box': cv2.boundingRect(only_gray(img))}, None", grays},
	{"moments", "moments(img), None", grays + " u16 f32"},
	{"moments binaryImage=true", "moments(img, binaryImage=True), None", grays},
	{"hu_moments", "{'hu': cv2.HuMoments(moments(img)).ravel()}, None", grays + " u16 f32"},
	{"blur_score", "{'score': cv2.Laplacian(gray(img), cv2.CV_64F).var()}, None", "gray oddgray graypixel column edges colour large u16 u16colour"},
	{"blur_score ksize=5", "{'score': cv2.Laplacian(gray(img), cv2.CV_64F, ksize=5).var()}, None", "gray colour oddcolour"},

	{"hough_lines", "hough_lines(img, rho=1, theta=math.pi / 180, threshold=100)", grays},
	{"hough_lines rho=2 theta=0.03 threshold=60 min_theta=0.5 max_theta=2 draw=true", "hough_lines(img, True, rho=2, theta=0.03, threshold=60, min_theta=0.5, max_theta=2)", sizeable},
	{"hough_lines_p", "hough_lines_p(img, rho=1, theta=math.pi / 180, threshold=50)", grays},
	{"hough_lines_p threshold=20 minLineLength=5 maxLineGap=3 max_count=11 draw=true", "hough_lines_p(img, True, 11, rho=1, theta=math.pi / 180, threshold=20, minLineLength=5, maxLineGap=3)", grays},
	{"hough_circles", "hough_circles(img)", sizeable},
	{"hough_circles dp=1.5 minDist=12 param1=80 param2=30 minRadius=4 maxRadius=60 draw=true", "hough_circles(img, True, dp=1.5, minDist=12, param1=80, param2=30, minRadius=4, maxRadius=60)", "only circles oddgray binary"},
	{"hough_circles method=gradient_alt dp=1.5 param1=300 param2=0.8 draw=true", "hough_circles(img, True, cv2.HOUGH_GRADIENT_ALT, 1.5, param1=300, param2=0.8)", sizeable},
	{"line_segment_detector", "lsd(img, refine=1)", sizeable},
	{"line_segment_detector refine=adv scale=1 draw=true", "lsd(img, True, refine=2, scale=1)", sizeable},

	{"find_contours", "contours(img)", grays},
	{"find_contours mode=tree method=none min_area=20 max_area=900 epsilon_ratio=0.02 hull=true moments=true draw=true thickness=2", "contours(img, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE, 20, 900, ratio=0.02, draw=2, extra=True)", grays},
	{"find_contours mode=ccomp method=tc89_l1 epsilon=3 max_count=7 draw=true thickness=-1", "contours(img, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_TC89_L1, epsilon=3, limit=7, draw=-1)", grays},
	{"find_contours mode=list method=tc89_kcos", "contours(img, cv2.RETR_LIST, cv2.CHAIN_APPROX_TC89_KCOS)", grays},
	{"connected_components", "components(img)", grays},
	{"connected_components connectivity=4 min_area=10 max_area=500 draw=true", "components(img, 4, 10, 500, True)", grays},
	{"connected_components labels=true", "components(img, labels=True)", grays},
	{"watershed", "watershed(img)", photos},
	{"watershed type=binary_inv iterations=1 ratio=0.4 labels=true", "watershed(img, cv2.THRESH_BINARY_INV, 1, 0.4, True)", photos},
	{"watershed markers=markers", "grown_from(img, 'markers')", "colour"},
	{"watershed markers=markers labels=true", "grown_from(img, 'markers', True)", "colour"},
	{"watershed markers=widemarkers max_count=2 color=0,0,255", "(lambda found, out: (dict(found, regions=found['regions'][:2]), out))(*grown_from(img, 'widemarkers'))", "colour"},
	{"grab_cut iterCount=1", "grab_cut(img, iterations=1)", "only oddcolour"},
	{"grab_cut rect=20,30,150,120 iterCount=2 cut=true", "grab_cut(img, (20, 30, 150, 120), 2, True)", "only colour"},
	{"grab_cut mask=seeds iterCount=1", "grab_cut(img, iterations=1, seeds=beside('seeds'))", "only colour"},
	{"grab_cut mask=seeds iterCount=2 cut=true", "grab_cut(img, iterations=2, cut=True, seeds=beside('seeds'))", "only colour"},
	{"flood_fill", "flood_fill(img)", grays + " " + photos + " f32 f32colour"},
	{"flood_fill seedPoint=60,40 newVal=1,2,3 loDiff=9 upDiff=5,6,7 connectivity=8 fixed_range=true", "flood_fill(img, (60, 40), (1, 2, 3), (9,) * 4, (5, 6, 7), 8 | cv2.FLOODFILL_FIXED_RANGE)", sizeable + " " + photos},

	{"good_features_to_track", "good_features(img)", grays + " f32"},
	{"good_features_to_track maxCorners=0 qualityLevel=0.05 minDistance=3 blockSize=5 gradientSize=5 useHarrisDetector=true k=0.05 max_count=20 draw=true", "good_features(img, 0, 0.05, 3, True, False, 20, blockSize=5, gradientSize=5, useHarrisDetector=True, k=0.05)", sizeable},
	{"good_features_to_track maxCorners=30 subPix=true draw=true", "good_features(img, 30, draw=True, refine=True)", sizeable},
	{"corner_sub_pix corners=40,40/100,80/61.5,33.25", "corners(img, sub_pix(only_gray(img), [[[40, 40]], [[100, 80]], [[61.5, 33.25]]]), False)", sizeable},
	{"corner_harris", "None, cv2.cornerHarris(img, 2, 3, 0.04)", grays + " f32"},
	{"corner_harris blockSize=5 ksize=5 k=0.1 borderType=replicate", "None, cv2.cornerHarris(img, 5, 5, 0.1, borderType=cv2.BORDER_REPLICATE)", grays},
	{"corner_min_eigen_val blockSize=3", "None, cv2.cornerMinEigenVal(img, 3)", grays + " f32"},

	{"fast", "keypoints(img, cv2.FastFeatureDetector_create(10, True))", grays + " " + photos + " pixel row"},
	{"fast threshold=30 nonmaxSuppression=false type=5_8 max_count=50 draw=true rich=true", "keypoints(img, cv2.FastFeatureDetector_create(30, False, 0), True, rich=True, limit=50)", sizeable},
	{"agast type=agast_7_12s draw=true color=255,0,0", "keypoints(img, cv2.AgastFeatureDetector_create(10, True, 2), True, color=(255, 0, 0))", sizeable},
	{"orb descriptors=true", "keypoints(img, cv2.ORB_create(), describe=True)", sizeable + " " + photos},
	{"orb nfeatures=77 scaleFactor=1.5 nlevels=4 edgeThreshold=15 WTA_K=3 scoreType=fast patchSize=15 fastThreshold=9 draw=true rich=true", "keypoints(img, cv2.ORB_create(77, 1.5, 4, 15, 0, 3, cv2.ORB_FAST_SCORE, 15, 9), True, rich=True)", sizeable + " " + photos},
	{"akaze descriptors=true", "keypoints(img, cv2.AKAZE_create(), describe=True)", sizeable + " " + photos},
	{"akaze descriptor_type=kaze_upright threshold=0.01 nOctaves=2 diffusivity=weickert descriptors=true", "keypoints(img, cv2.AKAZE_create(2, 0, 3, 0.01, 2, 4, 2), describe=True)", sizeable},
	{"kaze extended=true descriptors=true max_count=30", "keypoints(img, cv2.KAZE_create(extended=True), describe=True, limit=30)", "only oddgray oddcolour"},
	{"sift descriptors=true max_count=40", "keypoints(img, cv2.SIFT_create(), describe=True, limit=40)", sizeable + " " + photos},
	{"sift nfeatures=20 nOctaveLayers=4 contrastThreshold=0.02 edgeThreshold=20 sigma=1.2 draw=true rich=true", "keypoints(img, cv2.SIFT_create(20, 4, 0.02, 20, 1.2), True, rich=True)", sizeable},
	{"brisk thresh=60 octaves=2 descriptors=true max_count=50", "keypoints(img, cv2.BRISK_create(60, 2), describe=True, limit=50)", sizeable},
	{"simple_blob draw=true", "keypoints(img, blobs(), True)", sizeable + " " + photos},
	{"simple_blob blobColor=255 minArea=5 maxArea=90000 minCircularity=0.3 minConvexity=0", "keypoints(img, blobs(blobColor=255, minArea=5, maxArea=90000, filterByCircularity=True, minCircularity=0.3, filterByConvexity=False))", sizeable},
	{"mser draw=true", "mser(img, True)", sizeable + " " + photos},
	{"mser delta=8 min_area=30 max_area=2000 max_variation=0.5 max_count=9", "mser(img, False, 9, delta=8, min_area=30, max_area=2000, max_variation=0.5)", sizeable},

	{"find_chessboard_corners patternSize=4x6", "pattern(img, (4, 6), *cv2.findChessboardCorners(img, (4, 6)))", photos + " " + sizeable},
	{"find_chessboard_corners patternSize=4x6 adaptive_thresh=false fast_check=true subPix=true draw=true", "pattern(img, (4, 6), *cv2.findChessboardCorners(img, (4, 6), flags=cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK), True, True)", photos + " " + sizeable},
	{"find_chessboard_corners_sb patternSize=4x6 draw=true", "pattern(img, (4, 6), *cv2.findChessboardCornersSB(img, (4, 6)), True)", photos + " " + sizeable},
	{"calibrate_camera patternSize=4x6", "first_board(img, (4, 6)), None", photos + " " + sizeable},
	{"find_circles_grid patternSize=4x5", "pattern(img, (4, 5), *cv2.findCirclesGrid(img, (4, 5)))", photos + " " + sizeable},
	{"find_circles_grid patternSize=4x5 symmetric_grid=true", "pattern(img, (4, 5), *cv2.findCirclesGrid(img, (4, 5), flags=cv2.CALIB_CB_SYMMETRIC_GRID))", photos + " " + sizeable},

	{"line", "draw_on(img, lambda o: cv2.line(o, (0, 0), (100, 100), GREEN))", anything},
	{"line pt1=-20,5 pt2=300,70 color=9 thickness=7 lineType=aa", "draw_on(img, lambda o: cv2.line(o, (-20, 5), (300, 70), (9,) * 4, 7, cv2.LINE_AA))", anything},
	{"arrowed_line pt1=10,10 pt2=200,100 tipLength=0.2 thickness=2 lineType=4", "draw_on(img, lambda o: cv2.arrowedLine(o, (10, 10), (200, 100), GREEN, 2, 4, 0, 0.2))", anything},
	{"rectangle pt1=20,30 pt2=150,99 color=1,2,3,4 thickness=-1", "draw_on(img, lambda o: cv2.rectangle(o, (20, 30), (150, 99), (1, 2, 3, 4), -1))", anything},
	{"circle center=100,80 radius=40 thickness=3 lineType=aa", "draw_on(img, lambda o: cv2.circle(o, (100, 80), 40, GREEN, 3, cv2.LINE_AA))", anything},
	{"ellipse center=100,80 axes=60,30 angle=30.5 startAngle=15 endAngle=200 thickness=2", "draw_on(img, lambda o: cv2.ellipse(o, (100, 80), (60, 30), 30.5, 15, 200, GREEN, 2))", anything},
	{"polylines pts=10,10/100,20/60,90 isClosed=false thickness=2", "draw_on(img, lambda o: cv2.polylines(o, [np.array([[10, 10], [100, 20], [60, 90]])], False, GREEN, 2))", anything},
	{"fill_poly pts=10,10/100,20/60,90 color=255,128,1,9 lineType=aa", "draw_on(img, lambda o: cv2.fillPoly(o, [np.array([[10, 10], [100, 20], [60, 90]])], (255, 128, 1, 9), cv2.LINE_AA))", anything},
	{"draw_marker position=50,40 markerType=star markerSize=30", "draw_on(img, lambda o: cv2.drawMarker(o, (50, 40), GREEN, cv2.MARKER_STAR, 30))", anything},
	{"draw_grid cell=64x48 color=128", "draw_on(img, lambda o: [cv2.line(o, (x, 0), (x, o.shape[0] - 1), (128,) * 4) for x in range(64, o.shape[1], 64)] + [cv2.line(o, (0, y), (o.shape[1] - 1, y), (128,) * 4) for y in range(48, o.shape[0], 48)])", anything},
	{"put_text", "text(img, '7')", anything},
	{`put_text text="100%% of %04d" org=30,90 fontFace=script_complex fontScale=1.5 color=255,255,255,99 thickness=2 lineType=aa bottomLeftOrigin=true`, "text(img, '100% of 0007', (30, 90), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 1.5, (255, 255, 255, 99), 2, cv2.LINE_AA, True)", anything},

	{"add image=other", "None, cv2.add(img, pair(img, 'other'))", "colour"},
	{"subtract image=other", "None, cv2.subtract(img, pair(img, 'other'))", "colour"},
	{"abs_diff image=grayother", "None, cv2.absdiff(img, pair(img, 'grayother'))", "gray edges binary"},
	{"min image=other", "None, cv2.min(img, pair(img, 'other'))", "colour"},
	{"max image=other", "None, cv2.max(img, pair(img, 'other'))", "colour"},
	{"bitwise_and image=other", "None, cv2.bitwise_and(img, pair(img, 'other'))", "colour"},
	{"bitwise_or image=grayother", "None, cv2.bitwise_or(img, pair(img, 'grayother'))", "gray"},
	{"bitwise_xor image=other", "None, cv2.bitwise_xor(img, pair(img, 'other'))", "colour"},
	{"multiply image=other scale=0.01", "None, cv2.multiply(img, pair(img, 'other'), scale=0.01)", "colour"},
	{"divide image=grayother scale=50", "None, cv2.divide(img, pair(img, 'grayother'), scale=50)", "gray"},
	{"add_weighted image=other alpha=0.7 beta=0.4 gamma=-9.5", "None, cv2.addWeighted(img, 0.7, pair(img, 'other'), 0.4, -9.5)", "colour"},
	{"copy_to mask=mask", "copy_to(img)", "colour gray alpha u16 u16colour f32 f32colour"},
	{"remap map1=x map2=y", "None, cv2.remap(img, beside('x'), beside('y'), cv2.INTER_LINEAR)", anything},
	{"remap map1=xy", "None, cv2.remap(img, beside('xy'), None, cv2.INTER_LINEAR)", anything},
	{"remap map1=x map2=y interpolation=nearest borderMode=replicate", "None, cv2.remap(img, beside('x'), beside('y'), cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)", anything},
	{"remap map1=xy interpolation=cubic borderMode=reflect101", "None, cv2.remap(img, beside('xy'), None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT101)", anything},
	{"remap map1=xy interpolation=lanczos4 borderMode=wrap", "None, cv2.remap(img, beside('xy'), None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_WRAP)", anything},
	{"remap map1=x map2=y borderMode=reflect borderValue=7", "None, cv2.remap(img, beside('x'), beside('y'), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)", anything},
	{"remap map1=x map2=y borderValue=200", "None, cv2.remap(img, beside('x'), beside('y'), cv2.INTER_LINEAR, borderValue=(200,) * 4)", anything},
	{"inpaint mask=mask", "None, cv2.inpaint(img, mask_for(img), 3, cv2.INPAINT_NS)", "colour gray"},
	{"inpaint mask=mask inpaintRadius=5.5 flags=telea", "None, cv2.inpaint(img, mask_for(img), 5.5, cv2.INPAINT_TELEA)", "colour gray"},
	{"seamless_clone src=part mask=partmask", "clone(img)", photos},
	{"seamless_clone src=part mask=partmask flags=mixed p=100,90", "clone(img, cv2.MIXED_CLONE, (100, 90))", photos},
	{"psnr image=other", "{'psnr': cv2.PSNR(img, pair(img, 'other'))}, None", "colour"},
	{"psnr image=grayother R=100", "{'psnr': cv2.PSNR(img, pair(img, 'grayother'), 100)}, None", "gray"},
	{"ssim image=other", "ssim(img, pair(img, 'other'))", "colour"},
	{"ssim image=grayother R=200", "ssim(img, pair(img, 'grayother'), 200)", "gray edges"},
	{"match_template templ=part", "match_template(img)", photos + " " + sizeable},
	{"match_template templ=graypart method=sqdiff_normed threshold=0.2 max_count=4 draw=true", "match_template(only_gray(img), cv2.TM_SQDIFF_NORMED, 0.2, 4, True)", sizeable},
	{"match_template templ=graypart method=ccoeff threshold=1e6 map=true", "match_template(only_gray(img), cv2.TM_CCOEFF, 1e6, whole_map=True)", sizeable},
	{"match_features image=warped draw=true", "match_features(img, lambda: cv2.ORB_create(500), draw=True)", "only colour gray oddcolour large"},
	{"match_features image=warped detector=sift", "match_features(img, lambda: cv2.SIFT_create(500), cv2.NORM_L2)", "only colour gray oddcolour"},
	{"match_features image=warped detector=akaze", "match_features(img, cv2.AKAZE_create)", "only colour gray oddcolour"},
	{"match_features image=warped detector=brisk", "match_features(img, cv2.BRISK_create)", "only colour gray oddcolour"},
	{"align image=warped", "align(img, lambda: cv2.ORB_create(500))", "only colour gray oddcolour"},
	{"running_average", "{'frames': 1}, img", "colour gray u16 f32"},
	{"motion", "{'frames': 0, 'moving': 0, 'part': 0}, np.zeros(img.shape[:2], np.uint8)", "colour gray u16 f32"},
}
