package media

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/splice"
)

// segmentSink writes a video in segments, each a whole file, and joins them in the end.
type segmentSink struct {
	SinkConfig
	Keep
	file    *File      // for all of it, empty until they are joined; other runs see by it that somebody makes the video
	video   farm.Video // what all segments are; zero before the first frame
	current *videoSink // nil between segments
	frames  int        // of it
}

func newSegmentSink(c SinkConfig, k Keep) (Keeper, error) {
	s := &segmentSink{SinkConfig: c, Keep: k}
	if n := len(k.Past); n > 0 && k.Past[n-1].Video != nil {
		s.video = *k.Past[n-1].Video
	}
	if err := s.fits(); err != nil {
		return nil, err
	}
	if err := prepareFolder(k.Folder); err != nil {
		return nil, err
	}
	_, err := os.Stat(c.Output.Path)
	if s.file, err = createNamed(c.Output.Path, c.Overwrite || k.Again && err == nil); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *segmentSink) Write(ctx context.Context, it Item, ext string, r *farm.Result) error {
	if s.current == nil {
		file, err := createNamed(filepath.Join(s.Folder, fmt.Sprintf("%09d%s", it.Index, s.Output.Ext)), true)
		if err != nil {
			r.Release()
			return err
		}
		s.current, s.frames = &videoSink{SinkConfig: s.SinkConfig, file: file, video: s.video}, 0
	}
	err := s.current.Write(ctx, it, ext, r)
	if err == nil {
		s.video = s.current.video
		s.frames++
	}
	return err
}

// Cut ends the segment that was begun; there is none where no frame came.
func (s *segmentSink) Cut() func(context.Context) ([]Kept, error) {
	last, frames, video := s.current, s.frames, s.video
	s.current = nil
	if last == nil {
		return completed(nil)
	}
	return func(ctx context.Context) ([]Kept, error) {
		if err := last.Close(ctx); err != nil || frames == 0 {
			return nil, err
		}
		info, err := os.Stat(last.file.final)
		if err != nil {
			return nil, err
		}
		kept := Kept{Name: last.file.final, Size: info.Size(), Frames: frames, Video: &video}
		s.Past = append(s.Past, kept)
		return []Kept{kept}, s.fits()
	}
}

// fits refuses, long before the end, more than can be joined.
func (s *segmentSink) fits() error {
	var sum int64
	for _, k := range s.Past {
		sum += k.Size
	}
	if err := splice.Fits(s.Output.Ext, len(s.Past), sum); err != nil {
		return fmt.Errorf("cannot write %s: %w; %s is of no use any more", s.Output.Path, err, s.Folder)
	}
	return nil
}

// Close joins the segments.
func (s *segmentSink) Close(ctx context.Context) error {
	defer s.file.Abort()
	if _, err := s.Cut()(ctx); err != nil || len(s.Past) == 0 {
		return err
	}
	if err := splice.Join(s.file, s.Output.Ext, s.segments()); err != nil {
		return err
	}
	if s.Again && sameContent(s.Output.Path, s.file.File) {
		return nil
	}
	s.file.overwrite = s.Overwrite
	return s.file.Commit()
}

func (s *segmentSink) segments() []splice.Segment {
	var all []splice.Segment
	for _, k := range s.Past {
		all = append(all, splice.Segment{Name: k.Name, Frames: k.Frames})
	}
	return all
}

// Abort leaves the segments that are complete.
func (s *segmentSink) Abort() {
	s.Rewind()
	s.file.Abort()
}

func (s *segmentSink) Rewind() {
	if s.current != nil {
		s.current.Abort()
		s.current = nil
	}
}
