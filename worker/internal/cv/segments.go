//go:build opencv

package cv

/*
#include "bridge_lines.h"
*/
import "C"

import (
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

type (
	segment struct {
		Line  [4]float32 `json:"line"`
		Width float64    `json:"width"`
		Prec  float64    `json:"prec"`
		NFA   *float64   `json:"nfa,omitempty"`
	}
	segmentList struct {
		Count int       `json:"count"`
		Lines []segment `json:"lines"`
	}
)

func lineSegments(a pipeline.Args) (step, error) {
	refine := map[string]int{"none": 0, "std": 1, "adv": 2}[a.String("refine")]
	return finding[segmentList]{
		takes: only(frame.FormatGray).of(frame.U8),
		find: func(src picture) (segmentList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_lsd(ptr(&src.Mat), C.int(refine), C.double(a.Float("scale")), C.double(a.Float("sigma_scale")),
					C.double(a.Float("quant")), C.double(a.Float("ang_th")), C.double(a.Float("log_eps")),
					C.double(a.Float("density_th")), C.int(a.Int("n_bins")), out)
			})
			if err != nil {
				return segmentList{}, err
			}
			segments := t.segments()
			return segmentList{len(segments), first(segments, a.Int("max_count"))}, nil
		},
		draw: func(m *gocv.Mat, found segmentList, i ink) error {
			for _, s := range found.Lines {
				from, to := rounded(float64(s.Line[0]), float64(s.Line[1])), rounded(float64(s.Line[2]), float64(s.Line[3]))
				if err := drawLine(m, from, to, i); err != nil {
					return err
				}
			}
			return nil
		},
	}.step(a), nil
}

func (t *tape) segments() []segment {
	lines := all(t, func() segment {
		return segment{Line: [4]float32{t.single(), t.single(), t.single(), t.single()}}
	})
	for i, v := range all(t, t.float) {
		lines[i].Width = v
	}
	for i, v := range all(t, t.float) {
		lines[i].Prec = v
	}
	for i, v := range all(t, t.float) {
		lines[i].NFA = &v
	}
	return lines
}
