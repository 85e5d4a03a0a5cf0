//go:build opencv

package cv

import (
	"bytes"
	"math"
	"runtime/debug"
	"strconv"
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

// limits returns the values at the ends of a parameter's range, or all there are, as text.
func atLimits(p pipeline.Param) []string {
	if p.Type == pipeline.TypeBool {
		return []string{"true", "false"}
	}
	if p.Choices != nil {
		return p.Choices
	}
	low, high := -math.MaxFloat32, math.MaxFloat32
	if p.Min != nil {
		low = *p.Min
	}
	if p.Max != nil {
		high = *p.Max
	}
	format := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return []string{format(low), format(high)}
}

// variants returns the op with its defaults, and with each parameter at each of its limits.
func variants(op pipeline.OpInfo) []pipeline.Step {
	steps := []pipeline.Step{{Op: op.Name}}
	for _, p := range op.Params {
		for _, v := range atLimits(p) {
			steps = append(steps, pipeline.Step{Op: op.Name, Args: []pipeline.Arg{{Name: p.Name, Value: v}}})
		}
	}
	return steps
}

// A write to the input would end the test binary: debug.SetPanicOnFault does not reach into native code.
func TestNoOpWritesToItsInputOrCrashesAtAnyLimit(t *testing.T) {
	inputs, engine := everyInput(t), New(Options{})
	good, refused := 0, 0
	for _, op := range engine.Info().Ops {
		for _, s := range variants(op) {
			prog, err := engine.Compile(pipeline.Pipeline{s}, nil)
			if err != nil {
				wantFault(t, err, fault.Invalid, op.Name)
				continue
			}
			for _, in := range inputs {
				if slow(s, in) {
					continue
				}
				if out, err := serve.Try(prog, in); err != nil {
					refused++
					wantFault(t, err, fault.Invalid, op.Name+": ")
				} else if err := out.Frame.Validate(); err != nil {
					t.Errorf("%v of %v: %v", s, in.Geometry, err)
				} else {
					good++
				}
			}
			if err := prog.Close(); err != nil {
				t.Error(err)
			}
		}
		debug.FreeOSMemory()
	}
	t.Logf("%d runs good, %d refused", good, refused)
}

// slow reports what works, but for too long for a test: pictures of a million by some pixels.
func slow(s pipeline.Step, in frame.Frame) bool {
	return s.Op == "resize" && len(s.Args) == 1 && s.Args[0].Value == "1048576"
}

func TestAnOpThatCannotSaysWhatItNeedsAndWhatMakesIt(t *testing.T) {
	colour := frame.Geometry{Width: 640, Height: 480, Format: frame.FormatBGR, Depth: frame.U8}
	with := func(f frame.Format, d frame.Depth) frame.Geometry {
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
		{"no op changes depths", "canny", with(frame.FormatGray, frame.F32), "step 1, canny: needs u8, got 640x480 gray f32"},
		{"a colour space that no codec has", "encode", with(frame.FormatHSV, frame.U8), "step 1, encode: needs gray, bgr or bgra u8, got 640x480 hsv u8: put cvt_color code=HSV2BGR before it"},
		{"the code does not fit", "cvt_color code=HSV2BGR", colour, "step 1, cvt_color: needs hsv or c3 u8 or f32, got 640x480 bgr u8: put cvt_color code=BGR2HSV before it"},
		{"a bilateral of four channels", "bilateral", with(frame.FormatBGRA, frame.U8), "step 1, bilateral: needs 1 or 3 channels of u8 or f32, got 640x480 bgra u8: put cvt_color code=BGRA2BGR before it"},
		{"bytes where pixels are wanted", "gray", frame.Geometry{Format: frame.FormatEncoded}, "step 1, gray: needs a picture, got encoded bytes: put decode before it"},
		{"pixels where bytes are wanted", "decode", colour, "step 1, decode: needs the bytes of an image file, got 640x480 bgr u8"},
		{"a crop outside", "crop x=600 width=100", colour, "step 1, crop: 100x480 at 600,0 does not lie within 640x480 bgr u8"},
		{"a size beyond all limits", "resize fx=1e300", colour, "step 1, resize: 640x480 bgr u8 cannot become 1048577x1048577: 1048577x1048577 is not a size: each side is 1 to 1048576"},
		{"a size below one", "resize fx=0.0001", colour, "step 1, resize: 640x480 bgr u8 cannot become 0x0: 0x0 is not a size: each side is 1 to 1048576"},
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
