package farm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// writeBehind is how many frames a writer may have that are not encoded yet.
const writeBehind = 4

// Writer encodes a video file in a worker process of its own.
type Writer struct {
	farm  *Farm
	path  string
	video Video

	mu      sync.Mutex
	session *session
	writing []writing
	lastID  uint64
	failed  error // the first; it is the last word
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
	err = s.unary(ctx, "create "+path, func(ctx context.Context) error {
		reply, err := s.worker.Service().OpenWriter(ctx, &workerpb.OpenWriterRequest{
			Program: theProgram, Path: path, Geometry: workerpb.FromGeometry(v.Geometry),
			Fps: v.FPS, Codec: v.Codec, Container: v.Container,
		})
		if err == nil {
			v.Codec = reply.Codec
		}
		return err
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return &Writer{farm: f, path: path, video: v, session: s}, nil
}

// Video says what is written, with the codec that was taken.
func (w *Writer) Video() Video { return w.video }

// Write appends a frame of the video's geometry, and takes it. It returns when the frame is on its way to the encoder; an
// error of an earlier frame may show here. After an error nothing more can be written.
func (w *Writer) Write(ctx context.Context, in frame.Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer in.Release()
	switch {
	case w.failed != nil:
		return w.failed
	case w.session == nil:
		return &Error{Code: fault.Closing, Message: w.path + ": the writer is closed"}
	case in.Geometry != w.video.Geometry:
		return &Error{Code: fault.Invalid, Index: in.Index, Source: in.Source,
			Message: fmt.Sprintf("%s takes frames of %v, this one is %v: resize or convert it", w.path, w.video.Geometry, in.Geometry)}
	}
	if err := w.await(ctx, writeBehind-1); err != nil {
		return err
	}
	lease, err := w.farm.bring(ctx, Job{Frame: in})
	if err != nil {
		return err
	}
	w.lastID++
	w.writing = append(w.writing, writing{w.lastID, lease})
	w.session.send(&workerpb.Job{
		Id: w.lastID, Program: theProgram, Geometry: workerpb.FromGeometry(in.Geometry), Input: toBlock(lease),
		Index: in.Index, PtsNs: int64(in.PTS),
	})
	return nil
}

// await waits until at most n frames are not encoded.
func (w *Writer) await(ctx context.Context, n int) error {
	for len(w.writing) > n {
		oldest := w.writing[0]
		result, err := w.session.next(ctx, oldest.id, w.farm.config.Timeout)
		if err != nil {
			return w.fail(err)
		}
		w.writing = w.writing[1:]
		oldest.lease.Release()
		if result.Fault != nil {
			return w.fail(&Error{Code: fates[reported(fault.Code(result.Fault.Code))].code, Message: result.Fault.Message})
		}
	}
	return nil
}

func (w *Writer) fail(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Message = "cannot write " + w.path + ": " + e.Message
	}
	w.failed = err
	return err
}

// Close encodes what is left and completes the file, which is whole only when it returns nil. It ends the process in any case.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session == nil {
		return w.failed
	}
	defer w.drop()
	if w.failed != nil {
		return w.failed
	}
	if err := w.await(ctx, 0); err != nil {
		return err
	}
	err := w.session.unary(ctx, "complete "+w.path, func(ctx context.Context) error {
		_, err := w.session.worker.Service().CloseProgram(ctx, &workerpb.CloseProgramRequest{Program: theProgram})
		return err
	})
	if err != nil {
		w.failed = err
	}
	return err
}

// Abort ends the process and leaves the file as it is, which may be anything. It does nothing after Close.
func (w *Writer) Abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop()
}

func (w *Writer) drop() {
	if w.session == nil {
		return
	}
	w.session.close()
	for _, x := range w.writing {
		x.lease.Release()
	}
	w.session, w.writing = nil, nil
}
