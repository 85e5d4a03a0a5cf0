//go:build opencv

package cv

/*
#include "bridge_contours.h"
*/
import "C"

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func contourOps() []op {
	return []op{
		{
			OpInfo: info("find_contours", "imgproc", "Find the outlines of what is not 0 in a gray picture, and measure each.", shapes(
				pipeline.Choice("mode", retrievalModes, "which outlines, and how they are nested"),
				pipeline.Choice("method", []string{"simple", "none", "tc89_l1", "tc89_kcos"}, "which points of an outline; simple keeps the ends of straight lines"),
				pipeline.Float("min_area", 0, 0, math.Inf(1), "outlines with a smaller area are left out"),
				pipeline.Float("max_area", 0, 0, math.Inf(1), "outlines with a larger area are left out; 0 for no limit"),
				pipeline.Float("epsilon", 0, 0, math.Inf(1), "points are those of a polygon that is this near (approxPolyDP), in pixels"),
				pipeline.Float("epsilon_ratio", 0, 0, 1, "epsilon as a part of the perimeter, such as 0.02"),
				maxCount(100, "the first that OpenCV tells"),
				pipeline.Int("max_points", 10000, 0, 1<<24, "how many points to tell at most; an outline that goes beyond has none"),
				pipeline.Bool("hull", false, "tell the convex hull of each, too"),
				pipeline.Bool("moments", false, "tell the moments of each, too"),
				pipeline.Bool("draw", false, "draw what was found"))...).
				WithReturns(passesDoc + `{"found": before the filter by area, "count": after it, "contours": [{"index", ` +
					`"hierarchy": [next, previous, child, parent], "area", "perimeter", "box": [x, y, width, height], ` +
					`"size": number of points, "points": [[x, y], ...], "convex", "min_area_rect": {"center", "size", "angle"}, ` +
					`"min_enclosing_circle": {"center", "radius"}, "fit_ellipse": {"center", "size", "angle"} from five points on, ` +
					`"hull": [[x, y], ...], "moments": {"m00", ...}}, ...]}: ` + countDoc).
				WithExample("gray | threshold auto=otsu | find_contours min_area=100 draw=true"),
			bind: findContours,
		}, {
			OpInfo: info("connected_components", "imgproc", "Find the connected parts of what is not 0 in a gray picture.", append(drawing(
				pipeline.Choice("connectivity", []string{"8", "4"}, "how many neighbours a pixel has"),
				pipeline.Int("min_area", 0, 0, math.MaxInt32, "parts with fewer pixels are left out"),
				pipeline.Int("max_area", 0, 0, math.MaxInt32, "parts with more pixels are left out; 0 for no limit"),
				maxCount(1000, "the first from above")),
				pipeline.Bool("labels", false, "make a picture of the label of each pixel, 0 for the background"))...).
				WithReturns(`the picture passes, or with draw=true the boxes are drawn on it, in bgr where it was gray, or with labels=true ` +
					`gray s32 of the same size; {"found": before the filter by area, "count": after it, ` +
					`"components": [{"label", "box": [x, y, width, height], "area", "centroid": [x, y]}, ...]}: ` + countDoc).
				WithExample("gray | threshold auto=otsu | connected_components min_area=50 draw=true"),
			bind: connectedComponents,
		},
	}
}

var retrievalModes = []string{"external", "list", "ccomp", "tree"} // in OpenCV's order

type (
	rotatedRect struct {
		Center spot    `json:"center"`
		Size   spot    `json:"size"`
		Angle  float32 `json:"angle"`
	}
	enclosingCircle struct {
		Center spot    `json:"center"`
		Radius float32 `json:"radius"`
	}
	contour struct {
		Index     int             `json:"index"`
		Hierarchy [4]int          `json:"hierarchy"`
		Area      float64         `json:"area"`
		Perimeter float64         `json:"perimeter"`
		Box       bbox            `json:"box"`
		Size      int             `json:"size"`
		Points    []pixel         `json:"points,omitempty"`
		Convex    bool            `json:"convex"`
		MinRect   rotatedRect     `json:"min_area_rect"`
		Circle    enclosingCircle `json:"min_enclosing_circle"`
		Ellipse   *rotatedRect    `json:"fit_ellipse,omitempty"`
		Hull      []pixel         `json:"hull,omitempty"`
		Moments   *moments        `json:"moments,omitempty"`

		outline []pixel // Points, also where there are too many to tell
	}
	contourList struct {
		Found    int       `json:"found"`
		Count    int       `json:"count"`
		Contours []contour `json:"contours"`
	}
)

func findContours(a pipeline.Args) (step, error) {
	if a.Float("epsilon") > 0 && a.Float("epsilon_ratio") > 0 {
		return step{}, wrong("epsilon_ratio epsilon", "takes epsilon or epsilon_ratio, not both")
	}
	largest, err := areas(a.Float("min_area"), a.Float("max_area"))
	if err != nil {
		return step{}, err
	}
	mode := index(retrievalModes, a.String("mode"))
	method := map[string]int{"none": 1, "simple": 2, "tc89_l1": 3, "tc89_kcos": 4}[a.String("method")]
	return finding[contourList]{
		takes: only(frame.FormatGray).of(frame.U8),
		find: func(src picture) (contourList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_find_contours(ptr(&src.Mat), C.int(mode), C.int(method), C.double(a.Float("min_area")),
					C.double(largest), C.double(a.Float("epsilon")), C.double(a.Float("epsilon_ratio")), C.int(a.Int("max_count")), out)
			})
			if err != nil {
				return contourList{}, err
			}
			list := contourList{t.int(), t.int(), all(t, t.contour)}
			list.trim(a)
			return list, nil
		},
		draw: func(m *gocv.Mat, found contourList, i ink) error {
			var outlines [][]pixel
			for _, c := range found.Contours {
				outlines = append(outlines, c.outline)
			}
			return drawContours(m, outlines, i)
		},
	}.step(a), nil
}

// areas returns the largest area for a filter.
func areas(low, high float64) (float64, error) {
	switch {
	case high == 0:
		return math.MaxFloat64, nil
	case high < low:
		return 0, wrong("max_area min_area", "max_area=%v is below min_area=%v", high, low)
	}
	return high, nil
}

func (t *tape) rotatedRect() rotatedRect { return rotatedRect{t.spot(), t.spot(), t.single()} }

func (t *tape) contour() contour {
	c := contour{Index: t.int(), Hierarchy: t.box(), Area: t.float(), Perimeter: t.float(), Box: t.box(), outline: all(t, t.point)}
	c.Size, c.Convex, c.Hull = len(c.outline), t.bool(), all(t, t.point)
	c.MinRect, c.Circle = t.rotatedRect(), enclosingCircle{t.spot(), t.single()}
	if e := t.rotatedRect(); e.isFinite() {
		c.Ellipse = &e
	}
	m := t.moments()
	c.Moments = &m
	return c
}

// isFinite reports whether there is a rectangle: of points on a line, no ellipse can be fitted.
func (r rotatedRect) isFinite() bool {
	sum := float64(r.Center[0]) + float64(r.Center[1]) + float64(r.Size[0]) + float64(r.Size[1]) + float64(r.Angle)
	return r != rotatedRect{} && !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// trim leaves out what was not asked for.
func (l contourList) trim(a pipeline.Args) {
	room := a.Int("max_points")
	for i := range l.Contours {
		c := &l.Contours[i]
		if c.Size <= room {
			c.Points = c.outline
			room -= c.Size
		}
		if !a.Bool("hull") {
			c.Hull = nil
		}
		if !a.Bool("moments") {
			c.Moments = nil
		}
	}
}

type (
	component struct {
		Label    int        `json:"label"`
		Box      bbox       `json:"box"`
		Area     int        `json:"area"`
		Centroid [2]float64 `json:"centroid"`
	}
	componentList struct {
		Found      int         `json:"found"`
		Count      int         `json:"count"`
		Components []component `json:"components"`
	}
)

func connectedComponents(a pipeline.Args) (step, error) {
	if a.Bool("draw") && a.Bool("labels") {
		return step{}, wrong("labels draw", "takes draw=true or labels=true, not both")
	}
	if _, err := areas(float64(a.Int("min_area")), float64(a.Int("max_area"))); err != nil {
		return step{}, err
	}
	takes := only(frame.FormatGray).of(frame.U8)
	if a.Bool("labels") {
		return step{takes: takes, shape: labelled, apply: func(src picture, dst *gocv.Mat) (any, error) {
			return components(a, src.Mat, dst)
		}}, nil
	}
	return finding[componentList]{
		takes: takes,
		find: func(src picture) (componentList, error) {
			labels := gocv.NewMat()
			defer labels.Close()
			return components(a, src.Mat, &labels)
		},
		draw: func(m *gocv.Mat, found componentList, i ink) error {
			for _, c := range found.Components {
				if err := drawBox(m, c.Box, i); err != nil {
					return err
				}
			}
			return nil
		},
	}.step(a), nil
}

// labelled is the shape of a picture of labels.
func labelled(in frame.Geometry) (frame.Geometry, error) {
	in.Format, in.Depth = frame.FormatGray, frame.S32
	return in, nil
}

func components(a pipeline.Args, src gocv.Mat, labels *gocv.Mat) (componentList, error) {
	connectivity := map[string]int{"8": 8, "4": 4}[a.String("connectivity")]
	t, err := find(func(out *C.numbers) *C.char {
		return C.bridge_components(ptr(&src), ptr(labels), C.int(connectivity), out)
	})
	if err != nil {
		return componentList{}, err
	}
	label := -1
	parts := all(t, func() component {
		label++
		return component{label, t.box(), t.int(), [2]float64{t.float(), t.float()}}
	})[1:] // the first is the background
	kept := make([]component, 0)
	for _, c := range parts {
		if high := a.Int("max_area"); c.Area >= a.Int("min_area") && (high == 0 || c.Area <= high) {
			kept = append(kept, c)
		}
	}
	return componentList{len(parts), len(kept), first(kept, a.Int("max_count"))}, nil
}
