package record

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// view is what the page shows.
type view struct {
	*Record
	Day      string
	Verdicts []verdictRow
	Rivals   []Contender // those that were measured
	Missing  []Contender
	Glance   []glanceRow
	Groups   []groupView
	Curves   []chart
	Tables   []table
}

type verdictRow struct{ Title, AtMost, Ratio, Rivals, Class, Mark string }

type glanceRow struct {
	Name, Title, Metric string
	Own                 string
	Cells               []cell
}

type cell struct{ Text, Class, Note string }

type groupView struct {
	Name   string
	Charts []chart
}

type chart struct {
	Name, Title, Params, Note string
	Drawing                   template.HTML
}

// table has the figures of a work with several metrics.
type table struct {
	Name, Title string
	Head        []string
	Rows        [][]string
}

// WriteHTML writes the page.
func (r *Record) WriteHTML(w io.Writer) error {
	v := &view{Record: r, Day: r.Date.UTC().Format("2 January 2006")}
	for _, c := range r.Contenders {
		switch {
		case c.Missing != "":
			v.Missing = append(v.Missing, c)
		case c.Name != Self:
			v.Rivals = append(v.Rivals, c)
		}
	}
	v.verdicts()
	for i := range r.Works {
		w := &r.Works[i]
		v.glance(w)
		v.bars(w)
		v.curves(w)
		if len(w.Metrics()) > 1 {
			v.Tables = append(v.Tables, figures(w))
		}
	}
	return page.Execute(w, v)
}

func (v *view) verdicts() {
	for _, x := range v.Judge() {
		row := verdictRow{Title: x.Title, AtMost: fmt.Sprintf("%g", x.AtMost), Ratio: x.Why, Class: "unknown", Mark: "not measured"}
		if x.Measured {
			row.Ratio, row.Class, row.Mark = x.Ratio.Text(), "missed", "not met"
			if x.Met() {
				row.Class, row.Mark = "met", "met"
			}
			row.Rivals = rivalsText(x.Rivals)
		}
		v.Verdicts = append(v.Verdicts, row)
	}
}

// rivalsText names each once.
func rivalsText(names []string) string {
	out := ""
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] && out != "" {
			out += ", "
		}
		if !seen[n] {
			out += n
		}
		seen[n] = true
	}
	return out
}

// glance adds the work's line to the table of all ratios.
func (v *view) glance(w *Work) {
	metric := w.Main()
	row := glanceRow{Name: w.Name, Title: w.Title, Metric: metric, Own: "–"}
	if own := w.Result(Self); own != nil && len(own.Values[metric]) > 0 {
		row.Own = ValueText(metric, Median(own.Values[metric]))
	}
	for _, c := range v.Rivals {
		x, ok := w.Ratio(c.Name, metric)
		if !ok {
			row.Cells = append(row.Cells, cell{Text: "·", Class: "unknown"})
			continue
		}
		row.Cells = append(row.Cells, cell{ratioText(x.Median), shade(x.Median), c.Name + ": " + x.Text()})
	}
	v.Glance = append(v.Glance, row)
}

// shade is the colour of a ratio: how far it is from 1 in doublings.
func shade(ratio float64) string {
	steps := math.Log2(ratio)
	switch {
	case steps < -2:
		return "less3"
	case steps < -0.6:
		return "less2"
	case steps < -0.07:
		return "less1"
	case steps <= 0.07:
		return "same"
	case steps <= 0.6:
		return "more1"
	case steps <= 2:
		return "more2"
	}
	return "more3"
}

// bars adds the chart of the work's ratios to its group.
func (v *view) bars(w *Work) {
	metric := w.Main()
	own := w.Result(Self)
	if own == nil || len(own.Values[metric]) == 0 {
		return
	}
	var all []bar
	for _, c := range v.Rivals {
		r := w.Result(c.Name)
		if r == nil {
			continue
		}
		b := bar{name: c.Name, missing: r.Failed}
		if x, ok := w.Ratio(c.Name, metric); ok {
			b.ratio, b.value = x, ValueText(metric, Median(r.Values[metric]))
		} else if b.missing == "" {
			b.missing = "nothing to divide by"
		}
		all = append(all, b)
	}
	c := chart{Name: w.Name, Title: capital(w.Title), Params: w.Kind + " " + w.ParamText()}
	c.Note = fmt.Sprintf("%s of %s: %s %s", metric, Self, ValueText(metric, Median(own.Values[metric])), per(w, metric))
	c.Drawing = drawBars(w.Name, all)
	if n := len(v.Groups); n == 0 || v.Groups[n-1].Name != w.Group {
		v.Groups = append(v.Groups, groupView{Name: w.Group})
	}
	g := &v.Groups[len(v.Groups)-1]
	g.Charts = append(g.Charts, c)
}

func per(w *Work, metric string) string {
	if metric == "time" {
		return "per " + w.Unit
	}
	return ""
}

// curves adds the work's distribution of durations and its resident memory, in
// one chart beside the allocators in C and in one beside those called from Go.
func (v *view) curves(w *Work) {
	for _, side := range []struct {
		title string
		in    func(language string) bool
	}{
		{"beside C", func(l string) bool { return l == "c" }},
		{"beside others called from Go", func(l string) bool { return l != "c" }},
	} {
		var names []string
		for _, c := range v.Contenders {
			if c.Name == Self || side.in(c.Language) && w.Result(c.Name) != nil {
				names = append(names, c.Name)
			}
		}
		if len(names) > 1 || side.in("c") {
			v.tails(w, side.title, names)
			v.memory(w, side.title, names)
		}
	}
}

// class is the colour of the i-th curve of a chart.
func class(name string, i int) string {
	if name == Self {
		return "self"
	}
	return fmt.Sprintf("c%d", i)
}

func (v *view) tails(w *Work, side string, names []string) {
	var all []curve
	longest, shortest := 0.0, math.Inf(1)
	for i, name := range names {
		if r := w.Result(name); r != nil && len(r.Bins) > 0 {
			points := tail(r)
			all = append(all, curve{name, class(name, i), points})
			longest = max(longest, points[len(points)-1][1])
			shortest = min(shortest, points[0][1])
		}
	}
	if len(all) == 0 {
		return
	}
	v.Curves = append(v.Curves, chart{
		Name: w.Name, Title: w.Name + ": single operations, " + side, Params: w.Kind + " " + w.ParamText(),
		Note:    capital(w.Title) + ": how long those take that take longest, from left to right fewer; both axes logarithmic. Reading the clock is part of every operation.",
		Drawing: drawCurves(w.Name, nines, logarithmic(shortest, longest, NsText), all),
	})
}

// capital makes the first letter large.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// tallest is how far above lookaside's peak a chart of memory goes.
const tallest = 3

func (v *view) memory(w *Work, side string, names []string) {
	var all []curve
	most, own := 0.0, 0.0
	for i, name := range names {
		r := w.Result(name)
		if r == nil || len(r.Series) == 0 {
			continue
		}
		var points [][2]float64
		for _, s := range r.Series {
			points = append(points, [2]float64{float64(s.Done) / 10, float64(s.Bytes)})
			most = max(most, float64(s.Bytes))
			if name == Self {
				own = max(own, float64(s.Bytes))
			}
		}
		all = append(all, curve{name, class(name, i), points})
	}
	if len(all) == 0 {
		return
	}
	note := capital(w.Title) + ": as the work goes on, less what the process occupied before the first block."
	if own > 0 && most > tallest*own {
		most = tallest * own
		note += " A line that leaves the chart goes higher."
	}
	percent := func(v float64) string { return fmt.Sprintf("%.0f %%", v) }
	v.Curves = append(v.Curves, chart{
		Name: w.Name, Title: w.Name + ": resident memory, " + side, Params: w.Kind + " " + w.ParamText(), Note: note,
		Drawing: drawCurves(w.Name, axis{high: 100, ticks: []float64{0, 25, 50, 75, 100}, label: percent}, linear(most, BytesText), all),
	})
}

// nines is the axis of quantiles: how many of a number of operations are slower.
var nines = axis{low: 1, high: 1e5, log: true, ticks: []float64{1, 2, 10, 100, 1e3, 1e4, 1e5}, label: func(v float64) string {
	switch v {
	case 1:
		return "all"
	case 2:
		return "p50"
	}
	return "p" + fmt.Sprint(100-100/v)
}}

// tail is the curve of a distribution: at 1/(1-q) the quantile q.
func tail(r *Result) [][2]float64 {
	var all, seen uint64
	for _, b := range r.Bins {
		all += b.Count
	}
	var points [][2]float64
	for _, b := range r.Bins {
		left := float64(all-seen) / float64(all) // that take at least as long
		if x := 1 / left; x <= nines.high {
			points = append(points, [2]float64{x, float64(b.From)})
		}
		seen += b.Count
	}
	return points
}

// figures is the table of all metrics of a work.
func figures(w *Work) table {
	t := table{Name: w.Name, Title: capital(w.Title)}
	metrics := w.Metrics()
	t.Head = append(t.Head, metrics...)
	for _, r := range w.Results {
		if r.Failed != "" {
			continue
		}
		row := []string{r.Contender}
		for _, m := range metrics {
			if len(r.Values[m]) == 0 {
				row = append(row, "–")
				continue
			}
			row = append(row, ValueText(m, Median(r.Values[m])))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
