package stats

import "math"

// CUSUM is a two-sided tabular CUSUM chart (Page 1954; Montgomery), a plain
// value: a copy remembers, CUSUM{K: k, H: h} starts at 0, and Up and Down may
// be set for a head start. Observations are standardised: (y - reference) /
// standard error.
type CUSUM struct {
	K float64 // allowance; half the shift to find
	H float64 // decision limit

	Up, Down       float64 // C⁺ and C⁻
	UpRun, DownRun int     // consecutive steps with the sum above 0
}

// Step returns the chart after one more observation. Sums below 1e-12 are 0.
// After an alarm it goes on as before: what then happens is the caller's
// choice.
func (c CUSUM) Step(x float64) CUSUM {
	c.Up, c.UpRun = accumulate(c.Up+x-c.K, c.UpRun)
	c.Down, c.DownRun = accumulate(c.Down-x-c.K, c.DownRun)
	return c
}

func accumulate(sum float64, run int) (float64, int) {
	if sum < dust {
		return 0, 0
	}
	return sum, run + 1
}

// Alarm is what a chart says once a sum has passed its limit.
type Alarm struct {
	Direction int     // 1 up, -1 down
	Run       int     // steps since the change began: onset = this step - Run + 1
	Shift     float64 // estimated, signed, in standard errors
}

// Alarm reports whether a sum is above H, strictly; up goes first.
func (c CUSUM) Alarm() (Alarm, bool) {
	switch {
	case c.Up > c.H:
		return Alarm{1, c.UpRun, c.K + c.Up/float64(max(1, c.UpRun))}, true
	case c.Down > c.H:
		return Alarm{-1, c.DownRun, -c.K - c.Down/float64(max(1, c.DownRun))}, true
	}
	return Alarm{}, false
}

// EWMA is an exponentially weighted moving average (Roberts 1959) with its
// control limits. EWMA{Lambda: λ, L: l, Value: start} is a chart at its start;
// observations are in any unit, limits in standard errors.
type EWMA struct {
	Lambda float64 // weight of the newest observation, above 0 and up to 1
	L      float64 // width of the limits

	Value float64
	Steps int // observations so far
}

// Step returns the average after one more observation.
func (e EWMA) Step(x float64) EWMA {
	e.Value = e.Lambda*x + (1-e.Lambda)*e.Value
	e.Steps++
	return e
}

// Limit returns how far from the start the average may lie after Steps
// observations, in standard errors of one observation.
func (e EWMA) Limit() float64 {
	return e.FixedLimit() * math.Sqrt(1-math.Pow(1-e.Lambda, 2*float64(e.Steps)))
}

// FixedLimit returns what Limit tends to.
func (e EWMA) FixedLimit() float64 {
	return e.L * math.Sqrt(e.Lambda/(2-e.Lambda))
}

// The overdispersion looks back over so many observations and needs so many.
const (
	laneySpan    = 26
	laneyMinimum = 8
)

// Laney returns the overdispersion σ_z >= 1 of standardised observations, in
// order: their mean moving range over 1.128 (Laney 2002, the p′ chart), from
// the last 26 of them; 1 for fewer than eight (measures: 3.5).
func Laney(z []float64) float64 {
	if len(z) < laneyMinimum {
		return 1
	}
	z = z[max(0, len(z)-laneySpan):]
	var sum float64
	for i := 1; i < len(z); i++ {
		sum += math.Abs(z[i] - z[i-1])
	}
	return max(1, sum/float64(len(z)-1)/1.128)
}
