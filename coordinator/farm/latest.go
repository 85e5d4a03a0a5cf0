package farm

import (
	"context"
	"sync"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// Latest is the article's thread with a lock around the latest result, for a live source: the newest frame wins, what is too
// old is dropped and counted, and the newest result can be read at any time. Put never waits.
type Latest struct {
	farm     *Farm
	pipeline string
	stream   string          // where the pipeline keeps something from frame to frame
	ctx      context.Context // ends with Close, for the waits of submit
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu      sync.Mutex
	next    *frame.Frame // the newest frame that nobody has taken yet
	wake    chan struct{}
	free    int // jobs that may still be under way
	seq     uint64
	shown   uint64 // of the frame that result came from
	result  *Result
	err     error
	updated chan struct{} // closed at the next change of result or err
	counts  LatestCounts
}

// LatestCounts is what became of the frames that were put.
type LatestCounts struct {
	Put, Done, Failed uint64
	// Dropped frames were overtaken by a newer one: before they were begun, or by a newer result.
	Dropped uint64
}

// Latest returns one whose frames go through a pipeline. As many frames are under way as the farm has workers.
func (f *Farm) Latest(pipeline string) *Latest {
	l := &Latest{farm: f, pipeline: pipeline, stream: f.streamFor(pipeline), free: f.config.Workers, wake: make(chan struct{}, 1), updated: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(f.stopped)
	l.done.Go(l.run)
	return l
}

// Put offers a frame. It takes it and returns at once; a frame that was offered before and not begun is dropped. A frame in
// Go memory must not be changed until it was begun or dropped: hand over a copy where the camera reuses its buffer.
func (l *Latest) Put(in frame.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Put++
	if l.next != nil {
		l.counts.Dropped++
		l.next.Release()
	}
	l.next = &in
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Get returns the newest result, which the caller must release, or nil while there is none, and the error of a newer frame that
// failed, if any.
func (l *Latest) Get() (*Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.result == nil {
		return nil, l.err
	}
	r := *l.result
	r.Frame = Share(r.Frame)
	return &r, l.err
}

// Updated returns a channel that is closed at the next change of what Get returns. Ask for it before Get to miss none.
func (l *Latest) Updated() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.updated
}

// Counts tells what became of the frames.
func (l *Latest) Counts() LatestCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// Close gives up what is under way and releases the newest result. No Put may follow.
func (l *Latest) Close() {
	l.cancel()
	l.done.Wait()
	l.farm.EndStream(l.stream)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		l.counts.Dropped++
		l.next.Release()
		l.next = nil
	}
	if l.result != nil {
		l.result.Release()
		l.result = nil
	}
}

func (l *Latest) run() {
	for {
		select {
		case <-l.wake:
			l.begin()
		case <-l.ctx.Done():
			return
		}
	}
}

// begin submits the newest frame, if there is one and a place for it.
func (l *Latest) begin() {
	l.mu.Lock()
	if l.next == nil || l.free == 0 {
		l.mu.Unlock()
		return
	}
	in := *l.next
	l.next = nil
	l.free--
	l.seq++
	seq := l.seq
	l.mu.Unlock()
	future, err := l.farm.Submit(l.ctx, Job{Pipeline: l.pipeline, Frame: in, Stream: l.stream})
	if err != nil {
		l.arrived(seq, nil, err)
		return
	}
	l.done.Go(func() {
		r, err := future.Wait(l.ctx)
		if l.ctx.Err() != nil {
			future.Cancel()
		}
		l.arrived(seq, r, err)
	})
}

// arrived shows an answer, unless a newer one is shown already.
func (l *Latest) arrived(seq uint64, r *Result, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free++
	switch {
	case seq < l.shown:
		l.counts.Dropped++
		if r != nil {
			r.Release()
		}
	case err != nil:
		l.counts.Failed++
		l.shown, l.err = seq, err
		l.changed()
	default:
		l.counts.Done++
		if l.result != nil {
			l.result.Release()
		}
		l.shown, l.result, l.err = seq, r, nil
		l.changed()
	}
	if l.next != nil {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (l *Latest) changed() {
	close(l.updated)
	l.updated = make(chan struct{})
}
