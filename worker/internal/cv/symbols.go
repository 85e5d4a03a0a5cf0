//go:build opencv && !gocv_specific_modules

package cv

/*
#include "bridge_recent.h"
*/
import "C"

import (
	"unicode/utf8"

	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

type (
	code struct {
		Text    string `json:"text"`
		Bytes   []byte `json:"bytes,omitempty"`
		Type    string `json:"type,omitempty"`
		Corners quad   `json:"corners"`
	}
	codeList struct {
		Count int    `json:"count"`
		Codes []code `json:"codes"`
	}
)

// written is a code that says text.
func written(text string) code {
	if !utf8.ValidString(text) {
		return code{Bytes: []byte(text)}
	}
	return code{Text: text}
}

func codeFinder(a pipeline.Args, search func(src picture, out *C.numbers) *C.char, read func(t *tape) code) step {
	return finding[codeList]{
		takes: colourOrGray(),
		find: func(src picture) (codeList, error) {
			t, err := find(func(out *C.numbers) *C.char { return search(src, out) })
			if err != nil {
				return codeList{}, err
			}
			codes := all(t, func() code { return read(t) })
			return codeList{len(codes), codes}, nil
		},
		draw: func(m *gocv.Mat, found codeList, i ink) error {
			return drawAll(found.Codes, func(c code) error { return drawPolygon(m, c.Corners.outline(), true, i) })
		},
	}.step(a)
}

func detectQRCodes(a pipeline.Args) (step, error) {
	aruco, decode := a.String("algorithm") == "aruco", a.Bool("decode")
	search := func(src picture, out *C.numbers) *C.char {
		return C.bridge_qr_codes(ptr(&src.Mat), C.bool(aruco), C.bool(decode), out)
	}
	return codeFinder(a, search, func(t *tape) code {
		c := written(t.text())
		c.Corners = t.quad()
		return c
	}), nil
}

func detectBarcodes(a pipeline.Args) (step, error) {
	search := func(src picture, out *C.numbers) *C.char { return C.bridge_barcodes(ptr(&src.Mat), out) }
	return codeFinder(a, search, func(t *tape) code {
		c := written(t.text())
		c.Type, c.Corners = t.text(), t.quad()
		return c
	}), nil
}

type (
	marker struct {
		ID      int  `json:"id"`
		Corners quad `json:"corners"`
	}
	markerList struct {
		Count    int      `json:"count"`
		Markers  []marker `json:"markers"`
		Rejected int      `json:"rejected"`
	}
)

func (t *tape) marker() marker { return marker{t.int(), t.quad()} }

func detectMarkers(a pipeline.Args) (step, error) {
	o := C.marker_options{
		dictionary: C.int(index(dictionaries, a.String("dictionary"))),
		refinement: C.int(index(refinements, a.String("cornerRefinementMethod"))),
		window_min: C.int(a.Int("adaptiveThreshWinSizeMin")), window_max: C.int(a.Int("adaptiveThreshWinSizeMax")),
		window_step: C.int(a.Int("adaptiveThreshWinSizeStep")), constant: C.double(a.Float("adaptiveThreshConstant")),
		perimeter_min: C.double(a.Float("minMarkerPerimeterRate")), perimeter_max: C.double(a.Float("maxMarkerPerimeterRate")),
		error_correction: C.double(a.Float("errorCorrectionRate")), inverted: C.bool(a.Bool("detectInvertedMarker")),
	}
	switch {
	case o.window_min > o.window_max:
		return step{}, wrong("adaptiveThreshWinSizeMin adaptiveThreshWinSizeMax", "adaptiveThreshWinSizeMin=%d is above adaptiveThreshWinSizeMax=%d", o.window_min, o.window_max)
	case o.perimeter_min >= o.perimeter_max:
		return step{}, wrong("minMarkerPerimeterRate maxMarkerPerimeterRate", "minMarkerPerimeterRate=%v is not below maxMarkerPerimeterRate=%v", o.perimeter_min, o.perimeter_max)
	}
	return finding[markerList]{
		takes: colourOrGray(),
		find: func(src picture) (markerList, error) {
			t, err := find(func(out *C.numbers) *C.char { return C.bridge_markers(ptr(&src.Mat), &o, out) })
			if err != nil {
				return markerList{}, err
			}
			markers := all(t, t.marker)
			return markerList{len(markers), markers, t.int()}, nil
		},
		draw: func(m *gocv.Mat, found markerList, i ink) error {
			return drawAll(found.Markers, func(k marker) error { return drawPolygon(m, k.Corners.outline(), true, i) })
		},
	}.step(a), nil
}
