package record

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// drawing is an SVG under construction. Colours come from the page's style
// sheet, so that it follows the reader's light or dark.
type drawing struct {
	b             strings.Builder
	width, height float64
}

func newDrawing(width, height float64, title string) *drawing {
	d := &drawing{width: width, height: height}
	fmt.Fprintf(&d.b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(title))
	return d
}

func (d *drawing) done() template.HTML {
	d.b.WriteString("</svg>")
	return template.HTML(d.b.String())
}

func (d *drawing) text(x, y float64, class, text string) {
	fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, html.EscapeString(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (d *drawing) rect(x, y, w, h float64, class string) {
	fmt.Fprintf(&d.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s"/>`, x, y, w, h, class)
}

// Geometry of a chart of ratios.
const (
	barsWidth = 560
	barsLeft  = 122
	barsRight = 420
	barsTop   = 24
	barsRow   = 20
	barsLow   = 0.01 // left end of the axis
	barsHigh  = 10
)

// place is where a ratio lies on the axis.
func place(ratio float64) float64 {
	ratio = min(max(ratio, barsLow), barsHigh)
	return barsLeft + (barsRight-barsLeft)*math.Log(ratio/barsLow)/math.Log(barsHigh/barsLow)
}

// bar is one rival in a chart of ratios.
type bar struct {
	name, value string // what it needed itself
	ratio       Ratio
	missing     string
}

// drawBars draws the ratios of lookaside to each rival on a logarithmic axis:
// to the left of 1 where lookaside needs less.
func drawBars(title string, bars []bar) template.HTML {
	d := newDrawing(barsWidth, barsTop+barsRow*float64(len(bars))+6, title)
	bottom := d.height - 4
	for _, tick := range []float64{0.01, 0.1, 0.5, 1, 2, 10} {
		class := "grid"
		if tick == 1 {
			class = "one"
		}
		d.line(place(tick), barsTop-6, place(tick), bottom, class)
		d.text(place(tick), barsTop-10, "tick", fmt.Sprintf("%g", tick))
	}
	d.text(barsRight+62, barsTop-10, "tick end", "ratio")
	d.text(barsWidth-2, barsTop-10, "tick end", "needs")
	for i, x := range bars {
		y := barsTop + barsRow*float64(i)
		d.text(barsLeft-8, y+14, "name", x.name)
		if x.missing != "" {
			d.text(barsLeft+6, y+14, "none", x.missing)
			continue
		}
		from, to, class := place(x.ratio.Median), place(1), "less"
		if from > to {
			from, to, class = to, from, "more"
		}
		d.rect(from, y+4, max(to-from, 1), barsRow-8, class)
		d.line(place(x.ratio.Min), y+barsRow/2, place(x.ratio.Max), y+barsRow/2, "spread")
		d.text(barsRight+62, y+14, "figure", ratioText(x.ratio.Median))
		d.text(barsWidth-2, y+14, "figure", x.value)
	}
	return d.done()
}

// Geometry of a chart of lines.
const (
	plotWidth  = 860
	plotHeight = 340
	plotLeft   = 74
	plotRight  = 690
	plotTop    = 12
	plotBottom = 300
)

// curve is one line of a chart.
type curve struct {
	name   string
	class  string // colour
	points [][2]float64
}

// axis maps values to the plot.
type axis struct {
	low, high float64
	log       bool
	ticks     []float64
	label     func(float64) string
}

// share is how far a value lies between the axis' ends.
func (a *axis) share(v float64) float64 {
	if a.log {
		return math.Log(max(v, a.low)/a.low) / math.Log(a.high/a.low)
	}
	return (v - a.low) / (a.high - a.low)
}

// drawCurves draws lines with their names beside the chart, ordered as the lines
// end.
func drawCurves(title string, x, y axis, curves []curve) template.HTML {
	d := newDrawing(plotWidth, plotHeight, title)
	atX := func(v float64) float64 { return plotLeft + (plotRight-plotLeft)*x.share(v) }
	atY := func(v float64) float64 { return plotBottom - (plotBottom-plotTop)*y.share(v) }
	for _, t := range y.ticks {
		d.line(plotLeft, atY(t), plotRight, atY(t), "grid")
		d.text(plotLeft-8, atY(t)+4, "name", y.label(t))
	}
	for _, t := range x.ticks {
		d.line(atX(t), plotTop, atX(t), plotBottom, "grid")
		d.text(atX(t), plotBottom+18, "tick", x.label(t))
	}
	// What is higher than the chart is cut off; a nested svg does that.
	fmt.Fprintf(&d.b, `<svg x="0" y="%d" width="%d" height="%d" viewBox="0 %d %d %d" overflow="hidden">`,
		plotTop-3, plotWidth, plotBottom-plotTop+6, plotTop-3, plotWidth, plotBottom-plotTop+6)
	for i := len(curves) - 1; i >= 0; i-- { // the first is drawn last, on top
		c := curves[i]
		var path strings.Builder
		for _, p := range c.points {
			fmt.Fprintf(&path, "%.1f,%.1f ", atX(p[0]), atY(p[1]))
		}
		fmt.Fprintf(&d.b, `<polyline points="%s" class="curve %s"><title>%s</title></polyline>`, strings.TrimSpace(path.String()), c.class, html.EscapeString(c.name))
	}
	d.b.WriteString("</svg>")
	for i, c := range curves {
		y := plotTop + 8 + 20*float64(i)
		d.line(plotRight+14, y, plotRight+38, y, "curve "+c.class)
		d.text(plotRight+46, y+4, "legend", c.name)
	}
	return d.done()
}

// linear is an axis from 0 with about five ticks.
func linear(high float64, label func(float64) string) axis {
	step := math.Pow(2, math.Ceil(math.Log2(max(high, 1)/6)))
	a := axis{high: max(high, 1) * 1.02, label: label}
	for t := 0.0; t <= a.high; t += step {
		a.ticks = append(a.ticks, t)
	}
	return a
}

// logarithmic is an axis over powers of ten.
func logarithmic(low, high float64, label func(float64) string) axis {
	a := axis{low: math.Pow(10, math.Floor(math.Log10(max(low, 1)))), log: true, label: label}
	a.high = math.Pow(10, math.Ceil(math.Log10(max(high, a.low*10))))
	for t := a.low; t <= a.high*1.001; t *= 10 {
		a.ticks = append(a.ticks, t)
	}
	return a
}
