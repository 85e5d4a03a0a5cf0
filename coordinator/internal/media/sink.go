package media

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// Sink takes results in order. It is for one goroutine.
type Sink interface {
	// Write takes the result, and releases it sooner or later. An error that is a *farm.Error belongs to this frame; any other
	// is the end of the sink.
	Write(ctx context.Context, it Item, ext string, r *farm.Result) error
	// Close completes the output. Where no frame came, there is none.
	Close(ctx context.Context) error
	// Abort removes what is not complete. It does nothing after Close.
	Abort()
}

// VideoWriter takes the frames of a video, as a farm.Writer does.
type VideoWriter interface {
	Write(ctx context.Context, f frame.Frame) error
	Close(ctx context.Context) error
	Abort()
}

// SinkConfig is what a sink is made of.
type SinkConfig struct {
	Output    Output
	Overwrite bool
	// FPS is the frame rate of a video; 0 takes the source's, or 25.
	FPS float64
	// Codec is four characters; empty takes the container's usual one.
	Codec string
	// Stdout is where "-" goes.
	Stdout io.Writer
	// Create begins a video.
	Create func(ctx context.Context, path string, v farm.Video) (VideoWriter, error)
}

// NewSink prepares the output: it fails where that cannot be written.
func NewSink(c SinkConfig) (Sink, error) {
	switch c.Output.Kind {
	case ToNone:
		return noSink{}, nil
	case ToStdout:
		return &stdoutSink{c.Stdout}, nil
	case ToVideo:
		return newVideoSink(c)
	}
	s, err := newFileSink(c.Output, c.Overwrite)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// frameError is an error that belongs to one frame.
func frameError(it Item, code fault.Code, format string, args ...any) error {
	return &farm.Error{Code: code, Message: fmt.Sprintf(format, args...), Index: it.Index, Source: it.Source}
}

// noSink lets results go.
type noSink struct{}

func (noSink) Write(_ context.Context, _ Item, _ string, r *farm.Result) error {
	r.Release()
	return nil
}
func (noSink) Close(context.Context) error { return nil }
func (noSink) Abort()                      {}

// stdoutSink writes encoded images one after the other.
type stdoutSink struct{ w io.Writer }

func (s *stdoutSink) Write(_ context.Context, it Item, _ string, r *farm.Result) error {
	defer r.Release()
	if err := wantEncoded(it, r); err != nil {
		return err
	}
	if _, err := s.w.Write(r.Pix); err != nil {
		return cannotWrite("standard output", err)
	}
	return nil
}
func (s *stdoutSink) Close(context.Context) error { return nil }
func (s *stdoutSink) Abort()                      {}

func wantEncoded(it Item, r *farm.Result) error {
	if r.Format != frame.FormatEncoded {
		return frameError(it, fault.Invalid, "the pipeline makes no image of it (%v)", r.Geometry)
	}
	return nil
}

// fileSink writes each result to a file of its own.
type fileSink struct {
	output    Output
	overwrite bool
	prepared  map[string]bool // folders
}

func newFileSink(o Output, overwrite bool) (*fileSink, error) {
	s := &fileSink{output: o, overwrite: overwrite, prepared: map[string]bool{}}
	if o.Kind == ToFolder {
		if err := s.prepare(o.Path); err != nil {
			return nil, cannotWrite(o.Path, err)
		}
	}
	return s, nil
}

// prepare makes a folder ready, once.
func (s *fileSink) prepare(dir string) error {
	if s.prepared[dir] {
		return nil
	}
	s.prepared[dir] = true
	return prepareFolder(dir)
}

func (s *fileSink) Write(_ context.Context, it Item, ext string, r *farm.Result) error {
	defer r.Release()
	_, err := s.put(it, ext, r)
	return err
}

// put writes the file and returns its name.
func (s *fileSink) put(it Item, ext string, r *farm.Result) (string, error) {
	if err := wantEncoded(it, r); err != nil {
		return "", err
	}
	name := s.output.name(it, ext)
	if err := s.prepare(filepath.Dir(name)); err != nil {
		return name, cannotWrite(name, err)
	}
	return name, s.write(name, r.Pix)
}

// write makes a file that is there as a whole or not at all.
func (s *fileSink) write(name string, data []byte) error {
	if err := Vacant(name, s.overwrite); err != nil {
		return err
	}
	f, err := newFile(name, s.overwrite)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}
func (s *fileSink) Close(context.Context) error { return nil }
func (s *fileSink) Abort()                      {}
