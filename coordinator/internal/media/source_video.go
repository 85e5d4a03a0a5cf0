package media

import (
	"context"
	"fmt"
)

// video reads the frames of a file, a camera or a URL. A frame that cannot be had, as where a file was cut, counts as one that
// failed.
func (r *sourceRun) video(ctx context.Context, in *Input, i int) {
	v, err := r.Open(ctx, in.Path)
	if err != nil {
		if ctx.Err() == nil {
			r.fail(in, err)
		}
		return
	}
	defer v.Close()
	info := v.Video()
	if in.Kind == Video && info.Frames > 0 {
		r.expected[i] = int(info.Frames)
		r.tell()
	}
	n := r.videoFrames(ctx, in, v)
	if !r.stopped && ctx.Err() == nil {
		r.expected[i] = n
		r.tell()
	}
}

func (r *sourceRun) videoFrames(ctx context.Context, in *Input, v VideoReader) int {
	n, fps := 0, v.Video().FPS
	for f, err := range v.Frames(ctx) {
		if ctx.Err() != nil {
			f.Release()
			return n
		}
		n++
		it := Item{Input: in, Frame: f, Number: n, FPS: fps, Err: err}
		it.Source = fmt.Sprintf("%s: frame %d", in.Name, n)
		if !r.put(it) {
			return n
		}
	}
	return n
}
