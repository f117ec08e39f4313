package daemon_test

import (
	"bytes"
	"encoding/json"
	"io"
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

// TestPlanThenReload: what a plan says is what /metrics shows after a reload,
// and what it does not tell of stays.
func TestPlanThenReload(t *testing.T) {
	t.Parallel()
	tr := acme(t)
	r := tr.start(func(o *daemon.Options) { o.EnableLifecycle = true })
	before := r.settled()
	text, err := os.ReadFile(tr.file("mapping.yml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(
		"off_plan: true", `reason_from_label: "un*"`, // gives a reason that is not declared
		"any: [goal-onboarding, Goal/Onboarding]", "any: [Goal/Onboarding]",
		"target: 35%", "target: 30%",
	).Replace(string(text))
	plan := r.plan(changed)
	if len(plan.Shares) == 0 || len(plan.Moves) < 2 {
		t.Fatalf("plan %+v tells of too little to be a test", plan)
	}
	tr.write("mapping.yml", changed)
	if status, body := r.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatalf("reload: %d %s", status, body)
	}
	after := r.scrape()
	told := map[string]float64{}
	key := func(team, class, goal, unit, window, basis string) string {
		return strings.Join([]string{team, class, goal, unit, window, basis}, " ")
	}
	for _, c := range plan.Shares {
		told[key(c.Team, c.Class, c.Goal, c.Unit.String(), c.Window, c.Basis.String())] = *c.After
	}
	compared := 0
	for _, s := range after {
		l := s.labels
		if s.name != "alignd_share_ratio" && s.name != "alignd_goal_share_ratio" {
			continue
		}
		class := l["class"]
		if class == "" {
			class = "aligned"
		}
		was, _ := before.value(s.name, "team", l["team"], "class", l["class"], "goal", l["goal"], "unit", l["unit"], "window", l["window"], "basis", l["basis"])
		want, isTold := told[key(l["team"], class, l["goal"], l["unit"], l["window"], l["basis"])]
		switch {
		case isTold && want != s.value:
			t.Errorf("%s%v is %v, and the plan said %v", s.name, l, s.value, want)
		case !isTold && math.Abs(was-s.value) >= 0.0005:
			t.Errorf("%s%v went from %v to %v without a word in the plan", s.name, l, was, s.value)
		}
		if isTold {
			compared++
		}
	}
	if compared < len(plan.Shares)/3 { // goals of single teams are not exported
		t.Errorf("only %d of %d changes are exported", compared, len(plan.Shares))
	}
	for _, m := range plan.Moves {
		for _, tk := range m.Examples {
			r.countsAs(tk.Key, m.To)
		}
	}
	if again := r.plan(changed); !again.Empty() {
		t.Errorf("after the reload the same mapping changes %+v", again)
	}

	others := after.with("alignd_work_seconds", "reason", alignment.OtherReason)
	if len(others) == 0 || others.sum() == 0 {
		t.Fatal("no work for a reason that is not declared")
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
	got := alignment.Place{Team: e.Team, Excluded: e.Now.Excluded, Cells: strings.Join(cells, " + ")}
	if got != want {
		r.t.Errorf("%s counts as %+v, and the plan said %+v", key, got, want)
	}
}
