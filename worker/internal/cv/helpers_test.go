//go:build opencv

package cv

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"go.uber.org/goleak"
	"gocv.io/x/gocv"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if dir, err := sampleDir(); err == nil {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// compile returns the program of a pipeline's text.
func compile(t testing.TB, text string) serve.Program {
	t.Helper()
	return compileWith(t, text, nil)
}

// compileWith is compile for a pipeline that names inputs.
func compileWith(t testing.TB, text string, inputs serve.Inputs) serve.Program {
	t.Helper()
	prog, err := New(Options{}).Compile(parse(t, text), inputs)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	t.Cleanup(func() {
		if err := prog.Close(); err != nil {
			t.Error(err)
		}
	})
	return prog
}

// mapFiles are two maps that turn a picture of 60x40 upside down, as cv2.imwrite makes them.
var mapFiles = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	for name, place := range map[string]func(x, y int) int{
		"x.tiff": func(x, _ int) int { return x }, "y.tiff": func(_, y int) int { return 39 - y },
	} {
		m := gocv.NewMatWithSize(40, 60, gocv.MatTypeCV32F)
		defer m.Close()
		for i := range 40 * 60 {
			m.SetFloatAt(i/60, i%60, float32(place(i%60, i/60)))
		}
		file, err := gocv.IMEncode(".tiff", m)
		if err != nil {
			panic(err)
		}
		defer file.Close()
		files[name] = bytes.Clone(file.GetBytes())
	}
	return files
})

// inputsOf returns f under every name that the pipeline gives to an image, and the files that it names.
func inputsOf(p pipeline.Pipeline, f frame.Frame) serve.Inputs {
	ops, inputs := New(Options{}).Info().Ops, serve.Inputs{}
	for _, s := range p {
		op, _ := ops.Find(s.Op)
		for _, param := range op.Params {
			for _, a := range s.Args {
				if a.Name == param.Name && param.IsInput() {
					inputs[a.Value] = f
				}
				if data, ok := mapFiles()[a.Value]; ok {
					inputs[a.Value] = frame.Encoded(data)
				}
				if a.Name == param.Name && param.Type == pipeline.TypeFile {
					inputs[a.Value] = frame.Encoded(testFiles()[a.Value])
				}
			}
		}
	}
	return inputs
}

// parse reads a pipeline's text.
func parse(t testing.TB, text string) pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a pipeline once and fails the test where it fails.
func run(t testing.TB, text string, in frame.Frame) serve.Outcome {
	t.Helper()
	out, err := serve.Try(compile(t, text), in)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

// tell runs the stream's next frame and returns the data.
func tell(t *testing.T, s *serve.Stream, prog serve.Program, in frame.Frame) string {
	t.Helper()
	out, err := s.Try(prog, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Values) != 1 {
		t.Fatalf("%d values", len(out.Values))
	}
	return string(out.Values[0].JSON)
}

// wantFault checks an error's code and words.
func wantFault(t testing.TB, err error, code fault.Code, words ...string) {
	t.Helper()
	if got, _ := fault.CodeOf(err); got != code {
		t.Fatalf("got %q (%v), want %s", got, err, code)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("error %q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Fatalf("error has more than one line: %q", err)
	}
}

// picture returns a picture with something in it.
func testPicture(t testing.TB, g frame.Geometry) frame.Frame {
	t.Helper()
	f, err := frame.New(g)
	if err != nil {
		t.Fatal(err)
	}
	state := uint32(2463534242)
	for i := range f.Pix {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		f.Pix[i] = byte(state >> 16 & 0x3f) // small: no NaN, no infinity in floats
	}
	return f
}

var imagesDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "gocv.io/x/gocv").Output()
	return filepath.Join(string(bytes.TrimSpace(out)), "images"), err
})

// photo is the path of an image that comes with gocv.
func photo(t testing.TB, name string) string {
	t.Helper()
	dir, err := imagesDir()
	if err != nil {
		t.Fatalf("cannot find gocv's images: %v", err)
	}
	return filepath.Join(dir, name)
}

func readPhoto(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(photo(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decoded is a photo as pixels.
func decodedPhoto(t testing.TB, name string) frame.Frame {
	t.Helper()
	return run(t, "decode", frame.Encoded(readPhoto(t, name))).Frame
}
