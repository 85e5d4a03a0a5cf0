//go:build opencv

package cv

import (
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func TestEveryOpIsDescribedAndItsDefaultsAreAllowed(t *testing.T) {
	info := New(Options{}).Info()
	seen := map[string]bool{}
	for _, op := range info.Ops {
		if seen[op.Name] {
			t.Errorf("%s is there twice", op.Name)
		}
		seen[op.Name] = true
		if op.Doc == "" || !strings.HasSuffix(op.Doc, ".") || op.Module == "" {
			t.Errorf("%s: doc %q, module %q", op.Name, op.Doc, op.Module)
		}
		if op.Family == "" || op.Returns == "" || op.Example == "" {
			t.Errorf("%s: family %q, returns %q, example %q", op.Name, op.Family, op.Returns, op.Example)
		}
		if err := info.Ops.Check(pipeline.Pipeline{{Op: op.Name, Args: required(t, op)}}); err != nil {
			t.Errorf("defaults: %v", err)
		}
		for _, p := range op.Params {
			if p.Doc == "" {
				t.Errorf("%s: parameter %s has no doc", op.Name, p.Name)
			}
		}
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
		if _, err := serve.Try(compile(t, op.Example), in); err != nil {
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
