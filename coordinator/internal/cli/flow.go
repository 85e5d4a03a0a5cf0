package cli

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// engine is the part of a farm that a flow needs. Frames of one run may need different pipelines (a folder of JPEGs and PNGs
// keeps both), so the flow submits jobs one by one and keeps the order itself.
type engine interface {
	submit(ctx context.Context, j farm.Job) (future, error)
	EndStream(key string)
}

type future interface {
	Wait(ctx context.Context) (*farm.Result, error)
	Cancel()
}

// farmEngine makes a farm an engine.
type farmEngine struct{ *farm.Farm }

func (e farmEngine) submit(ctx context.Context, j farm.Job) (future, error) {
	f, err := e.Submit(ctx, j)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (e farmEngine) open(ctx context.Context, uri string, at int) (media.VideoReader, error) {
	r, err := e.OpenReaderAt(ctx, uri, uint64(at))
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (e farmEngine) create(ctx context.Context, path string, v farm.Video) (media.VideoWriter, error) {
	w, err := e.CreateWriter(ctx, path, v)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// flow is sources → farm → sink. One goroutine feeds, the caller's collects; between them is a bounded queue of what is in
// flight, in order.
type flow struct {
	engine engine
	source *media.Source
	plan   *media.Plan
	sink   media.Sink
	reopen func() (media.Sink, error) // another sink, once that was aborted
	data   *media.Data                // nil for none
	ledger *ledger                    // nil without --resume
	tally  *tally
	window int
	// failures are what became of jobs in this pass, by the frame's number, and known those of the passes before: a frame that failed
	// stays failed, as its lines and its place in quarantine do.
	failures, known map[uint64]failure
	// stateful says that the pipeline keeps something from frame to frame: the frames of an input are a stream.
	stateful bool
}

// pending is a frame on its way. Without a future it failed already, perhaps in a pass before, which known tells.
type pending struct {
	known   *failure
	item    media.Item
	variant media.Variant
	future  future
	err     error
}

// run moves every frame. It ends when the input does, early when soft does, at once when ctx does. An error is the end of the
// run, not of a frame.
func (f *flow) run(ctx, soft context.Context) error {
	ctx, abandon := context.WithCancel(ctx)
	soft, end := context.WithCancel(soft)
	queue := make(chan pending, f.window)
	var feeder sync.WaitGroup
	feeder.Go(func() {
		defer close(queue)
		f.feed(ctx, soft, queue)
	})
	err := f.collect(ctx, queue)
	if serr := f.ledger.settle(); err == nil {
		err = serr
	}
	abandon()
	end()
	for p := range queue {
		p.discard()
	}
	feeder.Wait()
	return err
}

func (f *flow) feed(ctx, soft context.Context, queue chan<- pending) {
	streams := streams{end: f.engine.EndStream}
	defer streams.close()
	for it := range f.source.Items(soft) {
		p := f.send(ctx, it, &streams)
		select {
		case queue <- p:
		case <-ctx.Done():
			p.discard()
			return
		}
	}
}

// send submits a frame. The farm copies encoded bytes, so they need not be kept here.
func (f *flow) send(ctx context.Context, it media.Item, streams *streams) pending {
	f.tally.in.Add(1)
	p := pending{item: it, err: it.Err}
	p.item.Frame.Pix, p.item.Frame.Mem = nil, nil
	if story, ok := f.known[it.Index]; ok && p.err == nil {
		it.Frame.Release()
		p.known = &story
		return p
	}
	if p.err == nil {
		p.variant = f.plan.For(!it.IsPixels(), it.Ext)
		job := farm.Job{Pipeline: p.variant.Pipeline, Frame: it.Frame}
		if f.stateful {
			job.Stream = streams.of(it.Input)
		}
		p.future, p.err = f.engine.submit(ctx, job)
	}
	return p
}

// streams has the keys of a run's streams: each input is one, but all image files together are one. The zero value but for end
// has none.
type streams struct {
	end    func(key string)
	input  *media.Input // whose frames come now
	number int          // of it
	key    string       // its stream's, unless it is an image
}

const imageStream = "images"

// of is the key of the stream that an input's frames belong to. It ends that of the input before.
func (s *streams) of(in *media.Input) string {
	if in != s.input {
		s.endInput()
		s.input, s.number = in, s.number+1
	}
	if in.Kind == media.Image {
		return imageStream
	}
	s.key = "input " + strconv.Itoa(s.number)
	return s.key
}

func (s *streams) endInput() {
	if s.key != "" {
		s.end(s.key)
		s.key = ""
	}
}

// close ends the streams that are left.
func (s *streams) close() {
	s.endInput()
	s.end(imageStream)
}

// discard gives a frame up, and its result where nobody took that.
func (p pending) discard() {
	if p.future != nil {
		p.future.Cancel()
	}
}

func (f *flow) collect(ctx context.Context, queue <-chan pending) error {
	for p := range queue {
		if err := f.deliver(ctx, p); err != nil {
			p.discard()
			return err
		}
	}
	return ctx.Err()
}

// rewind makes the next pass begin at a place.
func (f *flow) rewind(to media.Position) {
	f.source.Start = to
	if f.known == nil {
		f.known = map[uint64]failure{}
	}
	maps.Copy(f.known, f.failures)
	clear(f.failures)
}

// deliver waits for one frame and hands it to the outputs. A frame that failed is counted; only what ends the run is returned, and so
// is the want of workers, which is no frame's fault.
func (f *flow) deliver(ctx context.Context, p pending) error {
	if p.known != nil {
		f.tally.repeat(*p.known)
		return f.ledger.passed(ctx, p.item.Next, p.known)
	}
	err := p.err
	if p.future != nil {
		var r *farm.Result
		if r, err = p.future.Wait(ctx); err != nil {
			err = p.variant.Unshift(err)
		} else {
			err = f.write(ctx, p, r)
			if err != nil && !isFrames(err) {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if code, _ := fault.CodeOf(err); code == fault.Unavailable {
		return err
	}
	if err != nil {
		p.item.Err = err
		failed := f.tally.failed(p.item, p.item.Index)
		if p.future != nil && len(f.failures) < maxFailures {
			if f.failures == nil {
				f.failures = map[uint64]failure{}
			}
			f.failures[p.item.Index] = failed
		}
		return f.ledger.passed(ctx, p.item.Next, &failed)
	}
	f.tally.out.Add(1)
	return f.ledger.passed(ctx, p.item.Next, nil)
}

// write hands a result to the outputs: to all of them, or, where its error is the frame's, to none.
func (f *flow) write(ctx context.Context, p pending, r *farm.Result) error {
	if r.Restarted {
		f.tally.restarted.Add(1)
	}
	if f.data == nil {
		return f.sink.Write(ctx, p.item, p.variant.Ext, r)
	}
	lines, err := media.DataLines(p.item, p.variant.Shift, r.Values)
	if err != nil {
		r.Release()
		return err
	}
	if err := f.sink.Write(ctx, p.item, p.variant.Ext, r); err != nil {
		return err
	}
	return f.data.Write(p.item.Index, lines)
}

// isFrames reports whether an error belongs to one frame.
func isFrames(err error) bool {
	var own *farm.Error
	return errors.As(err, &own)
}

// complete gives the outputs their names, and tells which have them.
func (f *flow) complete(ctx context.Context) (made, error) {
	if err := f.ledger.finish(ctx); err != nil {
		return made{}, err
	}
	if err := f.sink.Close(ctx); err != nil {
		return made{}, err
	}
	if f.data != nil {
		if err := f.data.Close(); err != nil {
			return made{output: true}, err
		}
	}
	return made{output: true, data: true}, f.ledger.remove()
}
