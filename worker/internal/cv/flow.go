//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// flowFound is the JSON of optical_flow_farneback.
type flowFound struct {
	Frames uint64     `json:"frames"`
	Mean   [2]float64 `json:"mean"`
}

func farneback(a pipeline.Args) (step, error) {
	o := C.farneback_options{
		pyr_scale: C.double(a.Float("pyr_scale")), levels: C.int(a.Int("levels")), winsize: C.int(a.Int("winsize")),
		iterations: C.int(a.Int("iterations")), poly_n: C.int(a.Int("poly_n")), poly_sigma: C.double(a.Float("poly_sigma")),
		gaussian: C.bool(a.Bool("gaussian")),
	}
	s := step{takes: only(frame.FormatGray).of(frame.U8), shape: func(in frame.Geometry) (frame.Geometry, error) {
		in.Format, in.Depth = frame.FormatC2, frame.F32
		return in, nil
	}}
	if !a.Bool("draw") {
		s.evolve = func(kept *serve.State, src picture, dst *gocv.Mat) (any, error) { return flowInto(kept, src, dst, &o) }
		return s, nil
	}
	s.shape = func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatBGR; return in, nil }
	s.evolve = func(kept *serve.State, src picture, dst *gocv.Mat) (any, error) {
		flow := gocv.NewMat()
		defer flow.Close()
		found, err := flowInto(kept, src, &flow, &o)
		if err != nil {
			return nil, err
		}
		return found, bridged(C.bridge_flow_colors(ptr(&flow), ptr(dst)))
	}
	return s, nil
}

// flowInto writes to flow how src differs from the frame before it.
func flowInto(kept *serve.State, src picture, flow *gocv.Mat, o *C.farneback_options) (flowFound, error) {
	before, err := goOn(kept, src, func() (*gocv.Mat, error) {
		m := src.Clone()
		return &m, nil
	})
	if err != nil {
		return flowFound{}, err
	}
	if before.frames == 1 {
		return flowFound{Frames: 1}, bridged(C.bridge_no_flow(ptr(&src.Mat), ptr(flow)))
	}
	if err := bridged(C.bridge_farneback(ptr(before.of), ptr(&src.Mat), ptr(flow), o)); err != nil {
		return flowFound{}, tooSmall(src.g, err)
	}
	mean, err := stats(*flow)
	if err != nil {
		return flowFound{}, err
	}
	return flowFound{before.frames, [2]float64(mean.Mean)}, src.CopyTo(before.of)
}

type (
	track struct {
		ID    int     `json:"id"`
		From  spot    `json:"from"`
		To    spot    `json:"to"`
		Error float32 `json:"error"`
	}
	trackList struct {
		Frames uint64  `json:"frames"`
		Tracks []track `json:"tracks"`
		Lost   int     `json:"lost"`
		New    int     `json:"new"`
	}
)

func (t *tape) track() track { return track{t.int(), t.spot(), t.spot(), t.single()} }

func lucasKanade(a pipeline.Args) (step, error) {
	o := C.points_options{
		max_corners: C.int(a.Int("maxCorners")), block_size: C.int(a.Int("blockSize")), win_size: C.int(a.Int("winSize")),
		max_level: C.int(a.Int("maxLevel")), at_least: C.int(a.Int("atLeast")), quality: C.double(a.Float("qualityLevel")),
		distance: C.double(a.Float("minDistance")),
	}
	begin := func() (*native, error) {
		return newNative(func(out *C.kept) *C.char { return C.bridge_points(&o, out) })
	}
	return watching[trackList]{
		takes: only(frame.FormatGray).of(frame.U8),
		find: func(kept *serve.State, src picture) (trackList, error) {
			points, err := goOn(kept, src, begin)
			if err != nil {
				return trackList{}, err
			}
			t, err := find(func(out *C.numbers) *C.char { return C.bridge_points_follow(points.of.k, ptr(&src.Mat), out) })
			if err != nil {
				return trackList{}, tooSmall(src.g, err)
			}
			return trackList{points.frames, all(t, t.track), t.int(), t.int()}, nil
		},
		draw: func(m *gocv.Mat, found trackList, i ink) error {
			return drawAll(found.Tracks, func(k track) error {
				if err := drawLine(m, k.From.whole(), k.To.whole(), i); err != nil {
					return err
				}
				return drawCircle(m, k.To.whole(), 3, i)
			})
		},
	}.step(a), nil
}
