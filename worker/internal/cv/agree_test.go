//go:build opencv

package cv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// agreement is an op, the same in Python, the same in gocv where gocv can say it, and the inputs that it must take.
type agreement struct {
	pipeline string
	python   string
	direct   func(src gocv.Mat, dst *gocv.Mat) error
	takes    string // space-separated words; an input must be taken where each of its words is there, or "all"
}

const (
	linear  = "colour gray alpha odd one pixel row column u16 s16 f32 f64"
	colours = "colour odd one pixel row u16 f32"
)

func kernel(shape gocv.MorphShape, w, h int) gocv.Mat {
	return gocv.GetStructuringElement(shape, image.Pt(w, h))
}

var agreements = slices.Concat(firstAgreements, arithmeticAgreements, colourAgreements(), warpAgreements, filterAgreements,
	photoAgreements)

var firstAgreements = []agreement{
	{"gray", "img if img.ndim == 2 else cv2.cvtColor(img, cv2.COLOR_BGR2GRAY if img.shape[2] == 3 else cv2.COLOR_BGRA2GRAY)", nil, linear},
	{"cvt_color code=BGR2GRAY", "cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.CvtColor(s, d, gocv.ColorBGRToGray) }, ""},
	{"cvt_color code=BGR2RGB", "cv2.cvtColor(img, cv2.COLOR_BGR2RGB)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.CvtColor(s, d, gocv.ColorBGRToRGB) }, ""},
	{"cvt_color code=BGR2HSV", "cv2.cvtColor(img, cv2.COLOR_BGR2HSV)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.CvtColor(s, d, gocv.ColorBGRToHSV) }, ""},
	{"cvt_color code=BGR2Lab", "cv2.cvtColor(img, cv2.COLOR_BGR2Lab)", nil, ""},
	{"cvt_color code=BGR2Luv", "cv2.cvtColor(img, cv2.COLOR_BGR2Luv)", nil, ""},
	{"cvt_color code=BGR2HLS", "cv2.cvtColor(img, cv2.COLOR_BGR2HLS)", nil, ""},
	{"cvt_color code=BGR2YCrCb", "cv2.cvtColor(img, cv2.COLOR_BGR2YCrCb)", nil, ""},
	{"cvt_color code=BGR2YUV", "cv2.cvtColor(img, cv2.COLOR_BGR2YUV)", nil, ""},
	{"cvt_color code=BGR2XYZ", "cv2.cvtColor(img, cv2.COLOR_BGR2XYZ)", nil, ""},
	{"cvt_color code=BGR2HSV | cvt_color code=HSV2BGR", "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2HSV), cv2.COLOR_HSV2BGR)", nil, ""},
	{"cvt_color code=BGR2Lab | cvt_color code=Lab2RGB", "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2Lab), cv2.COLOR_Lab2RGB)", nil, ""},
	{"cvt_color code=BGR2RGB | gray", "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2RGB), cv2.COLOR_RGB2GRAY)", nil, ""},
	{"cvt_color code=GRAY2BGR", "cv2.cvtColor(img, cv2.COLOR_GRAY2BGR)", nil, ""},
	{"cvt_color code=BGRA2BGR", "cv2.cvtColor(img, cv2.COLOR_BGRA2BGR)", nil, "alpha"},
	{"equalize_hist", "cv2.equalizeHist(img)", gocv.EqualizeHist, "gray odd column one pixel"},
	{"invert", "cv2.bitwise_not(img)", gocv.BitwiseNot, "colour gray u16"},
	{"bitwise_not", "cv2.bitwise_not(img)", gocv.BitwiseNot, "colour gray alpha odd one pixel row column u16"},

	{"canny", "cv2.Canny(img, 50, 150)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.Canny(s, d, 50, 150) }, "colour gray odd one pixel row column"},
	{"canny low=10.5 high=300 apertureSize=5 L2gradient=true", "cv2.Canny(img, 10.5, 300, apertureSize=5, L2gradient=True)", nil, "colour gray odd one pixel row column"},
	{"canny low=500 high=100 apertureSize=7", "cv2.Canny(img, 500, 100, apertureSize=7)", nil, "colour gray odd one pixel row column"},
	{"sobel", "cv2.Sobel(img, -1, 1, 0)", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.Sobel(s, d, -1, 1, 0, 3, 1, 0, gocv.BorderDefault)
	}, linear},
	{"sobel ddepth=s16 dx=1 dy=1 ksize=5 scale=0.5 delta=3 borderType=replicate", "cv2.Sobel(img, cv2.CV_16S, 1, 1, ksize=5, scale=0.5, delta=3, borderType=cv2.BORDER_REPLICATE)", nil, "colour gray alpha odd one pixel row column"},
	{"sobel ddepth=f32 dx=0 dy=2 ksize=7", "cv2.Sobel(img, cv2.CV_32F, 0, 2, ksize=7)", nil, "colour gray alpha odd one pixel row column u16 s16 f32"},
	{"sobel ddepth=f64 ksize=31 dx=30", "cv2.Sobel(img, cv2.CV_64F, 30, 0, ksize=31)", nil, "colour gray alpha odd one pixel row column u16 s16 f64"},
	{"sobel ksize=1 dx=2", "cv2.Sobel(img, -1, 2, 0, ksize=1)", nil, linear},
	{"laplacian", "cv2.Laplacian(img, -1)", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.Laplacian(s, d, -1, 1, 1, 0, gocv.BorderDefault)
	}, linear},
	{"laplacian ddepth=f32 ksize=5 scale=2 delta=1 borderType=reflect", "cv2.Laplacian(img, cv2.CV_32F, ksize=5, scale=2, delta=1, borderType=cv2.BORDER_REFLECT)", nil, "colour gray alpha odd one pixel row column u16 s16 f32"},
	{"laplacian ddepth=s16 ksize=31", "cv2.Laplacian(img, cv2.CV_16S, ksize=31)", nil, "colour gray alpha odd one pixel row column"},

	{"blur", "cv2.blur(img, (3, 3))", func(s gocv.Mat, d *gocv.Mat) error { return gocv.Blur(s, d, image.Pt(3, 3)) }, linear},
	{"blur ksize=9x4 borderType=constant", "cv2.blur(img, (9, 4), borderType=cv2.BORDER_CONSTANT)", nil, linear},
	{"blur ksize=1x1023", "cv2.blur(img, (1, 1023))", nil, linear},
	{"gaussian_blur", "cv2.GaussianBlur(img, (5, 5), 0)", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.GaussianBlur(s, d, image.Pt(5, 5), 0, 0, gocv.BorderDefault)
	}, linear},
	{"gaussian_blur ksize=0 sigmaX=2.5 sigmaY=1", "cv2.GaussianBlur(img, (0, 0), 2.5, sigmaY=1)", nil, linear},
	{"gaussian_blur ksize=7x3 sigmaX=1.5 borderType=reflect", "cv2.GaussianBlur(img, (7, 3), 1.5, borderType=cv2.BORDER_REFLECT)", nil, linear},
	{"median_blur", "cv2.medianBlur(img, 5)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.MedianBlur(s, d, 5) }, "colour gray alpha odd one pixel row column u16 f32"},
	{"median_blur ksize=1", "cv2.medianBlur(img, 1)", nil, "colour gray alpha odd one pixel row column u16 f32"},
	{"median_blur ksize=21", "cv2.medianBlur(img, 21)", nil, "colour gray alpha odd one pixel row column"},
	{"median_blur ksize=255", "cv2.medianBlur(img, 255)", nil, "colour gray alpha odd one pixel row column"},
	{"bilateral d=5", "cv2.bilateralFilter(img, 5, 75, 75)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.BilateralFilter(s, d, 5, 75, 75) }, "colour gray odd one pixel row column f32"},
	{"bilateral d=0 sigmaColor=20 sigmaSpace=2 borderType=replicate", "cv2.bilateralFilter(img, 0, 20, 2, borderType=cv2.BORDER_REPLICATE)", nil, "colour gray odd one pixel row column f32"},

	{"resize dsize=123x77", "cv2.resize(img, (123, 77))", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.Resize(s, d, image.Pt(123, 77), 0, 0, gocv.InterpolationLinear)
	}, linear},
	{"resize fx=0.37 fy=1.9 interpolation=cubic", "cv2.resize(img, None, fx=0.37, fy=1.9, interpolation=cv2.INTER_CUBIC)", nil, "colour gray alpha odd u16 s16 f32 f64"},
	{"resize fx=0.5 interpolation=area", "cv2.resize(img, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)", nil, "colour gray alpha odd u16 s16 f32 f64"},
	{"resize dsize=40x30 interpolation=lanczos4", "cv2.resize(img, (40, 30), interpolation=cv2.INTER_LANCZOS4)", nil, linear},
	{"resize dsize=41x33 interpolation=nearest", "cv2.resize(img, (41, 33), interpolation=cv2.INTER_NEAREST)", nil, linear},
	{"crop x=1 y=2 width=30 height=20", "img[2:22, 1:31] if min(img.shape[:2]) > 22 else refuse", nil, "colour gray alpha odd u16 s16 f32 f64 s32 s8"},
	{"crop x=10 y=20 width=50 height=40 | blur ksize=7", "cv2.blur(np.ascontiguousarray(img[20:60, 10:60]), (7, 7)) if min(img.shape[:2]) > 80 else refuse", nil, "colour gray alpha odd u16 s16 f32 f64"},
	{"blur | crop x=10 y=20 width=50 | crop x=3 y=5 width=20 height=9", "cv2.blur(img, (3, 3))[25:34, 13:33] if min(img.shape[:2]) > 80 else refuse", nil, "colour gray alpha odd u16 s16 f32 f64"},
	{"flip", "cv2.flip(img, 1)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.Flip(s, d, 1) }, "all"},
	{"flip flipCode=0", "cv2.flip(img, 0)", nil, "all"},
	{"flip flipCode=-1", "cv2.flip(img, -1)", nil, "all"},
	{"rotate", "cv2.rotate(img, cv2.ROTATE_90_CLOCKWISE)", func(s gocv.Mat, d *gocv.Mat) error { return gocv.Rotate(s, d, gocv.Rotate90Clockwise) }, "all"},
	{"rotate rotateCode=180", "cv2.rotate(img, cv2.ROTATE_180)", nil, "all"},
	{"rotate rotateCode=90_counterclockwise", "cv2.rotate(img, cv2.ROTATE_90_COUNTERCLOCKWISE)", nil, "all"},

	{"threshold", "cv2.threshold(img, 127, 255, cv2.THRESH_BINARY)[1]", func(s gocv.Mat, d *gocv.Mat) error {
		gocv.Threshold(s, d, 127, 255, gocv.ThresholdBinary)
		return nil
	}, linear},
	{"threshold thresh=99.7 type=tozero_inv", "cv2.threshold(img, 99.7, 255, cv2.THRESH_TOZERO_INV)[1]", nil, linear},
	{"threshold thresh=-5 maxval=300 type=trunc", "cv2.threshold(img, -5, 300, cv2.THRESH_TRUNC)[1]", nil, linear},
	{"threshold auto=otsu type=binary_inv", "cv2.threshold(img, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]", nil, "gray odd one pixel column u16"},
	{"threshold auto=triangle", "cv2.threshold(img, 0, 255, cv2.THRESH_TRIANGLE)[1]", nil, "gray odd one pixel column"},
	{"adaptive_threshold", "cv2.adaptiveThreshold(img, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 11, 2)", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.AdaptiveThreshold(s, d, 255, gocv.AdaptiveThresholdMean, gocv.ThresholdBinary, 11, 2)
	}, "gray odd one pixel column"},
	{"adaptive_threshold adaptiveMethod=gaussian thresholdType=binary_inv blockSize=35 C=-1.5 maxValue=200", "cv2.adaptiveThreshold(img, 200, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, 35, -1.5)", nil, "gray odd one pixel column"},

	{"dilate", "cv2.dilate(img, cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3)))", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.Dilate(s, d, kernel(gocv.MorphRect, 3, 3))
	}, linear},
	{"erode shape=cross ksize=5x3 iterations=3", "cv2.erode(img, cv2.getStructuringElement(cv2.MORPH_CROSS, (5, 3)), iterations=3)", nil, linear},
	{"dilate shape=ellipse ksize=7 borderType=replicate", "cv2.dilate(img, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)), borderType=cv2.BORDER_REPLICATE)", nil, linear},
	{"erode", "cv2.erode(img, cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3)))", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.Erode(s, d, kernel(gocv.MorphRect, 3, 3))
	}, linear},
	{"morphology", "cv2.morphologyEx(img, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3)))", func(s gocv.Mat, d *gocv.Mat) error {
		return gocv.MorphologyEx(s, d, gocv.MorphOpen, kernel(gocv.MorphRect, 3, 3))
	}, linear},
	{"morphology op=close shape=ellipse ksize=9", "cv2.morphologyEx(img, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))", nil, linear},
	{"morphology op=gradient", "cv2.morphologyEx(img, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3)))", nil, linear},
	{"morphology op=tophat ksize=15 iterations=2", "cv2.morphologyEx(img, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_RECT, (15, 15)), iterations=2)", nil, linear},
	{"morphology op=blackhat ksize=15x1", "cv2.morphologyEx(img, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_RECT, (15, 1)))", nil, linear},

	{"echo", "img", nil, "all"},
	{"stats", "img", nil, "all"},
	{"gaussian_blur | gray | canny | stats | dilate iterations=2", "cv2.dilate(cv2.Canny((lambda b: b if b.ndim == 2 else cv2.cvtColor(b, cv2.COLOR_BGR2GRAY if b.shape[2] == 3 else cv2.COLOR_BGRA2GRAY))(cv2.GaussianBlur(img, (5, 5), 0)), 50, 150), np.ones((3, 3), np.uint8), iterations=2)", nil, "colour gray alpha odd one pixel row column"},
	{"encode", "cv2.imencode('.jpg', img)[1]", nil, "colour gray odd one pixel row column"},
	{"encode quality=30", "cv2.imencode('.jpg', img, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]", nil, "colour gray odd one pixel row column"},
	{"encode ext=.png", "cv2.imencode('.png', img)[1]", nil, "colour gray alpha odd one pixel row column u16"},
	{"encode ext=.png compression=9", "cv2.imencode('.png', img, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]", nil, "colour gray alpha odd one pixel row column u16"},
	{"encode ext=.tiff", "cv2.imencode('.tiff', img, [259, 5])[1]", nil, "colour gray alpha odd one pixel row column u16 f32"},
	{"encode ext=.tiff tiff_compression=deflate dpi=300", "cv2.imencode('.tiff', img, [259, 8, 256, 2, 257, 300, 258, 300])[1]", nil,
		"colour gray alpha odd one pixel row column u16 f32"},
	{"gray | encode ext=.tiff tiff_compression=none",
		"cv2.imencode('.tiff', img if img.ndim == 2 else cv2.cvtColor(img, cv2.COLOR_BGR2GRAY if img.shape[2] == 3 else cv2.COLOR_BGRA2GRAY), [259, 1])[1]",
		nil, "colour gray alpha odd one pixel row column u16 s16 f32 f64"},
	{"encode ext=.bmp", "cv2.imencode('.bmp', img)[1]", nil, "colour gray odd one pixel row column"},
	{"encode ext=.webp", "cv2.imencode('.webp', img)[1]", nil, "colour gray alpha odd one pixel row column"},
	{"encode ext=.webp quality=50", "cv2.imencode('.webp', img, [cv2.IMWRITE_WEBP_QUALITY, 50])[1]", nil, "colour gray alpha odd one pixel row column"},
}

// opinion is what the Python process tells.
type opinion struct {
	Inputs map[string]struct {
		shape
		File string
	}
	Results map[string]map[string]*struct {
		shape
		SHA256 string
	}
}

type shape struct{ Width, Height, Channels, Depth int }

func secondOpinion(t *testing.T) opinion {
	t.Helper()
	cases := map[string]string{}
	for _, a := range agreements {
		cases[a.pipeline] = a.python
	}
	ask, err := json.Marshal(map[string]any{"photo": photo(t, "space_shuttle.jpg"), "dir": t.TempDir(), "cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	// The system's Python: one from elsewhere does not see the packages of the distribution.
	cmd := exec.Command("/usr/bin/python3", "testdata/oracle.py")
	cmd.Env = append(os.Environ(), "OPENCV_LOG_LEVEL=OFF")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(ask), &stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("no second opinion: %v\n%s\nOpenCV for Python is needed: apt-get install python3-opencv", err, stderr.String())
	}
	var o opinion
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func (s shape) geometry() frame.Geometry {
	format := []frame.Format{0, frame.FormatGray, frame.FormatC2, frame.FormatBGR, frame.FormatBGRA}[s.Channels]
	return frame.Geometry{Width: s.Width, Height: s.Height, Format: format, Depth: frame.Depth(s.Depth)}
}

// meaning is what a conversion, as the first step, takes its channels for. The pictures of the test are in BGR, if in anything.
func meaning(pipeline string) frame.Format {
	first, _, _ := strings.Cut(pipeline, " | ")
	for _, c := range conversions() {
		if strings.HasSuffix(first, " code="+c.code) {
			return c.in
		}
	}
	return frame.FormatNone
}

// mustTake reports whether the case must not refuse the input of that name.
func (a agreement) mustTake(name string, g frame.Geometry) bool {
	takes := a.takes
	if takes == "all" {
		return true
	}
	if takes == "" { // colour conversions, mostly
		return strings.HasPrefix(a.pipeline, "cvt_color code=BGR2") && name == "colour"
	}
	if g.Format == frame.FormatBGR && !strings.Contains(takes, "colour") || g.Format == frame.FormatGray && !strings.Contains(takes, "gray") {
		return false
	}
	for _, word := range strings.Fields(name) {
		if !strings.Contains(" "+takes+" ", " "+word+" ") {
			return false
		}
	}
	return true
}

func TestEveryOpGivesTheBytesThatOpenCVGives(t *testing.T) {
	o := secondOpinion(t)
	taken, refused := 0, 0
	for _, a := range agreements {
		prog, before := compile(t, a.pipeline), taken
		for name, input := range o.Inputs {
			pix, err := os.ReadFile(input.File)
			if err != nil {
				t.Fatal(err)
			}
			in := frame.Frame{Geometry: input.geometry(), Pix: pix}
			if m := meaning(a.pipeline); m.Channels() == in.Format.Channels() {
				in.Format = m
			}
			out, err := serve.Try(prog, in)
			if err != nil {
				if refused++; a.mustTake(name, in.Geometry) {
					t.Errorf("%s of %s (%v): %v", a.pipeline, name, in.Geometry, err)
				}
				wantFault(t, err, fault.Invalid)
				continue
			}
			taken++
			want := o.Results[a.pipeline][name]
			if want == nil {
				t.Errorf("%s takes %s, which OpenCV refuses", a.pipeline, name)
				continue
			}
			compareWithPython(t, a, name, out.Frame, want.shape, want.SHA256)
			compareWithGocv(t, a, name, in, out.Frame)
		}
		if taken == before {
			t.Errorf("%s takes none of the inputs", a.pipeline)
		}
	}
	t.Logf("%d results agree, %d inputs were refused", taken, refused)
}

func TestEveryOpHasASecondOpinion(t *testing.T) {
	asked := map[string]bool{"decode": true} // is compared with imread, file by file, in a test of its own
	for _, a := range agreements {
		for step := range strings.SplitSeq(a.pipeline, " | ") {
			name, _, _ := strings.Cut(step, " ")
			asked[name] = true
		}
	}
	for _, c := range foundCases {
		name, _, _ := strings.Cut(c.pipeline, " ")
		asked[name] = true
	}
	for _, text := range recentPipelines() {
		name, _, _ := strings.Cut(text, " ")
		asked[name] = true
	}
	for _, op := range New(Options{}).Info().Ops {
		if !asked[op.Name] {
			t.Errorf("op %s is not compared with OpenCV", op.Name)
		}
	}
}

func compareWithPython(t *testing.T, a agreement, name string, got frame.Frame, want shape, sum string) {
	t.Helper()
	hash := sha256.Sum256(got.Pix)
	if hex.EncodeToString(hash[:]) != sum {
		t.Errorf("%s of %s: other bytes than cv2's", a.pipeline, name)
	}
	if g := got.Geometry; g.IsPixels() && (g.Width != want.Width || g.Height != want.Height || g.Format.Channels() != want.Channels ||
		int(g.Depth) != want.Depth) {
		t.Errorf("%s of %s: %v, cv2 made %+v", a.pipeline, name, g, want)
	}
}

func compareWithGocv(t *testing.T, a agreement, name string, in, got frame.Frame) {
	t.Helper()
	if a.direct == nil {
		return
	}
	src, err := gocv.NewMatFromBytes(in.Height, in.Width, matType(in.Geometry), in.Pix)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst := gocv.NewMat()
	defer dst.Close()
	if err := a.direct(src, &dst); err != nil {
		t.Errorf("%s of %s: gocv: %v", a.pipeline, name, err)
		return
	}
	if !bytes.Equal(dst.ToBytes(), got.Pix) {
		t.Errorf("%s of %s: other bytes than gocv's", a.pipeline, name)
	}
}
