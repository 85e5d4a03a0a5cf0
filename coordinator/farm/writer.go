package farm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// writeBehind is how many frames a writer may have that are not encoded yet.
const writeBehind = 4

// finishTimeout bounds the completion of a file: encoders hold frames back, and disks are slow.
const finishTimeout = 10 * time.Minute

// Writer encodes a video file in a worker process of its own. Its methods are safe for concurrent use.
type Writer struct {
	farm    *Farm
	path    string
	video   Video
	session *session

	slots chan struct{} // one for each frame that is not encoded yet
	sent  chan writing  // the same frames, in order, for collect
	done  chan struct{} // closed when collect has answered for every frame

	mu     sync.Mutex // held by who sends; guards what follows
	lastID uint64
	closed bool

	errMu  sync.Mutex
	failed error // the first; nothing can be written after it
}

// writing is a frame that the worker encodes.
type writing struct {
	id    uint64
	lease *shm.Lease
}

// CreateWriter creates a video file of v's geometry, rate, container and codec. The path must end in the container's extension.
// The errors are *Error, as those of OpenReader.
func (f *Farm) CreateWriter(ctx context.Context, path string, v Video) (*Writer, error) {
	s, err := f.openSession(ctx, f.outs)
	if err != nil {
		return nil, err
	}
	err = s.unary(ctx, "create "+path, f.config.StartTimeout, func(ctx context.Context) error {
		reply, err := s.worker.Service().OpenWriter(ctx, &workerpb.OpenWriterRequest{
			Program: theProgram, Path: []byte(path), Geometry: workerpb.FromGeometry(v.Geometry),
			Fps: v.FPS, Codec: v.Codec, Container: v.Container,
		})
		if err == nil {
			v.Codec = reply.Codec
		}
		return err
	})
	if err != nil {
		s.close()
		return nil, f.cappedToo(err)
	}
	w := &Writer{
		farm: f, path: path, video: v, session: s,
		slots: make(chan struct{}, writeBehind), sent: make(chan writing, writeBehind), done: make(chan struct{}),
	}
	go w.collect()
	return w, nil
}

// cappedToo adds to a refusal what encoders do not tell: they found no memory for their threads and pictures, perhaps.
func (f *Farm) cappedToo(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Code == fault.Invalid && f.config.MemoryCap > 0 {
		e.Message += fmt.Sprintf("; or the %d MiB of Config.MemoryCap (--worker-memory) are too few for it", f.config.MemoryCap>>20)
	}
	return err
}

// Video says what is written, with the codec that was taken.
func (w *Writer) Video() Video { return w.video }

// Write appends a frame of the video's geometry, and takes it. It returns when the frame is on its way to the encoder; an
// error of an earlier frame may show here. After an error nothing more can be written.
func (w *Writer) Write(ctx context.Context, in frame.Frame) error {
	defer in.Release()
	if in.Geometry != w.video.Geometry {
		return &Error{Code: fault.Invalid, Index: in.Index, Source: in.Source,
			Message: fmt.Sprintf("%s takes frames of %v, this one is %v: resize or convert it", w.path, w.video.Geometry, in.Geometry)}
	}
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	lease, err := w.farm.bring(ctx, Job{Frame: in})
	if err != nil {
		<-w.slots
		return err
	}
	return w.send(in, lease)
}

func (w *Writer) send(in frame.Frame, lease *shm.Lease) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.err()
	if w.closed && err == nil {
		err = &Error{Code: fault.Closing, Message: w.path + ": the writer is closed"}
	}
	if err != nil {
		lease.Release()
		<-w.slots
		return err
	}
	w.lastID++
	w.sent <- writing{w.lastID, lease}
	w.session.send(&workerpb.Job{
		Id: w.lastID, Program: theProgram, Geometry: workerpb.FromGeometry(in.Geometry), Input: toBlock(lease),
		Index: in.Index, PtsNs: int64(in.PTS),
	})
	return nil
}

// collect releases each frame as soon as it is encoded: a budget that is full of frames that wait for nothing would stop the
// pipeline that makes the next one. It goes on until no more are sent.
func (w *Writer) collect() {
	defer close(w.done)
	for x := range w.sent {
		if w.err() == nil {
			w.fail(w.encoded(x.id))
		}
		if w.err() != nil {
			<-w.session.worker.Done() // until then it may still read the frame
		}
		x.lease.Release()
		<-w.slots
	}
}

// encoded waits until the worker has encoded a frame.
func (w *Writer) encoded(id uint64) error {
	result, err := w.session.next(context.Background(), id, w.farm.config.Timeout)
	if err == nil && result.Fault != nil {
		err = &Error{Code: fates[reported(fault.Code(result.Fault.Code))].code, Message: result.Fault.Message}
	}
	return err
}

// fail keeps the first error, and ends a process that nothing more can be expected of.
func (w *Writer) fail(err error) {
	if err == nil {
		return
	}
	var e *Error
	if errors.As(err, &e) {
		e.Message = "cannot write " + w.path + ": " + e.Message
	}
	w.errMu.Lock()
	if w.failed == nil {
		w.failed = err
	}
	w.errMu.Unlock()
	w.session.worker.Kill(proc.CauseStop, "the writer failed")
}

func (w *Writer) err() error {
	w.errMu.Lock()
	defer w.errMu.Unlock()
	return w.failed
}

// Close encodes what is left and completes the file, which is whole only when it returns nil. It ends the process in any case:
// at once when ctx ends. A further call returns the same error.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.err()
	}
	defer context.AfterFunc(ctx, func() { w.session.worker.Kill(proc.CauseStop, ctx.Err().Error()) })()
	w.finish()
	if w.err() == nil {
		w.fail(w.session.unary(ctx, "its completion", finishTimeout, func(ctx context.Context) error {
			_, err := w.session.worker.Service().CloseProgram(ctx, &workerpb.CloseProgramRequest{Program: theProgram})
			return err
		}))
	}
	w.session.close()
	return w.err()
}

// Abort ends the process and leaves the file as it is, which may be anything. It does nothing after Close.
func (w *Writer) Abort() {
	w.session.worker.Kill(proc.CauseStop, "aborted")
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.finish()
		w.fail(&Error{Code: fault.Cancelled, Message: "aborted"})
		w.session.close()
	}
}

// finish waits until every frame is answered for.
func (w *Writer) finish() {
	w.closed = true
	close(w.sent)
	<-w.done
}
