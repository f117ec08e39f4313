package sandbox_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

// exampleTicket is a ticket of the worked example, exampleEvent what happens
// to it.
type exampleTicket struct {
	ID, Connector, Level string
	Events               []exampleEvent
}

type exampleEvent struct {
	At       time.Time
	Field    string
	Project  string
	State    string
	Parent   *string
	Labels   []string
	Estimate *float64
	To       json.RawMessage
	Deliver  string
}

func (e exampleEvent) to() string {
	var s string
	_ = json.Unmarshal(e.To, &s)
	return s
}

// edits is what both trackers can do to a ticket.
type edits interface {
	Transition(at time.Time, ref, state string)
	AddLabel(at time.Time, ref string, labels ...string)
	RemoveLabel(at time.Time, ref string, labels ...string)
	SetParent(at time.Time, ref, parent string)
	Estimate(at time.Time, ref string, points *float64)
	Move(at time.Time, ref, project string) string
	Touch(at time.Time, ref string)
}

var (
	jiraStates   = map[string]string{"todo": "To Do", "active": "In Progress", "done": "Done"}
	linearStates = map[string]string{"todo": "Todo", "active": "In Progress", "done": "Done"}
)

// replay writes the tickets of a scenario into both trackers, late changes
// last, and returns their first keys.
func replay(t *testing.T, w *sandbox.World, tickets []exampleTicket) map[string]string {
	t.Helper()
	keys, projects := map[string]string{}, map[string]bool{}
	add := func(connector, project string) {
		if projects[project] {
			return
		}
		projects[project] = true
		if connector == "jira" {
			w.Jira.AddProject(sandbox.NewProject{Key: project, Name: project})
		} else {
			w.Linear.AddTeam(project, project, "")
		}
	}
	for _, tk := range tickets {
		for _, e := range tk.Events {
			switch e.Field {
			case "created":
				add(tk.Connector, e.Project)
				keys[tk.ID] = create(w, tk, e, keys)
			case "project":
				add(tk.Connector, e.to())
			}
		}
	}
	var late []func()
	for _, tk := range tickets {
		for _, e := range tk.Events {
			apply := func() { edit(t, w, tk, e, keys) }
			if e.Deliver == "last" {
				late = append(late, apply)
			} else {
				apply()
			}
		}
	}
	for _, apply := range late {
		apply()
	}
	return keys
}

func create(w *sandbox.World, tk exampleTicket, e exampleEvent, keys map[string]string) string {
	parent := ""
	if e.Parent != nil {
		parent = keys[*e.Parent]
	}
	if tk.Connector == "linear" {
		return w.Linear.CreateIssue(e.At, sandbox.NewLinearIssue{
			Team: e.Project, Title: tk.ID, State: linearStates[e.State], Labels: e.Labels, Parent: parent, Estimate: e.Estimate,
		})
	}
	typ := "Story"
	if tk.Level == "epic" {
		typ = "Epic"
	}
	return w.Jira.CreateIssue(e.At, sandbox.NewIssue{
		Project: e.Project, Type: typ, Title: tk.ID, Status: jiraStates[e.State], Labels: e.Labels, Parent: parent, Points: e.Estimate,
	})
}

func edit(t *testing.T, w *sandbox.World, tk exampleTicket, e exampleEvent, keys map[string]string) {
	t.Helper()
	tracker, states := edits(w.Jira), jiraStates
	if tk.Connector == "linear" {
		tracker, states = w.Linear, linearStates
	}
	key := keys[tk.ID]
	switch e.Field {
	case "created":
	case "state":
		tracker.Transition(e.At, key, states[e.to()])
	case "label+":
		tracker.AddLabel(e.At, key, e.to())
	case "label-":
		tracker.RemoveLabel(e.At, key, e.to())
	case "parent":
		tracker.SetParent(e.At, key, keys[e.to()])
	case "project":
		tracker.Move(e.At, key, e.to())
	case "estimate":
		var points float64
		if err := json.Unmarshal(e.To, &points); err != nil {
			t.Fatal(err)
		}
		tracker.Estimate(e.At, key, &points)
	case "touch":
		tracker.Touch(e.At, key)
	default:
		t.Fatalf("%s: unknown event %q", tk.ID, e.Field)
	}
}

// TestWorkedExampleCanBeTold writes the worked example into both trackers and
// finds it in what they serve.
func TestWorkedExampleCanBeTold(t *testing.T) {
	raw, err := os.ReadFile(contracttest.Shared(t, "worked-example/example.json"))
	if err != nil {
		t.Fatal(err)
	}
	var example struct {
		Scenarios map[string]struct {
			Watermark time.Time
			Tickets   []exampleTicket
		}
	}
	if err := json.Unmarshal(raw, &example); err != nil {
		t.Fatal(err)
	}
	for name, scenario := range example.Scenarios {
		t.Run(name, func(t *testing.T) {
			w := sandbox.NewWorld(fixed(scenario.Watermark))
			keys := replay(t, w, scenario.Tickets)
			f := start(t, w, sandbox.Options{Record: contract(t)})
			for _, tk := range scenario.Tickets {
				var want []string
				for _, e := range tk.Events {
					if e.Field == "state" || e.Field == "label+" || e.Field == "label-" {
						want = append(want, e.At.Format(time.RFC3339)+" "+e.Field+" "+e.to())
					}
				}
				slices.Sort(want)
				got := told(f, tk.Connector, keys[tk.ID])
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tk.ID, diff)
				}
			}
		})
	}
}

// told reads a ticket's changes of state and labels back from its tracker.
func told(f *fake, connector, key string) []string {
	f.t.Helper()
	if connector == "jira" {
		return toldByJira(f, key)
	}
	var got []string
	query := `query ($id: String!) { issue(id: $id) { history { nodes { createdAt fromState { type } toState { type } toTeam { id }
		addedLabels { name } removedLabels { name } } } } }`
	for _, n := range data(f, query, obj{"id": key})["issue"].(obj)["history"].(obj)["nodes"].(arr) {
		e := n.(obj)
		at := normal(f, time.RFC3339, e["createdAt"])
		if s, ok := e["toState"].(obj); ok && e["toTeam"] == nil {
			kind := map[string]string{"unstarted": "todo", "started": "active", "completed": "done"}[s["type"].(string)]
			got = append(got, at+" state "+kind)
		}
		for field, name := range map[string]string{"label+": "addedLabels", "label-": "removedLabels"} {
			labels, _ := e[name].(arr)
			for _, l := range labels {
				got = append(got, at+" "+field+" "+l.(obj)["name"].(string))
			}
		}
	}
	return got
}

func toldByJira(f *fake, key string) []string {
	f.t.Helper()
	var got []string
	doc := f.jira("GET", "/rest/api/3/issue/"+key+"/changelog", nil).doc(f.t)
	for _, h := range doc["values"].(arr) {
		at := normal(f, "2006-01-02T15:04:05.000-0700", h.(obj)["created"])
		for _, i := range h.(obj)["items"].(arr) {
			it := i.(obj)
			switch it["field"] {
			case "status":
				kind := map[string]string{"To Do": "todo", "In Progress": "active", "Done": "done"}[it["toString"].(string)]
				got = append(got, at+" state "+kind)
			case "labels":
				before, after := strings.Fields(it["fromString"].(string)), strings.Fields(it["toString"].(string))
				for _, l := range after {
					if !slices.Contains(before, l) {
						got = append(got, at+" label+ "+l)
					}
				}
				for _, l := range before {
					if !slices.Contains(after, l) {
						got = append(got, at+" label- "+l)
					}
				}
			}
		}
	}
	return got
}

func normal(f *fake, layout string, v any) string {
	f.t.Helper()
	at, err := time.Parse(layout, v.(string))
	if err != nil {
		f.t.Fatal(err)
	}
	return at.UTC().Format(time.RFC3339)
}
