//go:build opencv

package cv

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// plannedSizes are tried in vain by what only the size of a picture can be wrong for.
var plannedSizes = [][2]int{{96, 96}, {37, 23}, {300, 200}, {1, 1}, {4092, 4092}, {20000, 6}, {6, 20000}, {40000, 9}}

// What fails for every picture of a format fails before the first: the plan for a picture of that format and unknown size says so,
// or there is a size and a content that the step takes.
func TestThePlanRefusesWhatNoPictureOfAFormatSuits(t *testing.T) {
	engine := New(Options{})
	for _, op := range engine.catalogue {
		if op.Name == "decode" {
			continue
		}
		for seed := range uint64(3) {
			for _, depth := range []frame.Depth{frame.U8, frame.U16, frame.S16, frame.F32} {
				for _, format := range []frame.Format{frame.FormatGray, frame.FormatBGR, frame.FormatBGRA} {
					g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), engine: engine, inputs: serve.Inputs{}}
					in := frame.Geometry{Width: 96, Height: 96, Format: format, Depth: depth}
					g.addInputs(in)
					g.isTaken(t, pipeline.Pipeline{g.stepOf(op)}, in)
				}
			}
		}
	}
}

// isTaken fails the test where the plan has no objection to pictures of a format, and none is taken.
func (g *generator) isTaken(t *testing.T, p pipeline.Pipeline, in frame.Geometry) {
	t.Helper()
	prog, err := g.engine.Compile(p, g.inputs)
	if err != nil {
		return
	}
	defer prog.Close()
	in.Width, in.Height = 0, 0
	if _, err := prog.(serve.Planner).Shapes(in); err != nil {
		return
	}
	var refusals []string
	for _, side := range plannedSizes {
		in.Width, in.Height = side[0], side[1]
		shapes, err := prog.(serve.Planner).Shapes(in)
		if err != nil {
			refusals = append(refusals, strings.ReplaceAll(err.Error(), in.String(), "it"))
			continue
		}
		if in.Width*in.Height > 1<<16 || shapes[0].Width*shapes[0].Height > 1<<20 {
			return // its size is taken, and that costs too much to run
		}
		stream := serve.Stream{}
		_, err = stream.Try(prog, g.pictureOf(in))
		if stream.Close(); err == nil {
			return
		}
		refusals = append(refusals, err.Error())
	}
	for _, why := range refusals {
		if why != refusals[0] || strings.Contains(why, "too large for") || strings.Contains(why, "cannot become") ||
			strings.Contains(why, "does not lie within") {
			return // the size is why
		}
	}
	t.Errorf("%v takes no picture of %v %v, and the plan does not say so: %s", p, in.Format, in.Depth, refusals[0])
}

// stepOf is the op with random arguments.
func (g *generator) stepOf(op pipeline.OpInfo) pipeline.Step {
	s := pipeline.Step{Op: op.Name}
	for _, p := range op.Params {
		if p.Default == nil || g.often(4) {
			s.Args = append(s.Args, pipeline.Arg{Name: p.Name, Value: g.value(p)})
		}
	}
	return s
}

// Who reads a refusal looks for the value that is wrong, so that it is named, to be pointed at.
func TestAnOpThatRefusesItsArgumentsSaysWhich(t *testing.T) {
	engine := New(Options{})
	refused := 0
	for _, op := range engine.catalogue {
		for seed := range uint64(60) {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, 2)), engine: engine, inputs: serve.Inputs{}}
			g.addInputs(frame.Geometry{Width: 30, Height: 20, Format: frame.FormatBGR})
			s := g.stepOf(op)
			prog, err := engine.Compile(pipeline.Pipeline{s}, g.inputs)
			if err == nil {
				for _, size := range plannedSizes {
					in := frame.Geometry{Width: size[0], Height: size[1], Format: frame.FormatBGR}
					_, err := prog.(serve.Planner).Shapes(in)
					blamed(t, op, s, err)
				}
				prog.Close()
				continue
			}
			refused++
			if blamed(t, op, s, err) == 0 {
				t.Errorf("%v: %v: no parameter is named", s, err)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d pipelines were refused", refused)
	}
}

// blamed counts the parameters that an error names. The op must have them.
func blamed(t *testing.T, op pipeline.OpInfo, s pipeline.Step, err error) int {
	t.Helper()
	var wrong *fault.Error
	if !errors.As(err, &wrong) {
		return 0
	}
	for _, name := range wrong.Params {
		if !hasParam(op, name) {
			t.Errorf("%v: %v: %s has no parameter %s", s, err, op.Name, name)
		}
	}
	return len(wrong.Params)
}

func hasParam(op pipeline.OpInfo, name string) bool {
	for _, p := range op.Params {
		if p.Name == name {
			return true
		}
	}
	return false
}

// badValues are values that no parameter of a type takes, unless the type is not there.
var badValues = map[pipeline.Type]string{
	pipeline.TypeInt: "1.5", pipeline.TypeFloat: "much", pipeline.TypeBool: "yes", pipeline.TypeChoice: "no_such_choice",
	pipeline.TypeSize: "5x", pipeline.TypeFloats: "1,x", pipeline.TypeMatrix: "1,2/3", pipeline.TypeImage: `""`, pipeline.TypeFile: `""`,
}

func TestABadValueOfAnyParameterIsPointedAt(t *testing.T) {
	engine := New(Options{})
	for _, op := range engine.catalogue {
		for _, p := range op.Params {
			bad, ok := badValues[p.Type]
			if !ok || p.IsInput() && p.Default != nil {
				continue
			}
			text := "echo | " + op.Name
			for _, a := range required(t, op) {
				if a.Name != p.Name {
					text += " " + a.String()
				}
			}
			text += " " + p.Name + "=" + bad
			var wrong *pipeline.Error
			if !errors.As(engine.catalogue.Check(parse(t, text)), &wrong) {
				t.Errorf("%s is allowed", text)
			} else if text[wrong.Pos-1:] != bad || wrong.Param != p.Name {
				t.Errorf("%s: %+v points at %s", text, wrong, text[wrong.Pos-1:])
			}
		}
	}
}

// Of what the arguments alone decide, and of what a format decides, the value is named.
func TestValuesThatAreWrongAreNamed(t *testing.T) {
	gray, bgr, bgra := frame.FormatGray, frame.FormatBGR, frame.FormatBGRA
	for _, c := range []struct {
		text   string
		format frame.Format
		depth  frame.Depth
		param  string // the first that is named
	}{
		{"extract_channel coi=3", bgr, frame.U8, "coi"},
		{"mix_channels fromTo=3,0", bgr, frame.U8, "fromTo"},
		{"transform m=1,0", bgr, frame.U8, "m"},
		{"in_range lowerb=1,2,3", gray, frame.U8, "lowerb"},
		{"in_range upperb=1,2,3", gray, frame.U8, "upperb"},
		{"add value=1,2", bgr, frame.U8, "value"},
		{"bitwise_xor value=1,2,3", bgra, frame.U8, "value"},
		{"copy_make_border value=1,2", gray, frame.F32, "value"},
		{"warp_affine M=1,0,0/0,1,0 borderValue=1,2,3", gray, frame.U8, "borderValue"},
		{"rectangle color=1,2,3", bgra, frame.U8, "color"},
		{"put_text color=1,2,3", bgra, frame.F32, "color"},
		{"line color=1,2", bgr, frame.U8, "color"},
		{"orb draw=true color=1,2", gray, frame.U8, "color"},
		{"gray | find_contours draw=true color=1,2", bgr, frame.U8, "color"},
		{"watershed color=1,2", bgr, frame.U8, "color"},
		{"flood_fill newVal=1,2", bgr, frame.U8, "newVal"},
		{"flood_fill loDiff=1,2", bgr, frame.U8, "loDiff"},
		{"flood_fill upDiff=1,2", bgr, frame.U8, "upDiff"},
		{"lut table=0.5" + strings.Repeat(",1", 255), bgr, frame.U8, "table"},
		{"fill_poly color=1,2,3", bgra, frame.U16, "color"},
		{"sobel ddepth=s16", gray, frame.U16, "ddepth"},
		{"median_blur ksize=7", gray, frame.U16, "ksize"},
		{"threshold auto=otsu", bgr, frame.U8, "auto"},
		{"threshold auto=triangle", gray, frame.U16, "auto"},
		{"pow power=0.5", gray, frame.U8, "power"},
		{"integral sdepth=s32", gray, frame.F32, "sdepth"},
		{"fast_nl_means_denoising normType=l2", gray, frame.U16, "normType"},
		{"morphology op=hitmiss", bgr, frame.U8, "op"},
		{"encode ext=.jpg", gray, frame.U16, "ext"},
		{"encode ext=.tiff", bgr, frame.S16, "ext"},
		{"cvt_color code=BGR2HSV", gray, frame.U8, "code"},
		{"clahe tileGridSize=256", gray, frame.U16, "tileGridSize"},
		{"orb nlevels=32 scaleFactor=2", gray, frame.U8, "nlevels"},
		{"warp_polar dsize=32766x32766", bgra, frame.F32, "dsize"},
		{"resize dsize=1048576x1048576", gray, frame.U8, "dsize"},
		{"crop x=1048576 width=2", gray, frame.U8, "x"},
		{"flood_fill seedPoint=-1,0", gray, frame.U8, "seedPoint"},
		{"grab_cut rect=1,1,0,5", bgr, frame.U8, "rect"},
		{"hough_lines srn=3", gray, frame.U8, "stn"},
		{"sep_filter2d kernelX=1 kernelY=1/2", gray, frame.U8, "kernelY"},
	} {
		prog, err := New(Options{}).Compile(parse(t, c.text), nil)
		if err == nil {
			_, err = prog.(serve.Planner).Shapes(frame.Geometry{Format: c.format, Depth: c.depth})
			prog.Close()
		}
		var wrong *fault.Error
		if !errors.As(err, &wrong) || wrong.Code != fault.Invalid || len(wrong.Params) == 0 || wrong.Params[0] != c.param {
			t.Errorf("%s of %v %v: %#v, %v; it is %s", c.text, c.format, c.depth, wrong, err, c.param)
		}
	}
}

// OpenCV takes the numbers that a colour has more than a picture's channels as it takes any cv2.Scalar, and so do we.
func TestColoursThatOpenCVTakesAreTaken(t *testing.T) {
	for _, c := range []struct {
		text   string
		format frame.Format
	}{
		{"line color=1,2,3", frame.FormatGray}, {"line color=1,2,3,4", frame.FormatBGR},
		{"line color=7", frame.FormatBGRA}, {"line color=1,2,3,4", frame.FormatBGRA},
	} {
		if _, err := compile(t, c.text).(serve.Planner).Shapes(frame.Geometry{Format: c.format}); err != nil {
			t.Errorf("%s of %v: %v", c.text, c.format, err)
		}
	}
	in := testPicture(t, frame.Geometry{Width: 9, Height: 9, Format: frame.FormatBGRA})
	pix := run(t, "rectangle pt1=0,0 pt2=8,8 thickness=-1", in).Frame.Pix
	if got := [4]byte(pix[:4]); got != [4]byte{0, 255, 0, 255} {
		t.Errorf("what is drawn without a colour is %v", got)
	}
}
