package web

import (
	"net/url"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// view is what the reader asked to look at.
type view struct {
	window string
	unit   alignment.Unit
	basis  alignment.Basis
}

// viewOf reads a view from a query. What it does not know it leaves at the
// default, and returns what is wrong with it.
func viewOf(q url.Values) (view, error) {
	p := params{values: q}
	v := view{window: p.choice("window", "28d", "7d", "91d", "period")}
	// What is no choice is noted by p, and leaves the zero value.
	_ = v.unit.UnmarshalText([]byte(p.choice("unit", "time", "tickets", "points")))
	_ = v.basis.UnmarshalText([]byte(p.choice("basis", "then", "now")))
	if _, ok := windowWords[v.window]; !ok {
		v.window = "28d"
	}
	return v, p.err
}

func (v view) query() string {
	return "?" + url.Values{
		"window": {v.window}, "unit": {v.unit.String()}, "basis": {v.basis.String()},
	}.Encode()
}

// behind is the address of the tickets behind a number of the view. An empty
// reason takes all.
func (v view) behind(team string, class alignment.Class, goal, reason string) string {
	q := alignment.Question{Team: team, Window: v.window, Unit: v.unit, Basis: v.basis, Class: &class}
	if goal != "" {
		q.Goal = &goal
	}
	if reason != "" {
		q.Reason = &reason
		if reason == NoReason {
			q.Reason = new("")
		}
	}
	return "/behind?" + BehindQuery(q).Encode()
}

// page is what the overview template prints.
type page struct {
	Version string
	Problem string // what is wrong with the question
	Period  string
	Fresh   dated

	Choices []choice // windows, units, bases
	Window  string   // "the last 28 days"
	Unit    string
	Basis   string

	Missing []string // teams that are not in the numbers yet
	Company *section // nil before the first numbers
	Goals   []goalRow
	Target  string // distance to target in words
	Slack   string // what the targets leave over, in words
	NotNow  []notNowRow
	Reasons []reasonRow
	Teams   []section

	Movement *movement // nil before the history was looked at
	Index    []indexTable

	Sync []syncRow

	Evidence []evidenceTable

	StoreError string // see Status
	Rejected   string // likewise
	Revision   *revisionRow
	Coverage   []string

	ComputedAt, Fingerprint string
	Rules                   int
}

// dated is a moment in words.
type dated struct {
	At, Ago string
	Stale   bool
}

// choice is one line of links between views.
type choice struct {
	Name  string
	Links []link
}

type link struct {
	Text, Href string
	Current    bool
}

func dateOf(t, now time.Time, staleAfter time.Duration) dated {
	if t.IsZero() {
		return dated{}
	}
	age := now.Sub(t)
	return dated{At: stamp(t, now), Ago: ago(age), Stale: staleAfter > 0 && age > staleAfter}
}

// newPage turns a snapshot, which may be nil, into the overview.
func newPage(snap *alignment.Snapshot, status Status, v view, now time.Time) page {
	p := page{
		Window: windowWords[v.window], Unit: unitWords[v.unit], Basis: basisWords[v.basis],
		Sync: syncRows(snap, status, now), StoreError: status.StoreError, Rejected: status.Rejected,
	}
	if status.Revision != nil {
		row := newRevisionRow(status.Revision, status.Revision)
		p.Revision = &row
	}
	if snap == nil {
		return p
	}
	p.Period = periodWords(snap.Period)
	p.Choices = choices(snap, v)
	p.ComputedAt, p.Fingerprint, p.Rules = stamp(snap.ComputedAt, now), snap.Fingerprint, len(snap.Rules)
	p.Coverage = coverage(snap)
	n := newNames(snap, status)
	p.Evidence = evidenceTables(snap, n)
	p.Movement, p.Index = newMovement(snap, n), indexTables(snap, n)
	for i := range snap.Teams {
		t := &snap.Teams[i]
		name := n.team(t.ID)
		if !t.Known {
			p.Missing = append(p.Missing, name)
			continue
		}
		team := newSection(t, v, now, status.StaleAfter)
		team.Name = name
		p.Teams = append(p.Teams, team)
	}
	if !snap.Company.Known {
		return p
	}
	p.Fresh = dateOf(snap.Company.Watermark, now, status.StaleAfter)
	company := newSection(&snap.Company, v, now, status.StaleAfter)
	p.Company = &company
	if w := findWindow(&snap.Company, v.window); w != nil {
		p.Goals = goalRows(snap, w, v)
		p.NotNow = notNowRows(snap, w, v)
		p.Reasons = reasonRows(snap, w, v)
		p.Target, p.Slack = distanceWords(&w.Units[v.unit]), slackWords(&snap.Company)
	}
	return p
}

func periodWords(p mapping.Period) string {
	if p.Name == "" {
		return ""
	}
	const day = "2 January 2006"
	from, to := p.From.In(time.UTC), p.To.In(time.UTC)
	return p.Name + ": " + from.Format(day) + " to " + to.Format(day)
}

func choices(snap *alignment.Snapshot, v view) []choice {
	windows, units, bases := choice{Name: "Window"}, choice{Name: "Counted in"}, choice{Name: "Seen"}
	for _, w := range snap.Company.Windows {
		other := v
		other.window = w.Name
		text := windowWords[w.Name]
		if w.Name == "period" && snap.Period.Name != "" {
			text = snap.Period.Name
		}
		windows.Links = append(windows.Links, link{text, other.query(), other == v})
	}
	for _, u := range alignment.Units {
		other := v
		other.unit = u
		units.Links = append(units.Links, link{unitWords[u], other.query(), other == v})
	}
	for _, b := range alignment.Bases {
		other := v
		other.basis = b
		bases.Links = append(bases.Links, link{basisWords[b], other.query(), other == v})
	}
	return []choice{windows, units, bases}
}

func findWindow(t *alignment.TeamResult, name string) *alignment.Window {
	for i := range t.Windows {
		if t.Windows[i].Name == name {
			return &t.Windows[i]
		}
	}
	return nil
}

// coverage says what is not in the shares, and what the rules leave open.
func coverage(snap *alignment.Snapshot) []string {
	var lines []string
	say := func(n int, one, many string) {
		if n > 0 {
			lines = append(lines, counted(float64(n), one, many))
		}
	}
	say(sum(snap.Outside), "known ticket belongs to no team", "known tickets belong to no team")
	say(sum(snap.Excluded), "ticket is taken out by an exclude rule", "tickets are taken out by exclude rules")
	say(snap.Conflicts, "ticket of the last 28 days matched more than one goal; its work was split",
		"tickets of the last 28 days matched more than one goal; their work was split")
	idle := 0
	for _, r := range snap.Rules {
		if r.Tickets == 0 {
			idle++
		}
	}
	say(idle, "rule matched no ticket of the last 28 days", "rules matched no ticket of the last 28 days")
	return lines
}

func sum(counts map[string]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
