package record

import (
	"fmt"
	"math"
)

// ratioText writes a ratio with as many digits as mean something.
func ratioText(v float64) string {
	switch {
	case v <= 0:
		return "–"
	case v < 0.095:
		return fmt.Sprintf("%.3f", v)
	case v < 9.95:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// NsText writes a duration in nanoseconds with its unit.
func NsText(ns float64) string {
	for _, u := range []struct {
		unit string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= u.ns*0.9995 {
			return digits(ns/u.ns) + " " + u.unit
		}
	}
	return digits(ns) + " ns"
}

// BytesText writes a number of bytes with its unit.
func BytesText(n float64) string {
	for _, u := range []struct {
		unit string
		n    float64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.n*0.9995 {
			return digits(n/u.n) + " " + u.unit
		}
	}
	return fmt.Sprintf("%.0f B", n)
}

// digits writes three of them.
func digits(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", math.Round(v))
}

// ValueText writes a value of a metric.
func ValueText(metric string, v float64) string {
	if InBytes(metric) {
		return BytesText(v)
	}
	return NsText(v)
}

// Text writes a ratio with its spread.
func (r Ratio) Text() string {
	if r.Rounds < 2 {
		return ratioText(r.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", ratioText(r.Median), ratioText(r.Min), ratioText(r.Max))
}
