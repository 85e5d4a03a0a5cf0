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

// flowOps tell how the pixels of a stream moved since its last frame.
func flowOps() []op {
	return []op{
		{
			OpInfo: stateful(info("optical_flow_farneback", "video", "Tell where each pixel of a gray stream moved, as Farneback did.",
				pipeline.Float("pyr_scale", 0.5, 0.01, 0.99, "size of each level of the pyramid, as a part of the one below"),
				pipeline.Int("levels", 3, 1, 30, "of the pyramid, the picture itself included"),
				pipeline.Int("winsize", 15, 1, 1023, "side of the window that is averaged: larger is smoother"),
				pipeline.Int("iterations", 3, 1, 100, "at each level"),
				pipeline.Int("poly_n", 5, 1, 31, "side of the neighbourhood that a polynomial is fitted to"),
				pipeline.Float("poly_sigma", 1.2, 0.01, 100, "how far the neighbourhood reaches: 1.1 for poly_n=5, 1.5 for 7"),
				pipeline.Bool("gaussian", false, "average with a Gaussian: better and slower"),
				pipeline.Bool("draw", false, "show the direction as hue and the speed as brightness")).
				WithReturns("two channels of f32, by how much each pixel moved right and down since the stream's last frame, or with " +
					`draw=true bgr u8; {"frames": of the stream so far, "mean": [x, y]}; of the first frame, nothing moved`).
				WithExample("gray | optical_flow_farneback winsize=21 draw=true")),
			bind: farneback,
		}, {
			OpInfo: stateful(info("optical_flow_pyr_lk", "video",
				"Follow corners through a gray stream, as Lucas and Kanade did.", drawing(
					pipeline.Int("maxCorners", 100, 1, 10000, "how many corners to follow at most, the strongest"),
					pipeline.Float("qualityLevel", 0.01, 1e-9, 1, "those weaker than the strongest by this factor are left out"),
					pipeline.Float("minDistance", 10, 0, frame.MaxSide, "least distance between corners"),
					pipeline.Int("blockSize", 3, 1, 255, "side of the neighbourhood that makes a corner"),
					pipeline.Int("winSize", 21, 3, 255, "side of the window that is searched"),
					pipeline.Int("maxLevel", 3, 0, 30, "of the pyramid, above the picture itself"),
					pipeline.Int("atLeast", 10, 1, 10000, "when fewer are left, corners are looked for anew"))...).
				WithReturns(passesDoc + `{"frames": of the stream so far, "tracks": [{"id", "from": [x, y], "to": [x, y], "error"}], ` +
					`"lost": corners that were not found again, "new": corners that are followed from this frame on}`).
				WithExample("gray | optical_flow_pyr_lk maxCorners=200 draw=true")),
			bind: lucasKanade,
		},
	}
}

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
