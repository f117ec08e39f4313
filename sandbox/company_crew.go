package sandbox

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// crew is a team at work. It remembers what it has in hand.
type crew struct {
	plan    crewPlan
	company *Company
	zone    *time.Location
	rng     *rand.Rand
	boards  []board
	backlog []*job // oldest first
	doing   []*job
	done    []*job    // oldest first
	overdue []float64 // by index into the plan's mix
}

// job is a ticket from the crew's point of view.
type job struct {
	board  board
	ref    string
	kind   string
	told   bool // the tracker can tell the kind
	stage  stage
	at     time.Time // of the last step
	due    time.Time // of the next step
	parent *job
	open   int // sub-tickets that are not done
}

// act does the next sensible thing at that time.
func (cr *crew) act(at time.Time) {
	switch {
	case cr.step(at, false):
	case cr.rng.IntN(5) == 0 && cr.tidy(at):
	case len(cr.doing) < cr.plan.wip && len(cr.backlog) > 0:
		cr.start(at)
	case len(cr.backlog) < 5*cr.plan.wip/2:
		cr.write(at)
	default:
		cr.tidy(at)
	}
}

// step moves the ticket that has been due for longest; if anyway is set, one
// that is not due yet will do.
func (cr *crew) step(at time.Time, anyway bool) bool {
	var next *job
	for _, j := range cr.doing {
		if (anyway || !j.due.After(at)) && j.open == 0 && (next == nil || j.due.Before(next.due)) {
			next = j
		}
	}
	if next == nil {
		return false
	}
	if next.stage == doing && cr.rng.IntN(3) > 0 {
		next.moveTo(at, review)
		next.due = at.Add(time.Duration(2+cr.rng.IntN(20)) * time.Hour)
		return true
	}
	cr.finish(at, next, finished)
	return true
}

func (j *job) moveTo(at time.Time, to stage) {
	j.board.advance(at, j.ref, to)
	j.stage, j.at = to, at
}

func (cr *crew) finish(at time.Time, j *job, to stage) {
	j.moveTo(at, to)
	cr.doing = without(cr.doing, j)
	cr.backlog = without(cr.backlog, j)
	cr.done = append(cr.done, j)
	if j.parent != nil {
		j.parent.open--
	}
}

func without(list []*job, gone *job) []*job {
	return slices.DeleteFunc(list, func(j *job) bool { return j == gone })
}

// start takes a ticket from the backlog: what is urgent, else one of the
// oldest, and of a paused goal only if little else comes to hand.
func (cr *crew) start(at time.Time) {
	i := slices.IndexFunc(cr.backlog, func(j *job) bool { return j.kind == incident || j.parent != nil })
	for tries := 0; i < 0 || tries < 3 && cr.backlog[i].kind == tablet && at.After(cr.company.paused()); tries++ {
		i = cr.rng.IntN(min(len(cr.backlog), 6))
	}
	j := cr.backlog[i]
	cr.backlog = slices.Delete(cr.backlog, i, i+1)
	cr.doing = append(cr.doing, j)
	j.moveTo(at, doing)
	j.due = at.Add(cr.duration(j))
	if j.parent == nil && isGoal(j.kind) && cr.rng.IntN(10) == 0 {
		cr.divide(at, j)
	}
}

// duration is how long the ticket will be in progress: about three days, a few
// hours for an incident, and one in ninety is forgotten.
func (cr *crew) duration(j *job) time.Duration {
	days := math.Exp(0.95 + 0.45*cr.rng.NormFloat64())
	switch {
	case j.kind == incident:
		days /= 2
	case j.parent != nil:
		days /= 2
	case cr.rng.IntN(90) == 0:
		days += 40
	}
	return time.Duration(days * 24 * float64(time.Hour))
}

// divide writes sub-tickets for a ticket that turned out to be large.
func (cr *crew) divide(at time.Time, parent *job) {
	for i := range 2 + cr.rng.IntN(2) {
		at := at.Add(time.Duration(i+1) * time.Minute)
		ref := parent.board.create(at, draft{title: cr.title(), kind: parent.kind, parent: parent.ref})
		parent.open++
		cr.backlog = append(cr.backlog, &job{board: parent.board, ref: ref, kind: parent.kind, told: parent.told, at: at, parent: parent})
	}
}

// write puts a new ticket into the backlog. Its goal may be told by a label, by
// what it stands under, or not at all; off-plan work is mostly labelled.
func (cr *crew) write(at time.Time) {
	j := &job{board: cr.boards[cr.rng.IntN(len(cr.boards))], kind: cr.pickKind(at), at: at}
	d := draft{title: cr.title(), kind: j.kind}
	switch luck := cr.rng.IntN(100); {
	case j.kind == unmapped:
	case isGoal(j.kind):
		d.nested, d.tagged = luck < 50, luck >= 50 && luck < 90 || luck < 4
	default:
		d.tagged = luck < 94
	}
	j.told = d.nested || d.tagged
	if cr.rng.IntN(4) == 0 {
		d.noise = noise[cr.rng.IntN(len(noise))]
	}
	if cr.plan.estimates && cr.rng.IntN(5) > 0 {
		d.points = new([]float64{1, 2, 3, 5, 8}[cr.rng.IntN(5)])
	}
	j.ref = j.board.create(at, d)
	cr.backlog = append(cr.backlog, j)
}

// onCall is what happens at a weekend.
func (cr *crew) onCall(at time.Time) {
	if !at.Before(cr.company.now) || !at.After(cr.company.began) {
		return
	}
	b := cr.boards[0]
	j := &job{board: b, kind: incident, told: true, at: at}
	j.ref = b.create(at, draft{title: cr.title(), kind: incident, tagged: true})
	cr.doing = append(cr.doing, j)
	j.moveTo(at.Add(time.Minute), doing)
	j.due = at.Add(3 * time.Hour)
}

func (cr *crew) title() string {
	return verbs[cr.rng.IntN(len(verbs))] + " the " + cr.plan.topics[cr.rng.IntN(len(cr.plan.topics))]
}

// pickKind deals out the kinds in proportion to their weights: the one that is
// most overdue is next, give or take some luck. Dice alone would make weeks
// without a goal, and with them numbers nobody learns from.
func (cr *crew) pickKind(at time.Time) string {
	if cr.overdue == nil {
		cr.overdue = make([]float64, len(cr.plan.mix))
	}
	weights := make([]float64, len(cr.plan.mix))
	var sum float64
	for i, p := range cr.plan.mix {
		weights[i] = p.weight * cr.fashion(p.kind, at)
		sum += weights[i]
	}
	next, most := 0, math.Inf(-1)
	for i, w := range weights {
		cr.overdue[i] += w / sum
		if luck := 0.5 * cr.rng.Float64(); w > 0 && cr.overdue[i]+luck > most {
			next, most = i, cr.overdue[i]+luck
		}
	}
	cr.overdue[next]--
	return cr.plan.mix[next].kind
}

// fashion is how the weight of a kind changes with time.
func (cr *crew) fashion(kind string, at time.Time) float64 {
	c := cr.company
	switch {
	case kind == tablet && at.After(c.paused()):
		return 0.4
	case kind == marketplace && c.ramp(at, 0) == 0:
		return 0
	case kind == unmapped && cr.plan.drifts:
		return 1 + 6*c.ramp(at, 4)
	}
	return 1
}
