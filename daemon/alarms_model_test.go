package daemon_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// What is to be expected of the alarm, known in two ways that share no code
// with it: the run length of a chart of independent normal observations, which
// is what the published tables promise, and the whole procedure on numbers of
// tickets that come out of an urn instead of a tracker.

// survival returns the probability that a two-sided CUSUM with allowance 0.5
// has raised no alarm after 0, 1, ... n observations of mean shift and variance
// 1: the product of both sides, each a Markov chain over a grid (Brook and
// Evans 1972).
func survival(h, shift float64, n int) []float64 {
	up, down := oneSided(h, shift, n), oneSided(h, -shift, n)
	for i := range up {
		up[i] *= down[i]
	}
	return up
}

func oneSided(h, shift float64, n int) []float64 {
	const cells = 100
	width := 2 * h / (2*cells - 1)
	grows := func(cells float64) float64 { return math.Erfc((shift-0.5-cells*width)/math.Sqrt2) / 2 } // by no more than that
	var step [cells][cells]float64
	for i := range step {
		last := 0.0
		for j := range step[i] {
			upTo := grows(float64(j-i) + 0.5)
			step[i][j], last = upTo-last, upTo
		}
	}
	at, out := [cells]float64{1}, []float64{1} // where the sum is, unless there was an alarm
	for range n {
		var next [cells]float64
		alive := 0.0
		for i, p := range at {
			for j := range next {
				next[j] += p * step[i][j]
			}
		}
		for _, p := range next {
			alive += p
		}
		at, out = next, append(out, alive)
	}
	return out
}

// promise is what the published tables promise of a chart: how likely it has
// raised an alarm after so many observations, and how many alarms it has raised
// on average if it begins anew after each. An open episode only delays that.
type promise struct{ alarm, alarms []float64 }

// promised returns the promise for up to n observations. A reference that is
// estimated from eight observations is off by a normal error with variance 1/8,
// over which the mean is taken.
func promised(estimated bool, n int) promise {
	if !estimated {
		return promiseOf(survival(5, 0, n))
	}
	const steps, widest = 40, 4.0
	all := promise{make([]float64, n+1), make([]float64, n+1)}
	var sum float64
	for i := range steps {
		error := widest * (float64(i) + 0.5) / steps // both signs are alike
		weight := math.Exp(-error * error / 2)
		sum += weight
		one := promiseOf(survival(7, error/math.Sqrt(8), n))
		for m := range all.alarm {
			all.alarm[m] += weight * one.alarm[m]
			all.alarms[m] += weight * one.alarms[m]
		}
	}
	for m := range all.alarm {
		all.alarm[m] /= sum
		all.alarms[m] /= sum
	}
	return all
}

func promiseOf(alive []float64) promise {
	p := promise{make([]float64, len(alive)), make([]float64, len(alive))}
	for m := range alive {
		p.alarm[m] = 1 - alive[m]
		for first := 1; first <= m; first++ {
			p.alarms[m] += (alive[first-1] - alive[first]) * (1 + p.alarms[m-first])
		}
	}
	return p
}

// TestPromise holds the promise against the figures it is made from: run length
// 465.44 at h 5, and the published probabilities of a false alarm within 26
// weeks (measures: 3.3, 3.4).
func TestPromise(t *testing.T) {
	var length float64
	for _, alive := range survival(5, 0, 5000) {
		length += alive
	}
	if math.Abs(length-465.44) > 5 {
		t.Errorf("run length %.1f, want 465", length)
	}
	for _, test := range []struct {
		estimated bool
		want      float64
	}{{false, 0.042}, {true, 0.114}} {
		if got := promised(test.estimated, 26).alarm[26]; math.Abs(got-test.want) > 0.005 {
			t.Errorf("false alarm within 26 weeks (estimated: %t): %.4f, want %g", test.estimated, got, test.want)
		}
	}
	if got, most := promised(false, 52).alarms[52], 52/465.44; got > most || got < 0.8*most {
		t.Errorf("%.4f alarms in 52 weeks, want a little less than %.4f, since a chart begins at 0", got, most)
	}
}

// urn is where the model takes its weeks from: tickets a week, and the part of
// them in the series.
type urn struct {
	perWeek float64
	share   []float64 // by week
}

// point is an observation of the model.
type point struct {
	first, last int // weeks, from 0
	size, share float64
}

// draw pools weeks until there are ten tickets.
func (u urn) draw(rng *rand.Rand) (out []point) {
	var pool [][2]float64
	for week, share := range u.share {
		var one [2]float64
		for at := rng.ExpFloat64(); at < u.perWeek; at += rng.ExpFloat64() {
			one[0]++
			if rng.Float64() < share {
				one[1]++
			}
		}
		pool = append(pool, one)
		if len(pool) > 4 {
			pool = pool[1:]
		}
		var n, part float64
		for _, w := range pool {
			n, part = n+w[0], part+w[1]
		}
		if n >= 10 {
			out, pool = append(out, point{week - len(pool) + 1, week, n, part / n}), nil
		}
	}
	return out
}

// raise is an alarm: in which week, counted from 0, and which way.
type raise struct {
	week, direction int
}

// modelRaises is the alarm of measures 3.5, written down once more. Below 0 the
// reference is estimated.
func modelRaises(points []point, reference float64) (out []raise) {
	h, learned := 5.0, 0
	if reference < 0 {
		if len(points) < 8 {
			return nil
		}
		h, learned, reference = 7, 8, pooledShare(points[:8])
	}
	v := math.Max(.05, math.Min(.95, reference))
	var z, x []float64
	var up, down float64
	open := 0
	for i, p := range points {
		z = append(z, (p.share-reference)/math.Sqrt(v*(1-v)/p.size))
		if i < learned {
			continue
		}
		if i > 0 && p.first-points[i-1].last > 4 { // four weeks were skipped
			up, down = 0, 0
		}
		now := math.Max(-4, math.Min(4, z[i]/overdispersion(z[max(0, i-26):i])))
		x = append(x, now)
		if open != 0 {
			if recent, _ := mean(x[max(0, len(x)-4):]); recent*float64(open) < .5 {
				open = 0
			}
			continue
		}
		up, down = math.Max(0, up+now-.5), math.Max(0, down-now-.5)
		switch {
		case up > h:
			open = 1
		case down > h:
			open = -1
		default:
			continue
		}
		out = append(out, raise{p.last, open})
		up, down = 0, 0
	}
	return out
}

func pooledShare(points []point) float64 {
	var part, n float64
	for _, p := range points {
		part, n = part+p.share*p.size, n+p.size
	}
	return part / n
}

func overdispersion(z []float64) float64 {
	if len(z) < 8 {
		return 1
	}
	var moved float64
	for i := 1; i < len(z); i++ {
		moved += math.Abs(z[i] - z[i-1])
	}
	return math.Max(1, moved/float64(len(z)-1)/1.128)
}

// binomialLimits returns between which numbers the successes of n trials stay
// but for a part alpha on either side.
func binomialLimits(n int, p, alpha float64) (fewest, most int) {
	sum, term := 0.0, math.Pow(1-p, float64(n))
	fewest = -1
	for k := 0; ; k++ {
		if sum += term; fewest < 0 && sum > alpha {
			fewest = k
		}
		if k == n || sum >= 1-alpha {
			return max(0, fewest), k
		}
		term *= p / (1 - p) * float64(n-k) / float64(k+1)
	}
}

func TestBinomialLimits(t *testing.T) {
	// Of 20 throws of a coin 4 or fewer are heads with probability 0.0059, 3 or
	// fewer with 0.0013, 2 or fewer with 0.0002.
	for alpha, want := range map[float64][2]int{0.005: {4, 16}, 0.001: {3, 17}, 0.00015: {2, 18}} {
		if fewest, most := binomialLimits(20, 0.5, alpha); fewest != want[0] || most != want[1] {
			t.Errorf("%g: %d to %d, want %v", alpha, fewest, most, want)
		}
	}
}

// quantile sorts the values; of none it is not a number.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[max(0, min(len(values)-1, int(q*float64(len(values)))))]
}

// mean returns the mean and its standard error.
func mean(values []float64) (mean, deviation float64) {
	var sum, squares float64
	for _, v := range values {
		sum, squares = sum+v, squares+v*v
	}
	n := float64(len(values))
	mean = sum / n
	return mean, math.Sqrt(math.Max(0, squares/n-mean*mean) / (n - 1))
}
