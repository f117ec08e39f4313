package alignment

import (
	"cmp"
	"slices"

	"alignd/mapping"
	"alignd/ticket"
)

// Depth says what the class of a ticket rests on, as of the watermark
// (measures: 5.1).
type Depth uint8

// The depths, of which each ticket has one.
const (
	DepthSeveral  Depth = iota // several rules match the ticket itself and agree
	DepthOwn                   // one rule matches the ticket itself
	DepthParent                // inherited from what stands right above
	DepthAncestor              // inherited from farther up
	DepthConflict              // rules that lead to different goals match
	DepthNone                  // no rule says anything
	depthCount
)

// Depths lists all depths.
var Depths = [depthCount]Depth{DepthSeveral, DepthOwn, DepthParent, DepthAncestor, DepthConflict, DepthNone}

func (d Depth) String() string {
	return [...]string{"several", "own", "parent", "ancestor", "conflict", "none"}[d]
}

// Evidence says what the classes of the work of the last 91 days rest on:
// signs of labels that were filled in as a form (measures: 5).
type Evidence struct {
	Units  [UnitTickets + 1]EvidenceWork // of UnitTime and UnitTickets
	Sweeps int                           // in which a ticket of the team got its goal
}

// EvidenceWork is work by what its class rests on, in amounts of one unit.
type EvidenceWork struct {
	Total  int64
	Depths [depthCount]int64 // by Depth; they add up to Total
	Swept  int64             // part of Total, on tickets that got their goal in a sweep
	// Completed is the part of Total on tickets completed in these days, and
	// Late the part of it on those whose place was decided after that.
	Completed, Late int64
}

func (e *EvidenceWork) join(other *EvidenceWork) {
	e.Total += other.Total
	e.Swept += other.Swept
	e.Completed += other.Completed
	e.Late += other.Late
	for d, amount := range other.Depths {
		e.Depths[d] += amount
	}
}

// What a sweep is (measures: 5.3), times in microseconds.
const (
	sweepTickets = 10
	sweepLength  = 3600 * 1_000_000
	sweepAge     = 72 * 3600 * 1_000_000
)

// trait is what there is to say about one member's evidence.
type trait struct {
	depth  Depth
	late   bool
	sweeps []int // by number
}

// put is a label put on a ticket that led it to a goal.
type put struct {
	at     int64
	goal   int
	id     ticket.ID
	team   int // index of the tally
	member int
}

func (s *Snapshot) addEvidence(tallies []*tally) {
	var company *frame
	if s.Company.Known {
		w := &s.Company.Windows[len(rollingWindows)-1]
		company = &frame{w.Name, w.From, w.To}
	}
	teams, all := evidence(tallies, company)
	for i, e := range teams {
		s.Teams[i].Evidence = e
	}
	s.Company.Evidence = all
}

// evidence returns the evidence of each known team, nil for those without
// work, and of the days that all teams have in common.
func evidence(tallies []*tally, company *frame) (teams []*Evidence, all *Evidence) {
	traits, puts := make([][]trait, len(tallies)), make([][]put, len(tallies))
	inParallel(len(tallies), func(i int) {
		if tallies[i] != nil {
			days := tallies[i].lastDays()
			if company != nil {
				days.from = min(days.from, company.from)
			}
			traits[i], puts[i] = tallies[i].traits(i, days)
		}
	})
	markSweeps(slices.Concat(puts...), traits)
	teams = make([]*Evidence, len(tallies))
	sum, sweeps := &Evidence{}, map[int]bool{}
	for i, t := range tallies {
		if t == nil {
			continue
		}
		own := map[int]bool{}
		teams[i] = t.evidenceIn(t.lastDays(), traits[i], own).orNil(own)
		if company != nil {
			part := t.evidenceIn(*company, traits[i], sweeps)
			for u := range part.Units {
				sum.Units[u].join(&part.Units[u])
			}
		}
	}
	return teams, sum.orNil(sweeps)
}

func (e *Evidence) orNil(sweeps map[int]bool) *Evidence {
	e.Sweeps = len(sweeps)
	if e.Units[UnitTime].Total+e.Units[UnitTickets].Total == 0 {
		return nil
	}
	return e
}

// lastDays returns the longest window of the team.
func (t *tally) lastDays() frame {
	return frame{from: t.view.today - longestWindow + 1, to: t.view.today + 1}
}

// traits looks at each member with work in some days, and lists what may be
// part of a sweep.
func (t *tally) traits(team int, days frame) ([]trait, []put) {
	out := make([]trait, len(t.members))
	var puts []put
	since := t.cal.start(days.from)
	for m, works := range t.byMember {
		sums, any := sumWork(works, days)
		if !any {
			continue
		}
		now := t.now[m]
		out[m].depth = depthOf(now)
		out[m].late = sums[UnitTickets] > 0 && t.decidedLate(m)
		if now.distance == 0 && now.match.Kind == mapping.ToGoals {
			for _, p := range t.putsOf(m, since) {
				p.team = team
				puts = append(puts, p)
			}
		}
	}
	return out, puts
}

func depthOf(v verdict) Depth {
	switch {
	case v.match.Kind == mapping.NoMatch:
		return DepthNone
	case v.match.Conflict:
		return DepthConflict
	case v.distance > 1:
		return DepthAncestor
	case v.distance == 1:
		return DepthParent
	case len(v.match.Rules) > 1:
		return DepthSeveral
	default:
		return DepthOwn
	}
}

// decidedLate reports whether the rules place a completed ticket elsewhere
// than they did with what was known at its completion.
func (t *tally) decidedLate(m int) bool {
	n, now := t.members[m], t.now[m].match
	at, _ := completion(n.states, t.rules.FirstCompletion())
	then := t.resolve(n, at).match
	return now.Kind != mapping.NoMatch && (then.Kind != now.Kind || !slices.Equal(then.Goals, now.Goals))
}

// putsOf lists the labels that led a member to one of its goals, later than a
// while after its creation.
func (t *tally) putsOf(m int, since int64) (out []put) {
	n := t.members[m]
	since = max(since, n.tk.Created.UnixMicro()+sweepAge)
	matches, now := t.matchesOf(n), t.now[m].match
	for i := range n.tk.Changes {
		c := &n.tk.Changes[i]
		at := c.At.UnixMicro()
		if c.Field != ticket.FieldLabel || c.To == "" || at < since {
			continue
		}
		was, _ := valueAt(matches, at-1)
		is, _ := valueAt(matches, at)
		for _, g := range is.Goals {
			same := func(other mapping.GoalWeight) bool { return other.Goal == g.Goal }
			if !slices.ContainsFunc(was.Goals, same) && slices.ContainsFunc(now.Goals, same) {
				out = append(out, put{at: at, goal: g.Goal, id: n.tk.ID, member: m})
			}
		}
	}
	return out
}

// markSweeps finds the sweeps: from the first label on, all that led tickets to
// the same goal within the hour, if there are enough.
func markSweeps(puts []put, traits [][]trait) {
	slices.SortFunc(puts, func(x, y put) int {
		return cmp.Or(cmp.Compare(x.goal, y.goal), cmp.Compare(x.at, y.at), compareIDs(x.id, y.id), cmp.Compare(x.team, y.team))
	})
	sweeps := 0
	for from := 0; from < len(puts); {
		to := from
		swept := map[ticket.ID]bool{}
		for to < len(puts) && puts[to].goal == puts[from].goal && puts[to].at <= puts[from].at+sweepLength {
			swept[puts[to].id] = true
			to++
		}
		if len(swept) < sweepTickets {
			from++
			continue
		}
		for _, p := range puts[from:to] {
			tr := &traits[p.team][p.member]
			tr.sweeps = append(tr.sweeps, sweeps)
		}
		sweeps++
		from = to
	}
}

// evidenceIn adds up the work in a frame, and notes the sweeps it met.
func (t *tally) evidenceIn(f frame, traits []trait, sweeps map[int]bool) *Evidence {
	e := &Evidence{}
	for m, works := range t.byMember {
		sums, any := sumWork(works, f)
		if !any {
			continue
		}
		tr := &traits[m]
		for u := range e.Units {
			w, amount := &e.Units[u], sums[u]
			w.Total += amount
			w.Depths[tr.depth] += amount
			if len(tr.sweeps) > 0 {
				w.Swept += amount
			}
			if sums[UnitTickets] > 0 {
				w.Completed += amount
				if tr.late {
					w.Late += amount
				}
			}
		}
		for _, s := range tr.sweeps {
			sweeps[s] = true
		}
	}
	return e
}
