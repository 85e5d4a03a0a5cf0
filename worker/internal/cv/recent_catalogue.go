//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// recentCatalogue describes the ops of modules that are compiled against OpenCV 4.9 and newer only. A build without these ops
// tells what they are, too.
func recentCatalogue() pipeline.Catalogue {
	var ops pipeline.Catalogue
	for _, family := range []struct {
		name string
		ops  []pipeline.OpInfo
	}{
		{"detection", detectionInfos()},
		{"codes", codeInfos()},
		{"background", backgroundInfos()},
		{"flow", flowInfos()},
		{"tracking", trackingInfos()},
		{"networks", networkInfos()},
	} {
		for _, op := range family.ops {
			op.Family, op.Needs = family.name, "OpenCV 4.9 or newer with "+op.Module
			ops = append(ops, op)
		}
	}
	return ops
}

func detectionInfos() []pipeline.OpInfo {
	return []pipeline.OpInfo{
		info("cascade_classifier", "objdetect", "Find objects with a cascade, such as those for faces that come with OpenCV.",
			drawing(
				pipeline.File("cascade", "the classifier: haarcascade_frontalface_default.xml or one of your own"),
				pipeline.Float("scaleFactor", 1.1, 1.01, 100, "from one size of object to the next"),
				pipeline.Int("minNeighbors", 3, 0, 10000, "how often an object must be found, near by; 0 tells every find"),
				pipeline.SizeOf("minSize", "0", 0, frame.MaxSide, "smaller objects are not looked for"),
				pipeline.SizeOf("maxSize", "0", 0, frame.MaxSide, "nor larger ones; 0 for no limit"),
				maxCount(1000, "in the order in which OpenCV finds them"))...).
			WithReturns(passesDoc + `{"count", "objects": [{"box": [x, y, width, height], "neighbors": how often it was found}]}: ` +
				countDoc).
			WithExample("cascade_classifier cascade=haarcascade_frontalface_default.xml minSize=40 draw=true"),
		info("detect_faces", "objdetect", "Find faces, their eyes, noses and mouths, with a YuNet model.", drawing(
			pipeline.File("model", "YuNet, in ONNX: face_detection_yunet_2023mar.onnx"),
			pipeline.Float("score_threshold", 0.9, 0, 1, "faces that are less sure are left out"),
			pipeline.Float("nms_threshold", 0.3, 0, 1, "of faces that overlap more than this, the surer is kept"),
			pipeline.Int("top_k", 5000, 1, 1<<20, "how many candidates to look at"))...).
			WithReturns(passesDoc + `{"count", "faces": [{"box": [x, y, width, height], "landmarks": [[x, y], ...], "score"}]}, where ` +
				"the landmarks are right eye, left eye, tip of the nose, right and left corner of the mouth").
			WithExample("detect_faces model=yunet.onnx draw=true"),
		info("detect_people", "objdetect", "Find people who stand upright, with OpenCV's own HOG detector.", drawing(
			pipeline.Float("hitThreshold", 0, -100, 100, "how far from the classifier's border a person must be"),
			pipeline.SizeOf("winStride", "8", 4, 1024, "step of the window, multiples of 4"),
			pipeline.SizeOf("padding", "0", 0, 1024, "is added around the picture"),
			pipeline.Float("scale", 1.05, 1.01, 100, "from one size of person to the next"),
			pipeline.Float("groupThreshold", 2, 0, 10000, "how often a person must be found, near by; 0 tells every find"))...).
			WithReturns(passesDoc + `{"count", "people": [{"box": [x, y, width, height], "weight": how sure it is}]}`).
			WithExample("detect_people winStride=8 scale=1.1 draw=true"),
	}
}

// codeInfos are of ops that find what was printed to be read by machines.
func codeInfos() []pipeline.OpInfo {
	const each = `[{"text", "corners": [[x, y], ...]}]}: text is empty where a code was found and could not be read, and ` +
		`"bytes" is there in its place, in base64, where it is not UTF-8`
	return []pipeline.OpInfo{
		info("detect_qr_codes", "objdetect", "Find QR codes and read them.", drawing(
			pipeline.Bool("decode", true, "read them, too, which takes longer"),
			pipeline.Choice("algorithm", []string{"default", "aruco"}, "aruco finds the corners as those of markers"))...).
			WithReturns(passesDoc + `{"count", "codes": ` + each).
			WithExample("detect_qr_codes draw=true"),
		info("detect_barcodes", "objdetect", "Find bar codes (EAN-8, EAN-13, UPC-A, UPC-E) and read them.", drawing()...).
			WithReturns(passesDoc + `{"count", "codes": [{"text", "type", "corners": [[x, y], ...]}]}: text and type are empty ` +
				"where a code was found and could not be read").
			WithExample("detect_barcodes draw=true"),
		info("detect_markers", "objdetect", "Find ArUco markers and AprilTags.", drawing(
			pipeline.Choice("dictionary", dictionaries, "which markers"),
			pipeline.Choice("cornerRefinementMethod", refinements, "how corners are made finer than pixels"),
			pipeline.Int("adaptiveThreshWinSizeMin", 3, 3, 1023, "the smallest window of the threshold"),
			pipeline.Int("adaptiveThreshWinSizeMax", 23, 3, 1023, "the largest window of the threshold"),
			pipeline.Int("adaptiveThreshWinSizeStep", 10, 1, 1023, "from one window to the next"),
			pipeline.Float("adaptiveThreshConstant", 7, -255, 255, "is subtracted from the window's mean"),
			pipeline.Float("minMarkerPerimeterRate", 0.03, 0.001, 10, "least perimeter, as a part of the picture's longer side"),
			pipeline.Float("maxMarkerPerimeterRate", 4, 0.001, 10, "largest perimeter"),
			pipeline.Float("errorCorrectionRate", 0.6, 0, 1, "how much of the dictionary's power to correct errors is used"),
			pipeline.Bool("detectInvertedMarker", false, "find white markers on black, too"))...).
			WithReturns(passesDoc + `{"count", "markers": [{"id", "corners": [[x, y], ...]}], ` +
				`"rejected": candidates that were none}`).
			WithExample("detect_markers dictionary=6x6_250 draw=true"),
	}
}

// In OpenCV's order.
var (
	dictionaries = []string{"4x4_50", "4x4_100", "4x4_250", "4x4_1000", "5x5_50", "5x5_100", "5x5_250", "5x5_1000", "6x6_50",
		"6x6_100", "6x6_250", "6x6_1000", "7x7_50", "7x7_100", "7x7_250", "7x7_1000", "aruco_original", "apriltag_16h5",
		"apriltag_25h9", "apriltag_36h10", "apriltag_36h11", "aruco_mip_36h12"}
	refinements = []string{"none", "subpix", "contour", "apriltag"}
)

// backgroundInfos are of ops that learn what stands still in a stream.
func backgroundInfos() []pipeline.OpInfo {
	const returns = `gray u8 of the same size: 255 where something is in front of the background, 127 in shadows, 0 elsewhere; ` +
		`{"frames": of the stream so far, "foreground": pixels of 255, "part": of all pixels}`
	history := pipeline.Int("history", 500, 1, 1<<20, "how many frames the background is made of")
	shadows := pipeline.Bool("detectShadows", true, "tell shadows, which takes longer")
	rate := pipeline.Float("learningRate", -1, -1, 1, "share of each frame: 0 learns nothing, 1 only the last frame, -1 by history")
	return []pipeline.OpInfo{
		stateful(info("background_subtractor_mog2", "video",
			"Tell what is in front of a stream's background, by mixtures of Gaussians.", history,
			pipeline.Float("varThreshold", 16, 0, math.Inf(1), "how far, squared, a pixel is from the background's colours"),
			shadows, rate).
			WithReturns(returns).WithExample("background_subtractor_mog2 history=200 detectShadows=false")),
		stateful(info("background_subtractor_knn", "video",
			"Tell what is in front of a stream's background, by nearest neighbours.", history,
			pipeline.Float("dist2Threshold", 400, 0, math.Inf(1), "how far, squared, a pixel is from the background's samples"),
			shadows, rate).
			WithReturns(returns).WithExample("background_subtractor_knn dist2Threshold=600")),
	}
}

// flowInfos are of ops that tell how the pixels of a stream moved since its last frame.
func flowInfos() []pipeline.OpInfo {
	return []pipeline.OpInfo{
		stateful(info("optical_flow_farneback", "video", "Tell where each pixel of a gray stream moved, as Farneback did.",
			pipeline.Float("pyr_scale", 0.5, 0.01, 0.99, "size of each level of the pyramid, as a part of the one below"),
			pipeline.Int("levels", 3, 1, 30, "of the pyramid, the picture itself included"),
			pipeline.Int("winsize", 15, 1, 1023, "side of the window that is averaged: larger is smoother"),
			pipeline.Int("iterations", 3, 1, 100, "at each level"),
			pipeline.Int("poly_n", 5, 1, 31, "side of the neighbourhood that a polynomial is fitted to"),
			pipeline.Float("poly_sigma", 1.2, 0.01, 100, "how far the neighbourhood reaches: 1.1 for poly_n=5, 1.5 for 7"),
			pipeline.Bool("gaussian", false, "average with a Gaussian: better and slower"),
			pipeline.Bool("draw", false, "show the direction as hue and the speed as brightness")).
			WithReturns("two channels of f32, by how much each pixel moved right and down since the stream's last frame, or with " +
				`draw=true bgr u8; {"frames": of the stream so far, "mean": [x, y]}; of the first frame, nothing moved`).
			WithExample("gray | optical_flow_farneback winsize=21 draw=true")),
		stateful(info("optical_flow_pyr_lk", "video",
			"Follow corners through a gray stream, as Lucas and Kanade did.", drawing(
				pipeline.Int("maxCorners", 100, 1, 10000, "how many corners to follow at most, the strongest"),
				pipeline.Float("qualityLevel", 0.01, 1e-9, 1, "those weaker than the strongest by this factor are left out"),
				pipeline.Float("minDistance", 10, 0, frame.MaxSide, "least distance between corners"),
				pipeline.Int("blockSize", 3, 1, 255, "side of the neighbourhood that makes a corner"),
				pipeline.Int("winSize", 21, 3, 255, "side of the window that is searched"),
				pipeline.Int("maxLevel", 3, 0, 30, "of the pyramid, above the picture itself"),
				pipeline.Int("atLeast", 10, 1, 10000, "when fewer are left, corners are looked for anew"))...).
			WithReturns(passesDoc + `{"frames": of the stream so far, "tracks": [{"id", "from": [x, y], "to": [x, y], "error"}], ` +
				`"lost": corners that were not found again, "new": corners that are followed from this frame on}`).
			WithExample("gray | optical_flow_pyr_lk maxCorners=200 draw=true")),
	}
}

func trackingInfos() []pipeline.OpInfo {
	return []pipeline.OpInfo{
		stateful(info("track", "video", "Follow an object through a stream from a box in its first frame.", drawing(
			pipeline.Floats("box", "", []int{4}, 0, frame.MaxSide, "where the object is in the first frame: x,y,width,height").Required(),
			pipeline.Choice("tracker", trackerKinds, "csrt is the most exact, kcf the fastest; both need opencv_contrib"))...).
			WithReturns(passesDoc + `{"frames": of the stream so far, "found", "box": [x, y, width, height]}, ` +
				"the box only where the object was found").
			WithExample("track box=12,8,60,40 tracker=mil draw=true")),
	}
}

// In the order of tracker_kind.
var trackerKinds = []string{"mil", "kcf", "csrt"}

// networkInfos are of ops that run ONNX models. A model is loaded once for a pipeline; frames of one worker run through it in turn.
func networkInfos() []pipeline.OpInfo {
	model := pipeline.File("model", "the network, in ONNX, of one input and one output that counts")
	return []pipeline.OpInfo{
		info("classify", "dnn", "Tell what a picture shows, by a network.", append([]pipeline.Param{model, labelsParam(),
			pipeline.Int("top_k", 5, 1, 10000, "how many classes to tell, the best first"),
			pipeline.Bool("softmax", false, "make probabilities of the scores, where the network does not")},
			blobParams("224", "stretch", "crop", "letterbox")...)...).
			WithReturns(`the picture as it came, and {"classes": [{"class", "label", "score"}]}, the best first`).
			WithExample("classify model=classifier.onnx labels=labels.txt size=224 scale=0.0039216 swapRB=true softmax=true"),
		info("detect_objects", "dnn", "Find objects and tell what they are, by a network.", drawing(
			append([]pipeline.Param{model, labelsParam(),
				pipeline.Choice("layout", layouts, "what the network answers: yolov8 1 x 4+classes x boxes, yolov5 1 x boxes x "+
					"5+classes, ssd 1 x 1 x boxes x 7"),
				pipeline.Float("score_threshold", 0.25, 0, 1, "objects that are less sure are left out"),
				pipeline.Float("nms_threshold", 0.45, 0, 1, "of objects of a class that overlap more than this, the surest is kept"),
				maxCount(1000, "the surest")},
				blobParams("640", "letterbox", "stretch")...)...)...).
			WithReturns(passesDoc + `{"count", "objects": [{"class", "label", "score", "box": [x, y, width, height]}]}, ` +
				"the surest first: " + countDoc).
			WithExample("detect_objects model=yolov8.onnx size=640 scale=0.0039216 swapRB=true draw=true"),
		info("segment", "dnn", "Tell of each pixel what it shows, by a network.", append([]pipeline.Param{model, labelsParam(),
			pipeline.Float("threshold", 0.5, -1e6, 1e6, "of a network with one class, which is class 1: the score from which it is"),
			pipeline.Bool("draw", false, "cover the picture with a colour for each class but 0, as in the data sets of PASCAL VOC")},
			blobParams("256", "stretch")...)...).
			WithReturns(`gray u8 of the same size, each pixel its class, or with draw=true bgr u8; ` +
				`{"classes": [{"class", "label", "pixels"}]}, those that are there`).
			WithExample("segment model=segmenter.onnx size=256 scale=0.0039216 draw=true"),
	}
}

// In the order of box_layout.
var layouts = []string{"yolov8", "yolov5", "ssd"}

// blobParams say how a network wants its pictures. The first way to fit is the default.
func blobParams(size string, ways ...string) []pipeline.Param {
	params := []pipeline.Param{
		pipeline.SizeOf("size", size, 1, 2048, "width and height that the network takes"),
		pipeline.Scalar("scale", "1", "factor of each value, after mean was subtracted: 0.0039216 for values of 0 to 1"),
		pipeline.Scalar("mean", "0", "is subtracted from each value, in the order that the network takes"),
		pipeline.Bool("swapRB", false, "the network takes rgb"),
	}
	if len(ways) > 1 {
		params = append(params, pipeline.Choice("fit", ways, "how to fit a picture of another shape: squeezed, cut, or with borders"))
	}
	return params
}

func labelsParam() pipeline.Param {
	return pipeline.File("labels", "the names of the classes, one a line, from class 0").Optional()
}
