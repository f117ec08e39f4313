package stats

import "math"

// CUSUMRunLength returns how many observations the two-sided CUSUM chart with
// allowance k and limit h takes to its alarm on average, if the mean of
// independent normal observations has moved by shift standard errors:
// Siegmund's approximation (1985), good to 1 % at k 0.5, h 3 to 8 and shifts 0 and 1. It
// is +Inf beyond the range of a float64.
func CUSUMRunLength(k, h, shift float64) float64 {
	return 1 / (1/oneSidedRunLength(shift-k, h) + 1/oneSidedRunLength(-shift-k, h))
}

// oneSidedRunLength takes the drift of the sum, shift less allowance.
func oneSidedRunLength(drift, h float64) float64 {
	b := h + 1.166 // the mean overshoot at both boundaries
	if math.Abs(drift*b) < 1e-6 {
		return b * b * (1 - 2*drift*b/3) // the formula's limit, where it cancels
	}
	return (math.Expm1(-2*drift*b) + 2*drift*b) / (2 * drift * drift)
}

// CUSUMLimit returns the smallest limit h >= 0 with which a CUSUM chart of
// allowance k >= 0 takes runLength observations on average to a false alarm,
// by CUSUMRunLength. M charts fed weekly raise one false alarm a year between
// them at a runLength of 52 M.
func CUSUMLimit(k, runLength float64) float64 {
	low, high := 0.0, 1.0
	if CUSUMRunLength(k, low, 0) >= runLength {
		return low
	}
	for CUSUMRunLength(k, high, 0) < runLength {
		low, high = high, 2*high
	}
	for high-low > 1e-12*high {
		if middle := low + (high-low)/2; CUSUMRunLength(k, middle, 0) < runLength {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
