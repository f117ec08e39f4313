package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
	"alignd/web"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// readAt is when the tests look at the page, fixtureAt up to when its data
// goes.
var (
	fixtureAt = time.Date(2026, 11, 18, 12, 40, 0, 0, time.UTC)
	readAt    = fixtureAt.Add(3 * time.Minute)
)

type fakeSource struct {
	snap         *alignment.Snapshot
	history      *alignment.History
	status       web.Status
	explanations []alignment.Explanation
	revisions    []mapping.Revision
	asked        alignment.Question
	answer       alignment.Answer
	err          error
}

func (f *fakeSource) Snapshot() *alignment.Snapshot { return f.snap }
func (f *fakeSource) History() *alignment.History   { return f.history }
func (f *fakeSource) Status() web.Status            { return f.status }
func (f *fakeSource) Revisions(context.Context) ([]mapping.Revision, error) {
	return f.revisions, f.err
}

func (f *fakeSource) Explain(context.Context, string) ([]alignment.Explanation, error) {
	return f.explanations, f.err
}

func (f *fakeSource) Behind(_ context.Context, q alignment.Question) (alignment.Answer, error) {
	f.asked = q
	return f.answer, f.err
}

// get asks the handler at the given time.
func get(t *testing.T, source web.Source, at time.Time, target string) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at))
		web.NewHandler(web.Options{Source: source, Version: "1.2.3"}).
			ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, nil))
	})
	return rec.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func cell(class alignment.Class, goal, reason string, hours float64) alignment.CellAmount {
	return alignment.CellAmount{
		Cell:   alignment.Cell{Class: class, Goal: goal, Reason: reason},
		Amount: int64(hours * 3600e9),
	}
}

func work(effective float64, cells ...alignment.CellAmount) alignment.Work {
	w := alignment.Work{EffectiveTickets: effective, Overdispersion: 1}
	w.Cells[alignment.Then], w.Cells[alignment.Now] = cells, cells
	for _, c := range cells {
		w.Total += c.Amount
	}
	return w
}

func window(effective float64, cells ...alignment.CellAmount) alignment.Window {
	w := alignment.Window{
		Name: "28d", From: date("2026-10-22"), To: date("2026-11-19"),
		Capacity: 200 * 3600e9, Idle: 10 * 3600e9, FreshTime: 70, ActiveTime: 100,
	}
	w.Units[alignment.UnitTime] = work(effective, cells...)
	return w
}

func date(s string) mapping.Date { d, _ := mapping.ParseDate(s); return d }

func team(id string, watermark time.Time, windows ...alignment.Window) alignment.TeamResult {
	return alignment.TeamResult{
		ID: id, Known: true, Watermark: watermark, ActiveFresh: 7, ActiveStale: 2,
		Targets: map[string]float64{"checkout": .4, "mobile": 0}, TargetAligned: .4, Windows: windows,
		Trends: []alignment.Trend{{Unit: alignment.UnitTime, Weeks: 13, Slope: .5}, {Unit: alignment.UnitTickets, Weeks: 6}},
	}
}

func fixture() *fakeSource {
	from, _ := mapping.ParseDate("2026-10-01")
	pause, _ := mapping.ParseDate("2026-11-02")
	to, _ := mapping.ParseDate("2026-12-31")
	company := window(42,
		cell(alignment.Aligned, "checkout", "", 100), cell(alignment.Aligned, "search", "", 30),
		cell(alignment.NotNow, "mobile", "", 12), cell(alignment.OffPlan, "", "escalation", 40),
		cell(alignment.OffPlan, "", "<b>free text</b>", 2), cell(alignment.OffPlan, "", "", 1),
		cell(alignment.Unmapped, "", "", 15))
	company.Units[alignment.UnitTime].Distance = &alignment.Distance{
		TotalVariation: .21, Floor: .12, Hellinger: .2, KullbackLeibler: math.Inf(1), ChiSquare: math.Inf(1), G: math.Inf(1),
	}
	whole := team(alignment.AllTeams, fixtureAt, company)
	whole.Trends, whole.Workday = trends(), 8*time.Hour
	return &fakeSource{
		snap: &alignment.Snapshot{
			ComputedAt: fixtureAt.Add(2 * time.Minute), Fingerprint: "5f3a9c",
			Period:  mapping.Period{Name: "2026-Q4", From: from, To: to},
			Company: whole,
			Teams: []alignment.TeamResult{
				team("payments", fixtureAt, window(21, cell(alignment.Aligned, "checkout", "", 100), cell(alignment.Unmapped, "", "", 60))),
				team("platform", fixtureAt.Add(-30*time.Hour), window(3.4, cell(alignment.Aligned, "search", "", 30), cell(alignment.OffPlan, "", "escalation", 10))),
				team("support", fixtureAt, window(0)),
				{ID: "mobile-team"},
			},
			Goals: []mapping.Goal{
				{ID: "checkout", Name: "Checkout in under a minute", Why: "One in three carts is abandoned at payment", Statuses: []mapping.DatedStatus{{From: mapping.Moment{Date: from}, Is: mapping.GoalActive}}},
				{ID: "mobile", Name: "Mobile app", Statuses: []mapping.DatedStatus{
					{From: mapping.Moment{Date: from}, Is: mapping.GoalActive},
					{From: mapping.Moment{Date: pause}, Is: mapping.GoalPaused, Why: "Waiting for the new SDK"},
				}},
				{ID: "search", Name: "<script>alert(1)</script>"},
			},
			Reasons:   []mapping.Reason{{ID: "escalation", Name: "Customer escalation"}},
			Tickets:   []alignment.TicketCount{{Connector: "acme", Team: "payments", State: "active", Count: 1234}},
			Outside:   map[string]int{"acme": 17},
			Excluded:  map[string]int{"acme": 1},
			Rules:     []alignment.RuleUse{{Rule: "checkout by label", Tickets: 12}, {Rule: "dead", Tickets: 0}},
			Conflicts: 4,
			Review:    review(),
		},
		status: web.Status{StaleAfter: 24 * time.Hour, TeamNames: map[string]string{"payments": "Payments & Billing"}, Connectors: []web.ConnectorStatus{
			{Name: "acme", Kind: "jira", Watermark: fixtureAt, LastSuccess: fixtureAt.Add(time.Minute), LastAttempt: fixtureAt.Add(time.Minute), Verified: fixtureAt.Add(-9 * 24 * time.Hour), Repaired: 3},
			{Name: "acme-linear", Kind: "linear", LastAttempt: fixtureAt, NextAttempt: readAt.Add(90 * time.Second), Error: "issues: HTTP 503: <i>down</i>"},
		}},
		explanations: []alignment.Explanation{{
			Ticket: ticket.Ticket{
				ID: ticket.ID{Connector: "acme", UID: "10012"}, Key: "PAY-12", Title: "<img src=x onerror=alert(1)>",
				Type: "Bug", Status: "In Review", State: ticket.StateActive, Project: "PAY", Labels: []string{"goal-checkout", "</td>"},
			},
			Team: "payments", Watermark: fixtureAt,
			Now: alignment.Verdict{
				From: fixtureAt, Rules: []string{"checkout by label"},
				Cells:    []alignment.CellShare{{Cell: alignment.Cell{Class: alignment.Aligned, Goal: "checkout"}, Share: 1}},
				Ancestor: &alignment.Ancestor{Key: "PAY-3", Title: "Faster checkout", Type: "Epic", Distance: 1},
			},
			History: []alignment.Verdict{
				{From: fixtureAt.Add(-72 * time.Hour), Cells: []alignment.CellShare{{Cell: alignment.Cell{Class: alignment.Unmapped}, Share: 1}}},
				{
					From: fixtureAt.Add(-48 * time.Hour), Rules: []string{"incidents", "late"}, Backfilled: true,
					Cells: []alignment.CellShare{{Cell: alignment.Cell{Class: alignment.OffPlan, Reason: "escalation"}, Share: 1}},
				},
				{
					From: fixtureAt.Add(-24 * time.Hour), Rules: []string{"a", "b"},
					Cells: []alignment.CellShare{
						{Cell: alignment.Cell{Class: alignment.Aligned, Goal: "checkout"}, Share: .5},
						{Cell: alignment.Cell{Class: alignment.NotNow, Goal: "mobile"}, Share: .5},
					},
				},
			},
			Trials: []alignment.Trial{
				{Key: "PAY-12", Title: "<img src=x onerror=alert(1)>", Type: "Bug", Steps: []mapping.Step{
					{Name: "checkout by label", LeadsTo: "goal checkout", Failed: `labels.any: wants "<b>"; the ticket has none`},
				}},
				{Key: "PAY-3", Title: "Faster checkout", Type: "Epic", Steps: []mapping.Step{
					{Name: "checkout by label", LeadsTo: "goal checkout", Matched: true, Decides: true},
					{Name: "late", LeadsTo: "off-plan", Matched: true},
				}},
			},
			Work: []alignment.WindowWork{{Window: "7d"}, {Window: "28d", Units: [3]int64{45 * 3600e8, 1e6, 0}}},
		}},
		answer: alignment.Answer{
			Watermark: fixtureAt, From: date("2026-10-22"), To: date("2026-11-19"), Amount: 90 * 3600e9, Total: 200 * 3600e9,
			Tickets: []alignment.TicketAmount{
				behind("PAY-12", "<img src=x onerror=alert(1)>", "checkout", 50), behind("PAY-13", "Two goals", "checkout", 20), behind("PAY-13", "Two goals", "search", 12),
				behind("PAY-14", "A small one", "search", 8),
			},
		},
	}
}

func behind(key, title, goal string, hours int64) alignment.TicketAmount {
	return alignment.TicketAmount{
		ID: ticket.ID{Connector: "acme", UID: key}, Key: key, Title: title, Team: "payments",
		Cell: alignment.Cell{Class: alignment.Aligned, Goal: goal}, Amount: hours * 3600e9,
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	empty := fixture()
	empty.snap = nil
	empty.status.Connectors[0] = web.ConnectorStatus{Name: "acme", Kind: "jira", Walking: true, Read: 12300}
	for name, tc := range map[string]struct {
		source *fakeSource
		target string
	}{
		"overview.html": {fixture(), "/"},
		"empty.html":    {empty, "/"},
		"explain.html":  {fixture(), "/explain?key=pay-12"},
		"snapshot.json": {fixture(), "/api/v1/snapshot"},
		"explain.json":  {fixture(), "/api/v1/explain?key=PAY-12"},
		"drift.html":    {fixture(), "/drift"},
		"nodrift.html":  {empty, "/drift"},
		"episodes.json": {fixture(), "/api/v1/episodes"},
		"behind.html":   {fixture(), "/behind?team=payments&class=aligned&limit=2"},
		"behind.json":   {fixture(), "/api/v1/behind?team=payments&class=aligned&limit=2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := get(t, tc.source, readAt, tc.target)
			if r.StatusCode != http.StatusOK {
				t.Fatalf("status %d, want 200", r.StatusCode)
			}
			golden(t, name, pretty(t, text(t, r)))
		})
	}
}

// pretty indents JSON and leaves the stylesheet out of HTML, so that the
// golden files can be read.
func pretty(t *testing.T, body string) string {
	t.Helper()
	if before, rest, ok := strings.Cut(body, "<style>"); ok {
		_, after, _ := strings.Cut(rest, "</style>")
		return before + after
	}
	var v any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out) + "\n"
}

func TestForeignTextStaysText(t *testing.T) {
	for _, target := range []string{"/", "/drift", "/explain?key=%3Cscript%3Ealert(2)%3C/script%3E", "/behind", "/behind?team=%3Cscript%3E"} {
		body := text(t, get(t, fixture(), readAt, target))
		for _, bad := range []string{"<script", "<img", "<b>free", "<i>down", "</td>,"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q unescaped", target, bad)
			}
		}
	}
}

func TestWordsDoNotJudge(t *testing.T) {
	for _, target := range []string{"/", "/drift", "/explain?key=PAY-12", "/api/v1/episodes", "/behind"} {
		body := strings.ToLower(text(t, get(t, fixture(), readAt, target)))
		for _, bad := range []string{"violat", "misalign", "bad ", "guilty", "assignee", "culprit", "rank"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s says %q", target, bad)
			}
		}
	}
}

func TestPolicyAllowsTheStylesheetAndNothingElse(t *testing.T) {
	r := get(t, fixture(), readAt, "/")
	body := text(t, r)
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if diff := cmp.Diff(want, r.Header.Get("Content-Security-Policy")); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"style=", "http://", "https://", "onclick", "<script"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestOldNumbersAreMarked(t *testing.T) {
	body := text(t, get(t, fixture(), fixtureAt.Add(26*time.Hour), "/"))
	for _, want := range []string{"These numbers are old", "Data up to 18 November 2026, 12:40 UTC, 26 hours ago"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestPageSaysWhoReads(t *testing.T) {
	source := fixture()
	source.status.Connectors[0].Elsewhere = true
	if page := text(t, get(t, source, readAt, "/")); strings.Count(page, "Read by another replica") != 1 {
		t.Errorf("the page does not say once that another replica reads:\n%s", page)
	}
}

func TestViews(t *testing.T) {
	for target, want := range map[string]string{
		"/?unit=points":  "Points are not added up over teams",
		"/?unit=tickets": "Nothing in this window",
		"/?window=7d":    "This window has not begun yet",
		"/?basis=now":    "by today’s labels",
	} {
		if body := text(t, get(t, fixture(), readAt, target)); !strings.Contains(body, want) {
			t.Errorf("%s does not say %q", target, want)
		}
	}
}

func TestPageSaysWhatItDoesNotKnow(t *testing.T) {
	for target, want := range map[string]string{
		"/?window=foo&unit=points": "window=&#34;foo&#34;: there is no such value; allowed: 28d, 7d, 91d, period. Shown is points of the last 28 days, as it was known at the time.",
		"/?unit=foot":              "unit=&#34;foot&#34;: there is no such value; allowed: time, tickets, points. Shown is team time of",
		"/?basis=a&basis=b":        "basis=&#34;a b&#34;: it is given more than once",
	} {
		r := get(t, fixture(), readAt, target)
		if body := text(t, r); r.StatusCode != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d, does not say %q", target, r.StatusCode, want)
		}
	}
}

func TestAPIErrors(t *testing.T) {
	noSnapshot, unknown, broken := fixture(), fixture(), fixture()
	noSnapshot.snap, unknown.explanations, broken.err = nil, nil, errors.New("disk on fire at /secret/path")
	for name, tc := range map[string]struct {
		source *fakeSource
		target string
		status int
		code   string
	}{
		"no snapshot": {noSnapshot, "/api/v1/snapshot", 503, "not_ready"},
		"no key":      {fixture(), "/api/v1/explain", 400, "missing_key"},
		"unknown key": {unknown, "/api/v1/explain?key=PAY-99", 404, "unknown_key"},
		"store fails": {broken, "/api/v1/explain?key=PAY-12", 500, "internal"},
		"no endpoint": {fixture(), "/api/v2/foo", 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			r := get(t, tc.source, readAt, tc.target)
			var body web.ErrorBody
			if err := json.Unmarshal([]byte(text(t, r)), &body); err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != tc.status || body.Error.Code != tc.code || body.Error.Message == "" {
				t.Errorf("got %d %+v, want %d %s", r.StatusCode, body.Error, tc.status, tc.code)
			}
			if strings.Contains(body.Error.Message, "/secret/path") {
				t.Errorf("the answer tells about the inside: %q", body.Error.Message)
			}
		})
	}
}

func TestAPIRefusesOtherMethods(t *testing.T) {
	rec := httptest.NewRecorder()
	web.NewHandler(web.Options{Source: fixture()}).
		ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/v1/snapshot", nil))
	if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("got %d with Allow %q", rec.Code, rec.Header().Get("Allow"))
	}
}

func TestExplainPageSaysWhatIsWrong(t *testing.T) {
	unknown := fixture()
	unknown.explanations = nil
	r := get(t, unknown, readAt, "/explain?key=PAY-99")
	if body := text(t, r); r.StatusCode != http.StatusNotFound || !strings.Contains(body, "no ticket &#34;PAY-99&#34; is known") {
		t.Errorf("got %d:\n%s", r.StatusCode, body)
	}
}

// FuzzForeignText: whatever a tracker sends, it adds no markup.
func FuzzForeignText(f *testing.F) {
	f.Add("<script>alert(1)</script>", `"><img src=x>`, "it's")
	f.Add("{{.}}", "</style>", "javascript:alert(1)")
	f.Fuzz(func(t *testing.T, title, label, problem string) {
		show := func(title, label, problem string) (pages string) {
			source := fixture()
			tk := &source.explanations[0].Ticket
			tk.Title, tk.Labels = title, []string{label}
			source.status.Connectors[1].Error = "x" + problem
			for _, target := range []string{"/", "/explain?key=PAY-12"} {
				rec := httptest.NewRecorder()
				web.NewHandler(web.Options{Source: source}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, nil))
				pages += rec.Body.String()
			}
			return pages
		}
		plain, foreign := show("title", "label", "problem"), show(title, label, problem)
		for _, sign := range []string{"<", ">", `"`} {
			if strings.Count(plain, sign) != strings.Count(foreign, sign) {
				t.Errorf("%q %q %q change the number of %s", title, label, problem, sign)
			}
		}
	})
}

func TestSyncState(t *testing.T) {
	stopped := web.ConnectorStatus{
		Error: "read page 4: search: HTTP 500", Read: 3000, Stopped: true,
		LastAttempt: readAt.Add(-time.Minute), NextAttempt: readAt.Add(time.Minute),
	}
	with := func(change func(*web.ConnectorStatus)) web.ConnectorStatus {
		c := stopped
		change(&c)
		return c
	}
	for want, c := range map[string]web.ConnectorStatus{
		"First reading has stopped after 3,000 tickets; it goes on there at 12:44:00 UTC": stopped,
		"First reading has stopped after 3,000 tickets because a budget of the tracker is spent; it goes on there at 2026-11-19 12:43 UTC": with(func(c *web.ConnectorStatus) {
			c.Throttled, c.NextAttempt = true, readAt.Add(24*time.Hour)
		}),
		"Reading has stopped after 1 ticket": with(func(c *web.ConnectorStatus) {
			c.Read, c.Watermark, c.NextAttempt = 1, fixtureAt, readAt
		}),
		"First reading under way: 3,000 tickets so far":                         with(func(c *web.ConnectorStatus) { c.Walking, c.Stopped = true, false }),
		"The last attempt failed 1 minute ago; the next one is at 12:44:00 UTC": with(func(c *web.ConnectorStatus) { c.Stopped = false }),
		"Read by another replica":                                               with(func(c *web.ConnectorStatus) { c.Elsewhere = true }),
	} {
		if diff := cmp.Diff(want, web.SyncState(c, readAt)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
