package pipeline

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cvfarm/cvfarm/shared/fault"
)

var testOps = Catalogue{
	{Name: "canny", Params: []Param{Float("low", 50, 0, 1000, "").Elsewhere("threshold1"), Float("high", 150, 0, 1000, "")}},
	{Name: "gray", KnownAs: []string{"cv2.cvtColor"}},
	{Name: "turn", KnownAs: []string{"cv2.warpAffine"}},
	{Name: "warp_affine", KnownAs: []string{"cv2.warpAffine"}},
	{Name: "blur", Params: []Param{SizeOf("ksize", "5", 1, 31, "").OnlyOdd(), Choice("border", []string{"default", "wrap"}, "")}},
	{Name: "crop", Params: []Param{Int("x", 0, 0, 10, "").Required(), Bool("strict", false, "")}},
	{Name: "large", Params: []Param{Int("n", 5_000_000, 0, 1<<30, "")}},
	{Name: "warp", Params: []Param{Matrix("M", "1,0,0/0,1,0", 2, 3, ""), Kernel("kernel", "", 3, ""),
		Floats("center", "", []int{0, 2}, 0, 100, ""), Scalar("value", "0", "")}},
	{Name: "poly", Params: []Param{Points("pts", "", 0, 100, "")}},
	{Name: "colour", Params: []Param{Choice("code", strings.Fields("BGR2HSV BGR2GRAY"+strings.Repeat(" other", manyChoices)), "")}},
	{Name: "scale", Params: []Param{Float("by", 1, math.Inf(-1), math.Inf(1), "")}},
	{Name: "faces", Module: "objdetect", Missing: "needs OpenCV 4.9"},
}

func TestCheckRefusesBeforeAnyFrameIsSent(t *testing.T) {
	cases := []struct{ name, text, err string }{
		{"defaults are enough", "gray | canny", ""},
		{"a near op", "grey", "step 1: unknown op grey; did you mean gray?"},
		{"an op under the name that another library gives it", "cvtColor | canny", "step 1: unknown op cvtColor; did you mean gray?"},
		{"an op that is written otherwise", "warpAffine", "step 1: unknown op warpAffine; did you mean warp_affine?"},
		{"an op far from all", "quux_it", "step 1: unknown op quux_it; there are canny, gray, turn, warp_affine, blur, crop, large, warp, poly, colour, scale"},
		{"a near parameter", "canny lo=3", "canny: unknown parameter lo; did you mean low?"},
		{"a parameter under the name that another library gives it", "canny threshold1=3", "canny: unknown parameter threshold1; did you mean low?"},
		{"an op without parameters", "gray x=1", "gray: unknown parameter x; it takes none"},
		{"beyond the range", "gray | canny low=-1", "step 2, canny: low=-1 is not allowed: it takes a float in 0..1000"},
		{"not a number", "canny low=NaN", "low=NaN is not allowed"},
		{"an even size", "blur ksize=4x3", "ksize=4x3 is not allowed: it takes a size such as 5 or 5x3, odd each side in 1..31"},
		{"a size of two odd sides", "blur ksize=5x3", ""},
		{"not one of the choices", "blur border=wra", "border=wra is not allowed: it takes one of default, wrap"},
		{"one of many choices in the other case", "colour code=bgr2hsv", "it takes one of 32 words; did you mean BGR2HSV?"},
		{"one of many choices as a constant", "colour code=COLOR_BGR2HSV", "it takes one of 32 words; did you mean BGR2HSV?"},
		{"not one of many choices", "colour code=BGR2HVS", "code=BGR2HVS is not allowed: it takes one of 32 words; did you mean BGR2HSV?"},
		{"a required parameter", "crop", "crop: parameter x is missing: an int in 0..10"},
		{"a bool that is neither", "crop x=1 strict=yes", "strict=yes is not allowed: it takes true or false"},
		{"lists and matrices", `warp M=1,0,5/0,1e-3,-.5 kernel=1 center=0,100 value=1,2,3,4`, ""},
		{"an empty list and matrix where that is the default", `warp kernel="" center=""`, ""},
		{"an empty matrix", `warp M=""`, `M= is not allowed: it takes 2 rows of 3 numbers, "," between numbers and "/" between rows`},
		{"a matrix of another shape", "warp M=1,0/0,1", "M=1,0/0,1 is not allowed"},
		{"a matrix transposed", "warp M=1,0/0,1/0,0", "is not allowed"},
		{"rows of two lengths", "warp kernel=1,2/3", `kernel=1,2/3 is not allowed: it takes up to 3x3 numbers`},
		{"a row without numbers", "warp kernel=1,2//3,4", "is not allowed"},
		{"a matrix that is too large", "warp kernel=1/2/3/4", "is not allowed"},
		{"any number of points", "poly pts=1,2/3,4/5,6", ""},
		{"points of three numbers", "poly pts=1,2,3/4,5,6", `pts=1,2,3/4,5,6 is not allowed: it takes points of 2 numbers, "," between numbers ` +
			`and "/" between points, each in 0..100`},
		{"a point beyond its range", "poly pts=1,101", "is not allowed"},
		{"a list that is too short", "warp center=1", `center=1 is not allowed: it takes 2 numbers with "," between them, each in 0..100`},
		{"a list beyond its range", "warp center=1,101", "is not allowed"},
		{"a list with a hole", "warp center=1,,2", "is not allowed"},
		{"a list of words", "warp value=red", `value=red is not allowed: it takes 1 or 2 or 3 or 4 numbers`},
		{"a list with what is no number", "warp value=1,NaN,3", "is not allowed"},
		{"no bounds at all", "scale by=-1e300", ""},
		{"an op that the worker lacks", "gray | faces model=x", "step 2, faces: needs OpenCV 4.9"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			checkErr(t, testOps.Check(p), c.err)
		})
	}
}

func TestBindFillsInDefaultsAlsoAfterATripThroughJSON(t *testing.T) {
	data, err := json.Marshal(testOps)
	if err != nil {
		t.Fatal(err)
	}
	var ops Catalogue
	if err := json.Unmarshal(data, &ops); err != nil {
		t.Fatal(err)
	}
	p, _ := Parse("crop x=3 | blur | canny low=0.5 | large | warp value=1,2,3 kernel=1,2/3,4")
	if warp, err := ops.Bind(p, 4); err != nil || !reflect.DeepEqual(warp, Args{
		"M": Numbers{2, 3, []float64{1, 0, 0, 0, 1, 0}}, "kernel": Numbers{2, 2, []float64{1, 2, 3, 4}},
		"center": []float64(nil), "value": []float64{1, 2, 3},
	}) {
		t.Fatal(warp, err)
	}
	if large, err := ops.Bind(p, 3); err != nil || large.Int("n") != 5_000_000 {
		t.Fatal(large, err)
	}
	crop, err1 := ops.Bind(p, 0)
	blur, err2 := ops.Bind(p, 1)
	canny, err3 := ops.Bind(p, 2)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	if crop.Int("x") != 3 || crop.Bool("strict") || blur.Size("ksize") != (Size{5, 5}) || blur.String("border") != "default" ||
		canny.Float("low") != 0.5 || canny.Float("high") != 150 {
		t.Fatalf("%v %v %v", crop, blur, canny)
	}
}

// An error says where the word is that it is about.
func TestCheckPointsAtTheWord(t *testing.T) {
	for _, c := range []struct {
		text, word, param string
		step              int
	}{
		{"gray | grey", "grey", "", 2},
		{"gray | canny high=2 lo=50", "lo=50", "lo", 2},
		{"canny low=-1", "-1", "low", 1},
		{`blur border="wra"`, `"wra"`, "border", 1},
		{"gray\n| # \u00fc\n  crop strict=true", "crop strict", "x", 2},
	} {
		var e *Error
		if p, err := Parse(c.text); err != nil || !errors.As(testOps.Check(p), &e) {
			t.Fatalf("%s: %v", c.text, err)
		}
		if e.Fault.Step != c.step || e.Param != c.param || !strings.HasPrefix(c.text[e.Pos-1:], c.word) {
			t.Errorf("%s: %+v", c.text, *e)
		}
	}
	var e *Error
	if p := (Pipeline{{Op: "canny", Args: []Arg{{Name: "low", Value: "x"}}}}); !errors.As(testOps.Check(p), &e) || e.Pos != 0 {
		t.Errorf("a pipeline without a text: %+v", e)
	}
}

// FuzzCheck: whatever is asked of a catalogue, it says no with a place in the text, or every step has all of its arguments.
func FuzzCheck(f *testing.F) {
	f.Add("gray | canny low=50 high=1e3")
	f.Add("blur ksize=5x3 border='wrap' | crop x=10 strict=true # all")
	f.Add("large n=-9223372036854775809 | scale by=0x1p-1074")
	f.Add("warp M=1,0,-5/0,1e3,.5 kernel=1 colour=0,0,255 mask=m.png model='a b.onnx'")
	ops := append(Catalogue{{Name: "warp", Params: []Param{Matrix("M", "1,0,0/0,1,0", 2, 3, ""), Kernel("kernel", "1", 7, ""),
		Scalar("colour", "0", ""), Image("mask", "").Optional(), File("model", "")}}}, testOps...)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if err := ops.Check(p); err != nil {
			checkPlace(t, text, err)
			return
		}
		for i, s := range p {
			op, _ := ops.Find(s.Op)
			if args, err := ops.Bind(p, i); err != nil || len(args) != len(op.Params) {
				t.Fatalf("%q, step %d: %v, %v", text, i+1, args, err)
			}
		}
	})
}

// checkPlace checks that an error has a code, a step, and a position within the text.
func checkPlace(t *testing.T, text string, err error) {
	t.Helper()
	var e *Error
	code, _ := fault.CodeOf(err)
	if !errors.As(err, &e) || code != fault.Invalid || e.Fault.Message == "" {
		t.Fatalf("%q: %v has code %q", text, err, code)
	}
	if utf8.ValidString(text) && len(text) <= MaxText && (e.Pos < 1 || e.Pos > len(text)+1) {
		t.Fatalf("%q: %+v is not in the text", text, *e)
	}
	if line, _, character := Locate(text, e.Pos); character < 1 || character > len(line)+1 {
		t.Fatalf("%q: byte %d is character %d of %q", text, e.Pos, character, line)
	}
}

func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v; want %q", err, want)
	}
}
