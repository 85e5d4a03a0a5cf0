//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"errors"
	"io"
	"math"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// recentOps are the ops of recentCatalogue.
func recentOps() []op {
	does := map[string]op{
		"cascade_classifier":         {with: fromFile("cascade", readCascade, cascadeClassifier)},
		"detect_faces":               {with: fromFile("model", readYuNet, detectFaces)},
		"detect_people":              {bind: detectPeople},
		"detect_qr_codes":            {bind: detectQRCodes},
		"detect_barcodes":            {bind: detectBarcodes},
		"detect_markers":             {bind: detectMarkers},
		"background_subtractor_mog2": {bind: subtractor(false, "varThreshold")},
		"background_subtractor_knn":  {bind: subtractor(true, "dist2Threshold")},
		"optical_flow_farneback":     {bind: farneback},
		"optical_flow_pyr_lk":        {bind: lucasKanade},
		"track":                      {bind: trackObject},
		"classify":                   {with: fromFile("model", readNet, classify)},
		"detect_objects":             {with: fromFile("model", readNet, detectObjects)},
		"segment":                    {with: fromFile("model", readNet, segmentPicture)},
	}
	var ops []op
	for _, info := range recentCatalogue() {
		o := does[info.Name]
		o.OpInfo = info
		ops = append(ops, o)
	}
	return ops
}

// native is something of OpenCV's that lives longer than a call.
type native struct{ k C.kept }

func newNative(construct func(out *C.kept) *C.char) (*native, error) {
	n := &native{}
	if err := bridged(construct(&n.k)); err != nil {
		return nil, err
	}
	return n, nil
}

// Close frees it.
func (n *native) Close() error {
	C.bridge_drop(n.k)
	return nil
}

// fromFile makes the bind of an op that reads a file before its first frame. What it makes of the file is freed with the step.
func fromFile(param string, read func(a pipeline.Args, data unsafe.Pointer, n C.size_t, out *C.kept) *C.char,
	bind func(a pipeline.Args, n *native, in serve.Inputs) (step, error)) func(pipeline.Args, serve.Inputs) (step, error) {
	return func(a pipeline.Args, in serve.Inputs) (step, error) {
		data, err := fileOf(a, param, in)
		if err != nil {
			return step{}, err
		}
		n, err := newNative(func(out *C.kept) *C.char { return read(a, unsafe.Pointer(&data[0]), C.size_t(len(data)), out) })
		if err != nil && lacksMemory(err) {
			return step{}, err
		}
		if err != nil {
			return step{}, wrong(param, "%s=%s: %s", param, a.String(param), short(err))
		}
		s, err := bind(a, n, in)
		s.close = func() { n.Close() }
		return s, err
	}
}

// fileOf returns the bytes that a file parameter names. They are there for the time of Compile only.
func fileOf(a pipeline.Args, param string, in serve.Inputs) ([]byte, error) {
	name := a.String(param)
	f, ok := in[name]
	switch {
	case !ok:
		return nil, wrong(param, "%s=%s: there is no input of that name", param, name)
	case f.IsPixels():
		return nil, wrong(param, "%s=%s: it is the picture %v, not a file", param, name, f.Geometry)
	case len(f.Pix) == 0:
		return nil, wrong(param, "%s=%s: it is empty", param, name)
	}
	return f.Pix, nil
}

// labelsOf reads the names of classes, one a line; nil where none are given.
func labelsOf(a pipeline.Args, in serve.Inputs) ([]string, error) {
	if a.String("labels") == "" {
		return nil, nil
	}
	data, err := fileOf(a, "labels", in)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(data) {
		return nil, wrong("labels", "labels=%s: it is not a text in UTF-8", a.String("labels"))
	}
	lines := strings.Split(strings.TrimRight(string(data), "\r\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines, nil
}

// label is the name of a class; empty where it has none.
func label(labels []string, class int) string {
	if class < 0 || class >= len(labels) {
		return ""
	}
	return labels[class]
}

// text reads what put wrote.
func (t *tape) text() string {
	return string(all(t, func() byte { return byte(t.int()) }))
}

type (
	quad     [4]spot    // corners, clockwise
	exactBox [4]float32 // [x, y, width, height], finer than pixels
)

func (t *tape) quad() quad         { return quad{t.spot(), t.spot(), t.spot(), t.spot()} }
func (t *tape) exactBox() exactBox { return exactBox{t.single(), t.single(), t.single(), t.single()} }

// outline is the polygon of a quad, in whole pixels.
func (q quad) outline() []pixel {
	return []pixel{q[0].whole(), q[1].whole(), q[2].whole(), q[3].whole()}
}

func (s spot) whole() pixel { return rounded(float64(s[0]), float64(s[1])) }

// whole is the box in whole pixels, kept small enough to be drawn.
func (r exactBox) whole() bbox {
	clamp := func(v float32) int { return int(math.Round(min(max(float64(v), -maxCoordinate), maxCoordinate))) }
	return bbox{clamp(r[0]), clamp(r[1]), clamp(r[2]), clamp(r[3])}
}

// ongoing is what an op keeps for a stream.
type ongoing[T io.Closer] struct {
	g      frame.Geometry
	frames uint64 // that came, the present one included
	of     T
}

// Close frees it, at the end of the stream.
func (o *ongoing[T]) Close() error { return o.of.Close() }

// goOn returns what is kept for the stream; at its first frame, what begin makes.
func goOn[T io.Closer](kept *serve.State, src picture, begin func() (T, error)) (*ongoing[T], error) {
	o, _ := kept.Value.(*ongoing[T])
	if o == nil {
		of, err := begin()
		if err != nil {
			return nil, err
		}
		o = &ongoing[T]{g: src.g, of: of}
		kept.Value = o
	}
	if err := steady(o.g, src.g); err != nil {
		return nil, err
	}
	o.frames++
	return o, nil
}

// colourOrGray is what most of these ops take.
func colourOrGray() input { return only(frame.FormatGray, frame.FormatBGR).of(frame.U8) }

// drawAll draws every item.
func drawAll[T any](items []T, draw func(T) error) error {
	var errs []error
	for _, item := range items {
		errs = append(errs, draw(item))
	}
	return errors.Join(errs...)
}
