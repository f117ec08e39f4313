package web

import (
	"cmp"
	"slices"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// goalRow is one goal of the company beside its target.
type goalRow struct {
	Name, Why, Status string
	Share, Between    string
	Target            string
	TargetX           float64 // thousandths of the bar, -1 without a target
	Width, NotNow     float64 // of the bar: aligned work, then work while not now
	NotNowShare       string
	Trend             string
	Starved           bool // see alignment.Snapshot.Starved
	Href, NotNowHref  string
}

func goalRows(snap *alignment.Snapshot, w *alignment.Window, v view) []goalRow {
	rows := make([]goalRow, 0, len(snap.Goals))
	starved := snap.Starved(&snap.Company)
	for i := range snap.Goals {
		row := newGoalRow(&snap.Goals[i], &snap.Company, &w.Units[v.unit], v.basis)
		row.Trend = trendWords(snap.Company.Trends, snap.Goals[i].ID)
		row.Starved = slices.Contains(starved, snap.Goals[i].ID)
		row.Href = v.behind(alignment.AllTeams, alignment.Aligned, snap.Goals[i].ID, "")
		row.NotNowHref = v.behind(alignment.AllTeams, alignment.NotNow, snap.Goals[i].ID, "")
		rows = append(rows, row)
	}
	return rows
}

func newGoalRow(g *mapping.Goal, company *alignment.TeamResult, work *alignment.Work, b alignment.Basis) goalRow {
	row := goalRow{Name: cmp.Or(g.Name, g.ID), Why: g.Why, Status: statusWords(g, company.Watermark), Share: "–", TargetX: -1}
	if target, ok := company.Targets[g.ID]; ok {
		row.Target, row.TargetX = percent(target), 1000*target
	}
	share, ok := work.GoalShare(b, g.ID)
	if !ok {
		return row
	}
	if work.EffectiveTickets < minEffective {
		row.Between = "not enough data"
		return row
	}
	row.Share, row.Between, row.Width = percent(share.Value), between(share), 1000*share.Value
	notNow := cellAmount(work, b, func(c alignment.Cell) bool {
		return c.Class == alignment.NotNow && c.Goal == g.ID
	})
	if notNow > 0 {
		row.NotNow = 1000 * float64(notNow) / float64(work.Total)
		row.NotNowShare = percent(row.NotNow / 1000)
	}
	return row
}

// statusWords says where a goal stands at t: "paused since 2 November:
// waiting for the new SDK".
func statusWords(g *mapping.Goal, t time.Time) string {
	status := g.StatusAt(t, time.UTC)
	if len(g.Statuses) == 0 {
		return status.String()
	}
	text := status.String()
	for _, s := range g.Statuses {
		from := s.From.In(time.UTC)
		if from.After(t) {
			if status == mapping.GoalPlanned {
				return "planned, from " + from.Format("2 January 2006")
			}
			break
		}
		text = s.Is.String() + " since " + from.Format("2 January 2006")
		if s.Why != "" {
			text += ": " + s.Why
		}
	}
	return text
}

// notNowRow is work on a goal that was paused or not started.
type notNowRow struct{ Name, Status, Share, Between, Amount, Href string }

func notNowRows(snap *alignment.Snapshot, w *alignment.Window, v view) []notNowRow {
	var rows []notNowRow
	work := &w.Units[v.unit]
	for i := range snap.Goals {
		g := &snap.Goals[i]
		cell := alignment.Cell{Class: alignment.NotNow, Goal: g.ID}
		share, _ := work.CellShare(v.basis, cell)
		if share.Value == 0 {
			continue
		}
		row := notNowRow{Name: cmp.Or(g.Name, g.ID), Status: statusWords(g, snap.Company.Watermark), Share: "–", Between: "not enough data"}
		row.Amount = amount(v.unit, cellAmount(work, v.basis, func(c alignment.Cell) bool { return c == cell }))
		row.Href = v.behind(alignment.AllTeams, alignment.NotNow, g.ID, "")
		if work.EffectiveTickets >= minEffective {
			row.Share, row.Between = percent(share.Value), between(share)
		}
		rows = append(rows, row)
	}
	return rows
}

// distanceWords says how far the work is from the declared targets.
func distanceWords(w *alignment.Work) string {
	d := w.Distance
	if d == nil || w.EffectiveTickets < minEffective {
		return ""
	}
	text := percent(d.TotalVariation) + " of the work would have to move to meet the targets"
	if d.TotalVariation <= d.Floor {
		return text + ", no more than chance alone would show with so few tickets."
	}
	return text + "; chance alone would show about " + percent(d.Floor) +
		". The " + percentagePoints(d.TotalVariation-d.Floor) + " above that are noticeable."
}

// slackWords says what the targets leave over.
func slackWords(t *alignment.TeamResult) string {
	slack, ok := t.PlannedSlack()
	if !ok {
		return ""
	}
	return "The targets add up to " + percent(t.TargetAligned) + ": " + percent(slack) +
		" is planned to be left for everything else."
}
