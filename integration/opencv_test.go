//go:build opencv

package integration

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// opinions say what ops of every kind do, as pipeline and as a call of OpenCV on img or gray: what the op does by default where it
// can do something without being told what.
var opinions = []struct{ pipeline, expression string }{
	{"gray | canny", "cv2.Canny(gray, 50, 150)"},
	{"decode flags=unchanged", "cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)"},
	{"decode", "img"},
	{"echo", "img"},
	{"gray", "gray"},
	{"cvt_color | cvt_color code=RGB2GRAY", "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2RGB), cv2.COLOR_RGB2GRAY)"},
	{"cvt_color code=BGR2HSV | cvt_color code=HSV2BGR", "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2HSV), cv2.COLOR_HSV2BGR)"},
	{"cvt_color code=BGR2BGRA", "cv2.cvtColor(img, cv2.COLOR_BGR2BGRA)"},
	{"canny", "cv2.Canny(img, 50, 150)"},
	{"blur", "cv2.blur(img, (3, 3))"},
	{"gaussian_blur", "cv2.GaussianBlur(img, (5, 5), 0)"},
	{"median_blur", "cv2.medianBlur(img, 5)"},
	{"bilateral", "cv2.bilateralFilter(img, 9, 75, 75)"},
	{"resize dsize=40x30", "cv2.resize(img, (40, 30))"},
	{"resize fx=0.5 fy=1.5", "cv2.resize(img, None, fx=0.5, fy=1.5)"},
	{"crop x=3 y=5 width=20 height=10", "img[5:15, 3:23]"},
	{"flip", "cv2.flip(img, 1)"},
	{"rotate", "cv2.rotate(img, cv2.ROTATE_90_CLOCKWISE)"},
	{"threshold", "cv2.threshold(img, 127, 255, cv2.THRESH_BINARY)[1]"},
	{"gray | threshold auto=otsu", "cv2.threshold(gray, 0, 255, cv2.THRESH_OTSU)[1]"},
	{"gray | adaptive_threshold", "cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 11, 2)"},
	{"gray | equalize_hist", "cv2.equalizeHist(gray)"},
	{"dilate", "cv2.dilate(img, rect(3))"},
	{"erode", "cv2.erode(img, rect(3))"},
	{"morphology", "cv2.morphologyEx(img, cv2.MORPH_OPEN, rect(3))"},
	{"sobel", "cv2.Sobel(img, -1, 1, 0)"},
	{"laplacian", "cv2.Laplacian(img, -1)"},
	{"bitwise_not", "cv2.bitwise_not(img)"},
	{"stats", "img"}, // pixels pass through; its numbers have a test of their own
	{"encode", "encoded('.jpg', img)"},
	{"gray | encode ext=.webp", "encoded('.webp', gray)"},
}

// Through the command line, the binaries, shared memory and a PNG: the pixels are those of OpenCV itself.
func TestPixelsAreOpenCVs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	type question struct {
		Name       string `json:"name"`
		Input      string `json:"input"`
		Expression string `json:"expression"`
		Output     string `json:"output"`
	}
	var all []question
	ask := func(name, input, pipeline, expression string) {
		out := filepath.Join(dir, strings.NewReplacer(" ", "_", "|", "-").Replace(name)+".png")
		if _, ext, ok := strings.Cut(pipeline, "encode"); ok {
			ext = strings.TrimPrefix(ext+" ext=.jpg", " ext=")
			out = strings.TrimSuffix(out, ".png") + ext[:strings.Index(ext+" ", " ")]
		}
		run(t, "run", input, "-p", pipeline, "-o", out, "--workers", "1", "--progress", "none").exits(0)
		all = append(all, question{name, input, expression, out})
	}
	for _, o := range opinions {
		ask(o.pipeline, thumbnail(t), o.pipeline, o.expression)
	}
	ask("a large PNG", sample(t, "macbeth.png"), edges, "cv2.Canny(gray, 50, 150)")
	in, _ := json.Marshal(all)
	python := exec.Command("/usr/bin/python3", "testdata/opencv.py")
	python.Stdin, python.Stderr = strings.NewReader(string(in)), t.Output()
	out, err := python.Output()
	if err != nil {
		t.Fatalf("the second opinion: %v", err)
	}
	var differ map[string]string
	if err := json.Unmarshal(out, &differ); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, how := range differ {
		t.Errorf("%s: %s", name, how)
	}
}

// The folder's pictures are one stream; what the last of them tells straightens the others.
func TestACameraIsCalibratedByAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	board := sample(t, "chessboard_4x6.png")
	for i, dst := range []string{"30,20/290,35/280,215/45,225", "20,40/270,10/300,220/10,190", "60,30/260,15/310,230/15,205"} {
		runIn(t, dir, "run", board, "-p", "resize dsize=320x240 | warp_perspective src=0,0/319,0/319,239/0,239 borderValue=255 dst="+dst,
			"-o", fmt.Sprintf("boards/%d.png", i)).exits(0)
	}
	runIn(t, dir, "run", "boards", "-p", "calibrate_camera patternSize=4x6", "-o", "none", "--data", "camera.jsonl").exits(0)
	var last struct {
		Value struct {
			Boards int
			Camera struct{ Undistort string }
		}
	}
	for text := range strings.Lines(read(t, filepath.Join(dir, "camera.jsonl"))) {
		if err := json.Unmarshal([]byte(text), &last); err != nil {
			t.Fatal(err)
		}
	}
	if last.Value.Boards != 3 {
		t.Fatalf("%d boards are in\n%s", last.Value.Boards, read(t, filepath.Join(dir, "camera.jsonl")))
	}
	runIn(t, dir, "run", "boards", "-p", last.Value.Camera.Undistort, "-o", "straight/").exits(0)
}
