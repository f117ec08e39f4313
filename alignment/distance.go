package alignment

import (
	"math"
	"time"

	"alignd/mapping"
)

// Distance says how far the work of a window is from its targets, over the
// goals that declare a target and "other" (measures: 3.1).
type Distance struct {
	TotalVariation float64 // share of work that would have to move
	Floor          float64 // what a team on target shows by chance

	Hellinger       float64
	JensenShannon   float64 // bits
	KullbackLeibler float64 // nats; +Inf where a cell without target has work
	ChiSquare       float64 // +Inf likewise
	G               float64 // 2 n_eff KL
}

// goalTarget is the mean target of one goal over a window.
type goalTarget struct {
	goal  string
	share float64
}

// windowTarget returns the mean target of a frame for each goal that declares
// one, weighted by capacity time since the first target of any goal; none if
// that is less than half of the time worked.
func windowTarget(f frame, sheets []*sheet) []goalTarget {
	return targetsOver(f, sheets, 0, len(sheets[0].rules.Goals()))
}

// targetsOver is windowTarget for the goals with the indexes first to last,
// last excluded.
func targetsOver(f frame, sheets []*sheet, first, last int) []goalTarget {
	goals := sheets[0].rules.Goals()
	sums := make([]float64, len(goals))
	var planned, capacity float64
	for _, s := range sheets {
		from, to := s.dayRange(f)
		all := span{s.cal.start(from), min(s.cal.start(to), s.view.watermark)}
		since := span{max(all.from, firstTarget(goals, s.cal.loc)), all.to}
		weight := float64(s.view.team.Capacity)
		capacity += weight * float64(s.cal.measure(all.from, all.to))
		planned += weight * float64(s.cal.measure(since.from, since.to))
		for i := first; i < last; i++ {
			sums[i] += weight * s.integrateTarget(i, since)
		}
	}
	if planned == 0 || planned < capacity/2 {
		return nil
	}
	var targets []goalTarget
	for i := first; i < last; i++ {
		if len(goals[i].Targets) > 0 {
			targets = append(targets, goalTarget{goals[i].ID, sums[i] / planned})
		}
	}
	return targets
}

// firstTarget returns the first instant at which any target is in force. What
// was before it was not planned, which is not the same as a target of 0.
func firstTarget(goals []mapping.Goal, loc *time.Location) int64 {
	first := int64(endOfTime)
	for i := range goals {
		if t := goals[i].Targets; len(t) > 0 {
			first = min(first, t[0].From.In(loc).UnixMicro())
		}
	}
	return first
}

// integrateTarget sums a goal's target over the working time of a span.
func (g *ground) integrateTarget(goal int, s span) float64 {
	var sum float64
	for at := s.from; at < s.to; {
		next := min(s.to, g.nextDeclaration(goal, at))
		share := g.rules.Goals()[goal].TargetAt(time.UnixMicro(at), g.cal.loc)
		sum += float64(g.cal.measure(at, next)) * float64(share) / 1e6
		at = next
	}
	return sum
}

// isPursued reports whether a goal is active at an instant, and whether a
// target is in force for it if it needs one.
func (g *ground) isPursued(goal int, at int64, needsTarget bool) bool {
	status, _ := valueAt(g.cells.statuses[goal], at)
	targets := g.rules.Goals()[goal].Targets
	return status == mapping.GoalActive && (!needsTarget || len(targets) > 0 && targets[0].From.In(g.cal.loc).UnixMicro() <= at)
}

// nextDeclaration returns the first instant after t at which a goal's status
// or target changes.
func (g *ground) nextDeclaration(goal int, t int64) int64 {
	next := int64(endOfTime)
	for _, s := range g.cells.statuses[goal] {
		if s.from > t {
			next = min(next, s.from)
		}
	}
	for _, d := range g.rules.Goals()[goal].Targets {
		if at := d.From.In(g.cal.loc).UnixMicro(); at > t {
			next = min(next, at)
		}
	}
	return next
}

// distanceOf compares the aligned shares with the targets, basis then.
func distanceOf(w *Work, targets []goalTarget) *Distance {
	if len(targets) == 0 || w.Total == 0 {
		return nil
	}
	p, q := []float64{1}, []float64{1} // "other" first
	for _, target := range targets {
		var actual float64
		for _, c := range w.Cells[Then] {
			if c.Cell.Class == Aligned && c.Cell.Goal == target.goal {
				actual = float64(c.Amount) / float64(w.Total)
			}
		}
		p, q = append(p, actual), append(q, target.share)
		p[0] -= actual
		q[0] -= target.share
	}
	// What is left for "other" is a difference of decimal fractions.
	p[0], q[0] = withoutDust(p[0]), withoutDust(q[0])
	return distances(p, q, w.EffectiveTickets)
}

func withoutDust(x float64) float64 {
	if math.Abs(x) < 1e-12 {
		return 0
	}
	return x
}

func distances(p, q []float64, n float64) *Distance {
	var d Distance
	var hellinger float64
	for i := range p {
		d.TotalVariation += math.Abs(p[i]-q[i]) / 2
		d.Floor += math.Sqrt(2*q[i]*(1-q[i])/(math.Pi*n)) / 2
		hellinger += math.Pow(math.Sqrt(p[i])-math.Sqrt(q[i]), 2) / 2
		m := (p[i] + q[i]) / 2
		d.JensenShannon += (divergence(p[i], m) + divergence(q[i], m)) / 2 / math.Ln2
		d.KullbackLeibler += divergence(p[i], q[i])
		if p[i] != q[i] {
			d.ChiSquare += (p[i] - q[i]) * (p[i] - q[i]) / q[i]
		}
	}
	d.Hellinger = math.Sqrt(hellinger)
	d.G = 2 * n * d.KullbackLeibler
	return &d
}

// divergence is one term of the Kullback–Leibler divergence.
func divergence(p, q float64) float64 {
	if p == 0 {
		return 0
	}
	return p * math.Log(p/q)
}
