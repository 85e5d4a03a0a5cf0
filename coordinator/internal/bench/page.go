package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Page is an HTML page with the table and its charts. It loads nothing.
func Page(results []Result) ([]byte, error) {
	if len(results) == 0 {
		return nil, fmt.Errorf("nothing was measured")
	}
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, struct {
		Title, Method         []string
		Results               []Result
		Rows                  []tableRow
		Throughput, Steps     barChart
		LatencyOne, LatencyAt lineChart
	}{
		strings.Split(title(results[0]), "\n"), Method, results, tableRows(results), throughput(results), stepTimes(results),
		latencies(results, func(r Result) []point { return r.curveOne }),
		latencies(results, func(r Result) []point { return r.curveLoad }),
	})
	return out.Bytes(), err
}

type tableRow struct {
	Name  string
	Cells []string
}

func tableRows(results []Result) []tableRow {
	var all []tableRow
	for _, line := range rows {
		r := tableRow{Name: line.name}
		for _, of := range results {
			r.Cells = append(r.Cells, line.of(of))
		}
		all = append(all, r)
	}
	return all
}

// barChart is horizontal bars, one below the other, in groups.
type barChart struct {
	Bars   []bar
	Height int
}

// Left and Labels are where bars begin and their names end.
func (barChart) Left() float64   { return barsAt }
func (barChart) Labels() float64 { return barsAt - 8 }

type bar struct {
	Label, Text, Class string
	Y                  int
	Width, TextX       float64
}

const (
	barHeight, groupGap = 22, 12
	barsAt, barsWidth   = 200.0, 460.0
)

// add puts a bar of a share (of 1) of the full width below the others.
func (c *barChart) add(label, text, class string, share float64) {
	w := barsWidth * min(max(share, 0), 1)
	c.Bars = append(c.Bars, bar{Label: label, Text: text, Class: class, Y: c.Height, Width: w, TextX: barsAt + w + 6})
	c.Height += barHeight
}

// throughput shows each size's sides as shares of the fastest at that size.
func throughput(results []Result) barChart {
	var c barChart
	for _, r := range results {
		most := max(r.BareFPS, r.FarmFPS, r.CopyFPS, 1e-9)
		for _, side := range []struct {
			name, class string
			fps         float64
		}{{"bare loop", "bare", r.BareFPS}, {"farm", "farm", r.FarmFPS}, {"farm, copied", "copy", r.CopyFPS}} {
			c.add(r.Size+" "+side.name, number(side.fps)+" frames/s", side.class, side.fps/most)
		}
		c.Height += groupGap
	}
	return c
}

// stepTimes shows the steps of each size as shares of the size's longest.
func stepTimes(results []Result) barChart {
	var c barChart
	for _, r := range results {
		most := 1e-9
		for _, s := range r.Steps {
			most = max(most, s.US)
		}
		for _, s := range r.Steps {
			c.add(r.Size+" "+s.Op, span(s.US), "farm", s.US/most)
		}
		c.Height += groupGap
	}
	return c
}

// lineChart is latency by percentile, a line for each size; both axes are logarithmic.
type lineChart struct {
	Lines  []line
	XTicks []axisTick
	YTicks []axisTick
}

type line struct {
	Name, Points, Class string
	NameX, NameY        float64
}

type axisTick struct {
	At   float64
	Text string
}

// Box is where the plot is.
func (lineChart) Box() struct{ Left, Right, Top, Bottom float64 } {
	return struct{ Left, Right, Top, Bottom float64 }{plotLeft, plotRight, plotTop, plotBottom}
}

const (
	plotLeft, plotRight, plotTop, plotBottom = 90.0, 660.0, 15.0, 255.0
)

// scale maps the logarithm of a range onto pixels.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	span := math.Log(s.high) - math.Log(s.low)
	return s.from + (s.to-s.from)*(math.Log(min(max(v, s.low), s.high))-math.Log(s.low))/span
}

func latencies(results []Result, of func(Result) []point) lineChart {
	x := scale{1, 10, plotLeft, plotRight} // of 1/(1-share): 1, 10, 100 are 0 %, 90 %, 99 %
	y := scale{math.Inf(1), 10, plotBottom, plotTop}
	for _, r := range results {
		for _, p := range of(r) {
			x.high = max(x.high, rarity(p))
			y.low, y.high = min(y.low, p.micros), max(y.high, p.micros)
		}
	}
	y.low = math.Pow(10, math.Floor(math.Log10(max(min(y.low, y.high/2), 0.1))))
	y.high = math.Pow(10, math.Ceil(math.Log10(y.high)))
	c := lineChart{XTicks: nines(x), YTicks: decades(y)}
	for i, r := range results {
		l := line{Name: r.Size, Class: fmt.Sprintf("line%d", i%6)}
		var points []string
		for _, p := range of(r) {
			l.NameX, l.NameY = x.at(rarity(p))+5, y.at(p.micros)
			points = append(points, fmt.Sprintf("%.1f,%.1f", l.NameX-5, l.NameY))
		}
		l.Points = strings.Join(points, " ")
		c.Lines = append(c.Lines, l)
	}
	return c
}

// rarity is one in how many frames is slower.
func rarity(p point) float64 { return 100 / max(100-p.percent, 1e-9) }

func nines(x scale) []axisTick {
	ticks := []axisTick{{x.at(2), "50 %"}}
	for v, text := 10.0, "90 %"; v <= x.high; v *= 10 {
		ticks = append(ticks, axisTick{x.at(v), text})
		switch text {
		case "90 %":
			text = "99 %"
		case "99 %":
			text = "99.9 %"
		default:
			text = strings.TrimSuffix(text, " %") + "9 %"
		}
	}
	return ticks
}

func decades(y scale) []axisTick {
	var ticks []axisTick
	for v := y.low; v <= y.high*1.001; v *= 10 {
		ticks = append(ticks, axisTick{y.at(v), span(v)})
	}
	return ticks
}
