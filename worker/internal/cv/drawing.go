//go:build opencv

package cv

import (
	"math"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

func drawingOps() []op {
	return []op{
		{
			OpInfo: info("line", "imgproc", "Draw a line.", strokes(
				pointParam("pt1", "0,0", "where it begins"), pointParam("pt2", "100,100", "where it ends"))...).
				WithExample("line pt1=10,10 pt2=200,100 color=0,0,255 thickness=3"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				from, to, err := twoPoints(a, "pt1", "pt2")
				return func(m *gocv.Mat, _ picture) error { return drawLine(m, from, to, i) }, err
			}),
		}, {
			OpInfo: info("arrowed_line", "imgproc", "Draw an arrow.", strokes(
				pointParam("pt1", "0,0", "where it begins"), pointParam("pt2", "100,100", "where its tip is"),
				pipeline.Float("tipLength", 0.1, 0, 1, "length of the tip, as a part of the arrow"))...).
				WithExample("arrowed_line pt1=10,10 pt2=200,100 tipLength=0.2"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				from, to, err := twoPoints(a, "pt1", "pt2")
				tip := a.Float("tipLength")
				return func(m *gocv.Mat, _ picture) error { return drawArrow(m, from, to, tip, i) }, err
			}),
		}, {
			OpInfo: info("rectangle", "imgproc", "Draw a rectangle.", shapes(
				pointParam("pt1", "0,0", "a corner"), pointParam("pt2", "100,100", "the opposite corner"))...).
				WithExample("rectangle pt1=10,10 pt2=200,100 thickness=-1"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				from, to, err := twoPoints(a, "pt1", "pt2")
				return func(m *gocv.Mat, _ picture) error { return drawRectangle(m, from, to, i) }, err
			}),
		}, {
			OpInfo: info("circle", "imgproc", "Draw a circle.", shapes(
				pointParam("center", "50,50", "its centre"),
				pipeline.Int("radius", 25, 0, maxCoordinate, "its radius"))...).
				WithExample("circle center=100,80 radius=40 lineType=aa"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				center, err := pointOf(a, "center")
				radius := a.Int("radius")
				return func(m *gocv.Mat, _ picture) error { return drawCircle(m, center, radius, i) }, err
			}),
		}, {
			OpInfo: info("ellipse", "imgproc", "Draw an ellipse, or an arc of one.", shapes(
				pointParam("center", "50,50", "its centre"), pointParam("axes", "40,20", "half the length of each axis"),
				degrees("angle", 0, "by how much it is turned, clockwise"),
				degrees("startAngle", 0, "where the arc begins"), degrees("endAngle", 360, "where the arc ends"))...).
				WithExample("ellipse center=100,80 axes=60,30 angle=30"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				center, axes, err := twoPoints(a, "center", "axes")
				angle, start, end := a.Float("angle"), a.Float("startAngle"), a.Float("endAngle")
				if err == nil && (axes[0] < 0 || axes[1] < 0) {
					err = wrong("axes", "axes=%d,%d: neither may be below 0", axes[0], axes[1])
				}
				return func(m *gocv.Mat, _ picture) error { return drawEllipse(m, center, axes, angle, start, end, i) }, err
			}),
		}, {
			OpInfo: info("polylines", "imgproc", "Draw the lines between points.", strokes(pointsParam(),
				pipeline.Bool("isClosed", true, "draw a line from the last to the first, too"))...).
				WithExample("polylines pts=10,10/100,20/60,90 isClosed=true"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				pts, err := pointsOf(a, "pts")
				closed := a.Bool("isClosed")
				return func(m *gocv.Mat, _ picture) error { return drawPolygon(m, pts, closed, i) }, err
			}),
		}, {
			OpInfo: info("fill_poly", "imgproc", "Fill a polygon.", pointsParam(), colorParam(green), lineTypeParam()).
				WithExample("fill_poly pts=10,10/100,20/60,90 color=255,255,255"),
			bind: func(a pipeline.Args) (step, error) {
				pts, err := pointsOf(a, "pts")
				i := ink{color: scalarOf(a, "color"), lineType: lineTypes[a.String("lineType")]}
				s := paints(func(m *gocv.Mat, _ picture) error { return fillPolygon(m, pts, i) })
				s.fits = forColor(a)
				return s, err
			},
		}, {
			OpInfo: info("draw_marker", "imgproc", "Draw a marker at a point.", strokes(
				pointParam("position", "50,50", "where"),
				pipeline.Choice("markerType", markerTypes, "its form"),
				pipeline.Int("markerSize", 20, 1, maxCoordinate, "its size"))...).
				WithExample("draw_marker position=100,80 markerType=star"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				at, err := pointOf(a, "position")
				kind, size := index(markerTypes, a.String("markerType")), a.Int("markerSize")
				return func(m *gocv.Mat, _ picture) error { return drawMarker(m, at, kind, size, i) }, err
			}),
		}, {
			OpInfo: info("draw_grid", "imgproc", "Draw lines at equal distances over the whole picture.", strokes(
				pipeline.SizeOf("cell", "50", 1, frame.MaxSide, "width and height of a cell"))...).
				WithExample("draw_grid cell=64x48 color=128"),
			bind: draws(func(a pipeline.Args, i ink) (painter, error) {
				cell := a.Size("cell")
				return func(m *gocv.Mat, _ picture) error { return drawGrid(m, cell.Width, cell.Height, i) }, nil
			}),
		}, {
			OpInfo: info("put_text", "imgproc", "Write a text.", strokes(
				pipeline.String("text", "%d", "what to write, in ASCII; %d is the index of the frame, %06d with zeros before it, "+
					"%% a percent sign"),
				pointParam("org", "10,30", "the lower left corner of the text"), fontParam(), fontScaleParam(),
				pipeline.Bool("bottomLeftOrigin", false, "the origin of the picture is its lower left corner"))...).
				WithReturns(`a picture of the same size, format and depth; {"text", "size": [width, height], "baseline"}`).
				WithExample(`put_text text="frame %04d" org=10,40 color=255,255,255 thickness=2 lineType=aa`),
			bind: putTextStep,
		},
	}
}

// maxCoordinate bounds what is drawn: far beyond any picture, far below what overflows.
const maxCoordinate = 1 << 20

var (
	lineTypes   = map[string]gocv.LineType{"8": gocv.Line8, "4": gocv.Line4, "aa": gocv.LineAA}
	markerTypes = []string{"cross", "tilted_cross", "star", "diamond", "square", "triangle_up", "triangle_down"} // in OpenCV's order
	fonts       = []string{"simplex", "plain", "duplex", "complex", "triplex", "complex_small", "script_simplex", "script_complex"}
)

// index is the number that OpenCV gives to a choice.
func index(choices []string, choice string) int {
	for i, c := range choices {
		if c == choice {
			return i
		}
	}
	return 0
}

// painter draws on m, which holds a copy of src.
type painter func(m *gocv.Mat, src picture) error

// draws makes the bind of an op that draws with an ink.
func draws(bind func(a pipeline.Args, i ink) (painter, error)) func(pipeline.Args) (step, error) {
	return func(a pipeline.Args) (step, error) {
		p, err := bind(a, inkOf(a))
		s := paints(p)
		s.fits = forColor(a)
		return s, err
	}
}

// paints makes a step that paints on a copy of the picture.
func paints(p painter) step {
	return step{takes: drawable(), apply: func(src picture, dst *gocv.Mat) (any, error) {
		if err := src.CopyTo(dst); err != nil {
			return nil, err
		}
		return nil, p(dst, src)
	}}
}

// drawable is what OpenCV draws on.
func drawable() input {
	return input{}.of(numeric...)
}

func strokes(own ...pipeline.Param) []pipeline.Param {
	return append(own, colorParam(green), thicknessParam(1, 1), lineTypeParam())
}

// shapes are strokes that may be filled.
func shapes(own ...pipeline.Param) []pipeline.Param {
	return append(own, colorParam(green), thicknessParam(1, -1), lineTypeParam())
}

func colorParam(def string) pipeline.Param {
	return pipeline.Scalar("color", def, "in the order of the channels: blue, green, red, alpha; of a gray picture the first counts, "+
		"for one with alpha all four must be there")
}

// green is opaque where there is an alpha. In pictures with fewer channels OpenCV takes the first numbers.
const green = "0,255,0,255"

// forColor is a fits for what draws. OpenCV takes the numbers that a colour lacks for 0, which makes a hole where there is an alpha.
func forColor(a pipeline.Args) func(frame.Geometry) error {
	whole := forWhole(a, "color")
	return func(in frame.Geometry) error {
		if n := len(a.Floats("color")); n > 1 && n < 4 && in.Format.Channels() == 4 {
			return wrong("color", "color has %d numbers, %v has 4 channels: give all four, the last is alpha, 255 for opaque in u8", n, in)
		}
		return whole(in)
	}
}

// forColorOver is forColor for what draws on a gray picture in colour.
func forColorOver(a pipeline.Args) func(frame.Geometry) error {
	fits := forColor(a)
	return func(in frame.Geometry) error {
		if in.Format == frame.FormatGray {
			in.Format = frame.FormatBGR
		}
		return fits(in)
	}
}

// forWhole is a fits: of the scalars of these names none has a number for some channels only. More than there are do no harm.
func forWhole(a pipeline.Args, names ...string) func(frame.Geometry) error {
	return func(in frame.Geometry) error {
		for _, name := range names {
			if v := a.Floats(name); len(v) < in.Format.Channels() {
				if _, err := perChannel(name, v, in); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func thicknessParam(def, low int) pipeline.Param {
	doc := "of lines, in pixels"
	if low < 0 {
		doc += "; -1 fills"
	}
	return pipeline.Int("thickness", def, low, 1000, doc)
}

func lineTypeParam() pipeline.Param {
	return pipeline.Choice("lineType", []string{"8", "4", "aa"}, "which neighbours are connected; aa is smooth, in u8 only")
}

func degrees(name string, def float64, doc string) pipeline.Param {
	return pipeline.Float(name, def, -36000, 36000, doc+", in degrees")
}

func pointParam(name, def, doc string) pipeline.Param {
	return pipeline.Floats(name, def, []int{2}, -maxCoordinate, maxCoordinate, doc+": x,y in whole pixels")
}

func pointsParam() pipeline.Param {
	return pipeline.Points("pts", "10,10/100,10/100,100", -maxCoordinate, maxCoordinate, "x,y of each, in whole pixels")
}

func fontParam() pipeline.Param {
	return pipeline.Choice("fontFace", fonts, "Hershey's font")
}

func fontScaleParam() pipeline.Param {
	return pipeline.Float("fontScale", 1, 0.01, 1000, "factor of the font's own size, about 22 pixels")
}

// inkOf reads the parameters of strokes or shapes. With thickness 0 OpenCV draws nothing or a line, by the op.
func inkOf(a pipeline.Args) ink {
	return ink{scalarOf(a, "color"), a.Int("thickness"), lineTypes[a.String("lineType")]}
}

// scalarOf reads a colour. One number is for all channels.
func scalarOf(a pipeline.Args, name string) (out [4]float64) {
	list := a.Floats(name)
	if len(list) == 1 {
		return [4]float64{list[0], list[0], list[0], list[0]}
	}
	copy(out[:], list)
	return out
}

func pointOf(a pipeline.Args, name string) (pixel, error) {
	list := a.Floats(name)
	return wholePoint(name, list[0], list[1])
}

func wholePoint(name string, x, y float64) (pixel, error) {
	if x != math.Trunc(x) || y != math.Trunc(y) {
		return pixel{}, wrong(name, "%s=%v,%v is not allowed: it takes whole pixels", name, x, y)
	}
	return pixel{int(x), int(y)}, nil
}

func twoPoints(a pipeline.Args, first, second string) (p, q pixel, err error) {
	if p, err = pointOf(a, first); err == nil {
		q, err = pointOf(a, second)
	}
	return p, q, err
}

func pointsOf(a pipeline.Args, name string) ([]pixel, error) {
	m := a.Matrix(name)
	list := make([]pixel, m.Rows)
	for i := range list {
		p, err := wholePoint(name, m.Values[2*i], m.Values[2*i+1])
		if err != nil {
			return nil, err
		}
		list[i] = p
	}
	return list, nil
}
