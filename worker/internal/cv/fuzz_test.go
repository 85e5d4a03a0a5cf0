//go:build opencv

package cv

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// FuzzPipelines runs random valid pipelines over random pictures: whatever the ops are, in whatever order, there is either a
// picture as it was announced or a fault, and never a crash. The input is the seed of everything.
func FuzzPipelines(f *testing.F) {
	engine := New(Options{})
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), engine: engine, inputs: serve.Inputs{}}
		first := g.picture()
		g.addInputs(first.Geometry)
		p := g.pipeline(first.Geometry)
		t.Logf("%v: %v", first.Geometry, p)
		if err := engine.catalogue.Check(p); err != nil {
			t.Fatalf("the pipeline is not valid: %v", err)
		}
		prog, err := engine.Compile(p, g.inputs)
		if err != nil {
			wantFault(t, err, fault.Invalid)
			return
		}
		defer prog.Close()
		frames := []frame.Frame{readOnly(t, first)}
		if engine.catalogue.Stateful(p) > 0 { // the picture may change in the middle of a stream
			frames = append(frames, frames[0], readOnly(t, g.picture()))
		}
		runTwice(t, prog, frames)
	})
}

// A bilateral filter of floats took the difference of two that were no numbers for an index into a table, and crashed.
func TestFloatsThatAreNoNumbersAreNoCrash(t *testing.T) {
	engine := New(Options{})
	var inputs []frame.Frame
	for _, special := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32, -math.MaxFloat32} {
		for _, format := range []frame.Format{frame.FormatGray, frame.FormatBGR} {
			inputs = append(inputs, readOnly(t, floats(t, format, special)))
		}
	}
	for _, op := range engine.catalogue {
		p, err := pipeline.Parse(op.Example)
		if err != nil || p[0].Op != op.Name {
			p = pipeline.Pipeline{{Op: op.Name}}
		}
		prog, err := engine.Compile(p, nil)
		if err != nil {
			continue // it needs inputs, or arguments
		}
		for _, in := range inputs {
			out, err := serve.Try(prog, in)
			checkOutcome(t, prog, in, out, err)
		}
		prog.Close()
	}
}

// floats is a picture of small numbers with a special one here and there, also where its negative is near.
func floats(t *testing.T, format frame.Format, special float64) frame.Frame {
	t.Helper()
	f, err := frame.New(frame.Geometry{Width: 23, Height: 17, Format: format, Depth: frame.F32})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(f.Pix); i += 4 {
		v := float64(i % 7)
		switch i / 4 % 11 {
		case 3:
			v = special
		case 5:
			v = -special
		}
		binary.NativeEndian.PutUint32(f.Pix[i:], math.Float32bits(float32(v)))
	}
	return f
}

// runTwice checks the results of a stream of frames, and that they do not depend on what their memory held before.
func runTwice(t *testing.T, prog serve.Program, frames []frame.Frame) {
	t.Helper()
	one, two := serve.Stream{Fill: 0xa5}, serve.Stream{Fill: 0x5a}
	defer one.Close()
	defer two.Close()
	for _, in := range frames {
		out, err := one.Try(prog, in)
		checkOutcome(t, prog, in, out, err)
		again, err2 := two.Try(prog, in)
		if (err == nil) != (err2 == nil) || out.Frame.Geometry != again.Frame.Geometry || !alike(out.Frame, again.Frame) {
			t.Fatalf("a second run of the same differs: %v, %v; %v, %v", out.Frame.Geometry, err, again.Frame.Geometry, err2)
		}
	}
}

// alike reports whether two pictures are the same. Floats may differ a little: OpenCV 4.10 rounds the ends of rows by where they lie
// in memory, and a step behind may make more of it, as a gamma of 80 does. What was never written differs by far: see Fill.
func alike(a, b frame.Frame) bool {
	if bytes.Equal(a.Pix, b.Pix) || a.Depth != frame.F32 || len(a.Pix) != len(b.Pix) {
		return bytes.Equal(a.Pix, b.Pix)
	}
	for i := 0; i < len(a.Pix); i += 4 {
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(a.Pix[i:])))
		y := float64(math.Float32frombits(binary.LittleEndian.Uint32(b.Pix[i:])))
		if x != y && !(math.IsNaN(x) && math.IsNaN(y)) && !(math.Abs(x-y) <= 0.01*max(1, math.Abs(x), math.Abs(y))) {
			return false
		}
	}
	return true
}

// checkOutcome checks that there is a fault, or a picture that the plan foresaw.
func checkOutcome(t *testing.T, prog serve.Program, in frame.Frame, out serve.Outcome, err error) {
	t.Helper()
	shapes, refused := prog.(serve.Planner).Shapes(in.Geometry)
	if err != nil {
		if code, _ := fault.CodeOf(err); code != fault.Invalid && code != fault.Undecodable || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q is no fault of the frame", err)
		}
		return
	}
	if refused != nil {
		t.Fatalf("it made %v of %v, and the plan was: %v", out.Frame.Geometry, in.Geometry, refused)
	}
	if err := out.Frame.Validate(); err != nil {
		t.Fatal(err)
	}
	got, want := out.Frame.Geometry, shapes[len(shapes)-1]
	if want.Width == 0 {
		got.Width, got.Height = 0, 0
	}
	if want.Format != frame.FormatNone && got != want {
		t.Fatalf("made %v where %v was foreseen", got, want)
	}
}

// generator makes pipelines and pictures.
type generator struct {
	*rand.Rand
	engine *Engine
	inputs serve.Inputs
}

func pick[T any](g *generator, items ...T) T { return items[g.IntN(len(items))] }

// often is true n times of ten.
func (g *generator) often(n int) bool { return g.IntN(10) < n }

func (g *generator) geometry() frame.Geometry {
	geo := frame.Geometry{Width: 1 + g.IntN(48), Height: 1 + g.IntN(48), Format: pick(g, frame.FormatGray, frame.FormatBGR, frame.FormatBGRA)}
	switch g.IntN(10) {
	case 0:
		geo.Format = frame.FormatGray + frame.Format(g.IntN(int(frame.FormatC4-frame.FormatGray)+1))
		geo.Depth = frame.Depth(g.IntN(int(frame.F16) + 1))
	case 1:
		geo.Depth = pick(g, frame.U16, frame.F32)
	case 2:
		geo.Width, geo.Height = pick(g, 1, 1, 300), pick(g, 1, 1, 2)
	}
	return geo
}

// picture is noise, one colour, or a slope.
func (g *generator) picture() frame.Frame { return g.pictureOf(g.geometry()) }

func (g *generator) pictureOf(geo frame.Geometry) frame.Frame {
	f, err := frame.New(geo)
	if err != nil {
		panic(err)
	}
	kind, value := g.IntN(3), byte(g.IntN(256))
	for i := range f.Pix {
		switch kind {
		case 0:
			f.Pix[i] = byte(g.Uint32()) // NaN and infinity among the floats
		case 1:
			f.Pix[i] = value
		case 2:
			f.Pix[i] = byte(i)
		}
	}
	return f
}

// addInputs has what image and file parameters may name: what suits such a picture, and what does not.
func (g *generator) addInputs(geo frame.Geometry) {
	mask, small, xy, deep := geo, geo, geo, geo
	deep.Format, deep.Depth = frame.FormatGray, frame.S16
	mask.Format, mask.Depth = frame.FormatGray, frame.U8
	xy.Format, xy.Depth = frame.FormatC2, frame.F32
	small.Width, small.Height = 1+g.IntN(geo.Width), 1+g.IntN(geo.Height)
	g.inputs["same"], g.inputs["mask"], g.inputs["small"] = g.pictureOf(geo), g.pictureOf(mask), g.pictureOf(small)
	g.inputs["map"], g.inputs["deep"] = g.pictureOf(xy), g.pictureOf(deep)
	g.inputs["other"], g.inputs["bytes"] = g.picture(), frame.Encoded([]byte("neither an image nor a model"))
}

// pipeline has one to five steps, most of which take what comes to them.
func (g *generator) pipeline(in frame.Geometry) pipeline.Pipeline {
	var p pipeline.Pipeline
	for range 1 + g.IntN(5) {
		for range 8 {
			longer := append(p[:len(p):len(p)], g.step())
			if modest, fits := g.fits(longer, in); modest && (fits || g.often(1)) {
				p = longer
				break
			}
		}
	}
	if len(p) == 0 {
		return pipeline.Pipeline{{Op: "echo"}}
	}
	return p
}

// fits reports whether pictures stay of modest size, and whether the steps take what comes to them.
func (g *generator) fits(p pipeline.Pipeline, in frame.Geometry) (modest, fits bool) {
	prog, err := g.engine.Compile(p, g.inputs)
	if err != nil {
		return true, false
	}
	defer prog.Close()
	shapes, err := prog.(serve.Planner).Shapes(in)
	for _, s := range shapes {
		if s.Width*s.Height > 1<<15 {
			return false, false
		}
	}
	return true, err == nil
}

func (g *generator) step() pipeline.Step {
	op := pick(g, g.engine.catalogue...)
	s := pipeline.Step{Op: op.Name}
	for _, p := range op.Params {
		if p.Default == nil || g.often(4) {
			s.Args = append(s.Args, pipeline.Arg{Name: p.Name, Value: g.value(p)})
		}
	}
	return s
}

// value is one that the parameter allows.
func (g *generator) value(p pipeline.Param) string {
	switch p.Type {
	case pipeline.TypeBool:
		return pick(g, "true", "false")
	case pipeline.TypeChoice:
		return pick(g, p.Choices...)
	case pipeline.TypeString:
		return pick(g, p.DefaultText(), "", "text", "ünï\n")
	case pipeline.TypeImage, pipeline.TypeFile:
		return pick(g, "same", "same", "mask", "map", "small", "other", "bytes")
	case pipeline.TypeInt:
		return g.whole(p)
	case pipeline.TypeSize:
		return g.whole(p) + "x" + g.whole(p)
	case pipeline.TypeFloats:
		return g.list(p, pick(g, p.Counts...))
	case pipeline.TypeMatrix:
		rows, cols := p.Counts[0], p.Counts[len(p.Counts)-1]
		if rows == 0 { // any number of points
			rows = 1 + g.IntN(7)
		}
		if len(p.Counts) == 1 {
			rows, cols = 1+g.IntN(min(rows, 7)), 1+g.IntN(min(cols, 7))
		}
		lines := make([]string, rows)
		for i := range lines {
			lines[i] = g.list(p, cols)
		}
		return strings.Join(lines, "/")
	}
	return g.number(p)
}

func (g *generator) list(p pipeline.Param, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = g.number(p)
	}
	return strings.Join(words, ",")
}

// whole is a whole number in the range, odd where it must be.
func (g *generator) whole(p pipeline.Param) string {
	low, high := rangeOf(p, math.MinInt32, math.MaxInt32)
	n := int(g.within(math.Ceil(low), math.Floor(high)))
	if p.Odd && n%2 == 0 {
		if n++; n > int(high) {
			n -= 2
		}
	}
	return strconv.Itoa(n)
}

func (g *generator) number(p pipeline.Param) string {
	low, high := rangeOf(p, -1e9, 1e9)
	v := g.within(low, high)
	if g.often(3) {
		v = min(max(math.Round(v), low), high)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func rangeOf(p pipeline.Param, low, high float64) (float64, float64) {
	if p.Min != nil {
		low = *p.Min
	}
	if p.Max != nil {
		high = *p.Max
	}
	return low, high
}

// within is most often near 0 or the lower end, where a useful value is, and sometimes at an end.
func (g *generator) within(low, high float64) float64 {
	switch g.IntN(12) {
	case 0:
		return low
	case 1:
		return high
	case 2:
		return max(low, math.Trunc(low+g.Float64()*(high-low)))
	}
	v := max(low, 0) + math.Trunc(math.Exp(g.Float64()*5)-1) + pick(g, 0, 0, g.Float64())
	if low < 0 && g.often(3) {
		v = -v
	}
	return min(max(v, low), high)
}
