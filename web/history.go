package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// historyRow is one class or cell of one window of the past. All rows have the
// same columns, so that a table, a chart or a spreadsheet can take them as they
// are.
type historyRow struct {
	Date      string    `json:"date"` // last local day of the window
	End       time.Time `json:"end"`  // the instant at which that day ended
	Team      string    `json:"team"`
	Unit      string    `json:"unit"`
	Basis     string    `json:"basis"`
	Window    string    `json:"window"`
	Kind      string    `json:"kind"` // class: a row for each class; cell: a row for each goal or reason in it
	Class     string    `json:"class"`
	Goal      string    `json:"goal"`
	Reason    string    `json:"reason"`
	Amount    float64   `json:"amount"` // seconds, tickets or points
	Share     *float64  `json:"share"`  // null without any work
	Lower     *float64  `json:"lower"`
	Upper     *float64  `json:"upper"`
	Effective float64   `json:"effective_tickets"`
	Spread    float64   `json:"overdispersion"` // the limits are those of effective_tickets / overdispersion²
	Enough    bool      `json:"enough_data"`    // otherwise the share says next to nothing
	Total     float64   `json:"total"`
}

var historyColumns = []string{
	"date", "end", "team", "unit", "basis", "window", "kind", "class", "goal", "reason",
	"amount", "share", "lower", "upper", "effective_tickets", "overdispersion", "enough_data", "total",
}

func (r *historyRow) record() []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	orNone := func(v *float64) string {
		if v == nil {
			return ""
		}
		return number(*v)
	}
	return []string{
		r.Date, r.End.Format(time.RFC3339), r.Team, r.Unit, r.Basis, r.Window, r.Kind, r.Class, r.Goal, harmless(r.Reason),
		number(r.Amount), orNone(r.Share), orNone(r.Lower), orNone(r.Upper), number(r.Effective), number(r.Spread), strconv.FormatBool(r.Enough), number(r.Total),
	}
}

// historyQuery is what part of the history is asked for.
type historyQuery struct {
	team   string
	unit   alignment.Unit
	basis  alignment.Basis
	window string
	length mapping.Date
	step   mapping.Date // 1: each day; 7: each Sunday
	from   mapping.Date // days with which windows end
	to     mapping.Date
	csv    bool
}

// historyAnswer returns rows for JSON or for CSV.
func (h *handler) historyAnswer(r *http.Request) (any, error) {
	snap, past := h.source.Snapshot(), h.source.History()
	if snap == nil {
		return nil, errNotReady()
	}
	if past == nil {
		return nil, failure(http.StatusServiceUnavailable, "not_ready", "the history is being computed for the first time; try again in a minute")
	}
	q, err := newHistoryQuery(r, snap, past)
	if err != nil {
		return nil, err
	}
	rows := historyRows(q, snap.Goals, past)
	if !q.csv {
		return rows, nil
	}
	table := csvTable{historyColumns}
	for i := range rows {
		table = append(table, rows[i].record())
	}
	return table, nil
}

func newHistoryQuery(r *http.Request, snap *alignment.Snapshot, past *alignment.History) (historyQuery, error) {
	p := params{values: r.URL.Query()}
	teams := []string{alignment.AllTeams}
	for i := range snap.Teams {
		teams = append(teams, snap.Teams[i].ID)
	}
	q := historyQuery{
		team: p.choice("team", teams...), window: p.choice("window", "7d", "1d", "28d", "91d"), step: 7,
		csv: p.choice("format", formats(r)...) == "csv",
	}
	unit := p.choice("unit", "time", "tickets", "points")
	for _, u := range alignment.Units {
		if u.String() == unit {
			q.unit = u
		}
	}
	if p.choice("basis", "then", "now") == "now" {
		q.basis = alignment.Now
	}
	if p.choice("step", "week", "day") == "day" {
		q.step = 1
	}
	if q.team == alignment.AllTeams && q.unit == alignment.UnitPoints {
		p.refuse("unit", unit, "points are not added up over teams, so name a team", "time", "tickets")
	}
	q.from, q.to = p.date("from", 0), p.date("to", endOfDates)
	if q.from > q.to {
		p.refuse("from", r.URL.Query().Get("from"), "it is after to", "a day up to "+q.to.String())
	}
	if err := p.finish(); err != nil {
		return q, err
	}
	first, last, ok := past.Range(q.team)
	if !ok {
		return q, failure(http.StatusServiceUnavailable, "not_ready",
			fmt.Sprintf("there is no history of %s yet: not everything it owns has been read once", q.team))
	}
	q.length = windowDays[q.window]
	q.from, q.to = max(q.from, first+q.length-1), min(q.to, last)
	return q, nil
}

// endOfDates is later than any day of a history.
const endOfDates = mapping.Date(1 << 20)

var windowDays = map[string]mapping.Date{"1d": 1, "7d": 7, "28d": 28, "91d": 91}

// formats lists the formats, the one that the header asks for first.
func formats(r *http.Request) []string {
	if strings.Contains(r.Header.Get("Accept"), "text/csv") {
		return []string{"csv", "json"}
	}
	return []string{"json", "csv"}
}

// historyRows returns the windows of q as rows. A cell that has work anywhere
// in the answer, and aligned work on each goal, has a row in every window.
func historyRows(q historyQuery, goals []mapping.Goal, past *alignment.History) []historyRow {
	var windows []alignment.Window
	seen := map[alignment.Cell]bool{}
	for i := range goals {
		seen[alignment.Cell{Class: alignment.Aligned, Goal: goals[i].ID}] = true
	}
	for day := q.from; day <= q.to; day++ {
		if q.step == 7 && day.Weekday() != time.Sunday {
			continue
		}
		w := past.Window(q.team, day, q.length)
		windows = append(windows, w)
		for _, c := range w.Units[q.unit].Cells[q.basis] {
			seen[c.Cell] = true
		}
	}
	cells := orderCells(seen, goals)
	rows := make([]historyRow, 0, len(windows)*(len(alignment.Classes)+len(cells)))
	for i := range windows {
		rows = appendWindow(rows, q, &windows[i], cells, past.End(q.team, windows[i].To-1))
	}
	return rows
}

// orderCells sorts by class, goal in config order, reason.
func orderCells(seen map[alignment.Cell]bool, goals []mapping.Goal) []alignment.Cell {
	place := map[string]int{"": -1}
	for i := range goals {
		place[goals[i].ID] = i - len(goals) // before those that are not known
	}
	cells := make([]alignment.Cell, 0, len(seen))
	for c := range seen {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(x, y alignment.Cell) int {
		return cmp.Or(cmp.Compare(x.Class, y.Class), cmp.Compare(place[x.Goal], place[y.Goal]),
			cmp.Compare(x.Goal, y.Goal), cmp.Compare(x.Reason, y.Reason))
	})
	return cells
}

func appendWindow(rows []historyRow, q historyQuery, w *alignment.Window, cells []alignment.Cell, end time.Time) []historyRow {
	work := &w.Units[q.unit]
	blank := historyRow{
		Date: (w.To - 1).String(), End: end, Team: q.team, Unit: q.unit.String(), Basis: q.basis.String(), Window: q.window,
		Effective: work.EffectiveTickets, Spread: work.Overdispersion, Enough: work.EffectiveTickets >= minEffective, Total: float64(work.Total) / q.unit.Scale(),
	}
	add := func(kind string, cell alignment.Cell, amount int64, share alignment.Share, ok bool) {
		row := blank
		row.Kind, row.Class, row.Goal, row.Reason = kind, cell.Class.String(), cell.Goal, cell.Reason
		row.Amount = float64(amount) / q.unit.Scale()
		if ok {
			body := newShareBody(share)
			row.Share, row.Lower, row.Upper = &body.Value, body.Lower, body.Upper
		}
		rows = append(rows, row)
	}
	for _, class := range alignment.Classes {
		share, ok := work.ClassShare(q.basis, class)
		add("class", alignment.Cell{Class: class}, classAmount(work, q.basis, class), share, ok)
	}
	for _, cell := range cells {
		share, ok := work.CellShare(q.basis, cell)
		amount := cellAmount(work, q.basis, func(c alignment.Cell) bool { return c == cell })
		add("cell", cell, amount, share, ok)
	}
	return rows
}
