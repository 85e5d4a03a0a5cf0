package media

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// videoSink writes one video. The first frame decides its geometry.
type videoSink struct {
	SinkConfig
	file  *File
	w     VideoWriter
	video farm.Video
}

const defaultFPS = 25

// newVideoSink takes the temporary name at once, so that a folder that cannot be written to is known before any work.
func newVideoSink(c SinkConfig) (Sink, error) {
	file, err := createNamed(c.Output.Path, c.Overwrite)
	if err != nil {
		return nil, err
	}
	return &videoSink{SinkConfig: c, file: file}, nil
}

func (s *videoSink) Write(ctx context.Context, it Item, _ string, r *farm.Result) error {
	if !r.IsPixels() {
		r.Release()
		return frameError(it, fault.Invalid, "the pipeline makes no pixels of it (%v), and a video is made of pixels", r.Geometry)
	}
	if s.video.Width == 0 {
		s.video = farm.Video{Geometry: r.Geometry, FPS: s.rate(it), Codec: s.Codec, Container: s.Output.Ext}
	}
	if r.Geometry != s.video.Geometry {
		r.Release()
		return frameError(it, fault.Invalid, "it is %v, but %s began with %v: put resize into the pipeline, or write images",
			r.Geometry, s.Output.Path, s.video.Geometry)
	}
	if s.w == nil {
		if err := s.begin(ctx); err != nil {
			r.Release()
			return err
		}
	}
	if err := s.w.Write(ctx, r.Frame); err != nil {
		return s.explain(err)
	}
	if s.full(1) { // encoders do not tell before the end
		return cannotWrite(s.Output.Path, unix.ENOSPC)
	}
	return nil
}

func (s *videoSink) begin(ctx context.Context) error {
	w, err := s.Create(ctx, s.file.temp, s.video)
	if err != nil {
		return s.explain(err)
	}
	s.w = w
	return nil
}

func (s *videoSink) rate(it Item) float64 {
	switch {
	case s.FPS > 0:
		return s.FPS
	case it.FPS > 0:
		return it.FPS
	}
	return defaultFPS
}

// Close finalises the video. That the file holds every frame is the writer's promise.
func (s *videoSink) Close(ctx context.Context) error {
	if s.w == nil {
		s.file.Abort()
		return nil
	}
	w := s.w
	s.w = nil
	if err := w.Close(ctx); err != nil {
		err = s.explain(err)
		s.file.Abort()
		return err
	}
	return s.file.Commit()
}

// ErrEncoderDied is the end of the worker that wrote a video, and of all of it that was not complete, or that there was no worker for
// it. The same frames can be written once more.
var ErrEncoderDied = errors.New("the encoder died")

// encoderError is an error of a whole video: it is not that of the frame that met it, as a *farm.Error would be.
type encoderError struct {
	text string
	died bool
}

func (e *encoderError) Error() string { return e.text }

func (e *encoderError) Is(target error) bool { return e.died && target == ErrEncoderDied }

// minFree is less than what an encoder writes at a time: where no more is left, it stopped for that.
const minFree = 64 << 10

// explain gives an encoder's error the name of the output, and the cause that encoders do not tell.
func (s *videoSink) explain(err error) error {
	if s.full(minFree) {
		return cannotWrite(s.Output.Path, unix.ENOSPC)
	}
	var own *farm.Error
	died := errors.As(err, &own) && slices.Contains([]fault.Code{fault.Crashed, fault.Deadline, fault.Unavailable}, own.Code)
	return &encoderError{strings.ReplaceAll(err.Error(), s.file.temp, s.Output.Path), died}
}

// full reports whether the disk has less room than that.
func (s *videoSink) full(bytes uint64) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(s.file.Fd()), &st) == nil && st.Bavail*uint64(st.Bsize) < bytes
}

// Abort stops the encoder and removes its file.
func (s *videoSink) Abort() {
	if s.w != nil {
		s.w.Abort()
		s.w = nil
	}
	s.file.Abort()
}
