//go:build opencv

package cv

/*
#include "bridge_lines.h"
*/
import "C"

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func lineOps() []op {
	return []op{
		{
			OpInfo: info("hough_lines", "imgproc", "Find straight lines in a picture of edges.", drawing(
				rhoParam(), thetaParam(), votesParam(100),
				pipeline.Float("srn", 0, 0, 100, "divides rho in a second, finer search, 1 and more; 0 in both for none"),
				pipeline.Float("stn", 0, 0, 100, "divides theta in a second, finer search, 1 and more; 0 in both for none"),
				pipeline.Float("min_theta", 0, 0, math.Pi, "the least angle, in radians"),
				pipeline.Float("max_theta", math.Pi, 0, math.Pi, "the largest angle, in radians"),
				maxCount(100, "those with the most votes"))...).
				WithReturns(passesDoc + `{"count", "lines": [{"rho", "theta", "votes"}, ...]}: ` + countDoc).
				WithExample("gray | canny | hough_lines threshold=120 draw=true"),
			bind: houghLines,
		}, {
			OpInfo: info("hough_lines_p", "imgproc", "Find pieces of straight lines in a picture of edges.", drawing(
				rhoParam(), thetaParam(), votesParam(50),
				pipeline.Float("minLineLength", 0, 0, frame.MaxSide, "shorter pieces are left out"),
				pipeline.Float("maxLineGap", 0, 0, frame.MaxSide, "a gap up to this does not end a piece"),
				maxCount(1000, "the first that are found"))...).
				WithReturns(passesDoc + `{"count", "lines": [[x1, y1, x2, y2], ...]}: ` + countDoc).
				WithExample("gray | canny | hough_lines_p minLineLength=30 draw=true"),
			bind: houghLinesP,
		}, {
			OpInfo: info("hough_circles", "imgproc", "Find circles in a gray picture.", drawing(
				pipeline.Choice("method", []string{"gradient", "gradient_alt"}, "how to search"),
				pipeline.Float("dp", 1, 1, 1000, "by how much the accumulator is coarser than the picture"),
				pipeline.Float("minDist", 20, 0.1, frame.MaxSide, "least distance between centres"),
				pipeline.Float("param1", 100, 1, 1e6, "upper threshold of the edges"),
				pipeline.Float("param2", 100, 0.01, 1e6, "votes that a centre needs; roundness, such as 0.9, for gradient_alt"),
				pipeline.Int("minRadius", 0, 0, frame.MaxSide, "least radius"),
				pipeline.Int("maxRadius", 0, -1, frame.MaxSide, "largest radius; 0 for any, -1 for centres alone"),
				maxCount(100, "those with the most votes"))...).
				WithReturns(passesDoc + `{"count", "circles": [{"center": [x, y], "radius", "votes"}, ...]}: ` + countDoc).
				WithExample("gray | median_blur | hough_circles param2=40 minRadius=5 draw=true"),
			bind: houghCircles,
		}, {
			OpInfo: info("line_segment_detector", "imgproc", "Find pieces of straight lines in a gray picture, without parameters to tune.",
				drawing(
					pipeline.Choice("refine", []string{"std", "none", "adv"}, "adv tells false alarms, too"),
					pipeline.Float("scale", 0.8, 0.1, 4, "by how much the picture is scaled first"),
					pipeline.Float("sigma_scale", 0.6, 0.01, 10, "the filter's sigma is this by scale"),
					pipeline.Float("quant", 2, 0, 255, "error bound of the gradient"),
					pipeline.Float("ang_th", 22.5, 1, 179, "tolerance of the gradient's angle, in degrees"),
					pipeline.Float("log_eps", 0, -100, 100, "detection threshold of adv"),
					pipeline.Float("density_th", 0.7, 0, 0.99, "least density of aligned pixels"),
					pipeline.Int("n_bins", 1024, 1, 1<<16, "bins of the gradient's order"),
					maxCount(1000, "the first that are found"))...).
				WithReturns(passesDoc + `{"count", "lines": [{"line": [x1, y1, x2, y2], "width", "prec", "nfa"}, ...]}, nfa with refine=adv: ` + countDoc).
				WithExample("gray | line_segment_detector draw=true"),
			bind: lineSegments,
		},
	}
}

func rhoParam() pipeline.Param {
	return pipeline.Float("rho", 1, 0.01, frame.MaxSide, "resolution of the distance, in pixels")
}

func thetaParam() pipeline.Param {
	return pipeline.Float("theta", math.Pi/180, 1e-3, math.Pi, "resolution of the angle, in radians; a degree unless told")
}

func votesParam(def int) pipeline.Param {
	return pipeline.Int("threshold", def, 1, math.MaxInt32, "least number of votes")
}

// maxCells bounds the accumulator of a Hough transform: 256 MB.
const maxCells = 1 << 26

// accumulator checks the memory that a Hough transform of lines needs, and that OpenCV stays within it: where there are few
// distances it does not.
func accumulator(rho, theta, span float64) func(frame.Geometry) error {
	return func(in frame.Geometry) error {
		w, h := float64(in.Width), float64(in.Height)
		distances := math.RoundToEven((2*(w+h) + 1) / rho)
		zero := math.Floor((distances - 1) / 2)
		if zero < math.Ceil(w/rho) || zero+math.Ceil(math.Hypot(w, h)/rho) >= distances {
			return wrong("rho", "rho=%v is too large for %v", rho, in)
		}
		if cells := (span/theta + 3) * (distances + 2); cells > maxCells {
			return wrong("rho theta", "rho=%v theta=%v of %v needs %.0f cells, more than %d: take larger ones", rho, theta, in, cells, maxCells)
		}
		return nil
	}
}

// rounded is the pixel of a place, halves to even as in OpenCV.
func rounded(x, y float64) pixel { return pixel{int(math.RoundToEven(x)), int(math.RoundToEven(y))} }

type (
	// houghLine is a line at distance rho from the upper left corner, theta from the x axis to its normal.
	houghLine struct {
		Rho   float32 `json:"rho"`
		Theta float32 `json:"theta"`
		Votes float32 `json:"votes"`
	}
	houghLineList struct {
		Count int         `json:"count"`
		Lines []houghLine `json:"lines"`
	}
)

func houghLines(a pipeline.Args) (step, error) {
	rho, theta := a.Float("rho"), a.Float("theta")
	low, high := a.Float("min_theta"), a.Float("max_theta")
	if low >= high {
		return step{}, wrong("min_theta max_theta", "min_theta=%v is not below max_theta=%v", low, high)
	}
	srn, stn := a.Float("srn"), a.Float("stn")
	if srn+stn > 0 && min(srn, stn) < 1 { // OpenCV rounds, and with one of them 0 reads outside of a table that is empty
		return step{}, wrong("stn srn", "srn=%v stn=%v is not allowed: both are 0, or both 1 and more", srn, stn)
	}
	fine := max(srn, stn, 1)
	return finding[houghLineList]{
		takes: only(frame.FormatGray).of(frame.U8),
		check: func(in frame.Geometry) error {
			if srn > 0 && math.Hypot(float64(in.Width), float64(in.Height)) < rho { // its table would be empty
				return wrong("rho", "rho=%v is too large for %v with srn=%v", rho, in, srn)
			}
			return accumulator(rho/fine, theta/fine, high-low)(in)
		},
		find: func(src picture) (houghLineList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_hough_lines(ptr(&src.Mat), C.double(rho), C.double(theta), C.int(a.Int("threshold")),
					C.double(srn), C.double(stn), C.double(low), C.double(high), out)
			})
			switch {
			case err != nil && srn > 0 && !lacksMemory(err):
				return houghLineList{}, wrong("srn stn", "srn=%v stn=%v: in a line of this picture OpenCV's finer search leaves its table: "+
					"leave both 0", srn, stn)
			case err != nil:
				return houghLineList{}, err
			}
			lines := all(t, func() houghLine { return houghLine{t.single(), t.single(), t.single()} })
			return houghLineList{len(lines), first(lines, a.Int("max_count"))}, nil
		},
		draw: func(m *gocv.Mat, found houghLineList, i ink) error {
			for _, l := range found.Lines {
				if err := l.draw(m, i); err != nil {
					return err
				}
			}
			return nil
		},
	}.step(a), nil
}

// draw draws the line as far as the picture reaches.
func (l houghLine) draw(m *gocv.Mat, i ink) error {
	sin, cos := math.Sincos(float64(l.Theta))
	x, y, reach := cos*float64(l.Rho), sin*float64(l.Rho), float64(m.Cols()+m.Rows())
	return drawLine(m, rounded(x-reach*sin, y+reach*cos), rounded(x+reach*sin, y-reach*cos), i)
}

type lineList struct {
	Count int      `json:"count"`
	Lines [][4]int `json:"lines"`
}

func houghLinesP(a pipeline.Args) (step, error) {
	rho, theta := a.Float("rho"), a.Float("theta")
	return finding[lineList]{
		takes: only(frame.FormatGray).of(frame.U8),
		check: accumulator(rho, theta, math.Pi),
		find: func(src picture) (lineList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_hough_lines_p(ptr(&src.Mat), C.double(rho), C.double(theta), C.int(a.Int("threshold")),
					C.double(a.Float("minLineLength")), C.double(a.Float("maxLineGap")), out)
			})
			if err != nil {
				return lineList{}, err
			}
			lines := all(t, func() [4]int { return t.box() })
			return lineList{len(lines), first(lines, a.Int("max_count"))}, nil
		},
		draw: func(m *gocv.Mat, found lineList, i ink) error {
			for _, l := range found.Lines {
				if err := drawLine(m, pixel{l[0], l[1]}, pixel{l[2], l[3]}, i); err != nil {
					return err
				}
			}
			return nil
		},
	}.step(a), nil
}

type (
	houghCircle struct {
		Center spot    `json:"center"`
		Radius float32 `json:"radius"`
		Votes  float32 `json:"votes"`
	}
	circleList struct {
		Count   int           `json:"count"`
		Circles []houghCircle `json:"circles"`
	}
)

func houghCircles(a pipeline.Args) (step, error) {
	method := C.int(3) // HOUGH_GRADIENT
	if a.String("method") == "gradient_alt" {
		method = 4 // HOUGH_GRADIENT_ALT, which gocv does not name
		if a.Float("param2") >= 1 {
			return step{}, wrong("param2", "param2=%v is not allowed: with method=gradient_alt it is below 1, such as 0.9", a.Float("param2"))
		}
	}
	return finding[circleList]{
		takes: only(frame.FormatGray).of(frame.U8),
		find: func(src picture) (circleList, error) {
			t, err := find(func(out *C.numbers) *C.char {
				return C.bridge_hough_circles(ptr(&src.Mat), method, C.double(a.Float("dp")), C.double(a.Float("minDist")),
					C.double(a.Float("param1")), C.double(a.Float("param2")), C.int(a.Int("minRadius")), C.int(a.Int("maxRadius")), out)
			})
			if err != nil {
				return circleList{}, err
			}
			circles := all(t, func() houghCircle { return houghCircle{t.spot(), t.single(), t.single()} })
			return circleList{len(circles), first(circles, a.Int("max_count"))}, nil
		},
		draw: func(m *gocv.Mat, found circleList, i ink) error {
			for _, c := range found.Circles {
				radius := int(math.RoundToEven(float64(c.Radius)))
				if err := drawCircle(m, rounded(float64(c.Center[0]), float64(c.Center[1])), radius, i); err != nil {
					return err
				}
			}
			return nil
		},
	}.step(a), nil
}
