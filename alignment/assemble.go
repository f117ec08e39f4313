package alignment

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"alignd/mapping"
	"alignd/ticket"
)

// longestWindow is the number of local days of the longest rolling window.
const longestWindow = 91

// rollingWindows are the windows in days, multiples of seven so that weekdays
// never matter.
var rollingWindows = [...]mapping.Date{7, 28, longestWindow}

// frame is a named stretch of whole local days.
type frame struct {
	name     string
	from, to mapping.Date // to excluded
}

// frames returns the windows that end today, and the period as far as it has
// come.
func frames(today mapping.Date, period mapping.Period) []frame {
	var out []frame
	for _, n := range rollingWindows {
		out = append(out, frame{fmt.Sprintf("%dd", n), today - n + 1, today + 1})
	}
	if period.Name != "" && period.From <= today {
		out = append(out, frame{"period", period.From, min(period.To, today) + 1})
	}
	return out
}

func weekFrames(mondays []mapping.Date) []frame {
	out := make([]frame, len(mondays))
	for i, m := range mondays {
		out[i] = frame{weekName(m), m, m + 7}
	}
	return out
}

// assemble turns bookings into the snapshot.
func assemble(in Input, views []teamView, f *facts, tallies []*tally) *Snapshot {
	s := &Snapshot{
		ComputedAt:  in.Now,
		Fingerprint: in.Rules.Fingerprint(),
		Period:      in.Rules.Period(),
		Strict:      in.Rules.Strict(),
		Goals:       in.Rules.Goals(),
		Reasons:     in.Rules.Reasons(),
		Outside:     f.outside,
		Excluded:    map[string]int{},
	}
	for connector := range in.Watermarks { // read, so a count of nothing is 0
		s.Outside[connector] += 0
		s.Excluded[connector] += 0
	}
	s.Teams = make([]TeamResult, len(tallies))
	inParallel(len(tallies), func(i int) {
		s.Teams[i] = teamResult(&views[i], tallies[i])
	})
	s.Company = companyResult(in.Rules, tallies)
	s.addEvidence(tallies)
	s.Tickets = ticketCounts(f.counts)
	countUse(s, in.Rules, tallies)
	return s
}

func teamResult(view *teamView, t *tally) TeamResult {
	r := TeamResult{ID: view.team.ID}
	if t == nil {
		return r
	}
	r.Known, r.Watermark, r.Workday = true, time.UnixMicro(view.watermark).UTC(), view.workday()
	r.ActiveFresh, r.ActiveStale = t.activeFresh, t.activeStale
	r.Targets, r.TargetAligned = targetsAt(t.rules.Goals(), view.watermark, view.team.Location)
	for _, fr := range frames(view.today, t.rules.Period()) {
		r.Windows = append(r.Windows, sumOf(fr, []*tally{t}, UnitPoints))
	}
	for _, fr := range weekFrames(view.weeks) {
		r.Weeks = append(r.Weeks, sumOf(fr, []*tally{t}, UnitPoints))
	}
	r.Trends = teamTrends(r.Weeks, t.rules.Goals(), view.team.Location)
	return r
}

func (v *teamView) workday() time.Duration { return v.team.Calendar.To - v.team.Calendar.From }

// companyResult adds the teams' cells of the same local dates. Points have no
// common scale, so they are never added up over teams.
func companyResult(rules *mapping.RuleSet, tallies []*tally) TeamResult {
	r := TeamResult{ID: AllTeams}
	known := slices.DeleteFunc(slices.Clone(tallies), func(t *tally) bool { return t == nil })
	if len(known) == 0 || len(known) < len(tallies) {
		return r
	}
	earliest := slices.MinFunc(known, func(x, y *tally) int { return cmp.Compare(x.view.watermark, y.view.watermark) })
	today := slices.MinFunc(known, func(x, y *tally) int { return cmp.Compare(x.view.today, y.view.today) }).view.today
	r.Known, r.Watermark, r.Workday = true, time.UnixMicro(earliest.view.watermark).UTC(), earliest.view.workday()
	r.Targets, r.TargetAligned = targetsAt(rules.Goals(), earliest.view.watermark, earliest.view.team.Location)
	for _, t := range known {
		if t.view.workday() != earliest.view.workday() {
			r.Workday = 0
		}
		r.ActiveFresh += t.activeFresh
		r.ActiveStale += t.activeStale
	}
	windows, weeks := frames(today, rules.Period()), weekFrames(closedWeeks(today))
	sums := make([]Window, len(windows)+len(weeks))
	inParallel(len(sums), func(i int) {
		sums[i] = sumOf(slices.Concat(windows, weeks)[i], known, UnitTickets)
	})
	r.Windows, r.Weeks = sums[:len(windows):len(windows)], sums[len(windows):]
	r.Trends = goalTrends(r.Weeks, rules.Goals(), earliest.view.team.Location)
	return r
}

// targetsAt returns the targets in force by goal id. Goals without a declared
// target have none, and no goal has one before the first of all.
func targetsAt(goals []mapping.Goal, at int64, loc *time.Location) (map[string]float64, float64) {
	targets, sum := map[string]float64{}, int64(0)
	if at < firstTarget(goals, loc) {
		return targets, 0
	}
	for i := range goals {
		if len(goals[i].Targets) > 0 {
			share := goals[i].TargetAt(time.UnixMicro(at), loc)
			targets[goals[i].ID] = float64(share) / 1e6
			sum += share
		}
	}
	return targets, float64(sum) / 1e6
}

func ticketCounts(counts map[TicketCount]int) []TicketCount {
	out := make([]TicketCount, 0, len(counts))
	for key, n := range counts {
		key.Count = n
		out = append(out, key)
	}
	slices.SortFunc(out, func(x, y TicketCount) int {
		return cmp.Or(cmp.Compare(x.Connector, y.Connector), cmp.Compare(x.Team, y.Team), cmp.Compare(x.State, y.State))
	})
	return out
}

// countUse counts which rules decide today's work, and how often several goals
// claim one ticket.
func countUse(s *Snapshot, rules *mapping.RuleSet, tallies []*tally) {
	used := make([]map[ticket.ID]bool, len(rules.RuleNames()))
	conflicts := map[ticket.ID]bool{}
	for _, w := range tallies {
		if w == nil {
			continue
		}
		for c, n := range w.excluded {
			s.Excluded[c] += n
		}
		for member := range w.membersSince(w.view.today - 28 + 1) {
			m, id := w.now[member].match, w.members[member].tk.ID
			for _, r := range m.Rules {
				if used[r] == nil {
					used[r] = map[ticket.ID]bool{}
				}
				used[r][id] = true
			}
			if m.Conflict {
				conflicts[id] = true
			}
		}
	}
	for r, name := range rules.RuleNames() {
		s.Rules = append(s.Rules, RuleUse{Rule: name, Tickets: len(used[r])})
	}
	s.Conflicts = len(conflicts)
}

// membersSince yields the members with work or a completion on or after a day,
// and the excluded ones, which have none.
func (t *tally) membersSince(day mapping.Date) iter.Seq[int] {
	return func(yield func(int) bool) {
		for m, works := range t.byMember {
			recent := slices.ContainsFunc(works, func(w dayWork) bool { return w.day >= day })
			if (recent || t.now[m].match.Kind == mapping.Excluded) && !yield(m) {
				return
			}
		}
	}
}
