package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

// The worked example, see its own "how_to_read".
type (
	scenario struct {
		Window struct{ From, To string }
		Teams  []struct {
			ID       string
			Owns     map[string][]string
			TimeZone string `json:"time_zone"`
			Capacity string
			Calendar struct{ Holidays []string }
		}
		Goals []struct {
			ID     string
			Status []struct {
				From time.Time
				Is   string
			}
		}
		Targets []map[string]string
		Reasons []struct{ ID string }
		Rules   []json.RawMessage
		Tickets []struct {
			ID, Connector, Level string
			Events               []happening
		}
		Expected struct {
			Hours struct {
				Capacity, Total, Idle map[string]string
				PerTicket             map[string]cells `json:"per_ticket"`
				bases
				ThenBeforeLastDelivery map[string]cells `json:"then_before_last_delivery"`
			} `json:"work_hours"`
			FreshShare map[string]string `json:"fresh_share"`
			Tickets    struct {
				Total map[string]string
				bases
				ThenBeforeLastDelivery map[string]cells `json:"then_before_last_delivery"`
			}
			Points struct {
				Total, Unestimated map[string]string
				bases
			}
			SharesThen map[string]map[string]cells      `json:"shares_then"`
			SharesNow  map[string]map[string]cells      `json:"shares_now"`
			NEff       map[string]cells                 `json:"n_eff"`
			Limits     map[string]map[string][2]float64 `json:"wilson95_aligned_then"`
			Distance   map[string]map[string]any        `json:"distance_to_target_time_then"`
			Wrong      map[string]struct {
				Hours           map[string]cells
				Tickets, Points map[string]string
				NEff            map[string]string `json:"n_eff_time"`
			} `json:"wrong_answers"`
		}
	}
	bases struct{ Then, Strict, Now map[string]cells }
	// cells maps a cell, class or ticket to an exact rational.
	cells     map[string]string
	happening struct {
		ticket, connector, level string

		At       time.Time
		Field    string
		Project  string
		State    string
		Parent   string
		Labels   []string
		Estimate *float64
		To       any
		Deliver  string
	}
)

func readScenario(t *testing.T, name string) *scenario {
	t.Helper()
	data, err := os.ReadFile(contracttest.Shared(t, "worked-example/example.json"))
	if err != nil {
		t.Fatal(err)
	}
	var example struct{ Scenarios map[string]*scenario }
	if err := json.Unmarshal(data, &example); err != nil {
		t.Fatal(err)
	}
	return example.Scenarios[name]
}

// happenings returns what happens until an instant, in order of time.
func (s *scenario) happenings(until time.Time) (inOrder, late []happening) {
	for _, tk := range s.Tickets {
		for _, h := range tk.Events {
			h.ticket, h.connector, h.level = tk.ID, tk.Connector, tk.Level
			switch {
			case h.At.After(until):
			case h.Deliver == "last":
				late = append(late, h)
			default:
				inOrder = append(inOrder, h)
			}
		}
	}
	slices.SortStableFunc(inOrder, func(a, b happening) int { return a.At.Compare(b.At) })
	return inOrder, late
}

// company plays a scenario in both trackers.
type company struct {
	world *sandbox.World
	key   map[string]string // of the example's tickets
}

// found makes the projects, teams and labels.
func (s *scenario) found(now time.Time) *company {
	c := &company{world: sandbox.NewWorld(func() time.Time { return now }), key: map[string]string{}}
	for _, team := range s.Teams {
		for _, key := range team.Owns["jira"] {
			c.world.Jira.AddProject(sandbox.NewProject{Key: key, Name: key})
		}
		for _, key := range team.Owns["linear"] {
			c.world.Linear.AddTeam(key, key, team.TimeZone)
		}
	}
	return c
}

// tracker is what both trackers can do alike.
type tracker interface {
	Transition(at time.Time, ref, state string)
	AddLabel(at time.Time, ref string, labels ...string)
	RemoveLabel(at time.Time, ref string, labels ...string)
	SetParent(at time.Time, ref, parent string)
	Estimate(at time.Time, ref string, points *float64)
	Move(at time.Time, ref, to string) string
	Touch(at time.Time, ref string)
}

var jiraStatuses = map[string]string{"todo": "To Do", "active": "In Progress", "done": "Done"}

var linearStates = map[string]string{"todo": "Todo", "active": "In Progress", "done": "Done"}

func (c *company) happen(all []happening) {
	for _, h := range all {
		tracker, states := tracker(c.world.Jira), jiraStatuses
		if h.connector == "linear" {
			tracker, states = c.world.Linear, linearStates
		}
		key, to := c.key[h.ticket], fmt.Sprint(h.To)
		switch h.Field {
		case "created":
			c.create(h, states[h.State])
		case "state":
			tracker.Transition(h.At, key, states[to])
		case "label+":
			tracker.AddLabel(h.At, key, to)
		case "label-":
			tracker.RemoveLabel(h.At, key, to)
		case "parent":
			tracker.SetParent(h.At, key, c.key[to])
		case "estimate":
			tracker.Estimate(h.At, key, new(h.To.(float64)))
		case "project":
			c.key[h.ticket] = tracker.Move(h.At, key, to)
		case "touch":
			tracker.Touch(h.At, key)
		default:
			panic("unknown field " + h.Field)
		}
	}
}

func (c *company) create(h happening, state string) {
	if h.connector == "linear" {
		c.key[h.ticket] = c.world.Linear.CreateIssue(h.At, sandbox.NewLinearIssue{
			Team: h.Project, Title: h.ticket, State: state, Labels: h.Labels, Parent: c.key[h.Parent], Estimate: h.Estimate,
		})
		return
	}
	kind := "Story"
	if h.level == "epic" {
		kind = "Epic"
	}
	c.key[h.ticket] = c.world.Jira.CreateIssue(h.At, sandbox.NewIssue{
		Project: h.Project, Type: kind, Title: h.ticket, Status: state, Labels: h.Labels, Parent: c.key[h.Parent], Points: h.Estimate,
	})
}

// mapping writes the scenario as product ops would.
func (s *scenario) mapping(t *testing.T, basisThen string) string {
	t.Helper()
	type object = map[string]any
	var teams, goals, reasons []any
	for _, team := range s.Teams {
		teams = append(teams, object{
			"id": team.ID, "owns": team.Owns, "time_zone": team.TimeZone, "capacity": json.Number(team.Capacity),
			"calendar": object{"holidays": append([]string{}, team.Calendar.Holidays...)},
		})
	}
	for _, g := range s.Goals {
		var status, target []any
		for _, st := range g.Status {
			status = append(status, object{"from": st.From.Format(time.RFC3339), "is": st.Is})
		}
		for _, q := range s.Targets {
			target = append(target, object{"from": q["from"], "share": json.Number(rational(q[g.ID]).FloatString(4))})
		}
		goal := object{"id": g.ID, "status": status}
		if target != nil {
			goal["target"] = target
		}
		goals = append(goals, goal)
	}
	for _, r := range s.Reasons {
		reasons = append(reasons, object{"id": r.ID})
	}
	text, err := json.Marshal(object{ // YAML is a superset of JSON
		"period": object{"name": "example", "from": s.Window.From, "to": s.Window.To}, "basis_then": basisThen,
		"teams": teams, "goals": goals, "reasons": append([]any{}, reasons...), "rules": s.Rules,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// owned returns all projects or teams of a connector.
func (s *scenario) owned(connector string) []string {
	var all []string
	for _, team := range s.Teams {
		all = append(all, team.Owns[connector]...)
	}
	return all
}

// TestWorkedExampleFromTrackerToScrape plays the worked example in both
// trackers and compares each of its numbers that has a metric: before and
// after a change that arrives late, and with both meanings of "then".
func TestWorkedExampleFromTrackerToScrape(t *testing.T) {
	t.Parallel()
	// Each clock stands in the last second of the window in the team's zone.
	// What the example tells of later instants has not happened yet; none of
	// it lies in working time before the watermark.
	for name, watermark := range map[string]time.Time{
		"week":  time.Date(2026, 3, 8, 22, 59, 59, 0, time.UTC),
		"union": time.Date(2026, 4, 1, 21, 59, 59, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const overlap = time.Second
			s := readScenario(t, name)
			c := s.found(watermark.Add(overlap))
			inOrder, late := s.happenings(watermark)
			c.happen(inOrder)
			tr := newTraveller(t, c.world, 0)
			tr.configure("jira", s.owned("jira"), "linear", s.owned("linear"))
			tr.write("mapping.yml", s.mapping(t, "backfilled"))
			r := tr.start(nil)
			r.until("/metrics", `alignd_work_watermark_timestamp_seconds\{team="all"\} `)
			x := &s.Expected

			if len(late) > 0 {
				then := comparison{t: t, got: r.scrape(), windows: []string{"7d", "period"}}
				then.work("alignd_work_seconds", 3600, x.Hours.ThenBeforeLastDelivery)
				then.work("alignd_work_tickets", 1, x.Tickets.ThenBeforeLastDelivery)
				c.happen(late)
				for _, h := range late { // so that a delta poll sees it
					c.world.Jira.Touch(watermark, c.key[h.ticket])
				}
				r.until("/metrics", `alignd_work_tickets\{class="aligned",goal="checkout",reason="",team="payments",window="7d"\} 3.5\n`)
			}
			got := comparison{t: t, got: r.scrape(), windows: []string{"7d", "period"}}
			got.everything(s)
			got.noMistake(s)
			if at, ok := got.got.value("alignd_work_watermark_timestamp_seconds", "team", "all"); !ok || at != float64(watermark.Unix()) {
				t.Errorf("watermark is %v, want %v", at, watermark.Unix())
			}

			tr.write("mapping.yml", s.mapping(t, "strict"))
			if status, body := r.do(http.MethodPost, "/-/reload"); status != http.StatusOK {
				t.Fatalf("reload: %d %s", status, body)
			}
			strict := comparison{t: t, got: r.scrape(), windows: got.windows}
			strict.work("alignd_work_seconds", 3600, x.Hours.Strict)
			strict.classShares("time", "then", x.Hours.Strict)
			if x.Tickets.Strict != nil {
				strict.work("alignd_work_tickets", 1, x.Tickets.Strict)
				strict.classShares("tickets", "then", x.Tickets.Strict)
			}
			strict.totals(s)
			tr.noPerson(r, c.key[s.Tickets[0].ID], ofTheCompany)
		})
	}
}
