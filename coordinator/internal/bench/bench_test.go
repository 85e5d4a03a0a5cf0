package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cvfarm/cvfarm/shared/pipeline"
)

func TestTheMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"nothing", nil, 0},
		{"one", []float64{3}, 3},
		{"an odd number, not sorted", []float64{9, 1, 5}, 5},
		{"an even number: between the two in the middle", []float64{4, 1, 2, 100}, 3},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTheMedianLeavesItsArgumentAlone(t *testing.T) {
	values := []float64{3, 1, 2}
	median(values)
	if values[0] != 3 || values[1] != 1 {
		t.Fatalf("sorted: %v", values)
	}
}

func TestRatiosArePairs(t *testing.T) {
	got := ratios([]float64{1, 6, 5}, []float64{2, 3, 0})
	if len(got) != 3 || got[0] != 0.5 || got[1] != 2 || got[2] != 0 {
		t.Fatalf("got %v", got)
	}
}

func TestSizesAreReadOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Size{rapid.IntRange(1, 1<<20).Draw(t, "width"), rapid.IntRange(1, 1<<20).Draw(t, "height")}
		if got, err := ParseSize(want.String()); err != nil || got != want {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
	})
	for _, bad := range []string{"", "640", "640x", "x480", "0x480", "640x-1", "640x480x3", "1048577x1", "640 x480", "640x480 "} {
		if s, err := ParseSize(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, s)
		}
	}
}

func TestTheWorkCompletesThePipeline(t *testing.T) {
	for _, c := range []struct {
		text string
		work Work
		want string
	}{
		{"", Ops, "gray | canny low=50 high=150"},
		{"", Decode, "decode"},
		{"", Encode, "encode ext=.jpg"},
		{"gray", Decode, "decode | gray"},
		{"decode | gray", Decode, "decode | gray"},
		{"gray", Encode, "gray | encode"},
		{"encode ext=.png", Encode, "encode ext=.png"},
	} {
		if got := (Options{Pipeline: parsed(t, c.text), Work: c.work}).steps(); got.String() != c.want {
			t.Errorf("%q as %s is %q; want %q", c.text, c.work, got, c.want)
		}
	}
}

func parsed(t *testing.T, text string) pipeline.Pipeline {
	t.Helper()
	if text == "" {
		return nil
	}
	p, err := pipeline.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEnoughFramesAreInFlightAndNotMore(t *testing.T) {
	for _, c := range []struct {
		workers  int
		perFrame time.Duration
		want     int
	}{
		{2, 30 * time.Millisecond, 6},
		{2, 80 * time.Microsecond, 256},
		{2, 250 * time.Microsecond, 128}, // 36 each, as a power of two
		{2, 1460 * time.Microsecond, 16},
		{2, 1580 * time.Microsecond, 16},
		{2, 0, 256},
		{64, 10 * time.Millisecond, 130},
		{200, time.Second, 402},
	} {
		if got := inFlightFor(c.workers, c.perFrame); got != c.want {
			t.Errorf("%d workers, %v a frame: %d, want %d", c.workers, c.perFrame, got, c.want)
		}
	}
}

func TestFramesFitIntoTheMemory(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		bytes, workers int
		memory         int64
		want           int // 0: none does
	}{
		{30_000, 2, 24 * gib, 64},
		{6 << 20, 2, 24 * gib, 10},
		{400 << 20, 2, 24 * gib, 4},
		{400 << 20, 2, 4 * gib, 1},
		{6 << 20, 1000, 24 * gib, 2},
		{1200 << 20, 2, 4 * gib, 0},
	} {
		got, err := framesFor(c.bytes, c.workers, c.memory)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%+v: %d, %v", c, got, err)
		}
	}
}

// The share of edges is what canny's time depends on. Photographs have a few per cent of strong steps between neighbours; a
// black picture has none, noise nearly all.
func TestTheContentHasTheEdgesOfAPhotograph(t *testing.T) {
	f, err := deadLeaves(t.Context(), Size{320, 240})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := deadLeaves(t.Context(), Size{320, 240})
	if !bytes.Equal(f.Pix, again.Pix) {
		t.Error("the same size gives another picture")
	}
	steps, pairs := 0, 0
	for i := 3; i < len(f.Pix); i += 3 {
		pairs++
		if math.Abs(float64(f.Pix[i])-float64(f.Pix[i-3])) > 25 {
			steps++
		}
	}
	if share := float64(steps) / float64(pairs); share < 0.02 || share > 0.25 {
		t.Errorf("%.1f %% of neighbours differ much", 100*share)
	}
}

func TestMakingTheContentEndsWithItsContext(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := deadLeaves(over, Size{12000, 12000}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLagIsHowLateTheLoopWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*tick+tick/2)
		defer cancel()
		lag := newHistogram()
		measureLag(ctx, lag)
		if lag.TotalCount() != 100 || lag.Max() != 0 {
			t.Fatalf("on an idle machine %d ticks, the latest %d ns late", lag.TotalCount(), lag.Max())
		}
	})
}

func sample(size string) Result {
	h := newHistogram()
	for i := range int64(5000) {
		_ = h.RecordValue(i * 1000)
	}
	return Result{
		Pipeline: "gray | canny", Work: Ops, Size: size, Content: "<made>", Workers: 2, Isolation: "process", InFlight: 6, Rounds: 3,
		FarmFPS: 97, BareFPS: 100, Ratio: 0.97, Ratios: []float64{0.96, 0.97, 0.98}, CopyFPS: 80, CopyRatio: 0.8,
		LatencyOne: percentiles(h), LatencyLoad: percentiles(h), LoopLag: lagOf(h), Steps: []Step{{"gray", 10}, {"canny", 90}},
		curveOne: curve(h), curveLoad: curve(h),
	}
}

func TestPercentilesAreInMicroseconds(t *testing.T) {
	r := sample("1x1")
	for _, c := range []struct{ got, want float64 }{
		{r.LatencyOne.P50, 2500}, {*r.LatencyOne.P99, 4950}, {*r.LatencyOne.P999, 4995}, {r.LoopLag.Max, 5000},
	} {
		if math.Abs(c.got-c.want) > 0.005*c.want {
			t.Errorf("got %v µs, want %v", c.got, c.want)
		}
	}
}

func TestPercentilesOfTooFewFramesAreLeftOut(t *testing.T) {
	h := newHistogram()
	for n, want := range []string{99: "1.0 µs / – / –", 100: "1.0 µs / 1.0 µs / –", 999: "1.0 µs / 1.0 µs / –", 1000: "1.0 µs / 1.0 µs / 1.0 µs"} {
		if n == 0 {
			continue
		}
		_ = h.RecordValue(1000)
		if got := percentiles(h); want != "" && (got.String() != want || got.Frames != int64(n)) {
			t.Errorf("%d frames: %v, %d", n, got, got.Frames)
		}
	}
}

func TestTheTableHasAColumnForEachSize(t *testing.T) {
	var out strings.Builder
	if err := Print(&out, []Result{sample("1x1"), sample("2x2")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1x1", "2x2", "0.970", "0.960 0.970 0.980", "p99.9", "canny 90.0 µs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// The page is well-formed, names every size, and loads nothing.
func TestThePageStandsAlone(t *testing.T) {
	page, err := Page([]Result{sample("1x1"), sample("2x2")})
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"http:", "https:", "src=", "href=", "@import", "NaN", "Inf", "ZgotmplZ"} {
		if bytes.Contains(page, []byte(no)) {
			t.Errorf("the page has %q", no)
		}
	}
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose = false, []string{"meta"}
	elements := map[string]int{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["svg"] != 4 || elements["polyline"] != 4 || elements["rect"] != 10 || elements["script"] != 0 {
		t.Errorf("the page has %v", elements)
	}
}

func TestAPageOfASingleFrameIsOne(t *testing.T) {
	r := sample("1x1")
	h := newHistogram()
	_ = h.RecordValue(1)
	r.curveOne, r.curveLoad, r.Steps = curve(h), nil, nil
	page, err := Page([]Result{r})
	if err != nil || bytes.Contains(page, []byte("NaN")) || bytes.Contains(page, []byte("Inf")) {
		t.Fatalf("%v\n%s", err, page)
	}
	if _, err := Page(nil); err == nil {
		t.Error("a page of nothing")
	}
}

// The names are a promise.
func TestTheJSONHasTheDocumentedNames(t *testing.T) {
	text, err := json.Marshal(sample("1x1"))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(`pipeline work size content workers isolation in_flight seconds rounds farm_fps bare_fps ratio
		ratios copy_fps copy_ratio latency_one_in_flight_us latency_full_load_us loop_lag_us steps coordinator_cpu_us_per_frame
		coordinator_rss_bytes arena_bytes machine`) {
		if _, ok := fields[name]; !ok {
			t.Errorf("no %s in %s", name, text)
		}
	}
}
