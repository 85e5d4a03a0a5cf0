package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
)

var errEncoder = fmt.Errorf("cannot write out.mp4: %w", media.ErrEncoderDied)

// mortal is a sink whose encoder dies at a frame, again and again, or when it completes the video.
type mortal struct {
	recorder
	at      uint64
	atClose bool
}

const never = 1 << 40

func (m *mortal) Write(ctx context.Context, it media.Item, ext string, r *farm.Result) error {
	if it.Index == m.at {
		r.Release()
		return errEncoder
	}
	return m.recorder.Write(ctx, it, ext, r)
}

func (m *mortal) Close(ctx context.Context) error {
	if m.atClose {
		return errEncoder
	}
	return m.recorder.Close(ctx)
}

// rewound is a run over so many images to sinks that come one after the other.
type rewound struct {
	*runJob
	flow  *flow
	said  bytes.Buffer
	data  string
	drain chan struct{}
}

func newRewound(t *testing.T, sinks []media.Sink, contents ...string) *rewound {
	t.Helper()
	f, _, _ := newFlow(t, contents...)
	r := &rewound{flow: f, data: filepath.Join(t.TempDir(), "data.jsonl"), drain: make(chan struct{})}
	r.runJob = &runJob{options: &runOptions{attempts: 3}, notices: &r.said}
	r.Drain = r.drain
	f.tally = &r.tally
	var err error
	if f.data, err = media.CreateData(r.data, nil, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.data.Abort)
	f.reopen = func() (media.Sink, error) {
		next := sinks[0]
		sinks = sinks[1:]
		return next, nil
	}
	f.sink, _ = f.reopen()
	return r
}

// lines are the frames that have data.
func (r *rewound) lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(r.data)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		_, index, _ := strings.Cut(line, `"index":`)
		index, _, _ = strings.Cut(index, ",")
		all = append(all, index)
	}
	return all
}

func indices(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func TestAVideoWhoseEncoderDiesIsMadeAgain(t *testing.T) {
	for name, first := range map[string]*mortal{"in the middle": {at: 5}, "at the end": {at: never, atClose: true}} {
		t.Run(name, func(t *testing.T) {
			second := &mortal{at: never}
			r := newRewound(t, []media.Sink{first, second}, many(8)...)
			if err := r.flows(background(), r.flow); err != nil {
				t.Fatal(err)
			}
			if len(second.got) != 8 || !second.closed || !slices.Equal(r.lines(t), indices(8)) {
				t.Errorf("the video has %v, data have %v", second.got, r.lines(t))
			}
			if r.tally.in.Load() != 8 || r.tally.out.Load() != 8 || r.encoderRestarts != 1 || !strings.Contains(r.said.String(), "going back to frame 1\n") {
				t.Errorf("%d in, %d out, %d restarts: %s", r.tally.in.Load(), r.tally.out.Load(), r.encoderRestarts, r.said.String())
			}
		})
	}
}

func TestAnEncoderHasAsManyAttemptsAsAFrame(t *testing.T) {
	r := newRewound(t, []media.Sink{&mortal{at: 2}, &mortal{at: 3}, &mortal{at: 1}}, many(4)...)
	if err := r.flows(background(), r.flow); err == nil || !strings.Contains(err.Error(), "attempt 3 of --attempts 3") {
		t.Error(err)
	}
}

// A folder that cannot be written to any more, or a file that another made meanwhile, was a nil sink and a panic.
func TestAVideoThatCannotBeBegunAgain(t *testing.T) {
	r := newRewound(t, []media.Sink{&mortal{at: 1}}, many(4)...)
	output, err := media.ParseOutput(filepath.Join(t.TempDir(), "out.mp4"))
	if err == nil {
		err = os.WriteFile(output.Path, []byte("another's"), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.flow.reopen = func() (media.Sink, error) { return media.NewSink(media.SinkConfig{Output: output}) }
	err = r.flows(background(), r.flow)
	if ExitCode(err) != 1 || !errors.Is(err, media.ErrEncoderDied) || !strings.Contains(err.Error(), "out.mp4 exists already") {
		t.Error(err)
	}
	r.flow.sink.Abort()
}

// What failed once would cost its workers once more, be in quarantine twice, and have lines where it has no picture, or none where it
// has one.
func TestAFrameThatFailedStaysFailed(t *testing.T) {
	second := &mortal{at: never}
	r := newRewound(t, []media.Sink{&mortal{at: 5}, second}, "x", "bad", "x", "x", "x", "x", "bad", "x")
	if err := r.flows(background(), r.flow); err != nil {
		t.Fatal(err)
	}
	tried := r.flow.engine.(*fakeEngine).inputs
	if n := tried["1.png"]; n != 1 {
		t.Errorf("the bad frame was tried %d times: %v", n, tried)
	}
	if bad := r.tally.stories(); len(bad) != 2 || bad[0].Index != 1 || bad[1].Index != 6 || r.tally.bad.Load() != 2 || r.tally.out.Load() != 6 {
		t.Errorf("%d failed: %+v", r.tally.bad.Load(), bad)
	}
	if want := []string{"0", "2", "3", "4", "5", "7"}; !slices.Equal(r.lines(t), want) {
		t.Errorf("data have %v", r.lines(t))
	}
}

// What was in flight when the user ended the input is finished, whatever happens to the encoder.
func TestAnEncoderThatDiesAfterAnInterruption(t *testing.T) {
	first, second := &mortal{at: never, atClose: true}, &mortal{at: never}
	r := newRewound(t, []media.Sink{first, second}, many(50)...)
	first.done = func() {
		if len(first.got) == 3 {
			close(r.drain)
		}
	}
	if err := r.flows(background(), r.flow); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
	if n := len(first.got); n == 50 || len(second.got) != n || !second.closed || !slices.Equal(r.lines(t), indices(n)) || r.tally.in.Load() != int64(n) {
		t.Errorf("%d frames came before, %d after; data %v, counted %d", n, len(second.got), r.lines(t), r.tally.in.Load())
	}
}

func TestWhatIsInterruptedAfterTheWayBackAgrees(t *testing.T) {
	second := &mortal{at: never}
	r := newRewound(t, []media.Sink{&mortal{at: 40}, second}, many(50)...)
	second.done = func() {
		if len(second.got) == 3 {
			close(r.drain)
		}
	}
	if err := r.flows(background(), r.flow); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
	if n := len(second.got); n == 50 || !slices.Equal(r.lines(t), indices(n)) || r.tally.out.Load() != int64(n) {
		t.Errorf("the video has %d frames, data %v, counted %d", n, r.lines(t), r.tally.out.Load())
	}
}

// dyingCut is a keeper whose first segment dies while it is completed, and which ends the run after so many frames.
type dyingCut struct {
	media.Keeper
	cuts, left int
}

func (d *dyingCut) Write(_ context.Context, _ media.Item, _ string, r *farm.Result) error {
	r.Release()
	if d.left--; d.left < 0 {
		return errDied
	}
	return nil
}

func (d *dyingCut) Cut() func(context.Context) ([]media.Kept, error) {
	d.cuts++
	first := d.cuts == 1
	return func(context.Context) ([]media.Kept, error) {
		if first {
			return nil, errEncoder
		}
		return nil, nil
	}
}

// The mark in the journal was that of a pass before, which had come further: a resume then had lines twice.
func TestTheMarkOfDataGoesBackToo(t *testing.T) {
	x := newResumed(t, 12)
	j := x.begin()
	j.notices, j.options.attempts, j.ledger.every = &x.said, 3, 4
	f := x.flow(j, 0)
	keeper := &dyingCut{Keeper: j.ledger.sink, left: 6 + 5} // of frames 2, 6 and 10 there is nothing to write
	j.ledger.sink, f.sink = keeper, keeper
	if err := j.flows(background(), f); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	_ = j.ledger.settle()
	last := j.ledger.last
	x.die(j)
	text, err := os.ReadFile(filepath.Join(x.dir, ".data.jsonl.cvfarm-data"))
	if err != nil {
		t.Fatal(err)
	}
	if last.Data == nil || last.Next.Index != 4 {
		t.Fatalf("the last line is %+v", last)
	}
	if n := strings.Count(string(text[:last.Data.End]), "\n"); n != 3 {
		t.Errorf("the journal goes to frame 4, its mark behind %d lines, want 3", n)
	}
}

// That no worker can be had is no fault of the frame's: it ended short videos as if they were whole, and resumes for good.
func TestWantOfWorkersEndsTheRun(t *testing.T) {
	f, e, s := newFlow(t, "x", "x", "nobody", "x")
	err := f.run(background(), background())
	if code, _ := fault.CodeOf(err); code != fault.Unavailable || f.tally.bad.Load() != 0 || len(s.got) != 2 {
		t.Errorf("%v: %v came, of %v", err, s.got, e.inputs)
	}
}
