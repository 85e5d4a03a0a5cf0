//go:build opencv && !gocv_specific_modules

package cv

import (
	"fmt"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// The pipelines that keep something, and what they take.
var ongoingOps = []struct {
	text   string
	format frame.Format
}{
	{"background_subtractor_mog2", frame.FormatBGR},
	{"background_subtractor_knn", frame.FormatGray},
	{"optical_flow_farneback", frame.FormatGray},
	{"optical_flow_farneback draw=true", frame.FormatGray},
	{"optical_flow_pyr_lk", frame.FormatGray},
	{"optical_flow_pyr_lk draw=true", frame.FormatGray},
	{"track box=2,3,40,30 tracker=mil", frame.FormatBGR},
	{"track box=2,3,40,30 tracker=kcf draw=true", frame.FormatBGR},
	{"track box=2,3,40,30 tracker=csrt", frame.FormatBGR},
}

func TestAStreamKeepsToItsGeometryAndToItself(t *testing.T) {
	for _, c := range ongoingOps {
		t.Run(c.text, func(t *testing.T) {
			prog := compile(t, c.text)
			var one, two serve.Stream
			defer one.Close()
			defer two.Close()
			g := frame.Geometry{Width: 90, Height: 70, Format: c.format, Depth: frame.U8}
			in := readOnly(t, testPicture(t, g))
			first := tell(t, &one, prog, in)
			tell(t, &one, prog, in)
			if again := tell(t, &two, prog, in); again != first {
				t.Errorf("a new stream begins with %.200s, another began with %.200s", again, first)
			}
			g.Width++
			_, err := one.Try(prog, testPicture(t, g))
			wantFault(t, err, fault.Invalid, "step 1", fmt.Sprintf("the stream's frames were %v, this one is %v", in.Geometry, g))
			tell(t, &one, prog, in) // goes on
		})
	}
}

// What a stream shows may change from frame to frame: nothing, noise, a picture, in boxes as small as can be.
func TestStreamsOfAnything(t *testing.T) {
	texts := []string{"track box=0,0,8,8 tracker=mil", "track box=0,0,8,8 tracker=kcf", "track box=0,0,8,8 tracker=csrt",
		"track box=50,22,14,8 tracker=kcf", "track box=50,22,14,8 tracker=csrt", "track box=50,22,14,8 tracker=mil",
		"track box=0,0,64,30 tracker=csrt", "track box=0,0,64,30 tracker=kcf", "track box=0,0,64,30 tracker=mil",
		"gray | optical_flow_pyr_lk draw=true", "gray | optical_flow_farneback draw=true", "background_subtractor_knn"}
	g := frame.Geometry{Width: 64, Height: 30, Format: frame.FormatBGR, Depth: frame.U8}
	black, white, noise := testPicture(t, g), testPicture(t, g), testPicture(t, g)
	for i := range black.Pix {
		black.Pix[i], white.Pix[i] = 0, 255
	}
	for _, text := range texts {
		prog := compile(t, text)
		for _, first := range []frame.Frame{black, noise, white} {
			var s serve.Stream
			for _, in := range []frame.Frame{first, noise, black, white, noise, noise} {
				if _, err := s.Try(prog, in); err != nil {
					wantFault(t, err, fault.Invalid)
				}
			}
			s.Close()
		}
	}
}

func TestAFileThatIsNotWhatItShouldBeIsRefusedBeforeAnyFrame(t *testing.T) {
	picture, photo := testPicture(t, frame.Geometry{Width: 4, Height: 4, Format: frame.FormatBGR}), readPhoto(t, "face.jpg")
	onnx := testFiles()["classifier.onnx"]
	cases := []struct {
		name, text string
		file       frame.Frame
		words      []string
	}{
		{"a cascade of pixels", "cascade_classifier cascade=x", picture, []string{"cascade=x: it is the picture 4x4 bgr u8, not a file"}},
		{"a cascade of nothing", "cascade_classifier cascade=x", frame.Encoded(nil), []string{"cascade=x: it is empty"}},
		{"a cascade that is a photograph", "cascade_classifier cascade=x", frame.Encoded(photo), []string{"cascade=x: it is no cascade"}},
		{"a cascade that is something else in XML", "cascade_classifier cascade=x", frame.Encoded([]byte("<?xml version=\"1.0\"?>\n<opencv_storage><a>1</a></opencv_storage>")), []string{"cascade=x: it is no cascade"}},
		{"a network that is a photograph", "classify model=x", frame.Encoded(photo), []string{"model=x: "}},
		{"half a network", "segment model=x", frame.Encoded(onnx[:len(onnx)/2]), []string{"model=x: "}},
		{"faces by a photograph", "detect_faces model=x", frame.Encoded(photo), []string{"model=x: "}},
		{"another name", "classify model=y", frame.Encoded(onnx), []string{"model=y: there is no input of that name"}},
		{"labels in another encoding", "classify model=model labels=x", frame.Encoded([]byte("caf\xe9")), []string{"labels=x: it is not a text in UTF-8"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inputs := serve.Inputs{"x": c.file, "model": frame.Encoded(onnx)}
			_, err := New(Options{}).Compile(parse(t, c.text), inputs)
			wantFault(t, err, fault.Invalid, c.words...)
		})
	}
}

func TestAnswersOfAnotherShapeAreRefused(t *testing.T) {
	cases := []struct{ name, text, words string }{
		{"yolov5 for yolov8", "detect_objects model=small5.onnx size=64 layout=ssd fit=stretch", "the model answers 1x64x8, not 1 x 1 x boxes x 7"},
		{"a class list for boxes", "detect_objects model=classifier.onnx size=32", "the model answers 1x6, not 1 x 4+classes x boxes"},
		{"boxes for classes of pixels", "segment model=small8.onnx size=64", "the model answers 1x7x64, not 1 x classes x height x width"},
		{"another size than the network's", "detect_objects model=small8.onnx size=32", "detect_objects: "},
	}
	files := asInputs(testFiles())
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve.Try(compileWith(t, c.text, files), decodedPhoto(t, "face.jpg"))
			wantFault(t, err, fault.Invalid, c.words)
		})
	}
}
