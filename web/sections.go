package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// section is the work of one team or the company.
type section struct {
	Name     string
	Headline string // the aligned share in words
	Between  string // its interval
	Enough   bool   // false: too few tickets for shares
	Bar      []segment
	Classes  []classRow
	Notes    []string
	Fresh    dated
}

// segment is a piece of a bar, in thousandths of its width.
type segment struct {
	CSS, Title string
	X, Width   float64
}

type classRow struct {
	CSS, Label, Note       string
	Share, Between, Amount string
}

func newSection(t *alignment.TeamResult, v view, now time.Time, staleAfter time.Duration) section {
	s := section{Name: t.ID, Fresh: dateOf(t.Watermark, now, staleAfter)}
	w := findWindow(t, v.window)
	if w == nil {
		s.Headline = "This window has not begun yet."
		return s
	}
	s.Notes = windowNotes(t, w, v)
	work := &w.Units[v.unit]
	if work.Total == 0 {
		s.Headline = noWork(t.ID, v.unit)
		return s
	}
	s.Enough = work.EffectiveTickets >= minEffective
	aligned, _ := work.ClassShare(v.basis, alignment.Aligned)
	s.Headline = percent(aligned.Value) + " on active goals"
	s.Between = between(aligned)
	if !s.Enough {
		s.Headline, s.Between = notEnough(work), ""
	}
	s.Classes = classRows(work, v, s.Enough)
	s.Bar = bar(work, v.basis)
	return s
}

func noWork(team string, u alignment.Unit) string {
	if team == alignment.AllTeams && u == alignment.UnitPoints {
		return "Points are not added up over teams: their scales differ."
	}
	return "Nothing in this window."
}

func notEnough(w *alignment.Work) string {
	return "Not enough data: " + amountOfTickets(w.EffectiveTickets) + " in effect"
}

func amountOfTickets(n float64) string { return "about " + counted(n, "ticket", "tickets") }

func classRows(work *alignment.Work, v view, enough bool) []classRow {
	rows := make([]classRow, 0, len(alignment.Classes))
	for _, c := range alignment.Classes {
		share, _ := work.ClassShare(v.basis, c)
		row := classRow{
			CSS: classWords[c].css, Label: classWords[c].label, Note: classWords[c].note,
			Share: "–", Amount: amount(v.unit, classAmount(work, v.basis, c)),
		}
		if enough {
			row.Share, row.Between = percent(share.Value), between(share)
		}
		rows = append(rows, row)
	}
	return rows
}

func classAmount(work *alignment.Work, b alignment.Basis, class alignment.Class) int64 {
	return cellAmount(work, b, func(c alignment.Cell) bool { return c.Class == class })
}

func cellAmount(work *alignment.Work, b alignment.Basis, in func(alignment.Cell) bool) int64 {
	var total int64
	for _, c := range work.Cells[b] {
		if in(c.Cell) {
			total += c.Amount
		}
	}
	return total
}

func bar(work *alignment.Work, b alignment.Basis) []segment {
	var segments []segment
	x := 0.0
	for _, c := range alignment.Classes {
		width := 1000 * float64(classAmount(work, b, c)) / float64(work.Total)
		if width == 0 {
			continue
		}
		title := classWords[c].label + ": " + percent(width/1000)
		segments = append(segments, segment{classWords[c].css, title, x, width})
		x += width
	}
	return segments
}

// windowNotes says what the reader should know before trusting the shares.
func windowNotes(t *alignment.TeamResult, w *alignment.Window, v view) []string {
	var notes []string
	if v.unit == alignment.UnitTime {
		notes = append(notes, timeNotes(w)...)
	}
	if v.unit == alignment.UnitPoints && w.Unestimated > 0 {
		notes = append(notes, counted(float64(w.Unestimated), "completed ticket has", "completed tickets have")+" no estimate and add nothing here.")
	}
	if t.ActiveStale > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d active tickets have been quiet for ten working days or more.",
			t.ActiveStale, t.ActiveStale+t.ActiveFresh))
	}
	return notes
}

func timeNotes(w *alignment.Window) []string {
	var notes []string
	if idle := float64(w.Idle) / float64(max(w.Capacity, 1)); idle >= 0.05 {
		notes = append(notes, "Nothing was active for "+percent(idle)+" of the working time.")
	}
	if fresh, ok := w.FreshShare(); ok && fresh < 0.8 {
		notes = append(notes, "Only "+percent(fresh)+" of what was open showed a sign of life: take team time here with caution.")
	}
	return notes
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
	return text + "; chance alone would show about " + percent(d.Floor) + "."
}

type reasonRow struct{ Name, Share, Amount string }

// reasonRows lists the off-plan work by reason: declared ones in config order,
// then what labels say besides, then retired goals, then no reason.
func reasonRows(snap *alignment.Snapshot, w *alignment.Window, v view) []reasonRow {
	work := &w.Units[v.unit]
	var cells []alignment.CellAmount
	for _, c := range work.Cells[v.basis] {
		if c.Cell.Class == alignment.OffPlan {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b alignment.CellAmount) int {
		return cmp.Compare(reasonOrder(snap, a.Cell.Reason), reasonOrder(snap, b.Cell.Reason))
	})
	rows := make([]reasonRow, 0, len(cells))
	for _, c := range cells {
		share := "–"
		if work.EffectiveTickets >= minEffective {
			share = percent(float64(c.Amount) / float64(work.Total))
		}
		rows = append(rows, reasonRow{reasonName(snap, c.Cell.Reason), share, amount(v.unit, c.Amount)})
	}
	return rows
}

func reasonOrder(snap *alignment.Snapshot, id string) int {
	n := len(snap.Reasons)
	switch at := slices.IndexFunc(snap.Reasons, func(r mapping.Reason) bool { return r.ID == id }); {
	case at >= 0:
		return at
	case id == "":
		return n + 2
	case id == alignment.Retired:
		return n + 1
	default:
		return n
	}
}

func reasonName(snap *alignment.Snapshot, id string) string {
	switch at := slices.IndexFunc(snap.Reasons, func(r mapping.Reason) bool { return r.ID == id }); {
	case at >= 0:
		return cmp.Or(snap.Reasons[at].Name, id)
	case id == "":
		return "No reason given"
	case id == alignment.Retired:
		return "Goals that are retired"
	default:
		return id
	}
}

// goalRow is one goal of the company beside its target.
type goalRow struct {
	Name, Why, Status string
	Share, Between    string
	Target            string
	TargetX           float64 // thousandths of the bar, -1 without a target
	Width, NotNow     float64 // of the bar: aligned work, then work while not now
	NotNowShare       string
}

func goalRows(snap *alignment.Snapshot, w *alignment.Window, v view) []goalRow {
	rows := make([]goalRow, 0, len(snap.Goals))
	for i := range snap.Goals {
		rows = append(rows, newGoalRow(&snap.Goals[i], &snap.Company, &w.Units[v.unit], v.basis))
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
