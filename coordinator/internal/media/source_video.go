package media

import (
	"context"
	"fmt"
)

// video reads the frames of a file, a camera or a URL. A frame that cannot be had, as where a file was cut, counts as one that
// failed.
func (r *sourceRun) video(ctx context.Context, i int) {
	in, skip := &r.Inputs[i], r.skip
	r.skip = 0
	v, err := r.Open(ctx, in.Path, skip)
	if err != nil {
		if ctx.Err() == nil {
			r.fail(i, err)
		}
		return
	}
	defer v.Close()
	info := v.Video()
	if in.Kind == Video && info.Frames > 0 {
		r.expected[i] = int(info.Frames)
		r.tell()
	}
	n := r.videoFrames(ctx, i, skip, v)
	if !r.stopped && ctx.Err() == nil {
		r.expected[i] = n
		r.tell()
	}
}

// videoFrames yields the frames of an input behind the first n, and returns how many that makes.
func (r *sourceRun) videoFrames(ctx context.Context, i, n int, v VideoReader) int {
	in, fps := &r.Inputs[i], v.Video().FPS
	for f, err := range v.Frames(ctx) {
		if ctx.Err() != nil {
			f.Release()
			return n
		}
		n++
		it := Item{Input: in, Frame: f, Number: n, FPS: fps, Err: err, Next: Position{Input: i, Frame: n}}
		if err != nil { // the last one
			it.Next = Position{Input: i + 1}
		}
		it.Source = fmt.Sprintf("%s: frame %d", in.Name, n)
		if !r.put(it) {
			return n
		}
	}
	return n
}
