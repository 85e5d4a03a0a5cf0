package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

var someOps = farm.Info{Engine: "opencv", Versions: map[string]string{"opencv": "4.6.0", "go": "1"}, Ops: pipeline.Catalogue{
	{Name: "gray", Family: "colour", Doc: "Make gray.", Module: "imgproc"},
	{Name: "gaussian_blur", Family: "filters", Doc: "Blur.", Module: "imgproc", Params: []pipeline.Param{
		pipeline.Float("sigmaX", 1.5, 0, 100, "width of the bell"), pipeline.String("label", "", "a|b")}},
	{Name: "canny", KnownAs: []string{"cv2.CannyEdges"}, Family: "edges", Doc: "Find edges.", Module: "imgproc", Returns: "gray u8", Example: "gray | canny low=50",
		Params: []pipeline.Param{pipeline.Float("low", 50, 0, 1000, "lower threshold"), pipeline.Int("n", 0, 0, 9, "").Required()}},
	{Name: "own", Doc: "Have no family, nor blur."},
	{Name: "detect_faces", Family: "detection", Doc: "Find faces.", Module: "objdetect", Params: []pipeline.Param{pipeline.File("model", "YuNet")},
		Needs: "OpenCV 4.9 or newer with objdetect", Missing: "needs OpenCV 4.9 or newer with objdetect; this worker has 4.6.0"},
	{Name: "cvt_color", Family: "colour", Doc: "Convert.", Params: []pipeline.Param{pipeline.Choice("code", []string{"BGR2HSV"}, "")}},
}}

func printed(t *testing.T, o opsOptions, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	if err := o.print(&b, someOps, names); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpsAreListedByFamily(t *testing.T) {
	want := `colour
  gray           Make gray.
  cvt_color      Convert.
filters
  gaussian_blur  Blur.
edges
  canny          Find edges.
other
  own            Have no family, nor blur.

5 ops in 4 families; coordinator ops show NAME tells more of one
1 more that this worker lacks: detect_faces
`
	if got := printed(t, opsOptions{}); got != want {
		t.Error(got)
	}
}

func TestAnOpThatTheWorkerLacksIsDescribedAndSaysWhatItNeeds(t *testing.T) {
	if got := printed(t, opsOptions{json: true}); strings.Count(got, `"missing": `) != 1 || !strings.Contains(got, `"missing": "needs OpenCV 4.9`) {
		t.Errorf("the list for programs does not have it as missing:\n%s", got)
	}
	want := `detect_faces: Find faces.

family  detection
module  objdetect
needs   OpenCV 4.9 or newer with objdetect; this worker has 4.6.0

PARAMETER  DEFAULT   TAKES                                       MEANING
model      required  the name of a file that was given as an input  YuNet
`
	if got := printed(t, opsOptions{}, "detect_faces"); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Error(got)
	}
	if got := printed(t, opsOptions{json: true}, "detect_faces"); !strings.Contains(got, `"missing": "needs OpenCV 4.9`) {
		t.Error(got)
	}
	var found bytes.Buffer
	if err := (&opsOptions{}).printFound(&found, someOps.Ops, []string{"faces"}); err != nil ||
		found.String() != "detect_faces  detection  Find faces. (needs OpenCV 4.9 or newer with objdetect; this worker has 4.6.0)\n" {
		t.Errorf("%v, %s", err, found.String())
	}
}

// So that one page is true of every version.
func TestTheMarkdownPageDoesNotHangOnWhatTheWorkerLacks(t *testing.T) {
	page := printed(t, opsOptions{markdown: true})
	for _, want := range []string{"### detect_faces\n\nFind faces.\n", "\nNeeds OpenCV 4.9 or newer with objdetect.\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	newer := someOps
	newer.Versions = map[string]string{"opencv": "4.10.0"}
	newer.Ops = slices.Clone(someOps.Ops)
	for i := range newer.Ops {
		newer.Ops[i].Missing = ""
	}
	var b bytes.Buffer
	if err := opsMarkdown(&b, newer); err != nil || b.String() != page {
		t.Errorf("%v; of a newer version:\n%s", err, b.String())
	}
}

func TestOneOpIsShown(t *testing.T) {
	got := printed(t, opsOptions{}, "canny")
	want := `canny: Find edges.

known as  cv2.CannyEdges
family    edges
module    imgproc
returns   gray u8
example   gray | canny low=50

PARAMETER  DEFAULT   TAKES               MEANING
low        50        a float in 0..1000  lower threshold
n          required  an int in 0..9      
`
	if got != want {
		t.Errorf("%q\n%s", got, got)
	}
	if got := printed(t, opsOptions{}, "gray"); !strings.Contains(got, "It takes no parameters.\n") {
		t.Error(got)
	}
	if got := printed(t, opsOptions{}, "gaussian_blur"); !strings.Contains(got, "label      \"\"       a text") {
		t.Error(got)
	}
	err := (&opsOptions{}).print(&bytes.Buffer{}, someOps, []string{"cany"})
	if err == nil || err.Error() != "unknown op cany; did you mean canny?" || ExitCode(err) != 2 {
		t.Error(err)
	}
}

// cvt_color has 216 of them, which made a table of 3,000 columns.
func TestManyChoicesStandBelowTheTable(t *testing.T) {
	var choices []string
	for i := range 40 {
		choices = append(choices, fmt.Sprintf("choice%d", i))
	}
	var b bytes.Buffer
	if err := describeOp(&b, pipeline.OpInfo{Name: "op", Params: []pipeline.Param{pipeline.Choice("code", choices, "which")}}); err != nil {
		t.Fatal(err)
	}
	table, below, _ := strings.Cut(b.String(), "\n\ncode:\n")
	if !strings.Contains(table, "code       choice0  one of the 40 below  which") {
		t.Error(table)
	}
	if strings.Join(strings.Fields(below), " ") != strings.Join(choices, ", ") {
		t.Error(below)
	}
	for line := range strings.Lines(below) {
		if !strings.HasPrefix(line, "  ") || len(line) > 101 {
			t.Errorf("%q", line)
		}
	}
}

func TestOpsAsJSON(t *testing.T) {
	if got := printed(t, opsOptions{json: true}); !strings.HasPrefix(got, "[\n  {\n    \"name\": \"gray\",\n    \"family\": \"colour\"") {
		t.Error(got)
	}
	if got := printed(t, opsOptions{json: true}, "canny"); !strings.Contains(got, `"default": 50`) || !strings.Contains(got, `"returns": "gray u8"`) {
		t.Error(got)
	}
}

func TestOpsAreFoundUnderTheNamePeopleKnow(t *testing.T) {
	for words, want := range map[string]string{
		"GaussianBlur": "gaussian_blur", "blur": "gaussian_blur own", "edges": "canny", "bgr2hsv": "cvt_color",
		"threshold low": "canny", "cannyEdges": "canny", "BELL blur": "gaussian_blur", "colour": "gray cvt_color", "blur canny": "",
	} {
		var names []string
		for _, op := range someOps.Ops.Search(strings.Fields(words)) {
			names = append(names, op.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s", words, got)
		}
	}
	err := (&opsOptions{}).printFound(&bytes.Buffer{}, someOps.Ops, []string{"blur", "canny"})
	if ExitCode(err) != 1 || !strings.Contains(err.Error(), "no op has blur and canny") {
		t.Error(err)
	}
}

func TestOpsAsMarkdown(t *testing.T) {
	got := printed(t, opsOptions{markdown: true})
	for _, want := range []string{
		"a worker with opencv can do", "| colour | [gray](#gray), [cvt_color](#cvt_color) |\n", "\n## edges ops\n\n### canny\n\nFind edges.\n",
		"| `low` | 50 | a float in 0..1000 | lower threshold |\n", "\nReturns gray u8.\n\nKnown as cv2.CannyEdges.\n\n    gray | canny low=50\n", `| "" | a text | a\|b |`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
