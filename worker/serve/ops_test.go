package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// simple is an op without a description.
func simple(name string, run func(pipeline.Args, frame.Frame, *Output) error, params ...pipeline.Param) Op {
	return Op{OpInfo: pipeline.OpInfo{Name: name, Params: params}, Run: run}
}

func add(a pipeline.Args, in frame.Frame, out *Output) error {
	dst, err := out.Pixels(in.Geometry)
	for i := range dst {
		dst[i] = in.Pix[i] + byte(a.Int("n"))
	}
	return err
}

// twice doubles the picture's width.
func twice(_ pipeline.Args, in frame.Frame, out *Output) error {
	in.Width *= 2
	dst, err := out.Pixels(in.Geometry)
	copy(dst, in.Pix)
	copy(dst[len(in.Pix):], in.Pix)
	return err
}

func sum(_ pipeline.Args, in frame.Frame, out *Output) error {
	n := 0
	for _, v := range in.Pix {
		n += int(v)
	}
	return out.Value("sum", n)
}

func count(_ pipeline.Args, _ frame.Frame, out *Output) error {
	kept, err := out.State()
	if err != nil {
		return err
	}
	n, _ := kept.Value.(int)
	kept.Value = n + 1
	return out.Value("count", n+1)
}

// named keeps the bytes of an input, and closed counts the ends of its programs.
type named struct {
	pix    []byte
	closed *int
}

func (n named) Run(_ frame.Frame, out *Output) error { return out.Value("named", string(n.pix)) }
func (n named) Close() error                         { *n.closed++; return nil }

func testOps(closed *int) []Op {
	double := simple("twice", twice)
	double.Shape = func(_ pipeline.Args, in frame.Geometry) (frame.Geometry, error) { in.Width *= 2; return in, nil }
	liar := simple("liar", twice)
	only := simple("only", sum)
	only.Formats, only.Depths = []frame.Format{frame.FormatBGR, frame.FormatBGRA}, []frame.Depth{frame.U16}
	input := simple("named", nil, pipeline.File("input", "Which."))
	input.Open = func(a pipeline.Args, in Inputs) (Program, error) {
		if len(in[a.String("input")].Pix) > 3 {
			return nil, errors.New("is too long")
		}
		return named{bytes.Clone(in[a.String("input")].Pix), closed}, nil
	}
	return []Op{
		simple("add", add, pipeline.Int("n", 1, 0, 9, "How much.")), double, liar, only, input, simple("sum", sum), simple("count", count),
		simple("fails", func(pipeline.Args, frame.Frame, *Output) error { return errors.New("would rather not") }),
		simple("add", sum), // the first of a name wins
	}
}

func compile(t *testing.T, e Engine, text string) (Program, error) {
	t.Helper()
	p, err := pipeline.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e.Compile(p, Inputs{"short": frame.Encoded([]byte("abc")), "long": frame.Encoded([]byte("abcd"))})
}

func gray(pix ...byte) frame.Frame {
	return frame.Frame{Geometry: frame.Geometry{Width: len(pix), Height: 1, Format: frame.FormatGray}, Pix: pix}
}

// engines does the same in one engine, and in two that share a pipeline's steps between them.
func engines() map[string]Engine {
	closed := 0
	all := testOps(&closed)
	return map[string]Engine{"one": Ops("one", all...), "two": Join(Ops("a", all[0], all[5]), Ops("b", all...))}
}

func TestAFrameGoesFromOpToOp(t *testing.T) {
	cases := []struct{ text, want, values string }{
		{"add", "[2 3]", ""},
		{"add | add n=2", "[4 5]", ""},
		{"add | add | add | add", "[5 6]", ""},
		{"twice", "[1 2 1 2]", ""},
		{"twice | add | twice | add n=2", "[4 5 4 5 4 5 4 5]", ""},
		{"add | twice | twice | add | sum", "[3 4 3 4 3 4 3 4]", "5 sum 28"},
		{"sum | add | sum | twice | sum", "[2 3 2 3]", "1 sum 3, 3 sum 5, 5 sum 10"},
		{"sum", "[1 2]", "1 sum 3"},
		{"sum | count", "[1 2]", "1 sum 3, 2 count 1"},
		{"add | named input=short | sum | count | count", "[2 3]", `2 named "abc", 3 sum 5, 4 count 1, 5 count 1`},
	}
	for name, e := range engines() {
		for _, c := range cases {
			p, err := compile(t, e, c.text)
			if err != nil {
				t.Fatalf("%s: %v", c.text, err)
			}
			for range 2 { // the second in used memory
				in := gray(1, 2)
				out, err := Try(p, in)
				if err != nil {
					t.Fatalf("%s: %v", c.text, err)
				}
				var values []string
				for _, v := range out.Values {
					values = append(values, fmt.Sprintf("%d %s %s", v.Step+1, v.Op, v.JSON))
				}
				if got := fmt.Sprint(out.Frame.Pix); got != c.want || strings.Join(values, ", ") != c.values || out.Frame.Validate() != nil {
					t.Errorf("%s, %s: %s %v, want %s %s", name, c.text, got, values, c.want, c.values)
				}
				if !bytes.Equal(in.Pix, []byte{1, 2}) {
					t.Fatalf("%s: the input is %v", c.text, in.Pix)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAnErrorNamesItsStep(t *testing.T) {
	colour := frame.Geometry{Width: 1, Height: 1, Format: frame.FormatBGR}
	cases := []struct {
		text string
		in   frame.Frame
		want string
	}{
		{"add | sum | fails | add", gray(1), "step 3, fails: would rather not"},
		{"add | liar", gray(1), "step 2, liar: made 2x1 gray u8 where 1x1 gray u8 was announced"},
		{"sum | only", gray(1), "step 2, only: needs bgr or bgra, got 1x1 gray u8"},
		{"sum | only", frame.Frame{Geometry: colour, Pix: []byte{1, 2, 3}}, "step 2, only: needs u16, got 1x1 bgr u8"},
		{"add", frame.Encoded([]byte("x")), "step 1, add: needs a picture, got encoded"},
		{"add | twice | nothing", gray(1), "step 3: unknown op nothing"},
		{"twice | add n=10", gray(1), "step 2, add: n=10 is not allowed: it takes an int in 0..9"},
		{"add | twice | named input=long", gray(1), "step 3, named: is too long"},
	}
	for name, e := range engines() {
		for _, c := range cases {
			p, err := compile(t, e, c.text)
			if err == nil {
				_, err = Try(p, c.in)
			}
			if code, _ := fault.CodeOf(err); code != fault.Invalid || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s, %s: %v, want %s", name, c.text, err, c.want)
			}
		}
		if _, err := e.Compile(nil, nil); err == nil {
			t.Errorf("%s: a pipeline without steps was compiled", name)
		}
	}
}

func TestWhatWasOpenedIsClosed(t *testing.T) {
	closed := 0
	e := Ops("mine", testOps(&closed)...)
	p, err := compile(t, e, "named input=short | add | named input=short")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil || closed != 2 {
		t.Fatalf("%d of 2 were closed, %v", closed, err)
	}
	if _, err := compile(t, e, "named input=short | named input=long"); err == nil || closed != 3 {
		t.Fatalf("a pipeline that did not compile leaves something: %d of 3 closed, %v", closed, err)
	}
}

func TestShapesAreToldStepByStep(t *testing.T) {
	for name, e := range engines() {
		p, err := compile(t, e, "add | twice | sum | twice | named input=short")
		if err != nil {
			t.Fatal(err)
		}
		shapes, err := p.(Planner).Shapes(gray(1, 2).Geometry)
		if got := fmt.Sprint(shapes); err != nil || got != "[2x1 gray u8 4x1 gray u8 4x1 gray u8 8x1 gray u8 8x1 gray u8]" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		shapes, err = p.(Planner).Shapes(frame.Geometry{Format: frame.FormatBGR})
		if got := fmt.Sprint(shapes); err != nil || got != "[bgr u8 bgr u8 bgr u8 bgr u8 bgr u8]" {
			t.Errorf("%s, of no known size: %s, %v", name, got, err)
		}
		if p, err = compile(t, e, "add | twice | only"); err != nil {
			t.Fatal(err)
		}
		if _, err = p.(Planner).Shapes(gray(1).Geometry); err == nil || !strings.HasPrefix(err.Error(), "step 3, only: needs bgr or bgra") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunsOfAChainMayOverlap(t *testing.T) {
	p, err := compile(t, engines()["two"], "add | twice | add | twice | sum | add n=3")
	if err != nil {
		t.Fatal(err)
	}
	var lanes sync.WaitGroup
	for lane := range 4 {
		lanes.Go(func() {
			for i := range 200 {
				in := gray(bytes.Repeat([]byte{byte(i % 100)}, 1+(i*7+lane)%50)...)
				want := bytes.Repeat([]byte{in.Pix[0] + 5}, 4*len(in.Pix))
				if out, err := Try(p, in); err != nil || !bytes.Equal(out.Frame.Pix, want) {
					t.Errorf("lane %d, run %d: %v, %v", lane, i, out.Frame.Pix, err)
					return
				}
			}
		})
	}
	lanes.Wait()
}

func TestAChainKeepsItsStreamsApart(t *testing.T) {
	p, err := compile(t, engines()["two"], "add | count | add | count")
	if err != nil {
		t.Fatal(err)
	}
	var one, other Stream
	defer one.Close()
	defer other.Close()
	for n := 1; n < 4; n++ {
		out, err := one.Try(p, gray(0))
		if err != nil || string(out.Values[0].JSON) != fmt.Sprint(n) || string(out.Values[1].JSON) != fmt.Sprint(n) {
			t.Fatalf("frame %d: %v, %v", n, out.Values, err)
		}
	}
	if out, err := other.Try(p, gray(0)); err != nil || string(out.Values[1].JSON) != "1" {
		t.Fatalf("another stream: %v, %v", out.Values, err)
	}
}

// camera is an engine for videos.
type camera struct{ Engine }

func (camera) OpenReader(string, uint64) (Program, Video, error) { return nil, Video{FPS: 7}, io.EOF }
func (camera) OpenWriter(string, Video) (Program, string, error) { return nil, "mjpg", nil }
