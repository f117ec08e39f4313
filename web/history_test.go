package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
	"alignd/web"
)

const pastMapping = `
period: {name: year, from: 2026-01-01, to: 2026-12-31}
teams:
  - {id: payments, owns: {jira: [P]}, time_zone: Europe/Berlin}
  - {id: platform, owns: {jira: [Q]}}
  - {id: new, owns: {linear: [N]}}
goals: [{id: checkout, name: Checkout, target: 60%}, {id: search, name: Search}]
reasons: [{id: incident}]
rules:
  - {name: checkout, when: {labels: {any: [checkout]}}, goal: checkout}
  - {name: incidents, when: {labels: {any: [incident]}}, reason: incident}
  - {name: said, when: {labels: {any: ["why-*"]}}, reason_from_label: "why-*"}
`

type tickets []ticket.Ticket

func (l tickets) Tickets() iter.Seq[*ticket.Ticket] {
	return func(yield func(*ticket.Ticket) bool) {
		for i := range l {
			if !yield(&l[i]) {
				return
			}
		}
	}
}

func (l tickets) Ticket(id ticket.ID) (ticket.Ticket, bool) {
	for i := range l {
		if l[i].ID == id {
			return l[i], true
		}
	}
	return ticket.Ticket{}, false
}

// pastSource is a company of tickets that were active on one day each, eight
// hours, and completed; with a team that was not read yet if so wished.
func pastSource(t *testing.T, rules string) *fakeSource {
	t.Helper()
	set, err := mapping.Parse("past.yml", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	day := func(s, label string, project string) ticket.Ticket {
		begin := date(s).In(time.UTC).Add(6 * time.Hour) // before nine in all zones
		end := begin.Add(12 * time.Hour)
		return ticket.Ticket{
			ID: ticket.ID{Connector: "jira", UID: s + label + project}, Key: project + "-" + s, Project: project, Labels: []string{label},
			Status: "Done", State: ticket.StateDone, Created: begin, Updated: end,
			Changes: []ticket.Change{
				{At: begin, Field: ticket.FieldState, From: "To Do", To: "Doing", FromState: ticket.StateTodo, ToState: ticket.StateActive},
				{At: end, Field: ticket.FieldState, From: "Doing", To: "Done", FromState: ticket.StateActive, ToState: ticket.StateDone},
			},
		}
	}
	all := tickets{
		day("2026-11-02", "checkout", "P"), day("2026-11-03", "checkout", "P"), day("2026-11-04", "incident", "P"),
		day("2026-11-05", "why-=evil()", "P"), day("2026-11-02", "checkout", "Q"), day("2026-10-27", "else", "P"),
	}
	in := alignment.Input{Tickets: all, Rules: set, Watermarks: map[string]time.Time{"jira": fixtureAt}, Now: fixtureAt}
	return &fakeSource{snap: alignment.Compute(in), history: alignment.LookBack(in)}
}

type row struct {
	Date, End, Team, Unit, Basis, Window, Kind, Class, Goal, Reason string

	Amount, Total       float64
	Share, Lower, Upper *float64
	Effective           float64 `json:"effective_tickets"`
}

func (r row) String() string {
	share := "none"
	if r.Share != nil {
		share = fmt.Sprintf("%.3f", *r.Share)
	}
	return strings.Join([]string{
		r.Date, r.Kind, r.Class, r.Goal, r.Reason, fmt.Sprintf("%g of %g", r.Amount, r.Total), share, fmt.Sprintf("n %.2f", r.Effective),
	}, "|")
}

func rowsOf(t *testing.T, source web.Source, query string) []row {
	t.Helper()
	r := get(t, source, readAt, "/api/v1/history"+query)
	body := text(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %s", query, r.StatusCode, body)
	}
	var rows []row
	if err := json.Unmarshal([]byte(body), &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestHistoryRows: two weeks of one team, each with a row for each class and
// for each cell that has work in either of them.
func TestHistoryRows(t *testing.T) {
	rows := rowsOf(t, pastSource(t, pastMapping), "?team=payments&unit=time&from=2026-10-26&to=2026-11-08")
	var got []string
	for _, r := range rows {
		got = append(got, r.String())
	}
	want := []string{
		"2026-11-01|class|aligned|||0 of 28800|0.000|n 1.00",
		"2026-11-01|class|not_now|||0 of 28800|0.000|n 1.00",
		"2026-11-01|class|off_plan|||0 of 28800|0.000|n 1.00",
		"2026-11-01|class|unmapped|||28800 of 28800|1.000|n 1.00",
		"2026-11-01|cell|aligned|checkout||0 of 28800|0.000|n 1.00",
		"2026-11-01|cell|aligned|search||0 of 28800|0.000|n 1.00",
		"2026-11-01|cell|off_plan||=evil()|0 of 28800|0.000|n 1.00",
		"2026-11-01|cell|off_plan||incident|0 of 28800|0.000|n 1.00",
		"2026-11-01|cell|unmapped|||28800 of 28800|1.000|n 1.00",
		"2026-11-08|class|aligned|||57600 of 115200|0.500|n 4.00",
		"2026-11-08|class|not_now|||0 of 115200|0.000|n 4.00",
		"2026-11-08|class|off_plan|||57600 of 115200|0.500|n 4.00",
		"2026-11-08|class|unmapped|||0 of 115200|0.000|n 4.00",
		"2026-11-08|cell|aligned|checkout||57600 of 115200|0.500|n 4.00",
		"2026-11-08|cell|aligned|search||0 of 115200|0.000|n 4.00",
		"2026-11-08|cell|off_plan||=evil()|28800 of 115200|0.250|n 4.00",
		"2026-11-08|cell|off_plan||incident|28800 of 115200|0.250|n 4.00",
		"2026-11-08|cell|unmapped|||0 of 115200|0.000|n 4.00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
	last := rows[len(rows)-1]
	if last.End != "2026-11-08T23:00:00Z" || last.Team != "payments" || last.Unit != "time" || last.Basis != "then" || last.Window != "7d" {
		t.Errorf("columns of %+v", last)
	}
	if half := rows[9]; *half.Lower >= *half.Share || *half.Upper <= *half.Share {
		t.Errorf("interval from %v to %v around %v", *half.Lower, *half.Upper, *half.Share)
	}
}

// TestHistorySteps: what each step and window ends with.
func TestHistorySteps(t *testing.T) {
	source := pastSource(t, pastMapping)
	for query, want := range map[string]struct {
		first, last string
		number      int
	}{
		"":                            {"2024-11-10", "2026-11-15", 106},
		"?window=28d":                 {"2024-12-01", "2026-11-15", 103},
		"?step=day&window=1d":         {"2024-11-04", "2026-11-17", 744},
		"?step=day&from=2026-11-10":   {"2026-11-10", "2026-11-17", 8},
		"?from=2026-10-30&to=":        {"2026-11-01", "2026-11-15", 3},
		"?from=2020-01-01&window=91d": {"2025-02-02", "2026-11-15", 94},
		"?step=day&from=2026-11-10T23:59:59.999Z&to=2026-11-12T00:00:00Z": {"2026-11-10", "2026-11-12", 3},
		"?from=2027-01-01": {},
	} {
		var ends []string
		for _, r := range rowsOf(t, source, query+sep(query)+"team=payments") {
			ends = append(ends, r.Date)
		}
		ends = slices.Compact(ends)
		got := want
		got.number = len(ends)
		if len(ends) > 0 {
			got.first, got.last = ends[0], ends[len(ends)-1]
		}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", query, got, want)
		}
	}
}

func sep(query string) string {
	if query == "" {
		return "?"
	}
	return "&"
}

// TestHistoryUnits: without any work there is no share; completed tickets and
// both bases have rows too.
func TestHistoryUnits(t *testing.T) {
	source := pastSource(t, pastMapping)
	none := rowsOf(t, source, "?team=payments&step=day&window=1d&from=2026-11-09&to=2026-11-09")[0]
	if none.Share != nil || none.Lower != nil || none.Amount != 0 || none.Total != 0 {
		t.Errorf("a day without work: %v", none)
	}
	done := rowsOf(t, source, "?team=payments&unit=tickets&basis=now&from=2026-11-08&to=2026-11-08")[0]
	if want := "2026-11-08|class|aligned|||2 of 4|0.500|n 4.00"; done.String() != want || done.Basis != "now" {
		t.Errorf("got %v, want %s", done, want)
	}
}

func TestHistoryOfTheCompany(t *testing.T) {
	rules := strings.Replace(pastMapping, "  - {id: new, owns: {linear: [N]}}\n", "", 1)
	got := rowsOf(t, pastSource(t, rules), "?from=2026-11-08&to=2026-11-08")[0]
	if want := "2026-11-08|class|aligned|||86400 of 144000|0.600|n 5.00"; got.String() != want || got.Team != alignment.AllTeams {
		t.Errorf("got %v of %s, want %s", got, got.Team, want)
	}
}

func TestHistoryCSV(t *testing.T) {
	source := pastSource(t, pastMapping)
	const query = "/api/v1/history?team=payments&from=2026-11-08&to=2026-11-08"
	r := get(t, source, readAt, query+"&format=csv")
	if got := r.Header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	golden(t, "history.csv", text(t, r))
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, query, nil)
	req.Header.Set("Accept", "text/csv, */*;q=0.1")
	web.NewHandler(web.Options{Source: source}).ServeHTTP(rec, req)
	records, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, source, strings.TrimPrefix(query, "/api/v1/history"))
	if len(records) != len(rows)+1 {
		t.Errorf("%d records, want a header and %d", len(records), len(rows))
	}
}

func TestHistoryErrors(t *testing.T) {
	early, noHistory := pastSource(t, pastMapping), pastSource(t, pastMapping)
	early.snap, noHistory.history = nil, nil
	for name, tc := range map[string]struct {
		source *fakeSource
		query  string
		status int
		want   web.ErrorDetail
	}{
		"team":   {query: "?team=marketing", want: web.ErrorDetail{Parameter: "team", Value: "marketing", Allowed: []string{"all", "payments", "platform", "new"}}},
		"unit":   {query: "?unit=hours", want: web.ErrorDetail{Parameter: "unit", Value: "hours", Allowed: []string{"time", "tickets", "points"}}},
		"points": {query: "?unit=points", want: web.ErrorDetail{Parameter: "unit", Value: "points", Allowed: []string{"time", "tickets"}}},
		"basis":  {query: "?basis=strict", want: web.ErrorDetail{Parameter: "basis", Value: "strict", Allowed: []string{"then", "now"}}},
		"window": {query: "?window=30d", want: web.ErrorDetail{Parameter: "window", Value: "30d", Allowed: []string{"7d", "1d", "28d", "91d"}}},
		"step":   {query: "?step=1h", want: web.ErrorDetail{Parameter: "step", Value: "1h", Allowed: []string{"week", "day"}}},
		"format": {query: "?format=xml", want: web.ErrorDetail{Parameter: "format", Value: "xml", Allowed: []string{"json", "csv"}}},
		"date": {query: "?from=yesterday", want: web.ErrorDetail{
			Parameter: "from", Value: "yesterday", Allowed: []string{"a date like 2026-03-01", "an instant like 2026-03-01T00:00:00Z"},
		}},
		"order": {query: "?from=2026-11-02&to=2026-11-01", want: web.ErrorDetail{Parameter: "from", Value: "2026-11-02", Allowed: []string{"a day up to 2026-11-01"}}},
		"twice": {query: "?team=payments&team=platform", want: web.ErrorDetail{Parameter: "team", Value: "payments platform", Allowed: []string{"one value"}}},
		"unknown": {query: "?team=payments&windows=7d", want: web.ErrorDetail{
			Parameter: "windows", Value: "7d", Allowed: []string{"team", "window", "format", "unit", "basis", "step", "from", "to"},
		}},
		"not read":    {query: "?team=new", status: 503, want: web.ErrorDetail{Code: "not_ready"}},
		"no snapshot": {source: early, status: 503, want: web.ErrorDetail{Code: "not_ready"}},
		"no history":  {source: noHistory, status: 503, want: web.ErrorDetail{Code: "not_ready"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.source == nil {
				tc.source = pastSource(t, pastMapping)
			}
			if tc.status == 0 {
				tc.status, tc.want.Code = http.StatusBadRequest, "bad_parameter"
			}
			r := get(t, tc.source, readAt, "/api/v1/history"+tc.query)
			var body web.ErrorBody
			if err := json.Unmarshal([]byte(text(t, r)), &body); err != nil {
				t.Fatal(err)
			}
			tc.want.Message = body.Error.Message
			if diff := cmp.Diff(tc.want, body.Error); diff != "" || r.StatusCode != tc.status || body.Error.Message == "" {
				t.Errorf("status %d, want %d (-want +got):\n%s", r.StatusCode, tc.status, diff)
			}
		})
	}
}

func TestEpisodesErrors(t *testing.T) {
	early := fixture()
	early.snap.Review = nil
	for target, want := range map[string]int{"/api/v1/episodes": 503, "/api/v1/episodes?team=payments": 400} {
		if r := get(t, early, readAt, target); r.StatusCode != want {
			t.Errorf("%s: status %d, want %d", target, r.StatusCode, want)
		}
	}
}
