//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"strings"
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// In the order of blob_fit.
var blobFits = []string{"stretch", "crop", "letterbox"}

func blobOf(a pipeline.Args) C.blob_options {
	size := a.Size("size")
	o := C.blob_options{width: C.int(size.Width), height: C.int(size.Height), swap_rb: C.bool(a.Bool("swapRB"))}
	for i, v := range scalarOf(a, "scale") {
		o.scale[i] = C.double(v)
	}
	for i, v := range scalarOf(a, "mean") {
		o.mean[i] = C.double(v)
	}
	if _, ok := a["fit"]; ok {
		o.fit = C.blob_fit(index(blobFits, a.String("fit")))
	}
	return o
}

// unsuited says in words that a network takes pictures of another number of channels, which only running it tells.
func unsuited(g frame.Geometry, err error) error {
	if strings.Contains(err.Error(), "umber of input channels") {
		return refuse("the model takes another number of channels than %v has: put gray or cvt_color before it", g)
	}
	return err
}

func readNet(_ pipeline.Args, data unsafe.Pointer, n C.size_t, out *C.kept) *C.char {
	return C.bridge_net(data, n, out)
}

type (
	class struct {
		Class int     `json:"class"`
		Label string  `json:"label,omitempty"`
		Score float64 `json:"score"`
	}
	classList struct {
		Classes []class `json:"classes"`
	}
)

func classify(a pipeline.Args, n *native, in serve.Inputs) (step, error) {
	labels, err := labelsOf(a, in)
	blob, softmax, top := blobOf(a), a.Bool("softmax"), a.Int("top_k")
	return step{takes: colourOrGray(), find: func(src picture) (any, error) {
		t, err := find(func(out *C.numbers) *C.char {
			return C.bridge_classify(n.k, ptr(&src.Mat), &blob, C.bool(softmax), C.int(top), out)
		})
		if err != nil {
			return nil, unsuited(src.g, err)
		}
		return classList{all(t, func() class {
			c := t.int()
			return class{c, label(labels, c), t.float()}
		})}, nil
	}}, err
}

type (
	thing struct {
		class
		Box exactBox `json:"box"`
	}
	thingList struct {
		Count   int     `json:"count"`
		Objects []thing `json:"objects"`
	}
)

func detectObjects(a pipeline.Args, n *native, in serve.Inputs) (step, error) {
	labels, err := labelsOf(a, in)
	blob, layout := blobOf(a), C.box_layout(index(layouts, a.String("layout")))
	if a.String("layout") == "ssd" && a.String("fit") != "stretch" {
		return step{}, wrong("fit layout", "layout=ssd needs fit=stretch: its boxes are parts of the picture")
	}
	score, nms := C.double(a.Float("score_threshold")), C.double(a.Float("nms_threshold"))
	return finding[thingList]{
		takes: colourOrGray(),
		find: func(src picture) (thingList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_detect_objects(n.k, ptr(&src.Mat), &blob, layout, score, nms, out)
			})
			if err != nil {
				return thingList{}, unsuited(src.g, err)
			}
			things := all(t, func() thing {
				c := t.int()
				return thing{class{c, label(labels, c), t.float()}, t.exactBox()}
			})
			return thingList{len(things), first(things, a.Int("max_count"))}, nil
		},
		draw: func(m *gocv.Mat, found thingList, i ink) error {
			return drawAll(found.Objects, func(o thing) error { return drawBox(m, o.Box.whole(), i) })
		},
	}.step(a), err
}

type (
	pixelClass struct {
		Class  int    `json:"class"`
		Label  string `json:"label,omitempty"`
		Pixels int    `json:"pixels"`
	}
	pixelClasses struct {
		Classes []pixelClass `json:"classes"`
	}
)

func segmentPicture(a pipeline.Args, n *native, in serve.Inputs) (step, error) {
	labels, err := labelsOf(a, in)
	blob, threshold := blobOf(a), C.double(a.Float("threshold"))
	classes := func(src picture, dst *gocv.Mat) (any, error) {
		t, err := find(func(out *C.numbers) *C.char {
			return C.bridge_segment(n.k, ptr(&src.Mat), &blob, threshold, ptr(dst), out)
		})
		if err != nil {
			return nil, unsuited(src.g, err)
		}
		list := pixelClasses{make([]pixelClass, 0)}
		for c, pixels := range all(t, t.int) {
			if pixels > 0 {
				list.Classes = append(list.Classes, pixelClass{c, label(labels, c), pixels})
			}
		}
		return list, nil
	}
	gray := func(in frame.Geometry) (frame.Geometry, error) { in.Format = frame.FormatGray; return in, nil }
	if !a.Bool("draw") {
		return step{takes: colourOrGray(), shape: gray, apply: classes}, err
	}
	return step{takes: colourOrGray(), shape: overlaid(gray), apply: func(src picture, dst *gocv.Mat) (any, error) {
		mask := gocv.NewMat()
		defer mask.Close()
		found, err := classes(src, &mask)
		if err != nil {
			return nil, err
		}
		return found, bridged(C.bridge_class_colors(ptr(&src.Mat), ptr(&mask), ptr(dst)))
	}}, err
}
