package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alignd/alignment"
	"alignd/mapping"
)

// section is a group of series that are shown or left out together.
type section struct {
	metrics []prometheus.Metric

	// perishable series are left out when the watermark is too old.
	perishable bool
	watermark  time.Time
}

// build returns what tells how things are going first and the largest families
// last, where a limit on the number of series would hit them.
func build(snap *alignment.Snapshot) []section {
	var lasting section
	lasting.config(snap)
	lasting.tickets(snap)
	lasting.review(snap)
	var movements, work []section
	fill := newFill(snap)
	for _, team := range teams(snap) {
		if !team.Known {
			continue
		}
		lasting.gauge(descWorkWatermark, timestamp(team.Watermark), team.ID)
		lasting.targets(snap, team)
		movements = append(movements, movementOf(snap, team))
		s := section{perishable: true, watermark: team.Watermark}
		if team.ID == alignment.AllTeams {
			s.goalShares(fill, team)
		} else {
			s.work(fill, team)
		}
		s.shares(team)
		s.evidence(team)
		work = append(work, s)
	}
	return slices.Concat([]section{lasting}, movements, work)
}

// teams returns the teams and, last, the company.
func teams(snap *alignment.Snapshot) []*alignment.TeamResult {
	all := make([]*alignment.TeamResult, 0, len(snap.Teams)+1)
	for i := range snap.Teams {
		all = append(all, &snap.Teams[i])
	}
	return append(all, &snap.Company)
}

func (s *section) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.add(d, prometheus.GaugeValue, value, labels)
}

func (s *section) add(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels []string) {
	m, err := prometheus.NewConstMetric(d, kind, value, labels...)
	if err != nil { // a label that is not valid UTF-8: fail the scrape, not the process
		m = prometheus.NewInvalidMetric(d, err)
	}
	s.metrics = append(s.metrics, m)
}

func (s *section) config(snap *alignment.Snapshot) {
	then := "backfill"
	if snap.Strict {
		then = "strict"
	}
	s.gauge(descConfigInfo, 1, snap.Fingerprint, then)
	s.gauge(descSnapshotTimestamp, timestamp(snap.ComputedAt))
	for i := range snap.Goals {
		g := &snap.Goals[i]
		s.gauge(descGoalInfo, 1, g.ID, g.Name)
		now := g.StatusAt(snap.ComputedAt, time.UTC)
		for _, status := range goalStatuses {
			s.gauge(descGoalStatus, truth(status == now), g.ID, status.String())
		}
	}
	s.gauge(descRules, float64(len(snap.Rules)))
	for _, r := range snap.Rules {
		s.gauge(descRuleTickets, float64(r.Tickets), r.Rule)
	}
}

var goalStatuses = []mapping.GoalStatus{
	mapping.GoalPlanned, mapping.GoalActive, mapping.GoalPaused, mapping.GoalRetired,
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (s *section) tickets(snap *alignment.Snapshot) {
	for _, t := range snap.Tickets {
		s.gauge(descTickets, float64(t.Count), t.Connector, t.Team, t.State)
	}
	s.byConnector(descTicketsOutside, snap.Outside)
	s.byConnector(descTicketsExcluded, snap.Excluded)
	s.gauge(descTicketsConflict, float64(snap.Conflicts))
}

func (s *section) byConnector(d *prometheus.Desc, counts map[string]int) {
	for _, connector := range slices.Sorted(maps.Keys(counts)) {
		s.gauge(d, float64(counts[connector]), connector)
	}
}

// targets shows declarations, not measurements: they stay when data is stale.
func (s *section) targets(snap *alignment.Snapshot, team *alignment.TeamResult) {
	for i := range snap.Goals {
		if share, ok := team.Targets[snap.Goals[i].ID]; ok {
			s.gauge(descTarget, share, team.ID, snap.Goals[i].ID)
		}
	}
	if len(team.Targets) > 0 {
		s.gauge(descTargetAligned, team.TargetAligned, team.ID)
	}
}

var descWork = [...]*prometheus.Desc{
	alignment.UnitTime: descWorkSeconds, alignment.UnitTickets: descWorkTickets, alignment.UnitPoints: descWorkPoints,
}

// work shows what may be added up over teams, which is why there is no "all".
func (s *section) work(fill *fill, team *alignment.TeamResult) {
	s.gauge(descActiveTickets, float64(team.ActiveFresh), team.ID, "fresh")
	s.gauge(descActiveTickets, float64(team.ActiveStale), team.ID, "stale")
	units := countedUnits(team)
	for i := range team.Windows {
		w := &team.Windows[i]
		s.gauge(descWorkCapacity, seconds(w.Capacity), team.ID, w.Name)
		s.gauge(descWorkIdle, seconds(w.Idle), team.ID, w.Name)
		s.gauge(descWorkUnestimated, float64(w.Unestimated), team.ID, w.Name)
		for _, u := range units {
			for _, c := range fill.cells(w.Units[u].Cells[alignment.Then]) {
				amount := float64(c.Amount) / u.Scale()
				s.gauge(descWork[u], amount, team.ID, c.Cell.Class.String(), c.Cell.Goal, c.Cell.Reason, w.Name)
			}
		}
	}
}

func seconds(nanoseconds int64) float64 { return float64(nanoseconds) / 1e9 }

// countedUnits leaves points out for a team that has none anywhere: most
// likely it does not estimate, and unknown is not 0.
func countedUnits(team *alignment.TeamResult) []alignment.Unit {
	units := []alignment.Unit{alignment.UnitTime, alignment.UnitTickets}
	for i := range team.Windows {
		if team.Windows[i].Units[alignment.UnitPoints].Total > 0 {
			return append(units, alignment.UnitPoints)
		}
	}
	return units
}

func (s *section) shares(team *alignment.TeamResult) {
	for i := range team.Windows {
		w := &team.Windows[i]
		if fresh, ok := w.FreshShare(); ok {
			s.gauge(descActiveFresh, fresh, team.ID, w.Name)
		}
		for _, u := range alignment.Units {
			work := &w.Units[u]
			if work.Total > 0 {
				s.gauge(descShareEffective, work.EffectiveTickets, team.ID, u.String(), w.Name)
			}
			if d := work.Distance; d != nil {
				s.gauge(descTargetDistance, d.TotalVariation, team.ID, u.String(), w.Name)
				s.gauge(descTargetFloor, d.Floor, team.ID, u.String(), w.Name)
			}
			for _, b := range alignment.Bases {
				for _, class := range alignment.Classes {
					if share, ok := work.ClassShare(b, class); ok {
						s.share(shareOfClass, share, team.ID, class.String(), u.String(), w.Name, b.String())
					}
				}
			}
		}
	}
}

func (s *section) goalShares(fill *fill, team *alignment.TeamResult) {
	for i := range team.Windows {
		w := &team.Windows[i]
		for _, u := range alignment.Units {
			for _, b := range alignment.Bases {
				for _, goal := range fill.goals {
					share, ok := w.Units[u].GoalShare(b, goal)
					if ok && (share.Value > 0 || fill.active[goal]) {
						s.share(shareOfGoal, share, team.ID, goal, u.String(), w.Name, b.String())
					}
				}
			}
		}
	}
}

// shareFamilies are a share and its limits.
type shareFamilies struct{ value, lower, upper *prometheus.Desc }

var (
	shareOfClass = shareFamilies{descShare, descShareLower, descShareUpper}
	shareOfGoal  = shareFamilies{descGoalShare, descGoalShareLower, descGoalShareUpper}
)

func (s *section) share(f shareFamilies, of alignment.Share, labels ...string) {
	s.gauge(f.value, of.Value, labels...)
	if of.Limited {
		s.gauge(f.lower, of.Lower, labels...)
		s.gauge(f.upper, of.Upper, labels...)
	}
}
