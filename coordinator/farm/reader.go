package farm

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// readAhead is how many frames a reader decodes before they are asked for.
const readAhead = 4

// Reader decodes a video, a camera or a stream in a worker process of its own.
type Reader struct {
	farm  *Farm
	uri   string
	video Video
	size  int // bytes of a frame

	mu      sync.Mutex // held by the one Frames that is running, and by Close
	session *session   // nil after Close, or where it could not be opened again
	reading []reading  // asked for, in order
	count   uint64     // frames yielded
	lastID  uint64
	crashes int // since the last frame
}

// reading is a frame that the worker decodes.
type reading struct {
	id    uint64
	lease *shm.Lease
}

// OpenReader opens a video file, an rtsp or http URL, or "camera:N". It returns when the source said what its frames are. The
// errors are *Error: fault.Invalid where it cannot be opened, fault.Deadline, fault.Unavailable.
func (f *Farm) OpenReader(ctx context.Context, uri string) (*Reader, error) {
	return f.OpenReaderAt(ctx, uri, 0)
}

// OpenReaderAt is OpenReader for who has the first frames of a file already: it begins with frame number at, counted from 0. The
// frames in front of it are decoded and left out, which is exact where a seek is not. Behind the last frame there is none.
func (f *Farm) OpenReaderAt(ctx context.Context, uri string, at uint64) (*Reader, error) {
	r := &Reader{farm: f, uri: uri, count: at}
	if err := r.reopen(ctx, at); err != nil {
		return nil, err
	}
	return r, nil
}

// reopen opens the source, through crashes of the process that does. All crashes since the last frame count, and where one takes
// over, a failed start is one too.
func (r *Reader) reopen(ctx context.Context, skip uint64) error {
	for {
		err := r.open(ctx, skip)
		code, _ := fault.CodeOf(err)
		if code != fault.Crashed && !(code == fault.Unavailable && r.crashes > 0) {
			return err
		}
		if r.crashes++; r.crashes >= r.farm.config.Attempts {
			return r.crashed(err)
		}
		r.restarted(err)
	}
}

// restarted counts and tells that another process takes over.
func (r *Reader) restarted(err error) {
	r.farm.count(func(c *Counts) { c.Restarts++ })
	r.farm.events.send(Event{Kind: ReaderAgain, Err: err})
}

// crashed says how often it was tried, and where the video breaks off.
func (r *Reader) crashed(err error) error {
	var e *Error
	if errors.As(r.named(err), &e) {
		e.Message = fmt.Sprintf("%s; %d attempts were made, and the video is missing from frame %d on", e.Message, r.crashes, r.count)
	}
	return err
}

// skipTime is how long the decoder may take for each frame that it leaves out.
const skipTime = 200 * time.Millisecond

func (r *Reader) open(ctx context.Context, skip uint64) error {
	s, err := r.farm.openSession(ctx, r.farm.ins)
	if err != nil {
		return err
	}
	within := r.farm.config.StartTimeout + time.Duration(min(skip, 1<<24))*skipTime
	err = s.unary(ctx, "open "+r.uri, within, func(ctx context.Context) error {
		v, err := s.worker.Service().OpenReader(ctx, &workerpb.OpenReaderRequest{Program: theProgram, Uri: []byte(r.uri), Skip: skip})
		if err == nil {
			err = r.opened(Video{Geometry: v.Geometry.Frame(), FPS: v.Fps, Frames: v.Frames, Codec: v.Codec})
		}
		return err
	})
	if err != nil {
		s.close()
		return err
	}
	r.session = s
	return nil
}

// opened checks what the worker says of the video: the first time that it makes sense, and after a crash that it is the same.
func (r *Reader) opened(v Video) error {
	n, err := v.Geometry.Size()
	switch {
	case err != nil:
		return &Error{Code: fault.Invalid, Message: fmt.Sprintf("open %s: %v", r.uri, err)}
	case r.size == 0:
		r.video, r.size = v, n
	case v.Geometry != r.video.Geometry:
		return &Error{Code: fault.Invalid, Message: fmt.Sprintf("%s had frames of %v, and has %v after a restart", r.uri, r.video.Geometry, v.Geometry)}
	}
	return nil
}

// Video says what the frames are.
func (r *Reader) Video() Video { return r.video }

// Frames yields the frames from where the last Frames stopped, each in shared memory: it must be released, or be given to
// Submit, Put or Write, which take it. Decoding runs a few frames ahead. A frame that takes longer than the farm's timeout
// ends it with fault.Deadline. A crash of the decoder is survived: a file goes on at the same frame, a live source at its
// present; where the decoder dies again and again at the same frame the last error is *Error with fault.Crashed. Frames is
// not for concurrent use.
func (r *Reader) Frames(ctx context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for {
			f, err := r.read(ctx)
			if errors.Is(err, errEnd) {
				return
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// errEnd is the end of the video.
var errEnd = errors.New("no more frames")

// read returns the next frame, through crashes of the decoder.
func (r *Reader) read(ctx context.Context) (frame.Frame, error) {
	for {
		if r.session == nil {
			return frame.Frame{}, &Error{Code: fault.Closing, Message: r.uri + ": the reader is closed", Index: r.count, Source: r.uri}
		}
		f, err := r.readOnce(ctx)
		if code, _ := fault.CodeOf(err); code != fault.Crashed {
			return f, err
		}
		if r.crashes++; r.crashes >= r.farm.config.Attempts {
			return f, r.crashed(err)
		}
		r.drop()
		r.restarted(err)
		if err := r.reopen(ctx, r.resumeAt()); err != nil {
			return f, err
		}
	}
}

// resumeAt is how many frames to pass over after a crash: none of a live source, which goes on without us.
func (r *Reader) resumeAt() uint64 {
	if strings.HasPrefix(r.uri, "camera:") || strings.Contains(r.uri, "://") && r.video.Frames == 0 {
		return 0
	}
	return r.count
}

func (r *Reader) readOnce(ctx context.Context) (frame.Frame, error) {
	if err := r.askAhead(ctx); err != nil {
		return frame.Frame{}, err
	}
	next := r.reading[0]
	result, err := r.session.next(ctx, next.id, r.farm.config.Timeout)
	if err != nil {
		return frame.Frame{}, r.named(err)
	}
	r.reading = r.reading[1:]
	if result.Fault != nil {
		next.lease.Release()
		if result.Fault.Code == string(fault.End) {
			return frame.Frame{}, errEnd
		}
		code := fates[reported(fault.Code(result.Fault.Code))].code
		return frame.Frame{}, &Error{Code: code, Message: result.Fault.Message, Index: r.count, Source: r.uri}
	}
	if g := result.Geometry.Frame(); g != r.video.Geometry || result.Size != uint64(r.size) || result.Same {
		next.lease.Release()
		r.session.worker.Kill(proc.CauseProtocol, "it decoded another frame than it announced")
		return frame.Frame{}, r.session.died()
	}
	f := frame.Frame{
		Geometry: r.video.Geometry, Pix: next.lease.Bytes(), Mem: next.lease.Hold(),
		Index: r.count, PTS: time.Duration(result.PtsNs), Source: r.uri,
	}
	r.count++
	r.crashes = 0
	return f, nil
}

// named adds what we were reading to a session's error.
func (r *Reader) named(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Index, e.Source = r.count, r.uri
	}
	return err
}

// askAhead keeps the decoder busy, as far as the budget goes. It waits for memory only where nothing is under way.
func (r *Reader) askAhead(ctx context.Context) error {
	for len(r.reading) < readAhead {
		lease := r.session.region.TryLease(r.size)
		if lease == nil && len(r.reading) > 0 {
			return nil
		}
		if lease == nil {
			var err error
			if lease, err = r.farm.lease(ctx, r.session.region, r.size); err != nil {
				return r.refused(err)
			}
		}
		r.lastID++
		r.reading = append(r.reading, reading{r.lastID, lease})
		r.session.send(&workerpb.Job{Id: r.lastID, Program: theProgram, Output: toBlock(lease)})
	}
	return nil
}

// refused makes a fault of ours an *Error about the next frame.
func (r *Reader) refused(err error) error {
	if code, ok := fault.CodeOf(err); ok {
		return &Error{Code: code, Message: err.Error(), Index: r.count, Source: r.uri}
	}
	return err
}

// drop ends the process and what it was reading.
func (r *Reader) drop() {
	if r.session == nil {
		return
	}
	r.session.close()
	for _, x := range r.reading {
		x.lease.Release()
	}
	r.session, r.reading = nil, nil
}

// Close ends the decoder. Frames that were yielded stay valid. It waits for a Frames that is running, so end that by its
// context first.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	return nil
}
