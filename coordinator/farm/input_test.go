package farm

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// recalled is what the worker saw of an input.
func recalled(t *testing.T, f *Farm, name string) string {
	t.Helper()
	r, err := one(t, f, Job{Pipeline: "recall input=" + name, Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	return strings.Trim(string(r.Values[0].JSON), `"`)
}

func TestAPipelineMayNameInputs(t *testing.T) {
	f := newFarm(t)
	_, err := one(t, f, Job{Pipeline: "echo | recall input=logo", Frame: gray(1)})
	if want := "frame-1: step 2, recall: input=logo: there is no such input, nor any other"; code(err) != fault.Invalid || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	for i := range 3 { // the same name, another picture
		if err := f.Upload(t.Context(), "logo", gray(i)); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("4x2 gray u8 %x", sha256.Sum256(gray(i).Pix))
		for range 5 {
			if got := recalled(t, f, "logo"); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
	}
	if err := f.Upload(t.Context(), "model", frame.Encoded([]byte("any bytes"))); err != nil {
		t.Fatal(err)
	}
	if got, want := recalled(t, f, "model"), fmt.Sprintf("encoded %x", sha256.Sum256([]byte("any bytes"))); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	f.Discard("logo")
	if err := f.Check("recall input=logo"); code(err) != fault.Invalid || !strings.Contains(err.Error(), "there are model") {
		t.Fatalf("got %v", err)
	}
}

// One frame goes into two pipelines, and lies in memory once.
func TestAPlacedFrameIsForSeveralJobs(t *testing.T) {
	f := newFarm(t)
	placed, err := f.Place(t.Context(), gray(7))
	if err != nil {
		t.Fatal(err)
	}
	held := f.Snapshot().Memory.Leased
	futures := []*Future{
		submitted(t, f, Job{Pipeline: "invert", Frame: Share(placed)}), submitted(t, f, Job{Pipeline: "echo", Frame: Share(placed)}),
	}
	placed.Release()
	for i, want := range []byte{^byte(7), 7} {
		r, err := futures[i].Wait(t.Context())
		if err != nil || r.Pix[0] != want {
			t.Fatalf("job %d: %v", i, err)
		}
		r.Release()
	}
	if held == 0 || f.Snapshot().Memory.Leased != 0 {
		t.Errorf("%d bytes were held, and %d are", held, f.Snapshot().Memory.Leased)
	}
	if _, err := f.Place(t.Context(), frame.Frame{Geometry: frame.Geometry{Width: -1}}); code(err) != fault.Invalid {
		t.Errorf("no frame: %v", err)
	}
	if same := Share(gray(3)); same.Mem != nil || same.Pix[0] != 3 {
		t.Error("a frame elsewhere is another")
	}
}

// A worker that comes later, or is told of the program anew, must find the input's bytes where the first did.
func TestInputsOutliveWorkers(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	if err := f.Upload(t.Context(), "logo", gray(7)); err != nil {
		t.Fatal(err)
	}
	before := recalled(t, f, "logo")
	if _, err := one(t, f, Job{Pipeline: "exit code=3", Frame: gray(1)}); code(err) != fault.Crashed {
		t.Fatal(err)
	}
	if after := recalled(t, f, "logo"); after != before {
		t.Fatalf("got %s, want %s", after, before)
	}
}

func TestUploadsThatCannotBe(t *testing.T) {
	f := newFarm(t)
	for _, tt := range []struct {
		name string
		in   frame.Frame
		code fault.Code
	}{
		{"", gray(1), fault.Invalid},
		{strings.Repeat("x", 5000), gray(1), fault.Invalid},
		{"empty", frame.Encoded(nil), fault.Invalid},
		{"large", frame.Encoded(make([]byte, 40<<20)), fault.Invalid},
	} {
		if err := f.Upload(t.Context(), tt.name, tt.in); code(err) != tt.code {
			t.Errorf("%.10s: got %v, want %s", tt.name, err, tt.code)
		}
	}
}

func TestAPlanTellsWhatEachStepWillDo(t *testing.T) {
	f := newFarm(t)
	plan, err := f.Plan(t.Context(), "echo | grow n=7 | invert", gray(1).Geometry)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range plan {
		got = append(got, fmt.Sprintf("%s%v %v", s.Op, s.Args, s.Out))
	}
	want := `echo[index=-1 once=""] 4x2 gray u8, grow[n=7 index=-1 once=""] 7x1 gray u8, invert[index=-1 once=""] 7x1 gray u8`
	if strings.Join(got, ", ") != want {
		t.Fatalf("got %v\nwant %s", strings.Join(got, ", "), want)
	}
	_, err = f.Plan(t.Context(), "echo | fail", frame.Geometry{Format: frame.FormatBGR})
	if code(err) != fault.Invalid || err.Error() != "step 2, fail: as it was told to" {
		t.Fatalf("got %v", err)
	}
}

// Results of ops that pass their input through hold the inputs' half of the memory. Submit waited for ever.
func TestLeakedInputsAreOverload(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory, c.Timeout = 2<<20, 200*time.Millisecond })
	var kept []*Result
	for i := range 10 {
		r, err := one(t, f, Job{Pipeline: "echo", Frame: big(i)})
		if err != nil {
			if code(err) != fault.Overloaded || !strings.Contains(err.Error(), "are results released?") {
				t.Fatal(err)
			}
			break
		}
		kept = append(kept, r)
	}
	if len(kept) == 0 || len(kept) == 10 {
		t.Fatalf("%d results", len(kept))
	}
	for _, r := range kept {
		r.Release()
	}
}
