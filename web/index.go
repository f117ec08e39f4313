package web

import (
	"slices"
	"time"

	"alignd/alignment"
)

// indexTable is the alignment index of one team or the company.
type indexTable struct {
	ID, Name string
	Rows     []indexRow
}

type indexRow struct {
	Name, Note             string
	Value, Between, Number string
	Known                  bool // there is a value to speak of
}

// indexWords are the items in the order in which they are shown.
var indexWords = []struct{ item, name, note string }{
	{"late_scope", "Scope that came late", "tickets created in the last quarter of the cycle or milestone they are in"},
	{"short_notice", "Due dates moved or removed at short notice", "less than 14 days before"},
	{"reestimated", "Estimates that at least doubled after the start", "of the tickets that were started"},
	{"declared", "Declared surprises", "completed tickets with a label that says so"},
	{"unplanned_new", "Work nobody saw coming", "on tickets created since the period began, for no goal"},
	{"response", "From a sign of danger to an answer", "from a label such as risk, or drift, until the plan changes or somebody takes note; median"},
	{"answered", "Signs of danger answered in two working days", ""},
	{"reasoned", "Off-plan work that carries a reason", ""},
	{"time_to_reason", "Until off-plan work has a reason", "median"},
	{"drag", "How long work on a goal goes on after its pause", "median"},
	{"decision", "From drift to a decision", "median"},
	{"recovery", "From drift until the share is back", "median"},
	{"survey", "Survey of the team", "how safe it is to speak up, as declared; 0 % to 100 % of the scale"},
	{"executed", "Declared changes of course that the work followed", ""},
	{"execution", "Until the work follows a change of course", "median"},
}

func indexTables(snap *alignment.Snapshot, n names) []indexTable {
	if snap.Review == nil {
		return nil
	}
	var tables []indexTable
	for _, id := range append([]string{alignment.AllTeams}, teamIDs(snap)...) {
		items, ok := snap.Review.Index[id]
		if !ok {
			continue
		}
		name := n.team(id)
		if id == alignment.AllTeams {
			name = "The whole company"
		}
		tables = append(tables, indexTable{id, name, indexRows(items, workdayOf(snap, id))})
	}
	return tables
}

// workdayOf returns how long the team works on a day, 0 if that is not one
// length.
func workdayOf(snap *alignment.Snapshot, team string) time.Duration {
	at := slices.IndexFunc(snap.Teams, func(t alignment.TeamResult) bool { return t.ID == team })
	if at < 0 {
		return snap.Company.Workday
	}
	return snap.Teams[at].Workday
}

func teamIDs(snap *alignment.Snapshot) []string {
	ids := make([]string, len(snap.Teams))
	for i := range snap.Teams {
		ids[i] = snap.Teams[i].ID
	}
	return ids
}

// indexRows has a row for each item, measurable or not.
func indexRows(items []alignment.IndexItem, workday time.Duration) []indexRow {
	rows := make([]indexRow, 0, len(indexWords))
	for _, words := range indexWords {
		row := indexRow{Name: words.name, Note: words.note, Value: "not measurable"}
		at := slices.IndexFunc(items, func(i alignment.IndexItem) bool { return i.Item == words.item })
		if at >= 0 {
			row.fill(&items[at], workday)
		}
		if row.Known && words.item == "survey" {
			row.Note += "; of " + items[at].At.Format("2 January 2006")
		}
		rows = append(rows, row)
	}
	return rows
}

// fill leaves out the value where there are too few cases to speak of one.
func (r *indexRow) fill(item *alignment.IndexItem, workday time.Duration) {
	r.Number = counted(float64(item.Observations), "case", "cases")
	switch {
	case item.Observations == 0:
		r.Value = "nothing observed"
	case item.Ratio == nil && item.Seconds == nil:
		r.Value = "most are not over yet"
	case item.Observations < minEffective:
		r.Value = "not enough data"
	case item.Ratio != nil:
		r.Value, r.Between, r.Known = percent(item.Ratio.Value), between(*item.Ratio), true
	default:
		r.Value, r.Known = workingTime(*item.Seconds, workday), true
	}
}

// workingTime prints hours below two working days, and where days are not all
// of one length.
func workingTime(seconds float64, workday time.Duration) string {
	if days := seconds / workday.Seconds(); workday > 0 && days >= 2 {
		return counted(days, "working day", "working days")
	}
	return counted(seconds/3600, "working hour", "working hours")
}
