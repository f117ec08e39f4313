// Package stats holds the statistics behind alignment: intervals, trends,
// control charts and survival, as published and as chosen in measures.md.
//
// Every function is pure and works on plain numbers. Numbers are finite and of
// ordinary size, which is generous: 0 or between 1e-100 and 1e100 either way,
// and so are differences of times. Results are then finite too, unless a
// function says otherwise. Slices are neither changed nor kept.
package stats

import "slices"

// z95 is the 97.5 % quantile of the normal distribution.
const z95 = 1.959963984540054

// dust is what is left of a difference that would be 0 in exact arithmetic.
const dust = 1e-12

// median returns the middle of a sorted slice that is not empty.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func medianOf(x []float64) float64 {
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	return median(sorted)
}
