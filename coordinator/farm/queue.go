package farm

import (
	"context"
	"iter"
	"sync"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// Queue is the article's queue: frames go in by Put, Close is the sentinel that ends it, results come out in order.
type Queue struct {
	farm     *Farm
	pipeline string
	stream   string        // where the pipeline keeps something from frame to frame
	order    chan *Future  // in the order of Put; its capacity is what bounds the frames under way
	turn     chan struct{} // held by the one Put that is submitting
	closed   chan struct{}
	once     sync.Once
}

// Queue returns a queue whose frames go through a pipeline. A pipeline that cannot run shows in the first Put. The frames of a
// pipeline that keeps something from frame to frame are a stream of their own.
func (f *Farm) Queue(pipeline string) *Queue {
	return &Queue{
		farm: f, pipeline: pipeline, stream: f.streamFor(pipeline),
		order: make(chan *Future, f.Window()), turn: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// Put takes a frame. It waits while as many frames are under way as the farm's workers need to stay busy: somebody must read
// Results meanwhile. It fails when ctx ends, after Close (fault.Closing), and where the pipeline or the frame cannot be. It is
// safe for concurrent use; the order of the results is that in which Puts return.
func (q *Queue) Put(ctx context.Context, in frame.Frame) error {
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		in.Release()
		return ctx.Err()
	}
	select {
	case <-q.closed:
		in.Release()
		return &Error{Code: fates[closing].code, Message: "the queue is closed", Index: in.Index, Source: in.Source}
	default:
	}
	future, err := q.farm.Submit(ctx, Job{Pipeline: q.pipeline, Frame: in, Stream: q.stream})
	if err != nil {
		return err
	}
	select {
	case q.order <- future:
		return nil
	case <-ctx.Done():
		future.Cancel()
		return ctx.Err()
	}
}

// Close says that no further frame will come. Results then ends after the last. It waits for a Put that is under way.
func (q *Queue) Close() {
	q.once.Do(func() {
		q.turn <- struct{}{}
		close(q.closed)
		close(q.order)
		<-q.turn
		q.farm.EndStream(q.stream)
	})
}

// Results yields every answer in the order of Put, and ends after Close. An *Error belongs to one frame, and the iteration goes
// on. Whoever stops early, by break or by ctx, which is then the last error, gives the frames under way up: call it once.
func (q *Queue) Results(ctx context.Context) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		for {
			select {
			case future, ok := <-q.order:
				if !ok {
					return
				}
				r, err := future.Wait(ctx)
				if ctx.Err() != nil && r == nil {
					future.Cancel()
					q.abandon()
					yield(nil, ctx.Err())
					return
				}
				if !yield(r, err) {
					q.abandon()
					return
				}
			case <-ctx.Done():
				q.abandon()
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// abandon closes the queue and gives up what is under way. A Put that waits for room gets it.
func (q *Queue) abandon() {
	closed := make(chan struct{})
	go func() { defer close(closed); q.Close() }()
	for future := range q.order {
		future.Cancel()
	}
	<-closed
}
