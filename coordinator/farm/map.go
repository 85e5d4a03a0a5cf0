package farm

import (
	"context"
	"errors"
	"iter"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// Map runs a pipeline over the frames of in and yields the results in their order, with as many under way as keep the workers
// busy. An *Error belongs to one frame, and the iteration goes on; any other error, from in or from ctx, is the last thing it
// yields. Each result must be released. A break gives up what is under way.
func (f *Farm) Map(ctx context.Context, pipeline string, in iter.Seq2[frame.Frame, error]) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		q := f.Queue(pipeline)
		fed := make(chan error, 1)
		go func() {
			defer q.Close()
			fed <- feed(ctx, q, in)
		}()
		stopped := false
		for r, err := range q.Results(ctx) {
			if !yield(r, err) || r == nil && ctx.Err() != nil {
				stopped = true
				cancel() // a Put may wait for what the caller holds
				break
			}
		}
		cancel()
		if err := <-fed; err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// feed puts frames until they end. A frame that the farm refuses is answered in its place in the order.
func feed(ctx context.Context, q *Queue, in iter.Seq2[frame.Frame, error]) error {
	for fr, err := range in {
		if err != nil {
			return err
		}
		err := q.Put(ctx, fr)
		var refusal *Error
		if errors.As(err, &refusal) && refusal.Code != fault.Closing && q.putAnswer(ctx, refusal) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putAnswer puts an answer into the order without a job. It reports false where the queue is closed, or ctx ends.
func (q *Queue) putAnswer(ctx context.Context, err *Error) bool {
	q.turn <- struct{}{}
	defer func() { <-q.turn }()
	select {
	case <-q.closed:
		return false
	default:
	}
	future := &Future{done: make(chan struct{})}
	future.settle(nil, err)
	select {
	case q.order <- future:
		return true
	case <-ctx.Done():
		return false
	}
}
