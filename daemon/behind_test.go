package daemon_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"alignd/alignment"
	"alignd/daemon"
	"alignd/web"
)

// workUnits are the families of work with what they count.
var workUnits = map[string]string{
	"alignd_work_seconds": "time", "alignd_work_tickets": "tickets", "alignd_work_points": "points",
}

// question turns a series of work or of a share into the question for its
// tickets.
func (s *sample) question() (url.Values, bool) {
	q := url.Values{"window": {s.labels["window"]}, "team": {s.labels["team"]}}
	unit, isWork := workUnits[s.name]
	switch {
	case isWork:
		q.Set("unit", unit)
		q.Set("class", s.labels["class"])
		q.Set("goal", s.labels["goal"])
		if q.Set("reason", s.labels["reason"]); s.labels["class"] == "off_plan" && s.labels["reason"] == "" {
			q.Set("reason", "none")
		}
		return q, true
	case s.name == "alignd_share_ratio":
		q.Set("class", s.labels["class"])
	case s.name == "alignd_goal_share_ratio":
		q.Set("class", "aligned")
		q.Set("goal", s.labels["goal"])
	default:
		return nil, false
	}
	q.Set("unit", s.labels["unit"])
	q.Set("basis", s.labels["basis"])
	return q, true
}

// addsUp asks for the tickets behind a series and compares exactly.
func (r *running) addsUp(s *sample, q url.Values) {
	r.t.Helper()
	status, text := r.get(web.BehindPath + "?" + q.Encode())
	var b web.BehindBody
	if err := json.Unmarshal([]byte(text), &b); err != nil || status != http.StatusOK {
		r.t.Errorf("%v: %d %s", q, status, text)
		return
	}
	var sum int64
	for _, tk := range b.Tickets {
		sum += tk.Amount
	}
	got := float64(sum) / b.Scale
	if strings.HasSuffix(s.name, "_ratio") {
		got = float64(sum) / float64(b.Total)
	}
	if got != s.value || sum != b.Amount || len(b.Tickets) != b.Count {
		r.t.Errorf("%s%v is %v; its %d tickets add up to %v", s.name, s.labels, s.value, len(b.Tickets), got)
	}
}

// TestEverySeriesIsItsTickets asks for the tickets behind every exported number
// of work and of shares of the demo company.
func TestEverySeriesIsItsTickets(t *testing.T) {
	t.Parallel()
	tr := acme(t)
	r := tr.start(nil)
	asked := map[string]int{}
	for _, s := range r.settled() {
		if q, ok := s.question(); ok {
			asked[s.name]++
			r.addsUp(&s, q)
		}
	}
	for name, least := range map[string]int{
		"alignd_work_seconds": 100, "alignd_work_tickets": 100, "alignd_work_points": 50, "alignd_share_ratio": 300, "alignd_goal_share_ratio": 30,
	} {
		if asked[name] < least {
			t.Errorf("only %d series of %s", asked[name], name)
		}
	}
}

// acmeEdits are what people do to the mapping of the sandbox's company.
var acmeEdits = []struct {
	name string
	edit func(text string) string
}{
	{"other labels and targets", strings.NewReplacer(
		"off_plan: true", `reason_from_label: "un*"`, // gives a reason that is not declared
		"any: [goal-onboarding, Goal/Onboarding]", "any: [Goal/Onboarding]",
		"target: 35%", "target: 30%",
	).Replace},
	{"a goal is gone", func(text string) string {
		return cutOut(cutOut(text, "  - id: tablet", "  - id: marketplace"), "  - name: tablet by label", "  - name: marketplace by label")
	}},
	{"a goal has another id", strings.NewReplacer("id: checkout\n", "id: shop\n", "goal: checkout\n", "goal: shop\n").Replace},
	{"a team is gone", func(text string) string { return cutOut(text, "  - id: mobile", "# What the work is for") }},
	{"the period is to come", func(text string) string {
		return cutOut(text, "period:", "\n# Who works") + "\nperiod: {name: 2027-Q1, from: 2027-01-01, to: 2027-03-31}\n"
	}},
	{"rules are gone and in another order", func(text string) string {
		rest := cutOut(text, "  - name: incidents come first", "  - name: checkout by label")
		return "split: first\n" + cutOut(rest, "  - name: the reliability initiative", "  - name: onboarding by label") + "  - {name: incidents, when: {labels: {any: [incident]}}, reason: incident}\n"
	}},
	{"goals pause, begin and end", strings.NewReplacer(
		"is: paused, why: Waiting for the new layout engine}", "is: active}", "[{from: 2027-01-01, is: active}]", "[{from: 2026-10-01, is: active}]",
		"target: 15%\n    status: ", "target: 15%\n    status: [{from: 2026-01-01, is: active}, {from: 2026-11-02, is: paused}] # ",
	).Replace},
	{"another way to count", func(text string) string { return "basis_then: strict\ncompletion: first\n" + text }},
}

// cutOut removes a text from its beginning up to what follows it.
func cutOut(text, begin, next string) string {
	from := strings.Index(text, begin)
	return text[:from] + text[from+strings.Index(text[from:], next):]
}

// TestPlanThenReload: what a plan says is what /metrics shows before and after a
// reload, and what it does not tell of stays. Each mapping follows the one
// before, so that what was taken away also comes back.
func TestPlanThenReload(t *testing.T) {
	t.Parallel()
	tr := acme(t)
	r := tr.start(func(o *daemon.Options) { o.EnableLifecycle = true })
	before := r.settled()
	text, err := os.ReadFile(tr.file("mapping.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range acmeEdits {
		changed := e.edit(string(text))
		plan := r.plan(changed)
		if len(plan.Shares) == 0 {
			t.Fatalf("%s: plan %+v tells of too little to be a test", e.name, plan)
		}
		tr.write("mapping.yml", changed)
		if status, body := r.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
			t.Fatalf("%s: reload: %d %s", e.name, status, body)
		}
		after := r.scrape()
		if isToldOf(t, e.name, plan, before, after); t.Failed() {
			return
		}
		for _, m := range plan.Moves {
			r.countsAs(m.Examples[0].Key, m.To)
		}
		if again := r.plan(changed); !again.Empty() {
			t.Errorf("%s: after the reload the same mapping changes %+v", e.name, again)
		}
		if i == 0 {
			r.addsUpToOthers(after)
		}
		before = after
	}
}

// isToldOf compares what a plan says with the series of shares before and after.
func isToldOf(t *testing.T, name string, plan *alignment.Plan, before, after scrape) {
	t.Helper()
	told := map[string]alignment.ShareChange{}
	for _, c := range plan.Shares {
		if c.Team == alignment.AllTeams || c.Goal == "" { // others are not exported
			told[strings.Join([]string{c.Team, c.Class, c.Goal, c.Unit.String(), c.Window, c.Basis.String()}, " ")] = c
		}
	}
	was, is := shareSeries(before), shareSeries(after)
	seen := maps.Clone(was)
	maps.Copy(seen, is)
	for key := range seen {
		from, hadOne := was[key]
		to, hasOne := is[key]
		c, isTold := told[key]
		delete(told, key)
		switch differs := hadOne != hasOne || math.Abs(to-from) >= 0.0005; {
		case differs && !isTold:
			t.Errorf("%s: %s went from %v (%t) to %v (%t) without a word in the plan", name, key, from, hadOne, to, hasOne)
		case isTold && (!differs || !isNumber(c.Before, from, hadOne) || !isNumber(c.After, to, hasOne)):
			t.Errorf("%s: %s went from %v (%t) to %v (%t), and the plan said %+v", name, key, from, hadOne, to, hasOne, c)
		}
	}
	for key, c := range told {
		t.Errorf("%s: the plan tells of %s, which has no series: %+v", name, key, c)
	}
}

// isNumber says that a plan gives just this number, or none where there is none.
func isNumber(share *float64, value float64, known bool) bool {
	return (share != nil) == known && (share == nil || *share == value)
}

// shareSeries returns the shares of classes and goals.
func shareSeries(s scrape) map[string]float64 {
	shares := map[string]float64{}
	for _, x := range s {
		l, class := x.labels, x.labels["class"]
		switch x.name {
		case "alignd_goal_share_ratio":
			class = "aligned"
		case "alignd_share_ratio":
		default:
			continue
		}
		shares[strings.Join([]string{l["team"], class, l["goal"], l["unit"], l["window"], l["basis"]}, " ")] = x.value
	}
	return shares
}

// addsUpToOthers asks for the tickets behind work whose reason is not declared.
func (r *running) addsUpToOthers(s scrape) {
	r.t.Helper()
	others := s.with("alignd_work_seconds", "reason", alignment.OtherReason)
	if len(others) == 0 || others.sum() == 0 {
		r.t.Fatal("no work for a reason that is not declared")
	}
	for i := range others {
		q, _ := others[i].question()
		r.addsUp(&others[i], q)
	}
}

// plan asks what a mapping would change.
func (r *running) plan(text string) *alignment.Plan {
	r.t.Helper()
	answer, err := http.Post(r.base+daemon.PlanPath, "application/yaml", bytes.NewReader([]byte(text)))
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	var p alignment.Plan
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(body, &p) != nil {
		r.t.Fatalf("plan: %s %s %v", answer.Status, body, err)
	}
	return &p
}

// countsAs checks where a ticket counts now.
func (r *running) countsAs(key string, want alignment.Place) {
	r.t.Helper()
	_, text := r.get("/api/v1/explain?key=" + url.QueryEscape(key))
	var body web.ExplainBody
	if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Explanations) == 0 {
		r.t.Fatalf("%s: %s %v", key, text, err)
	}
	e := body.Explanations[0]
	var cells []string
	for _, c := range e.Now.Cells {
		cells = append(cells, strings.TrimSpace(c.Class+" "+c.Goal+c.Reason))
	}
	if e.Team == "" {
		cells = nil // what the rules say of it counts nowhere
	}
	got := alignment.Place{Team: e.Team, Excluded: e.Now.Excluded, Cells: strings.Join(cells, " + ")}
	if got != want {
		r.t.Errorf("%s counts as %+v, and the plan said %+v", key, got, want)
	}
}
