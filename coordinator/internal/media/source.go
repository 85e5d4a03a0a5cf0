package media

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// VideoReader brings the frames of a video, as a farm.Reader does.
type VideoReader interface {
	Video() farm.Video
	Frames(ctx context.Context) iter.Seq2[frame.Frame, error]
	Close() error
}

// Item is one frame on its way, with what a sink needs to know about where it came from.
type Item struct {
	frame.Frame
	Input *Input
	// Number counts the frames of a video or a stream from 1; it is 0 for the image of a file.
	Number int
	// FPS is the frame rate of the video it is from; 0 where there is none.
	FPS float64
	// Ext is the usual extension of the image that it is or was, such as ".jpg"; empty for a video's frame.
	Ext string
	// Err is why there is no frame.
	Err error
	// Next is where the inputs go on behind it.
	Next Position
}

// Source reads inputs one after the other. Its fields must not change while Items runs.
type Source struct {
	Inputs []Input
	// Start is where to begin.
	Start Position
	// Limit ends the frames after that many, those in front of Start included; 0 is no limit.
	Limit int
	// Open opens a video, a camera or a URL; a video at its frame number at, counted from 0.
	Open func(ctx context.Context, uri string, at int) (VideoReader, error)
	// Stdin is what "-" reads.
	Stdin io.Reader
	// Total is called when the number of frames to come is known better; -1 is unknown. It may be nil.
	Total func(frames int)
}

// sourceRun is the state of one pass over the inputs.
type sourceRun struct {
	*Source
	yield    func(Item) bool
	index    int
	skip     int // frames of the next video that are in front of Start
	stopped  bool
	expected []int // frames by input; -1 unknown
}

// Items yields every frame of every input, numbered through from 0. It ends early, without an error, when ctx does. An Item's
// frame belongs to whoever takes it. Items may be run once.
func (s *Source) Items(ctx context.Context) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		r := &sourceRun{Source: s, yield: yield, index: int(s.Start.Index), skip: s.Start.Frame, expected: expectedFrames(s.Inputs)}
		r.stopped = r.Limit > 0 && r.index >= r.Limit
		r.pass(s.Start)
		r.tell()
		for i := s.Start.Input; i < len(s.Inputs); i++ {
			if r.stopped || ctx.Err() != nil {
				return
			}
			r.input(ctx, i)
		}
	}
}

func expectedFrames(inputs []Input) []int {
	n := make([]int, len(inputs))
	for i, in := range inputs {
		n[i] = 1
		if in.Err == nil && in.Kind != Image {
			n[i] = -1
		}
	}
	return n
}

// pass counts what is in front of the start as so many frames, wherever they are from.
func (r *sourceRun) pass(start Position) {
	clear(r.expected[:start.Input])
	if start.Input > 0 {
		r.expected[0] = r.index - start.Frame
	}
}

// tell reports the sum of what is expected.
func (r *sourceRun) tell() {
	if r.Total == nil {
		return
	}
	sum := 0
	for _, n := range r.expected {
		if n < 0 {
			sum = -1
			break
		}
		sum += n
	}
	if r.Limit > 0 && (sum > r.Limit) {
		sum = r.Limit
	}
	r.Total(sum)
}

func (r *sourceRun) input(ctx context.Context, i int) {
	in := &r.Inputs[i]
	switch {
	case in.Err != nil:
		r.fail(i, in.Err)
	case in.Kind == Image:
		r.image(i)
	case in.Kind == Stream:
		r.expected[i] = r.stream(ctx, i)
		r.tell()
	default:
		r.video(ctx, i)
	}
}

// put numbers an item and yields it. It reports whether there is to be another.
func (r *sourceRun) put(it Item) bool {
	it.Index = uint64(r.index)
	if it.Source == "" {
		it.Source = it.Input.Name
	}
	r.index++
	it.Next.Index = uint64(r.index)
	r.stopped = !r.yield(it) || r.index == r.Limit
	return !r.stopped
}

// fail yields the last item of an input.
func (r *sourceRun) fail(i int, err error) {
	r.put(Item{Input: &r.Inputs[i], Err: err, Next: Position{Input: i + 1}})
}

// image reads a file whole: it is one frame.
func (r *sourceRun) image(i int) {
	in := &r.Inputs[i]
	data, err := readImage(in.Path)
	if err != nil {
		r.fail(i, err)
		return
	}
	r.put(Item{Input: in, Frame: frame.Encoded(data), Ext: imageExt(in.Path, data), Next: Position{Input: i + 1}})
}

func readImage(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxImage {
		return nil, fmt.Errorf("cannot read %s: %d bytes are more than %d", name, info.Size(), maxImage)
	}
	data, err := os.ReadFile(name)
	switch {
	case err != nil:
		return nil, cannotRead(name, err)
	case len(data) == 0:
		return nil, fmt.Errorf("%s is empty", name)
	}
	return data, nil
}

// imageExt is the extension that an output of the same format has: the name's own, or the content's.
func imageExt(name string, data []byte) string {
	if f, ok := formatNamed(name); ok && f.class == classImage {
		return strings.ToLower(filepath.Ext(name))
	}
	if f, ok := formatOf(data[:min(len(data), sniffLen)]); ok {
		return f.exts[0]
	}
	return ""
}

// stream splits standard input, or another pipe, and returns the number of its images.
func (r *sourceRun) stream(ctx context.Context, i int) int {
	in := &r.Inputs[i]
	from, err := r.openStream(ctx, in)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0
	case err != nil:
		r.fail(i, cannotRead(in.Name, err))
		return 1
	}
	defer from.Close()
	n := 0
	for p, err := range split(from, maxImage) {
		if ctx.Err() != nil {
			return n
		}
		if n++; err != nil {
			r.fail(i, fmt.Errorf("%s: image %d: %w", in.Name, n, err))
			return n
		}
		it := Item{Input: in, Frame: frame.Encoded(p.data), Number: n, Ext: p.ext}
		it.Source = fmt.Sprintf("%s: image %d", in.Name, n)
		if !r.put(it) {
			return n
		}
	}
	if n == 0 {
		r.fail(i, fmt.Errorf("%s has no images: it is empty", in.Name))
	}
	return max(n, 1)
}

func (r *sourceRun) openStream(ctx context.Context, in *Input) (io.ReadCloser, error) {
	if in.Path == "-" {
		return newAbandonable(ctx, r.Stdin), nil
	}
	return openStream(ctx, in.Path)
}

// stem is a name without its extension.
func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
