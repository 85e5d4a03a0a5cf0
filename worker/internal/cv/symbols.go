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

// codeOps find what was printed to be read by machines.
func codeOps() []op {
	const each = `[{"text", "corners": [[x, y], ...]}]}: text is empty where a code was found and could not be read, and ` +
		`"bytes" is there in its place, in base64, where it is not UTF-8`
	return []op{
		{
			OpInfo: info("detect_qr_codes", "objdetect", "Find QR codes and read them.", drawing(
				pipeline.Bool("decode", true, "read them, too, which takes longer"),
				pipeline.Choice("algorithm", []string{"default", "aruco"}, "aruco finds the corners as those of markers"))...).
				WithReturns(passesDoc + `{"count", "codes": ` + each).
				WithExample("detect_qr_codes draw=true"),
			bind: detectQRCodes,
		}, {
			OpInfo: info("detect_barcodes", "objdetect", "Find bar codes (EAN-8, EAN-13, UPC-A, UPC-E) and read them.", drawing()...).
				WithReturns(passesDoc + `{"count", "codes": [{"text", "type", "corners": [[x, y], ...]}]}: text and type are empty ` +
					"where a code was found and could not be read").
				WithExample("detect_barcodes draw=true"),
			bind: detectBarcodes,
		}, {
			OpInfo: info("detect_markers", "objdetect", "Find ArUco markers and AprilTags.", drawing(
				pipeline.Choice("dictionary", dictionaries, "which markers"),
				pipeline.Choice("cornerRefinementMethod", refinements, "how corners are made finer than pixels"),
				pipeline.Int("adaptiveThreshWinSizeMin", 3, 3, 1023, "the smallest window of the threshold"),
				pipeline.Int("adaptiveThreshWinSizeMax", 23, 3, 1023, "the largest window of the threshold"),
				pipeline.Int("adaptiveThreshWinSizeStep", 10, 1, 1023, "from one window to the next"),
				pipeline.Float("adaptiveThreshConstant", 7, -255, 255, "is subtracted from the window's mean"),
				pipeline.Float("minMarkerPerimeterRate", 0.03, 0.001, 10, "least perimeter, as a part of the picture's longer side"),
				pipeline.Float("maxMarkerPerimeterRate", 4, 0.001, 10, "largest perimeter"),
				pipeline.Float("errorCorrectionRate", 0.6, 0, 1, "how much of the dictionary's power to correct errors is used"),
				pipeline.Bool("detectInvertedMarker", false, "find white markers on black, too"))...).
				WithReturns(passesDoc + `{"count", "markers": [{"id", "corners": [[x, y], ...]}], ` +
					`"rejected": candidates that were none}`).
				WithExample("detect_markers dictionary=6x6_250 draw=true"),
			bind: detectMarkers,
		},
	}
}

// In OpenCV's order.
var (
	dictionaries = []string{"4x4_50", "4x4_100", "4x4_250", "4x4_1000", "5x5_50", "5x5_100", "5x5_250", "5x5_1000", "6x6_50",
		"6x6_100", "6x6_250", "6x6_1000", "7x7_50", "7x7_100", "7x7_250", "7x7_1000", "aruco_original", "apriltag_16h5",
		"apriltag_25h9", "apriltag_36h10", "apriltag_36h11", "aruco_mip_36h12"}
	refinements = []string{"none", "subpix", "contour", "apriltag"}
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
		return step{}, refuse("adaptiveThreshWinSizeMin=%d is above adaptiveThreshWinSizeMax=%d", o.window_min, o.window_max)
	case o.perimeter_min >= o.perimeter_max:
		return step{}, refuse("minMarkerPerimeterRate=%v is not below maxMarkerPerimeterRate=%v", o.perimeter_min, o.perimeter_max)
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
