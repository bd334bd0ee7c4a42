package record

import (
	"math"
	"slices"
)

// Ratio is a comparison over all rounds.
type Ratio struct {
	Median, Min, Max float64
	Rounds           int // of which there were values on both sides
}

// Median is the middle of the values, or the mean of the middle two; 0 of none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	mid := len(v) / 2
	if len(v)%2 == 1 {
		return v[mid]
	}
	return (v[mid-1] + v[mid]) / 2
}

// Divide compares values round by round. It tells false when there is nothing to
// divide by.
func Divide(own, others []float64) (Ratio, bool) {
	var all []float64
	for i := range min(len(own), len(others)) {
		if others[i] > 0 {
			all = append(all, own[i]/others[i])
		}
	}
	if len(all) == 0 {
		return Ratio{}, false
	}
	return Ratio{Median(all), slices.Min(all), slices.Max(all), len(all)}, true
}

// Ratio is that of lookaside to a rival in a metric.
func (w *Work) Ratio(rival, metric string) (Ratio, bool) {
	own, other := w.Result(Self), w.Result(rival)
	if own == nil || other == nil {
		return Ratio{}, false
	}
	return Divide(own.Values[metric], other.Values[metric])
}

// Best is the contender among those named whose median in a metric is the
// smallest, "" when none has any.
func (w *Work) Best(names []string, metric string) string {
	best, least := "", math.Inf(1)
	for _, r := range w.Results {
		if v := r.Values[metric]; len(v) > 0 && slices.Contains(names, r.Contender) && Median(v) < least {
			best, least = r.Contender, Median(v)
		}
	}
	return best
}

// Geomean is the geometric mean, 0 of none.
func Geomean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}
