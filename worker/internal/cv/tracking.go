//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"image"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// tracked is the JSON of track.
type tracked struct {
	Frames uint64 `json:"frames"`
	Found  bool   `json:"found"`
	Box    *bbox  `json:"box,omitempty"`
}

// leastBox is the least side of a box that trackers can work with.
const leastBox = 8

func trackObject(a pipeline.Args) (step, error) {
	corner, err := wholePoint("box", a.Floats("box")[0], a.Floats("box")[1])
	if err != nil {
		return step{}, err
	}
	size, err := wholePoint("box", a.Floats("box")[2], a.Floats("box")[3])
	if err != nil {
		return step{}, err
	}
	box, kind := bbox{corner[0], corner[1], size[0], size[1]}, C.tracker_kind(index(trackerKinds, a.String("tracker")))
	if min(size[0], size[1]) < leastBox {
		return step{}, wrong("box", "box=%d,%d,%d,%d: each side is at least %d", box[0], box[1], box[2], box[3], leastBox)
	}
	if !C.bridge_has_tracker(kind) {
		return step{}, wrong("tracker", "tracker=%s needs an OpenCV with opencv_contrib", a.String("tracker"))
	}
	begin := func(src picture) (*native, error) {
		return newNative(func(out *C.kept) *C.char {
			return C.bridge_tracker(kind, ptr(&src.Mat), C.int(box[0]), C.int(box[1]), C.int(box[2]), C.int(box[3]), out)
		})
	}
	return watching[tracked]{
		takes: only(frame.FormatBGR).of(frame.U8),
		check: box.within,
		find: func(kept *serve.State, src picture) (tracked, error) {
			t, err := goOn(kept, src, func() (*native, error) { return begin(src) })
			if err != nil || t.frames == 1 {
				return tracked{1, true, &box}, tooSmall(src.g, err)
			}
			return t.of.track(src, t.frames)
		},
		draw: func(m *gocv.Mat, found tracked, i ink) error {
			if found.Box == nil {
				return nil
			}
			return drawBox(m, *found.Box, i)
		},
	}.step(a), nil
}

func (n *native) track(src picture, frames uint64) (tracked, error) {
	var box [4]C.int
	var found C.bool
	err := bridged(C.bridge_tracker_update(n.k, ptr(&src.Mat), &box[0], &found))
	if err != nil || !bool(found) {
		return tracked{Frames: frames}, err
	}
	return tracked{frames, true, &bbox{int(box[0]), int(box[1]), int(box[2]), int(box[3])}}, nil
}

// within refuses pictures that the box does not lie in.
func (b bbox) within(in frame.Geometry) error {
	r := image.Rect(b[0], b[1], b[0]+b[2], b[1]+b[3])
	if !r.In(image.Rect(0, 0, in.Width, in.Height)) {
		return wrong("box", "box=%d,%d,%d,%d does not lie within %v", b[0], b[1], b[2], b[3], in)
	}
	return nil
}

// watching is a finding that goes on from frame to frame of a stream.
type watching[T any] struct {
	takes input
	check func(in frame.Geometry) error // what takes cannot say; may be nil
	find  func(kept *serve.State, src picture) (T, error)
	draw  func(m *gocv.Mat, found T, i ink) error
}

// step binds it. Its parameters include those of drawing.
func (w watching[T]) step(a pipeline.Args) step {
	shape := func(in frame.Geometry) (frame.Geometry, error) {
		if w.check != nil {
			return in, w.check(in)
		}
		return in, nil
	}
	if !a.Bool("draw") {
		return step{takes: w.takes, shape: shape, watch: func(kept *serve.State, src picture) (any, error) { return w.find(kept, src) }}
	}
	i := inkOf(a)
	return step{takes: w.takes, shape: overlaid(shape), evolve: func(kept *serve.State, src picture, dst *gocv.Mat) (any, error) {
		found, err := w.find(kept, src)
		if err != nil {
			return nil, err
		}
		if err := overlay(src.Mat, dst); err != nil {
			return nil, err
		}
		return found, w.draw(dst, found, i)
	}}
}
