//go:build opencv

package cv

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"golang.org/x/sys/unix"
)

// readOnly returns the frame with its pixels in memory that a write to is a SIGSEGV, as in production, and that ends at the end
// of a page behind which there is nothing, so that a read too far is one as well.
func readOnly(t testing.TB, f frame.Frame) frame.Frame {
	t.Helper()
	page := unix.Getpagesize()
	size := (len(f.Pix) + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	at := (size - len(f.Pix)) &^ 15 // aligned, as blocks are
	copy(mem[at:], f.Pix)
	if err := unix.Mprotect(mem[:size], unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(mem[size:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	f.Pix = mem[at : at+len(f.Pix) : at+len(f.Pix)]
	return f
}

// everyInput returns pictures of every format, depth and awkward size, in read-only memory.
func everyInput(t testing.TB) []frame.Frame {
	t.Helper()
	var all []frame.Frame
	add := func(g frame.Geometry) { all = append(all, readOnly(t, testPicture(t, g))) }
	for format := frame.FormatGray; format.Channels() > 0; format++ {
		for depth := frame.U8; depth <= frame.F16; depth++ {
			add(frame.Geometry{Width: 21, Height: 13, Format: format, Depth: depth})
		}
	}
	for _, format := range []frame.Format{frame.FormatGray, frame.FormatBGR, frame.FormatBGRA} {
		for _, size := range [][2]int{{1, 1}, {1, 97}, {97, 1}, {2, 2}, {131, 67}} {
			add(frame.Geometry{Width: size[0], Height: size[1], Format: format, Depth: frame.U8})
		}
	}
	return append(all, readOnly(t, frame.Encoded(readPhoto(t, "face.jpg"))))
}

// atLimits returns the values at the ends of a parameter's range, or all there are, as text.
func atLimits(p pipeline.Param) []string {
	low, high := -math.MaxFloat32, math.MaxFloat32
	if p.Min != nil {
		low = *p.Min
	}
	if p.Max != nil {
		high = *p.Max
	}
	format := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	l, h := format(low), format(high)
	switch p.Type {
	case pipeline.TypeBool:
		return []string{"true", "false"}
	case pipeline.TypeChoice:
		return p.Choices
	case pipeline.TypeSize: // not both sides at once: that is memory, and time
		short := format(max(low, 1))
		return []string{l, h + "x" + short, short + "x" + h}
	case pipeline.TypeFloats:
		var texts []string
		for _, n := range p.Counts {
			texts = append(texts, times(l, n, ","), times(h, n, ","), times("0", n, ","))
		}
		return texts
	case pipeline.TypeMatrix:
		rows, cols := p.Counts[0], p.Counts[len(p.Counts)-1]
		texts := []string{times(times("1", cols, ","), rows, "/")}
		for _, v := range []string{l, "0", h} {
			texts = append(texts, times(times(v, cols, ","), rows, "/"), times(v, cols, ","), v)
		}
		return texts
	}
	return []string{l, h}
}

func times(text string, n int, between string) string {
	return strings.TrimSuffix(strings.Repeat(text+between, n), between)
}

// variants returns the op as its example has it, and with each parameter at each of its limits.
func variants(t *testing.T, op pipeline.OpInfo) []pipeline.Step {
	t.Helper()
	base := exampleOf(t, op)
	steps := []pipeline.Step{base}
	for _, p := range op.Params {
		if p.IsInput() {
			continue
		}
		for _, v := range atLimits(p) {
			steps = append(steps, with(base, p.Name, v))
		}
	}
	return steps
}

// exampleOf is the step of the op's own in its example: it has the parameters that an op must be given.
func exampleOf(t *testing.T, op pipeline.OpInfo) pipeline.Step {
	t.Helper()
	p, err := pipeline.Parse(op.Example)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p, func(s pipeline.Step) bool { return s.Op == op.Name })
	if i < 0 {
		t.Fatalf("%s: its example is %s", op.Name, op.Example)
	}
	return p[i]
}

// with is s with one argument set.
func with(s pipeline.Step, name, value string) pipeline.Step {
	args := slices.DeleteFunc(slices.Clone(s.Args), func(a pipeline.Arg) bool { return a.Name == name })
	return pipeline.Step{Op: s.Op, Args: append(args, pipeline.Arg{Name: name, Value: value})}
}

// elsewhere are the ops whose results OpenCV makes in memory of its own, so that they are copied.
var elsewhere = map[string]bool{"warp_polar": true, "linear_polar": true, "log_polar": true} // with inverse=true

// A write to the input would end the test binary: debug.SetPanicOnFault does not reach into native code.
// It runs in a process of its own, in which reading or writing past the end of a block is a crash (testdata/guard.c): without that,
// kaze read past pictures of a single row in all runs, and crashed in few.
func TestNoOpWritesToItsInputOrCrashesAtAnyLimit(t *testing.T) {
	if os.Getenv(guarded) == "" {
		runGuarded(t)
		return
	}
	inputs, engine := everyInput(t), New(Options{})
	beside := inputs[slices.IndexFunc(inputs, func(f frame.Frame) bool { return f.Format == frame.FormatBGR && f.Depth == frame.U8 })]
	for _, op := range engine.Info().Ops {
		t.Run(op.Name, func(t *testing.T) {
			good, moved := 0, uint64(0)
			for _, s := range variants(t, op) {
				prog, err := engine.Compile(pipeline.Pipeline{s}, inputsOf(pipeline.Pipeline{s}, beside))
				if err != nil {
					wantFault(t, err, fault.Invalid, op.Name)
					continue
				}
				good += tryAll(t, op, s, prog, inputs)
				moved += prog.(*program).moved.Load()
				if err := prog.Close(); err != nil {
					t.Error(err)
				}
			}
			if good == 0 && op.Name != "align" { // in noise there is nothing to align by
				t.Error("it took nothing at all")
			}
			if (moved > 0) != elsewhere[op.Name] {
				t.Errorf("OpenCV made %d of %d results elsewhere than in the block", moved, good)
			}
		})
		debug.FreeOSMemory()
	}
}

// guarded is set in the process of runGuarded.
const guarded = "CVFARM_TEST_GUARDED"

// runGuarded runs the test t anew, in a process whose blocks of memory end at a page that nobody may touch.
func runGuarded(t *testing.T) {
	t.Helper()
	guard := filepath.Join(t.TempDir(), "guard.so")
	cc := cmp.Or(os.Getenv("CC"), "cc")
	if out, err := exec.CommandContext(t.Context(), cc, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", guard, "testdata/guard.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), "LD_PRELOAD="+guard, guarded+"=1")
	out, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.HasPrefix(string(out), "guarded\n") {
		t.Fatalf("it ran without the guard: %.200s", out)
	}
}

// tryAll runs the step on every input, and returns how many it took.
func tryAll(t *testing.T, op pipeline.OpInfo, s pipeline.Step, prog serve.Program, inputs []frame.Frame) (good int) {
	t.Helper()
	for _, in := range inputs {
		if slow(s, in) {
			continue
		}
		out, err := serve.Try(prog, in)
		if err != nil {
			wantFault(t, err, fault.Invalid, op.Name+": ")
			continue
		}
		good++
		if err := out.Frame.Validate(); err != nil {
			t.Errorf("%v of %v: %v", s, in.Geometry, err)
		}
		if strings.HasPrefix(op.Returns, sameGeometry) && out.Frame.Geometry != in.Geometry {
			t.Errorf("%v of %v returns %v; it promises %s", s, in.Geometry, out.Frame.Geometry, op.Returns)
		}
	}
	return good
}

// slow reports what works, but for too long for a test: pictures of a million by some pixels, and searches far and wide.
func slow(s pipeline.Step, in frame.Frame) bool {
	return slices.ContainsFunc(s.Args, func(a pipeline.Arg) bool {
		return s.Op == "resize" && strings.Contains(a.Value, "1048576") || a.Name == "searchWindowSize" && a.Value == "101" && in.Width > 21
	})
}

// beyond returns values that the parameter must refuse.
func beyond(p pipeline.Param) []string {
	if p.Type == pipeline.TypeString || p.IsInput() { // any text may be one
		return nil
	}
	texts := []string{"", "x", "NaN", "1x2x3", "1,,2", "1/2,3"}
	if p.Min != nil {
		texts = append(texts, strconv.FormatFloat(*p.Min-1, 'f', -1, 64))
	}
	if p.Max != nil {
		texts = append(texts, strconv.FormatFloat(*p.Max+1, 'f', -1, 64))
	}
	if p.Odd {
		texts = append(texts, "2")
	}
	for _, n := range p.Counts {
		texts = append(texts, times("1", 1+slices.Max(p.Counts), ","))
		if n > 0 {
			texts = append(texts, times("1", 1+n, "/"))
		}
	}
	return texts
}

func TestNoParameterTakesAValueBeyondItsLimits(t *testing.T) {
	ops := New(Options{}).Info().Ops
	for _, op := range ops {
		base := exampleOf(t, op)
		for _, p := range op.Params {
			for _, v := range beyond(p) {
				if v == "" && p.Default == "" {
					continue
				}
				if err := ops.Check(pipeline.Pipeline{with(base, p.Name, v)}); err == nil {
					t.Errorf("%s takes %s=%s; it promises %s", op.Name, p.Name, v, p.Allowed())
				} else {
					wantFault(t, err, fault.Invalid, op.Name+": "+p.Name+"="+v+" is not allowed")
				}
			}
		}
	}
}

// No picture, and pictures with fewer or more bytes than their geometry says.
func TestNoOpTakesAPictureThatIsNone(t *testing.T) {
	gray := frame.Geometry{Width: 4, Height: 4, Format: frame.FormatGray, Depth: frame.U8}
	none := []frame.Frame{
		{}, {Geometry: gray}, {Geometry: gray, Pix: make([]byte, 15)}, {Geometry: gray, Pix: make([]byte, 17)},
		{Geometry: frame.Geometry{Format: frame.FormatGray}, Pix: []byte{1}}, {Geometry: frame.Geometry{Width: 1, Height: 1}, Pix: []byte{1}},
	}
	engine := New(Options{})
	for _, op := range engine.Info().Ops {
		p := pipeline.Pipeline{exampleOf(t, op)}
		prog, err := engine.Compile(p, inputsOf(p, frame.Encoded(readPhoto(t, "face.jpg"))))
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range none {
			if _, err := serve.Try(prog, in); err == nil {
				t.Errorf("%s takes %v of %d bytes", op.Name, in.Geometry, len(in.Pix))
			} else {
				wantFault(t, err, fault.Invalid)
			}
		}
		if err := prog.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnOpThatCannotSaysWhatItNeedsAndWhatMakesIt(t *testing.T) {
	colour := frame.Geometry{Width: 640, Height: 480, Format: frame.FormatBGR, Depth: frame.U8}
	made := func(f frame.Format, d frame.Depth) frame.Geometry {
		g := colour
		g.Format, g.Depth = f, d
		return g
	}
	cases := []struct {
		name, text string
		g          frame.Geometry
		want       string
	}{
		{"gray is wanted", "equalize_hist", colour, "step 1, equalize_hist: needs gray u8, got 640x480 bgr u8: put gray before it"},
		{"the step is named", "blur | equalize_hist", colour, "step 2, equalize_hist: needs gray u8, got 640x480 bgr u8: put gray before it"},
		{"convert changes depths", "canny", made(frame.FormatGray, frame.F32), "step 1, canny: needs u8, got 640x480 gray f32: put convert depth=u8 before it"},
		{"u16 is scaled, or it would be white", "canny", made(frame.FormatGray, frame.U16), "step 1, canny: needs u8, got 640x480 gray u16: put convert depth=u8 alpha=0.00389 before it"},
		{"a derivative deeper than what its kernel takes", "laplacian ddepth=f64", made(frame.FormatGray, frame.F32), "step 1, laplacian: needs u8, u16, s16 or f64, got 640x480 gray f32: put convert depth=f64 before it"},
		{"doubles become floats, not bytes", "bilateral", made(frame.FormatGray, frame.F64), "step 1, bilateral: needs 1 or 3 channels of u8 or f32, got 640x480 gray f64: put convert depth=f32 before it"},
		{"what s32 means only its maker knows", "canny", made(frame.FormatGray, frame.S32), "step 1, canny: needs u8, got 640x480 gray s32"},
		{"a colour space that no codec has", "encode", made(frame.FormatHSV, frame.U8), "step 1, encode: needs gray or bgr u8, got 640x480 hsv u8: put cvt_color code=HSV2BGR before it"},
		{"alpha in a jpeg", "encode", made(frame.FormatBGRA, frame.U8), "step 1, encode: needs gray or bgr u8, got 640x480 bgra u8: put cvt_color code=BGRA2BGR before it"},
		{"alpha in a bmp", "encode ext=.bmp", made(frame.FormatBGRA, frame.U8), "step 1, encode: needs gray or bgr u8, got 640x480 bgra u8: put cvt_color code=BGRA2BGR before it"},
		{"floats in a png", "encode ext=.png", made(frame.FormatBGR, frame.F32), "step 1, encode: needs gray, bgr or bgra u8 or u16, got 640x480 bgr f32: put convert depth=u8 before it"},
		{"doubles of colour in a tiff", "encode ext=.tiff", made(frame.FormatBGR, frame.F64), "step 1, encode: needs gray, bgr or bgra f32, u8 or u16, got 640x480 bgr f64: put convert depth=f32 before it"},
		{"the code does not fit", "cvt_color code=HSV2BGR", colour, "step 1, cvt_color: needs hsv or c3 u8 or f32, got 640x480 bgr u8: put cvt_color code=BGR2HSV before it"},
		{"a bilateral of four channels", "bilateral", made(frame.FormatBGRA, frame.U8), "step 1, bilateral: needs 1 or 3 channels of u8 or f32, got 640x480 bgra u8: put cvt_color code=BGRA2BGR before it"},
		{"bytes where pixels are wanted", "gray", frame.Geometry{Format: frame.FormatEncoded}, "step 1, gray: needs a picture, got encoded bytes: put decode before it"},
		{"pixels where bytes are wanted", "decode", colour, "step 1, decode: needs the bytes of an image file, got 640x480 bgr u8"},
		{"two numbers for three channels", "add value=1,2", colour, "step 1, add: value has 2 numbers, 640x480 bgr u8 has 3 channels: give one for all, or one for each"},
		{"a channel that is not there", "extract_channel coi=3", colour, "step 1, extract_channel: coi=3: 640x480 bgr u8 has channels 0 to 2"},
		{"a mosaic in colour", "demosaicing code=BayerRG2BGR", colour, "step 1, demosaicing: needs gray u8 or u16, got 640x480 bgr u8: put gray before it"},
		{"planes of an odd height", "cvt_color code=YUV2BGR_I420", frame.Geometry{Width: 4, Height: 4, Format: frame.FormatGray}, "step 1, cvt_color: YUV2BGR_I420 needs an even width and a height that 3 divides, got 4x4 gray u8"},
		{"a table for another picture", "lut table=" + identityTable() + "," + identityTable(), colour, "step 1, lut: table has 512 numbers, which is for 2 channels, got 640x480 bgr u8"},
		{"a warp that is too wide", "rotate_angle angle=1 scale=100 expand=true", colour, "step 1, rotate_angle: 640x480 bgr u8 cannot become 64828x49110: the limit of a side is 32766"},
		{"a crop outside", "crop x=600 width=100", colour, "step 1, crop: 100x480 at 600,0 does not lie within 640x480 bgr u8"},
		{"a size beyond all limits", "resize fx=1e300", colour, "step 1, resize: 640x480 bgr u8 cannot become 1048577x1048577: 1048577x1048577 is not a size: each side is 1 to 1048576"},
		{"a size below one", "resize fx=0.0001", colour, "step 1, resize: 640x480 bgr u8 cannot become 0x0: 0x0 is not a size: each side is 1 to 1048576"},
		{"an anchor beside a single row", "resize dsize=17x1 | sqr_box_filter anchor=-1,2", colour, "step 2, sqr_box_filter: anchor=-1,2 lies outside 17x1 bgr u8, to whose single row or column OpenCV narrows the kernel: take -1 or 0 across it"},
		{"an anchor beside a single column", "resize dsize=1x17 | sqr_box_filter anchor=2,-1", colour, "step 2, sqr_box_filter: anchor=2,-1 lies outside 1x17 bgr u8, to whose single row or column OpenCV narrows the kernel: take -1 or 0 across it"},
		{"a chessboard that is too wide to turn", "resize dsize=40000x400 | find_chessboard_corners_sb", colour, "step 2, find_chessboard_corners_sb: 40000x400 bgr u8 is too large: the limit of a side is 32766"},
		{"a row of which kaze would read the next", "gray | resize dsize=97x1 | kaze", colour, "step 3, kaze: 97x1 gray u8 is too small: each side is at least 2"},
		{"a column of which kaze would read the next", "resize dsize=1x97 | kaze draw=true", colour, "step 2, kaze: 1x97 bgr u8 is too small: each side is at least 2"},
		{"a jpeg that is too wide", "resize dsize=65501x1 | encode", colour, "step 2, encode: 65501x1 bgr u8 cannot be .jpg: the limit of a side is 65500"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := frame.Encoded([]byte{1})
			if c.g.IsPixels() {
				in = testPicture(t, c.g)
			}
			_, err := serve.Try(compile(t, c.text), in)
			wantFault(t, err, fault.Invalid)
			if err.Error() != c.want {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestResultsAreMadeInTheLentBlock(t *testing.T) {
	cases := []struct{ name, text string }{
		{"one step", "canny"},
		{"the last of several", "gaussian_blur | gray | canny"},
		{"followed by steps that leave it alone", "gray | canny | stats | echo | gray"},
		{"another size", "resize dsize=100x50"},
		{"turned", "rotate"},
		{"turned back", "rotate rotateCode=180 | flip"},
		{"a crop is copied once", "blur | crop width=10 height=10"},
		{"deeper", "sobel ddepth=f32"},
		{"morphology", "morphology op=tophat"},
		{"a threshold of a view", "crop x=3 y=3 width=20 height=20 | threshold"},
		{"every smoothing", "blur | gaussian_blur | median_blur | bilateral d=3"},
	}
	in := readOnly(t, decodedPhoto(t, "space_shuttle.jpg"))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			prog := compile(t, c.text).(*program)
			for range 3 {
				if _, err := serve.Try(prog, in); err != nil {
					t.Fatal(err)
				}
			}
			if n := prog.moved.Load(); n > 0 {
				t.Fatalf("OpenCV put %d of 3 results elsewhere", n)
			}
		})
	}
	for _, name := range []string{"space_shuttle.jpg", "gocvlogo.png", "sample.webp", "multipage.tif"} {
		t.Run("decoding "+name, func(t *testing.T) {
			prog := compile(t, "decode").(*program)
			if _, err := serve.Try(prog, frame.Encoded(readPhoto(t, name))); err != nil {
				t.Fatal(err)
			}
			if n := prog.moved.Load(); n > 0 {
				t.Fatal("it was copied")
			}
		})
	}
}

func TestAPictureThatNobodyChangesIsTheInputItself(t *testing.T) {
	in := testPicture(t, frame.Geometry{Width: 8, Height: 8, Format: frame.FormatGray, Depth: frame.U8})
	for _, text := range []string{"echo", "stats", "gray", "echo | stats | gray", "crop", "crop width=8 | stats"} {
		out := run(t, text, in)
		if &out.Frame.Pix[0] != &in.Pix[0] {
			t.Errorf("%s copied the input", text)
		}
	}
	bytesIn := frame.Encoded([]byte("anything"))
	if out := run(t, "echo", bytesIn); &out.Frame.Pix[0] != &bytesIn.Pix[0] {
		t.Error("echo copied encoded bytes")
	}
}

func TestRunsOfOneProgramMayOverlap(t *testing.T) {
	prog := compile(t, "gaussian_blur | gray | sobel | crop x=1 y=1 | morphology op=gradient | stats | threshold")
	type job struct{ in, want frame.Frame }
	var jobs []job
	for i := range 6 {
		in := testPicture(t, frame.Geometry{Width: 64 + 31*i, Height: 48 + 17*i, Format: frame.FormatBGR, Depth: frame.U8})
		out, err := serve.Try(prog, in)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job{in, out.Frame})
	}
	var wg sync.WaitGroup
	for lane := range 4 {
		wg.Go(func() {
			for i := range 120 {
				j := jobs[(i/2+lane)%len(jobs)]
				out, err := serve.Try(prog, j.in)
				if err != nil || out.Frame.Geometry != j.want.Geometry || !bytes.Equal(out.Frame.Pix, j.want.Pix) {
					t.Errorf("lane %d, run %d: %v, %v", lane, i, out.Frame.Geometry, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestPicturesBetweenStepsAreReusedAndNotCollected(t *testing.T) {
	prog := compile(t, "blur | gray | sobel | blur | blur | canny").(*program)
	between := func() map[*slot]bool {
		if len(prog.free.free) != 1 {
			t.Fatalf("%d scratches for one lane", len(prog.free.free))
		}
		set := map[*slot]bool{}
		for _, s := range prog.free.free[0].between {
			set[s] = true
		}
		return set
	}
	for size := 10; size < 200; size += 10 {
		in := testPicture(t, frame.Geometry{Width: size, Height: size, Format: frame.FormatBGR, Depth: frame.U8})
		var before map[*slot]bool
		for range 3 {
			if _, err := serve.Try(prog, in); err != nil {
				t.Fatal(err)
			}
			now := between()
			if len(now) != 3 { // one of bgr, two of gray
				t.Fatalf("%d pictures are kept", len(now))
			}
			for s := range now {
				if before != nil && !before[s] {
					t.Fatal("a picture was not reused")
				}
			}
			before = now
		}
	}
}
