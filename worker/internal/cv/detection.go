//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

type (
	object struct {
		Box       bbox `json:"box"`
		Neighbors int  `json:"neighbors"`
	}
	objectList struct {
		Count   int      `json:"count"`
		Objects []object `json:"objects"`
	}
)

func readCascade(_ pipeline.Args, data unsafe.Pointer, n C.size_t, out *C.kept) *C.char {
	return C.bridge_cascade(data, n, out)
}

func cascadeClassifier(a pipeline.Args, n *native, _ serve.Inputs) (step, error) {
	scale, neighbors, least, most := a.Float("scaleFactor"), a.Int("minNeighbors"), a.Size("minSize"), a.Size("maxSize")
	return finding[objectList]{
		takes: colourOrGray(),
		find: func(src picture) (objectList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_cascade_detect(n.k, ptr(&src.Mat), C.double(scale), C.int(neighbors), C.int(least.Width),
					C.int(least.Height), C.int(most.Width), C.int(most.Height), out)
			})
			if err != nil {
				return objectList{}, err
			}
			boxes, counts := all(t, t.box), all(t, t.int)
			list := make([]object, len(boxes))
			for i := range list {
				list[i] = object{boxes[i], counts[i]}
			}
			return objectList{len(list), first(list, a.Int("max_count"))}, nil
		},
		draw: func(m *gocv.Mat, found objectList, i ink) error {
			return drawAll(found.Objects, func(o object) error { return drawBox(m, o.Box, i) })
		},
	}.step(a), nil
}

type (
	face struct {
		Box       exactBox `json:"box"`
		Landmarks []spot   `json:"landmarks"`
		Score     float32  `json:"score"`
	}
	faceList struct {
		Count int    `json:"count"`
		Faces []face `json:"faces"`
	}
)

func (t *tape) face() face { return face{t.exactBox(), some(t, 5, t.spot), t.single()} }

func readYuNet(a pipeline.Args, data unsafe.Pointer, n C.size_t, out *C.kept) *C.char {
	score, nms, top := a.Float("score_threshold"), a.Float("nms_threshold"), a.Int("top_k")
	return C.bridge_yunet(data, n, C.double(score), C.double(nms), C.int(top), out)
}

func detectFaces(a pipeline.Args, n *native, _ serve.Inputs) (step, error) {
	return finding[faceList]{
		takes: only(frame.FormatBGR).of(frame.U8),
		find: func(src picture) (faceList, error) {
			t, err := find(func(out *C.numbers) *C.char { return C.bridge_yunet_detect(n.k, ptr(&src.Mat), out) })
			if err != nil {
				return faceList{}, err
			}
			faces := all(t, t.face)
			return faceList{len(faces), faces}, nil
		},
		draw: func(m *gocv.Mat, found faceList, i ink) error {
			return drawAll(found.Faces, func(f face) error {
				if err := drawBox(m, f.Box.whole(), i); err != nil {
					return err
				}
				return drawSpots(m, f.Landmarks, i)
			})
		},
	}.step(a), nil
}

type (
	person struct {
		Box    bbox    `json:"box"`
		Weight float64 `json:"weight"`
	}
	personList struct {
		Count  int      `json:"count"`
		People []person `json:"people"`
	}
)

func detectPeople(a pipeline.Args) (step, error) {
	stride, padding := a.Size("winStride"), a.Size("padding")
	if stride.Width%4 != 0 || stride.Height%4 != 0 {
		return step{}, wrong("winStride", "winStride=%dx%d: each side is a multiple of 4", stride.Width, stride.Height)
	}
	hit, scale, group := a.Float("hitThreshold"), a.Float("scale"), a.Float("groupThreshold")
	return finding[personList]{
		takes: colourOrGray(),
		// OpenCV writes beyond its memory where the window does not fit.
		check: func(in frame.Geometry) error {
			if in.Width+2*padding.Width < 64 || in.Height+2*padding.Height < 128 {
				return refuse("a person has 64x128 pixels at least, got %v: raise padding, or resize before it", in)
			}
			return nil
		},
		find: func(src picture) (personList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_people(ptr(&src.Mat), C.double(hit), C.int(stride.Width), C.int(stride.Height),
					C.int(padding.Width), C.int(padding.Height), C.double(scale), C.double(group), out)
			})
			if err != nil {
				return personList{}, err
			}
			boxes, weights := all(t, t.box), all(t, t.float)
			list := make([]person, len(boxes))
			for i := range list {
				list[i] = person{boxes[i], weights[i]}
			}
			return personList{len(list), list}, nil
		},
		draw: func(m *gocv.Mat, found personList, i ink) error {
			return drawAll(found.People, func(p person) error { return drawBox(m, p.Box, i) })
		},
	}.step(a), nil
}
