package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cvfarm/cvfarm/coordinator/farm"
)

// Keeper is a sink whose work outlives the process, so that a later sink can go on behind it. Abort leaves what was cut.
type Keeper interface {
	Sink
	// Rewind forgets what was written behind the last Cut that was completed: Writes go on there.
	Rewind()
	// Cut ends the files that hold what was written since the last Cut. The function that it returns completes and returns them;
	// that must be called, and may run beside Writes of what comes next, but must be over before the next Cut and before Close.
	Cut() (complete func(ctx context.Context) ([]Kept, error))
}

// completed is for a Cut that has nothing left to do.
func completed(kept []Kept) func(context.Context) ([]Kept, error) {
	return func(context.Context) ([]Kept, error) { return kept, nil }
}

// Kept is a file that is complete: an image, or a segment of a video.
type Kept struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	// Frames and Video are a segment's.
	Frames int         `json:"frames,omitempty"`
	Video  *farm.Video `json:"video,omitempty"`
}

// Intact reports whether the file is there, with its size.
func (k Kept) Intact() bool {
	info, err := os.Stat(k.Name)
	return err == nil && info.Mode().IsRegular() && info.Size() == k.Size
}

// Validate refuses what no Keeper of the output can have told of.
func (k Kept) Validate(o Output) error {
	switch {
	case o.Kind == ToNone:
		return errors.New("there are no files to keep")
	case o.Kind != ToVideo && (k.Frames != 0 || k.Video != nil):
		return errors.New("it is an image, and no segment")
	case o.Kind == ToVideo && (k.Frames < 1 || k.Video == nil):
		return fmt.Errorf("a segment of %d frames", k.Frames)
	case o.Kind != ToVideo:
		return nil
	}
	_, err := k.Video.Size()
	if err == nil && !(k.Video.FPS > 0) {
		err = fmt.Errorf("a segment of %v at %v fps", k.Video.Geometry, k.Video.FPS)
	}
	return err
}

// Keep is what a Keeper is told.
type Keep struct {
	// Folder is where segments lie until they are joined.
	Folder string
	// Past are the files that earlier sinks of the same output cut.
	Past []Kept
	// Again is set where there were such. A file that is there already, and has the very content that is to be written, is then
	// taken as written: they were killed before they could tell.
	Again bool
}

// CanKeep refuses an output that a Keeper cannot be made for.
func (o Output) CanKeep() error {
	if o.Kind == ToStdout {
		return usagef("--resume: what went to standard output cannot be gone on with: name a folder, a pattern or a file")
	}
	return nil
}

// Mixes reports whether files of the output may lie in the folder of an input.
func (o Output) Mixes(in Input) bool {
	from := canonical(filepath.Dir(in.Path))
	switch o.Kind {
	case ToFolder:
		below, err := filepath.Rel(canonical(o.Path), from)
		return err == nil && filepath.IsLocal(below)
	case ToPattern, ToImage:
		return canonical(filepath.Dir(o.Path)) == from
	}
	return false
}

// NewKeeper is NewSink for an output that CanKeep.
func NewKeeper(c SinkConfig, k Keep) (Keeper, error) {
	switch c.Output.Kind {
	case ToNone:
		return noKeeper{}, nil
	case ToVideo:
		return newSegmentSink(c, k)
	}
	s, err := newFileSink(c.Output, c.Overwrite)
	if err != nil {
		return nil, err
	}
	return &fileKeeper{fileSink: s, again: k.Again}, nil
}

// noKeeper keeps nothing.
type noKeeper struct{ noSink }

func (noKeeper) Rewind() {}

func (noKeeper) Cut() func(context.Context) ([]Kept, error) { return completed(nil) }

// fileKeeper remembers the files that it wrote.
type fileKeeper struct {
	*fileSink
	again bool
	kept  []Kept
}

func (s *fileKeeper) Write(_ context.Context, it Item, ext string, r *farm.Result) error {
	defer r.Release()
	name, err := s.put(it, ext, r)
	if errors.Is(err, fs.ErrExist) && s.again && contains(name, r.Pix) {
		err = nil
	}
	if err != nil {
		return err
	}
	s.kept = append(s.kept, Kept{Name: name, Size: int64(len(r.Pix))})
	return nil
}

func (s *fileKeeper) Rewind() { s.kept = nil }

func (s *fileKeeper) Cut() func(context.Context) ([]Kept, error) {
	kept := s.kept
	s.kept = nil
	return completed(kept)
}

// contains reports whether a file has that content.
func contains(name string, data []byte) bool {
	info, err := os.Stat(name)
	if err != nil || info.Size() != int64(len(data)) {
		return false
	}
	there, err := os.ReadFile(name)
	return err == nil && bytes.Equal(there, data)
}

// sameContent reports whether a file has the content of another, which is open.
func sameContent(name string, other *os.File) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	theirs, err2 := other.Stat()
	if err != nil || err2 != nil || info.Size() != theirs.Size() {
		return false
	}
	a, b := make([]byte, 256<<10), make([]byte, 256<<10)
	for at := int64(0); at < info.Size(); at += int64(len(a)) {
		n, err := f.ReadAt(a, at)
		m, err2 := other.ReadAt(b, at)
		if err != nil && err != io.EOF || err2 != nil && err2 != io.EOF || !bytes.Equal(a[:n], b[:m]) {
			return false
		}
	}
	return true
}
