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

// networkOps run ONNX models. A model is loaded once for a pipeline; frames of one worker run through it in turn.
func networkOps() []op {
	model := pipeline.File("model", "the network, in ONNX, of one input and one output that counts")
	return []op{
		{
			OpInfo: info("classify", "dnn", "Tell what a picture shows, by a network.", append([]pipeline.Param{model, labelsParam(),
				pipeline.Int("top_k", 5, 1, 10000, "how many classes to tell, the best first"),
				pipeline.Bool("softmax", false, "make probabilities of the scores, where the network does not")},
				blobParams("224", "stretch", "crop", "letterbox")...)...).
				WithReturns(`the picture as it came, and {"classes": [{"class", "label", "score"}]}, the best first`).
				WithExample("classify model=classifier.onnx labels=labels.txt size=224 scale=0.0039216 swapRB=true softmax=true"),
			with: fromFile("model", readNet, classify),
		}, {
			OpInfo: info("detect_objects", "dnn", "Find objects and tell what they are, by a network.", drawing(
				append([]pipeline.Param{model, labelsParam(),
					pipeline.Choice("layout", layouts, "what the network answers: yolov8 1 x 4+classes x boxes, yolov5 1 x boxes x "+
						"5+classes, ssd 1 x 1 x boxes x 7"),
					pipeline.Float("score_threshold", 0.25, 0, 1, "objects that are less sure are left out"),
					pipeline.Float("nms_threshold", 0.45, 0, 1, "of objects of a class that overlap more than this, the surest is kept"),
					maxCount(1000, "the surest")},
					blobParams("640", "letterbox", "stretch")...)...)...).
				WithReturns(passesDoc + `{"count", "objects": [{"class", "label", "score", "box": [x, y, width, height]}]}, ` +
					"the surest first: " + countDoc).
				WithExample("detect_objects model=yolov8.onnx size=640 scale=0.0039216 swapRB=true draw=true"),
			with: fromFile("model", readNet, detectObjects),
		}, {
			OpInfo: info("segment", "dnn", "Tell of each pixel what it shows, by a network.", append([]pipeline.Param{model, labelsParam(),
				pipeline.Float("threshold", 0.5, -1e6, 1e6, "of a network with one class, which is class 1: the score from which it is"),
				pipeline.Bool("draw", false, "cover the picture with a colour for each class but 0, as in the data sets of PASCAL VOC")},
				blobParams("256", "stretch")...)...).
				WithReturns(`gray u8 of the same size, each pixel its class, or with draw=true bgr u8; ` +
					`{"classes": [{"class", "label", "pixels"}]}, those that are there`).
				WithExample("segment model=segmenter.onnx size=256 scale=0.0039216 draw=true"),
			with: fromFile("model", readNet, segmentPicture),
		},
	}
}

var (
	layouts = []string{"yolov8", "yolov5", "ssd"}      // in the order of box_layout
	fits    = []string{"stretch", "crop", "letterbox"} // in the order of blob_fit
)

// blobParams say how a network wants its pictures. The first way to fit is the default.
func blobParams(size string, ways ...string) []pipeline.Param {
	params := []pipeline.Param{
		pipeline.SizeOf("size", size, 1, 2048, "width and height that the network takes"),
		pipeline.Scalar("scale", "1", "factor of each value, after mean was subtracted: 0.0039216 for values of 0 to 1"),
		pipeline.Scalar("mean", "0", "is subtracted from each value, in the order that the network takes"),
		pipeline.Bool("swapRB", false, "the network takes rgb"),
	}
	if len(ways) > 1 {
		params = append(params, pipeline.Choice("fit", ways, "how to fit a picture of another shape: squeezed, cut, or with borders"))
	}
	return params
}

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
		o.fit = C.blob_fit(index(fits, a.String("fit")))
	}
	return o
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
			return nil, err
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
		return step{}, refuse("layout=ssd needs fit=stretch: its boxes are parts of the picture")
	}
	score, nms := C.double(a.Float("score_threshold")), C.double(a.Float("nms_threshold"))
	return finding[thingList]{
		takes: colourOrGray(),
		find: func(src picture) (thingList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_detect_objects(n.k, ptr(&src.Mat), &blob, layout, score, nms, out)
			})
			if err != nil {
				return thingList{}, err
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
			return nil, err
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
