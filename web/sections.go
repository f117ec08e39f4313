package web

import (
	"fmt"
	"time"

	"alignd/alignment"
)

// section is the work of one team or the company.
type section struct {
	Name     string
	Headline string // the aligned share in words
	Between  string // its interval
	Size     string // effective tickets
	Distance string // to the targets
	Trend    string
	Href     string // of the tickets behind the aligned share, empty without work
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
	Href                   string // of the tickets behind it
}

func newSection(t *alignment.TeamResult, v view, now time.Time, staleAfter time.Duration) section {
	s := section{Name: t.ID, Fresh: dateOf(t.Watermark, now, staleAfter), Trend: trendWords(t.Trends, "")}
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
	s.Href = v.behind(t.ID, alignment.Aligned, "", "")
	s.Between, s.Size, s.Distance = between(aligned), amountOfTickets(work.EffectiveTickets)+" in effect", distanceWords(work)
	if !s.Enough {
		s.Headline, s.Href, s.Between, s.Size = notEnough(work), "", "", ""
	}
	s.Classes = classRows(t.ID, work, v, s.Enough)
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

func classRows(team string, work *alignment.Work, v view, enough bool) []classRow {
	rows := make([]classRow, 0, len(alignment.Classes))
	for _, c := range alignment.Classes {
		share, _ := work.ClassShare(v.basis, c)
		row := classRow{
			CSS: classWords[c].css, Label: classWords[c].label, Note: classWords[c].note,
			Share: "–", Amount: amount(v.unit, classAmount(work, v.basis, c)),
			Href: v.behind(team, c, "", ""),
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
