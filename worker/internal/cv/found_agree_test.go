//go:build opencv

package cv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

type rawPicture struct {
	shape
	File string
}

func (p rawPicture) read(t *testing.T) frame.Frame {
	t.Helper()
	pix, err := os.ReadFile(p.File)
	if err != nil {
		t.Fatal(err)
	}
	return readOnly(t, frame.Frame{Geometry: p.geometry(), Pix: pix, Index: 7})
}

// finds is what the Python process tells.
type finds struct {
	Inputs, Beside map[string]rawPicture
	Results        map[string]map[string]*struct {
		shape
		Data   any
		SHA256 string
	}
}

func pythonFinds(t *testing.T, cases []foundCase) finds {
	t.Helper()
	expressions := map[string]any{}
	for _, c := range cases {
		expressions[c.pipeline] = []any{c.python, c.inputs()}
	}
	ask, err := json.Marshal(map[string]any{"dir": t.TempDir(), "cases": expressions, "photos": map[string]string{
		"shuttle": photo(t, "space_shuttle.jpg"), "box": photo(t, "box.png"), "circles": photo(t, "circles.jpg"),
		"board": photo(t, "chessboard_4x6.png"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "testdata/found.py")
	cmd.Env = append(os.Environ(), "OPENCV_LOG_LEVEL=OFF")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(ask), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("no second opinion: %v\n%s\nOpenCV for Python is needed: apt-get install python3-opencv", err, stderr.String())
	}
	var f finds
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// Pictures are compared by their bytes, numbers to a millionth: most are floats of 24 bits in OpenCV.
func TestEveryOpFindsWhatOpenCVFinds(t *testing.T) {
	python := pythonFinds(t, foundCases)
	taken, refused := 0, 0
	beside := serve.Inputs{}
	for name, picture := range python.Beside {
		beside[name] = picture.read(t)
	}
	for _, c := range foundCases {
		before := taken
		prog := compileWith(t, c.pipeline, beside)
		for name, input := range python.Inputs {
			if only := c.inputs(); only != nil && !slices.Contains(only, name) {
				continue
			}
			in := input.read(t)
			out, err := serve.Try(prog, in)
			if err != nil {
				if refused++; strings.Contains(" "+c.takes+" ", " "+name+" ") {
					t.Errorf("%s of %s (%v): %v", c.pipeline, name, in.Geometry, err)
				}
				wantFault(t, err, fault.Invalid)
				continue
			}
			taken++
			want := python.Results[c.pipeline][name]
			if want == nil {
				t.Errorf("%s takes %s, which OpenCV refuses", c.pipeline, name)
				continue
			}
			if sum := sha256.Sum256(out.Frame.Pix); hex.EncodeToString(sum[:]) != want.SHA256 {
				t.Errorf("%s of %s: another picture than cv2's: %v, cv2 made %+v", c.pipeline, name, out.Frame.Geometry, want.shape)
			}
			if g := out.Frame.Geometry; g.Format.Channels() != want.Channels || int(g.Depth) != want.Depth || g.Width != want.Width {
				t.Errorf("%s of %s: %v, cv2 made %+v", c.pipeline, name, g, want.shape)
			}
			if difference := compareData(t, out, want.Data); difference != "" {
				t.Errorf("%s of %s: %s", c.pipeline, name, difference)
			}
		}
		if taken == before {
			t.Errorf("%s takes none of the inputs", c.pipeline)
		}
	}
	t.Logf("%d results agree, %d inputs were refused", taken, refused)
}

// compareData tells the first difference between what was found and what Python found.
func compareData(t *testing.T, out serve.Outcome, want any) string {
	t.Helper()
	if len(out.Values) == 0 {
		if want != nil {
			return "no data"
		}
		return ""
	}
	var got any
	if err := json.Unmarshal(out.Values[0].JSON, &got); err != nil {
		t.Fatal(err)
	}
	return differ("data", got, want)
}

func differ(at string, got, want any) string {
	if want == "any" {
		return ""
	}
	switch g := got.(type) {
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok || len(w) != len(g) {
			return fmt.Sprintf("%s: got %.200v, want %.200v", at, got, want)
		}
		for k := range w {
			if d := differ(at+"."+k, g[k], w[k]); d != "" {
				return d
			}
		}
	case []any:
		w, ok := want.([]any)
		if !ok || len(w) != len(g) {
			return fmt.Sprintf("%s: got %d items %.200v, want %.200v", at, len(g), got, want)
		}
		for i := range w {
			if d := differ(fmt.Sprintf("%s[%d]", at, i), g[i], w[i]); d != "" {
				return d
			}
		}
	case float64:
		if w, ok := want.(float64); !ok || float32(w) != float32(g) && math.Abs(w-g) > 1e-6*math.Abs(w) {
			return fmt.Sprintf("%s: got %v, want %v", at, got, want)
		}
	default:
		if got != want {
			return fmt.Sprintf("%s: got %v, want %v", at, got, want)
		}
	}
	return ""
}
