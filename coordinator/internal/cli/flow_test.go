package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// fakeEngine answers each job with its input; "bad" is undecodable, and for "nobody" there is no worker. In pairs, the first answer is not ready before the second.
type fakeEngine struct {
	pairs    bool
	held     chan struct{}
	inputs   map[string]int // how often each was submitted, by its file's name
	pipeline []string
	streams  []string        // of the jobs
	open     map[string]bool // of those, which were not ended
	most     int             // of open at a time
	restarts map[string]bool // sources of frames with which a stream begins anew
}

func (e *fakeEngine) EndStream(key string) { delete(e.open, key) }

type fakeFuture struct {
	engine *fakeEngine
	job    farm.Job
	ready  chan struct{}
}

func (e *fakeEngine) submit(_ context.Context, j farm.Job) (future, error) {
	e.pipeline = append(e.pipeline, j.Pipeline)
	if e.inputs == nil {
		e.inputs = map[string]int{}
	}
	e.inputs[filepath.Base(j.Frame.Source)]++
	if e.streams = append(e.streams, j.Stream); j.Stream != "" {
		if e.open == nil {
			e.open = map[string]bool{}
		}
		e.open[j.Stream] = true
		e.most = max(e.most, len(e.open))
	}
	ready := make(chan struct{})
	switch {
	case !e.pairs:
		close(ready)
	case e.held == nil:
		e.held = ready
	default:
		close(ready)
		close(e.held)
		e.held = nil
	}
	return &fakeFuture{e, j, ready}, nil
}

func (f *fakeFuture) Cancel() {}
func (f *fakeFuture) Wait(ctx context.Context) (*farm.Result, error) {
	select {
	case <-f.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if bytes.Equal(f.job.Frame.Pix, []byte("bad")) {
		return nil, &farm.Error{Code: fault.Undecodable, Message: "not an image", Index: f.job.Frame.Index, Source: f.job.Frame.Source}
	}
	if bytes.Equal(f.job.Frame.Pix, []byte("nobody")) {
		return nil, &farm.Error{Code: fault.Unavailable, Message: "no worker can be had"}
	}
	restarted := f.engine.restarts[f.job.Frame.Source]
	return &farm.Result{Frame: f.job.Frame, Restarted: restarted, Values: []farm.Value{{Step: 1, Op: "stats", JSON: []byte("1")}}}, nil
}

// recorder is a sink that remembers, and may fail.
type recorder struct {
	got    []string
	failAt int
	done   func()
	closed bool
}

func (s *recorder) Write(_ context.Context, it media.Item, ext string, r *farm.Result) error {
	defer r.Release()
	if len(s.got)+1 == s.failAt {
		return errors.New("cannot write: no space left on device")
	}
	s.got = append(s.got, fmt.Sprintf("%d%s", it.Index, ext))
	if s.done != nil {
		s.done()
	}
	return nil
}
func (s *recorder) Close(context.Context) error { s.closed = true; return nil }
func (s *recorder) Abort()                      {}

func newFlow(t *testing.T, contents ...string) (*flow, *fakeEngine, *recorder) {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for i, c := range contents {
		name := filepath.Join(dir, fmt.Sprintf("%d.%s", i, []string{"jpg", "png"}[i%2]))
		if err := os.WriteFile(name, []byte(c), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	inputs, err := media.Resolve(names, false)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := pipeline.Parse("gray")
	plan, err := media.NewPlan(p, media.Output{Kind: media.ToFolder, Path: "out"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, s := &fakeEngine{}, &recorder{}
	return &flow{engine: e, source: &media.Source{Inputs: inputs}, plan: plan, sink: s, tally: &tally{}, window: 4}, e, s
}

func many(n int) []string { return slices.Repeat([]string{"x"}, n) }

func TestResultsAreDeliveredInOrderWhateverTheirFormat(t *testing.T) {
	f, e, s := newFlow(t, many(6)...)
	e.pairs = true
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0.jpg", "1.png", "2.jpg", "3.png", "4.jpg", "5.png"}; !slices.Equal(s.got, want) {
		t.Error(s.got)
	}
	if e.pipeline[0] != "decode | gray | encode ext=.jpg" || e.pipeline[1] != "decode | gray | encode ext=.png" {
		t.Error(e.pipeline)
	}
}

func TestABadFrameIsOneFailure(t *testing.T) {
	f, _, s := newFlow(t, "x", "bad", "x", "")
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	failures := f.tally.stories()
	if len(s.got) != 2 || len(failures) != 2 || f.tally.in.Load() != 4 || f.tally.out.Load() != 2 || f.tally.bad.Load() != 2 {
		t.Fatalf("%v %+v", s.got, failures)
	}
	if a, b := failures[0], failures[1]; a.Index != 1 || a.Code != fault.Undecodable || a.Attempts != 1 || b.Index != 3 || b.Code != fault.Unreadable {
		t.Errorf("%+v", failures)
	}
}

func TestASinkThatFailsEndsTheRun(t *testing.T) {
	f, _, s := newFlow(t, many(50)...)
	s.failAt = 3
	if err := f.run(background(), background()); err == nil || len(s.got) != 2 {
		t.Errorf("%v after %v", err, s.got)
	}
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	f, e, s := newFlow(t, many(50)...)
	soft, drain := context.WithCancel(background())
	s.done = func() {
		if len(s.got) == 2 {
			drain()
		}
	}
	if err := f.run(background(), soft); err != nil {
		t.Fatal(err)
	}
	if n := int(f.tally.in.Load()); len(s.got) != n || n == 50 || len(e.pipeline) != n {
		t.Errorf("%d in, %d out", n, len(s.got))
	}
}

func TestTheContextEndsARunAtOnce(t *testing.T) {
	f, _, s := newFlow(t, many(50)...)
	ctx, cancel := context.WithCancel(background())
	s.done = cancel
	if err := f.run(ctx, ctx); !errors.Is(err, context.Canceled) || len(s.got) != 1 {
		t.Errorf("%v after %v", err, s.got)
	}
}

func TestValuesNameTheUsersStep(t *testing.T) {
	f, _, _ := newFlow(t, "x", "x")
	var out bytes.Buffer
	f.data, _ = media.CreateData("-", &out, false)
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out.Bytes(), []byte(`"step":1,"op":"stats","value":1}`)) {
		t.Error(out.String())
	}
}

func TestFailuresAreBoundedAndCounted(t *testing.T) {
	var c tally
	it := media.Item{Input: &media.Input{Name: "x"}, Err: errors.New("no")}
	for i := range maxFailures + 5 {
		c.failed(it, uint64(i))
	}
	if len(c.stories()) != maxFailures || c.bad.Load() != maxFailures+5 {
		t.Error(len(c.stories()))
	}
}

func TestAttempts(t *testing.T) {
	died := farm.Attempt{Worker: 1, Exit: farm.Exit{Signal: "killed"}}
	for _, tt := range []struct {
		code fault.Code
		died int
		want int
	}{{fault.Invalid, 0, 1}, {fault.Undecodable, 1, 2}, {fault.Crashed, 3, 3}, {fault.Deadline, 1, 1}} {
		e := &farm.Error{Code: tt.code, Attempts: slices.Repeat([]farm.Attempt{died}, tt.died)}
		f := failureOf(media.Item{Input: &media.Input{}, Err: fmt.Errorf("x: %w", e), Frame: frame.Frame{}})
		if f.Attempts != tt.want || len(f.Exits) != tt.died {
			t.Errorf("%+v: %+v", tt, f)
		}
	}
}

// refusing is a sink that takes no frame.
type refusing struct{ recorder }

func (s *refusing) Write(_ context.Context, it media.Item, _ string, r *farm.Result) error {
	r.Release()
	return &farm.Error{Code: fault.Invalid, Message: "it is of another size", Index: it.Index}
}

// Values went out before the sink was asked, so that a frame that it refused had lines, and was counted as failed.
func TestAFrameThatTheSinkRefusesHasNoData(t *testing.T) {
	f, _, _ := newFlow(t, "x", "x")
	var out bytes.Buffer
	f.sink = &refusing{}
	f.data, _ = media.CreateData("-", &out, false)
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	if f.tally.bad.Load() != 2 || out.Len() > 0 {
		t.Errorf("%d failed, data %q", f.tally.bad.Load(), out.String())
	}
}

// reel is a video of some frames.
type reel int

func (r reel) Video() farm.Video { return farm.Video{} }
func (r reel) Close() error      { return nil }
func (r reel) Frames(context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for range r {
			if !yield(frame.Encoded([]byte("x")), nil) {
				return
			}
		}
	}
}

// newStreams is a flow that is stateful, over inputs of those names: a .mp4 is a video of two frames, others are images.
func newStreams(t *testing.T, names ...string) (*flow, *fakeEngine) {
	t.Helper()
	f, e, _ := newFlow(t, "x")
	image := f.source.Inputs[0]
	f.stateful, f.source.Inputs = true, nil
	for _, name := range names {
		in := image
		if in.Name = name; strings.HasSuffix(name, ".mp4") {
			in.Kind = media.Video
		}
		f.source.Inputs = append(f.source.Inputs, in)
	}
	f.source.Open = func(context.Context, string, int) (media.VideoReader, error) { return reel(2), nil }
	return f, e
}

func TestEachInputIsAStreamAndAllImagesAreOne(t *testing.T) {
	f, e := newStreams(t, "a.jpg", "images.mp4", "images.mp4", "b.jpg")
	f.source.Inputs[2].Name = "images"
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	s := e.streams
	if len(s) != 6 || s[0] != s[5] || s[1] != s[2] || s[3] != s[4] || s[0] == s[1] || s[1] == s[3] || s[0] == s[3] {
		t.Errorf("%q", s)
	}
	f, e = newStreams(t, "a.mp4", "a.mp4")
	if err := f.run(background(), background()); err != nil || e.streams[1] == e.streams[2] {
		t.Errorf("%v: a file that is given twice goes on where it ended: %q", err, e.streams)
	}
}

// A farm has a limit of streams that are open, which a run over many videos met.
func TestAStreamEndsWithItsInput(t *testing.T) {
	f, e := newStreams(t, append(slices.Repeat([]string{"a.mp4"}, 5000), "a.jpg")...)
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	if len(e.streams) != 10001 || e.most != 1 || len(e.open) != 0 {
		t.Errorf("%d frames, %d streams open at a time, %d in the end", len(e.streams), e.most, len(e.open))
	}
}

func TestStreamsThatRestartedAreReported(t *testing.T) {
	f, e := newStreams(t, "a.mp4", "b.mp4")
	e.restarts = map[string]bool{"a.mp4: frame 2": true}
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	j := &runJob{App: App{Err: &said}, options: &runOptions{}}
	j.tally.restarted.Store(f.tally.restarted.Load())
	r := j.report(nil)
	if j.summary(r); r.StreamsRestarted != 1 || !strings.Contains(said.String(), "1 stream was restarted") {
		t.Errorf("%d: %s", r.StreamsRestarted, said.String())
	}
}
