//go:build opencv && !gocv_specific_modules

package cv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// recentCase is a pipeline of one op, the same in Python, and the frames for it.
type recentCase struct{ pipeline, python, input string }

var recentCases = []recentCase{
	{"cascade_classifier cascade=cascade.xml draw=true", "each(frames, lambda f: cascade(f, draw=True))", "face"},
	{"cascade_classifier cascade=cascade.xml scaleFactor=1.3 minNeighbors=1 minSize=30 maxSize=200x220", "each(frames, lambda f: cascade(f, scaleFactor=1.3, minNeighbors=1, minSize=(30, 30), maxSize=(200, 220)))", "grayface"},
	{"cascade_classifier cascade=cascade.xml minNeighbors=0", "each(frames, lambda f: cascade(f, minNeighbors=0))", "face"},
	{"cascade_classifier cascade=cascade.xml minNeighbors=2", "each(frames, lambda f: cascade(f, minNeighbors=2))", "pixel"},
	{"detect_faces model=yunet.onnx draw=true", "each(frames, lambda f: faces(f, draw=True))", "shuttle"},
	{"detect_faces model=yunet.onnx score_threshold=0.5 nms_threshold=0.6", "each(frames, lambda f: faces(f, 0.5, 0.6))", "odd"},
	{"detect_faces model=yunet.onnx score_threshold=0.1", "each(frames, lambda f: faces(f, 0.1))", "pixel"},
	{"detect_people hitThreshold=-1.5 draw=true", "each(frames, lambda f: people(f, hitThreshold=-1.5, draw=True, winStride=(8, 8)))", "shuttle"},
	{"detect_people hitThreshold=-1 winStride=4 padding=16x8 scale=1.2 groupThreshold=0", "each(frames, lambda f: people(f, hitThreshold=-1, winStride=(4, 4), padding=(16, 8), scale=1.2, groupThreshold=0))", "grayface"},

	{"detect_qr_codes draw=true", "each(frames, lambda f: qr(f, draw=True))", "qr"},
	{"detect_qr_codes", "each(frames, qr)", "grayqr"},
	{"detect_qr_codes decode=true", "each(frames, qr)", "qrs"},
	{"detect_qr_codes decode=false", "each(frames, lambda f: qr(f, decode=False))", "qrs"},
	{"detect_qr_codes algorithm=aruco", "each(frames, lambda f: qr(f, cv2.QRCodeDetectorAruco))", "qrs"},
	{"detect_qr_codes draw=false", "each(frames, qr)", "pixel"},
	{"detect_qr_codes thickness=1", "each(frames, qr)", "shuttle"},
	{"detect_barcodes", "each(frames, barcodes)", "barcode"},
	{"detect_barcodes draw=true", "each(frames, lambda f: barcodes(f, True))", "colourbarcode"},
	{"detect_barcodes draw=false", "each(frames, barcodes)", "pixel"},
	{"detect_markers dictionary=6x6_250 draw=true", "each(frames, lambda f: markers(f, cv2.aruco.DICT_6X6_250, draw=True))", "board"},
	{"detect_markers dictionary=6x6_250 cornerRefinementMethod=subpix adaptiveThreshConstant=5 errorCorrectionRate=0.3", "each(frames, lambda f: markers(f, cv2.aruco.DICT_6X6_250, cornerRefinementMethod=cv2.aruco.CORNER_REFINE_SUBPIX, adaptiveThreshConstant=5, errorCorrectionRate=0.3))", "board"},
	{"detect_markers dictionary=6x6_250 cornerRefinementMethod=apriltag", "each(frames, lambda f: markers(f, cv2.aruco.DICT_6X6_250, cornerRefinementMethod=cv2.aruco.CORNER_REFINE_APRILTAG))", "board"},
	{"detect_markers dictionary=6x6_250 detectInvertedMarker=true", "each(frames, lambda f: markers(f, cv2.aruco.DICT_6X6_250, detectInvertedMarker=True))", "aruco"},
	{"detect_markers dictionary=apriltag_36h11", "each(frames, lambda f: markers(f, cv2.aruco.DICT_APRILTAG_36h11))", "board"},
	{"detect_markers dictionary=aruco_mip_36h12", "each(frames, lambda f: markers(f, cv2.aruco.DICT_ARUCO_MIP_36h12))", "graypixel"},

	{"background_subtractor_mog2", "background(frames, cv2.createBackgroundSubtractorMOG2())", "passing"},
	{"background_subtractor_mog2 history=5 varThreshold=30 detectShadows=false learningRate=0.1", "background(frames, cv2.createBackgroundSubtractorMOG2(5, 30, False), 0.1)", "graypassing"},
	{"background_subtractor_mog2 history=7", "background(frames, cv2.createBackgroundSubtractorMOG2(7))", "pixels"},
	{"background_subtractor_knn", "background(frames, cv2.createBackgroundSubtractorKNN())", "passing"},
	{"background_subtractor_knn history=20 dist2Threshold=100 detectShadows=false learningRate=0.2", "background(frames, cv2.createBackgroundSubtractorKNN(20, 100, False), 0.2)", "graypassing"},
	{"optical_flow_farneback", "farneback(frames)", "graymoving"},
	{"optical_flow_farneback pyr_scale=0.7 levels=2 winsize=21 iterations=2 poly_n=7 poly_sigma=1.5 gaussian=true draw=true", "farneback(frames, 0.7, 2, 21, 2, 7, 1.5, cv2.OPTFLOW_FARNEBACK_GAUSSIAN, draw=True)", "graymoving"},
	{"optical_flow_farneback levels=1", "farneback(frames, levels=1)", "graypixels"},
	{"optical_flow_pyr_lk draw=true", "lucas_kanade(frames, draw=True)", "graymoving"},
	{"optical_flow_pyr_lk maxCorners=30 qualityLevel=0.05 minDistance=5 blockSize=5 winSize=11 maxLevel=1 atLeast=29", "lucas_kanade(frames, 30, 0.05, 5, 5, 11, 1, 29)", "graymoving"},
	{"optical_flow_pyr_lk atLeast=1", "lucas_kanade(frames, least=1)", "graypixels"},
	{"track box=60,50,60,40 tracker=mil draw=true", "track(frames, cv2.TrackerMIL_create(), (60, 50, 60, 40), draw=True)", "moving"},
	{"track box=60,50,60,40 tracker=kcf draw=true", "track(frames, cv2.TrackerKCF_create(), (60, 50, 60, 40), draw=True)", "moving"},
	{"track box=60,50,60,40 tracker=csrt", "track(frames, cv2.TrackerCSRT_create(), (60, 50, 60, 40))", "moving"},
	{"track box=0,60,30,30 tracker=kcf", "track(frames, cv2.TrackerKCF_create(), (0, 60, 30, 30))", "leaving"},

	{"classify model=classifier.onnx size=32", "each(frames, classify)", "face"},
	{"classify model=classifier.onnx size=32 labels=labels.txt scale=0.01,0.02,0.03 mean=103,116,123 swapRB=true softmax=true top_k=3", "each(frames, lambda f: classify(f, True, 3, ['cat', 'dog', 'a face'], scale=(0.01, 0.02, 0.03, 0), mean=(103, 116, 123, 0), swap=True))", "face"},
	{"classify model=classifier.onnx size=32 fit=crop", "each(frames, lambda f: classify(f, fit=cv2.dnn.DNN_PMODE_CROP_CENTER))", "odd"},
	{"classify model=classifier.onnx size=32 top_k=1", "each(frames, lambda f: classify(f, top=1))", "pixel"},
	{"detect_objects model=small8.onnx size=64 scale=0.0039 draw=true", "each(frames, lambda f: objects(f, 'small8.onnx', 0.25, scale=(0.0039,) * 4, draw=True))", "shuttle"},
	{"detect_objects model=small8.onnx size=64 scale=0.0039 fit=stretch score_threshold=0.6 nms_threshold=0.2 labels=labels.txt", "each(frames, lambda f: objects(f, 'small8.onnx', 0.6, 0.2, False, scale=(0.0039,) * 4, labels=['cat', 'dog', 'a face']))", "odd"},
	{"detect_objects model=small5.onnx size=64 scale=0.0039 layout=yolov5 score_threshold=0.1", "each(frames, lambda f: objects(f, 'small5.onnx', 0.1, scale=(0.0039,) * 4))", "face"},
	{"detect_objects model=ssd.onnx size=64 scale=0.0039 layout=ssd fit=stretch score_threshold=0.45", "each(frames, lambda f: objects(f, 'ssd.onnx', 0.45, letterbox=False, scale=(0.0039,) * 4))", "face"},
	{"segment model=segment4.onnx size=64", "each(frames, lambda f: segment(f, 'segment4.onnx'))", "face"},
	{"segment model=segment4.onnx size=64 draw=true labels=labels.txt", "each(frames, lambda f: segment(f, 'segment4.onnx', draw=True, labels=['cat', 'dog', 'a face']))", "odd"},
	{"segment model=segment1.onnx size=64 scale=0.0039 threshold=0.1", "each(frames, lambda f: segment(f, 'segment1.onnx', 0.1, scale=(0.0039,) * 4))", "noise"},
}

// recentPipelines are those of the cases.
func recentPipelines() []string {
	var texts []string
	for _, c := range recentCases {
		texts = append(texts, c.pipeline)
	}
	return texts
}

// testFiles are the files that the cases and the examples name.
func testFiles() map[string][]byte {
	cascade, _ := os.ReadFile("/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml") // empty, it is refused
	return map[string][]byte{
		"cascade.xml": cascade, "haarcascade_frontalface_default.xml": cascade, "yunet.onnx": yunetModel(), "classifier.onnx": classifierModel(), "yolov8.onnx": objectModel("yolov8", 640),
		"small8.onnx": objectModel("yolov8", 64),
		"small5.onnx": objectModel("yolov5", 64), "ssd.onnx": objectModel("ssd", 64), "segment4.onnx": segmentModel(4), "segmenter.onnx": segmentModel(5),
		"segment1.onnx": segmentModel(1), "labels.txt": []byte("cat\ndog\r\na face\n"),
	}
}

// recentOpinion is what the Python process tells, frame by frame.
type recentOpinion struct {
	Inputs  map[string][]rawPicture
	Results map[string][]struct {
		Data   any
		SHA256 string
	}
}

func recentPython(t *testing.T, files map[string][]byte) recentOpinion {
	t.Helper()
	dir, paths, cases := t.TempDir(), map[string]string{}, map[string][]string{}
	for name, data := range files {
		paths[name] = filepath.Join(dir, name)
		if err := os.WriteFile(paths[name], data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range recentCases {
		cases[c.pipeline] = []string{c.python, c.input}
	}
	ask, err := json.Marshal(map[string]any{"dir": dir, "files": paths, "cases": cases, "photos": map[string]string{
		"shuttle": photo(t, "space_shuttle.jpg"), "face": photo(t, "face.jpg"), "qr": photo(t, "qrcode.png"),
		"qrs": photo(t, "multi_qrcodes.png"), "aruco": photo(t, "aruco_6X6_250_6.png"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "testdata/recent.py")
	cmd.Env = append(os.Environ(), "OPENCV_LOG_LEVEL=OFF")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(ask), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("no second opinion: %v\n%s", err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Logf("OpenCV refused:\n%s", stderr.String())
	}
	var o recentOpinion
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func asInputs(files map[string][]byte) serve.Inputs {
	in := serve.Inputs{}
	for name, data := range files {
		in[name] = frame.Encoded(data)
	}
	return in
}

func TestEveryRecentOpThatIsDescribedDoesSomething(t *testing.T) {
	for _, o := range recentOps() {
		if (o.bind == nil) == (o.with == nil) {
			t.Errorf("%s has bind: %v, with: %v", o.Name, o.bind != nil, o.with != nil)
		}
	}
}

func TestRecentOpsFindWhatOpenCVFinds(t *testing.T) {
	files := testFiles()
	python := recentPython(t, files)
	for _, c := range recentCases {
		t.Run(c.pipeline, func(t *testing.T) {
			prog := compileWith(t, c.pipeline, asInputs(files))
			var stream serve.Stream
			defer stream.Close()
			results := python.Results[c.pipeline]
			for i, input := range python.Inputs[c.input] {
				out, err := stream.Try(prog, input.read(t))
				if err != nil {
					wantFault(t, err, fault.Invalid)
					if i < len(results) {
						t.Fatalf("frame %d: %v", i, err)
					}
					continue
				}
				if i >= len(results) {
					if len(results) == 0 {
						t.Fatalf("takes %s, which OpenCV refuses", c.input)
					}
					return // Python was given fewer
				}
				if d := compareData(t, out, results[i].Data); d != "" {
					t.Fatalf("frame %d: %s", i, d)
				}
				if sum := sha256.Sum256(out.Frame.Pix); hex.EncodeToString(sum[:]) != results[i].SHA256 {
					t.Fatalf("frame %d: another picture than cv2's: %v", i, out.Frame.Geometry)
				}
				if testing.Verbose() && i < 2 {
					t.Logf("%.300s", out.Values[0].JSON)
				}
			}
		})
	}
}
