//go:build opencv

package cv

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func TestEveryOpIsDescribedAndItsDefaultsAreAllowed(t *testing.T) {
	info := New(Options{}).Info()
	seen := map[string]bool{}
	for _, op := range slices.Concat(info.Ops, info.Absent) {
		if seen[op.Name] {
			t.Errorf("%s is there twice", op.Name)
		}
		seen[op.Name] = true
		checkDescription(t, op)
	}
	for _, m := range info.Modules {
		if m.Present == (m.Why != "") {
			t.Errorf("module %+v", m)
		}
	}
	for _, k := range []string{"opencv", "gocv", "go"} {
		if info.Versions[k] == "" {
			t.Errorf("no version of %s", k)
		}
	}
}

// checkDescription is for ops that are absent, too.
func checkDescription(t *testing.T, op pipeline.OpInfo) {
	t.Helper()
	if op.Doc == "" || !strings.HasSuffix(op.Doc, ".") || op.Module == "" {
		t.Errorf("%s: doc %q, module %q", op.Name, op.Doc, op.Module)
	}
	if op.Family == "" || op.Returns == "" || op.Example == "" {
		t.Errorf("%s: family %q, returns %q, example %q", op.Name, op.Family, op.Returns, op.Example)
	}
	for _, p := range op.Params {
		if p.Doc == "" {
			t.Errorf("%s: parameter %s has no doc", op.Name, p.Name)
		}
	}
	step := pipeline.Pipeline{{Op: op.Name, Args: required(t, op)}}
	op.Missing = ""
	if err := (pipeline.Catalogue{op}).Check(step); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

// required are the arguments of the op's example that have no default.
func required(t *testing.T, op pipeline.OpInfo) []pipeline.Arg {
	var args []pipeline.Arg
	for _, a := range exampleOf(t, op).Args {
		for _, p := range op.Params {
			if p.Name == a.Name && p.Default == nil {
				args = append(args, a)
			}
		}
	}
	return args
}

// Without the mark the coordinator would send frames of no stream.
func TestAnOpIsStatefulWhereItKeepsSomething(t *testing.T) {
	file := frame.Encoded(readPhoto(t, "face.jpg"))
	for _, op := range New(Options{}).Info().Ops {
		p := pipeline.Pipeline{exampleOf(t, op)}
		prog, err := New(Options{}).Compile(p, inputsOf(p, file))
		if err != nil {
			t.Fatal(err)
		}
		s := prog.(*program).steps[0]
		if keeps := s.evolve != nil || s.watch != nil; keeps != op.Stateful {
			t.Errorf("%s keeps something: %v; it is described as stateful: %v", op.Name, keeps, op.Stateful)
		}
		if err := prog.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An example is what people copy: it must run, on the bytes of a photograph or on its pixels, and use the op.
func TestEveryExampleRuns(t *testing.T) {
	encoded, pixels := frame.Encoded(readPhoto(t, "face.jpg")), decodedPhoto(t, "face.jpg")
	for _, op := range New(Options{}).Info().Ops {
		in := pixels
		if strings.HasPrefix(op.Example, "decode") {
			in = encoded
		}
		if !strings.Contains(" "+op.Example+" ", " "+op.Name+" ") {
			t.Errorf("%s: its example is %s", op.Name, op.Example)
		}
		if _, err := serve.Try(compileWith(t, op.Example, inputsOf(parse(t, op.Example), encoded)), in); err != nil {
			t.Errorf("%s: %v", op.Example, err)
		}
	}
}

func TestTheOrderOfStepsIsCheckedBeforeAnyFrame(t *testing.T) {
	cases := []struct{ name, text, words string }{
		{"decode is first", "gray | decode", "step 2, decode: must be the first step"},
		{"decode is there once", "decode | decode", "step 2, decode: must be the first step"},
		{"encode is last", "encode | gray", "step 1, encode: must be the last step, gray follows it"},
		{"resize needs a size", "resize", "resize: needs dsize"},
		{"resize takes one kind of size", "resize dsize=10x10 fx=2", "resize: takes dsize or fx and fy"},
		{"a kernel of a Gaussian is odd", "gaussian_blur ksize=4", "gaussian_blur: ksize=4x4 is not allowed"},
		{"no kernel and no sigma", "gaussian_blur ksize=0", "gaussian_blur: ksize=0x0 needs sigmaX"},
		{"sobel derives something", "sobel dx=0", "sobel: dx=0 dy=0 derives nothing"},
		{"sobel has room for its order", "sobel dx=3", "sobel: dx=3 dy=0 needs ksize above 3, got 3"},
		{"unchanged is unchanged", "decode flags=unchanged anydepth=true", "flags=unchanged keeps depth and orientation already"},
		{"an anchor outside its kernel", "box_filter anchor=3,0", "anchor=3,0 lies outside a kernel of 3x3"},
		{"an anchor between pixels", "erode anchor=0.5,0", "it is two whole numbers"},
		{"a structuring element of ones and zeros", "dilate kernel=1,2", "kernel takes 0, 1 and -1, not 2"},
		{"a miss without a hit", "erode kernel=1,-1", "-1 is for op=hitmiss"},
		{"scharr in both ways", "scharr dx=1 dy=1", "one is 1, the other 0"},
		{"a separable kernel has one row", "sep_filter2d kernelX=1/2 kernelY=1", "both are one row"},
		{"bytes of exact distances", "distance_transform dstType=u8", "needs distanceType=l1"},
		{"a channel made twice", "mix_channels fromTo=0,1,1,1", "fromTo=0,1,1,1: 2 pairs make 2 channels, and each must be made once"},
		{"the only channel is not made", "mix_channels fromTo=0,1", "fromTo=0,1: 1 pair makes the channel 0, not 1"},
		{"a channel that nobody makes", "mix_channels fromTo=0,2,1,0", "2 pairs make the channels 0 to 1, not 2"},
		{"a channel between channels", "mix_channels fromTo=0.5,0", "0.5 is no channel"},
		{"more channels than there are", "transform m=1/1/1/1/1", "a picture has up to 4 channels"},
		{"two middles", "rotate_angle angle=3 expand=true center=1,1", "takes center or expand=true"},
		{"a warp of nothing", "warp_affine", "warp_affine: needs M, or 3 points each in src and dst"},
		{"a warp by both", "warp_affine M=1,0,0/0,1,0 src=0,0/1,0/0,1", "takes M, or src and dst, not both"},
		{"a warp by three of four points", "warp_perspective src=0,0/9,0/9,9/0,9 dst=0,0/9,0/9,9", "dst has 3 points, it needs 4"},
		{"points that rounding moves off a line", "warp_affine src=0,0/0.1,0.3/0.3,0.9 dst=0,0/9,0/0,9", "three points of src are on a line"},
		{"points far off that float32 has on a line", "warp_affine src=0,0/9,0/0,9 dst=1000000,1000000/1000000.01,1000000/1000000,1000001", "three points of dst are on a line"},
		{"three of four points on a line", "warp_perspective src=0,0/9,0/9,9/0,9 dst=0,0/9,9/20,20/0,9", "three points of dst are on a line"},
		{"a camera of two rows", "undistort cameraMatrix=1,0,0/0,1,0/0,0,1 distCoeffs=0,0,0,0 newCameraMatrix=1,2", "it needs 3 of 3"},
		{"an unknown op", "canyn", "did you mean canny?"},
		{"an even aperture", "canny apertureSize=4", "apertureSize=4 is not allowed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := pipeline.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Options{}).Compile(p, nil)
			wantFault(t, err, "invalid", c.words)
		})
	}
	if _, err := New(Options{}).Compile(nil, nil); err == nil {
		t.Error("a pipeline without steps was compiled")
	}
}

// To OpenCV a scalar is a column of four doubles: it once took one for the picture beside such a picture.
func TestAColumnOfFourDoublesIsNoScalar(t *testing.T) {
	in, err := frame.New(frame.Geometry{Width: 1, Height: 4, Format: frame.FormatGray, Depth: frame.F64})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]float64{"add value=10": 10, "subtract value=-7": 7, "max value=3": 3, "abs_diff value=5": 5} {
		pix := run(t, text, in).Frame.Pix
		for i := range 4 {
			if got := math.Float64frombits(binary.NativeEndian.Uint64(pix[8*i:])); got != want {
				t.Errorf("%s: element %d is %v, want %v", text, i, got, want)
			}
		}
	}
	for i, b := range run(t, "in_range lowerb=-1 upperb=1", in).Frame.Pix {
		if b != 255 {
			t.Errorf("in_range: element %d is %d", i, b)
		}
	}
}
