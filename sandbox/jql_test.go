package sandbox_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

func TestJQL(t *testing.T) {
	w := sandbox.NewWorld(fixed(at(48)))
	s := w.Jira
	s.SetZones("America/Los_Angeles", "Asia/Tokyo")
	s.AddProject(sandbox.NewProject{Key: "PAY", Name: "Payments"})
	s.AddProject(sandbox.NewProject{Key: "AND", Name: "Reserved word"})
	s.CreateIssue(at(0), sandbox.NewIssue{Project: "PAY", Type: "Epic"})
	s.CreateIssue(at(24), sandbox.NewIssue{Project: "PAY", Labels: []string{"x", "y"}, Parent: "PAY-1"})
	s.CreateIssue(at(47), sandbox.NewIssue{Project: "PAY", Labels: []string{"Y"}, Status: "Done"})
	s.CreateIssue(at(47.9), sandbox.NewIssue{Project: "AND"})
	s.Move(at(47.9), "AND-1", "PAY")
	s.CreateIssue(at(47.9), sandbox.NewIssue{Project: "AND"})
	f := start(t, w, sandbox.Options{})
	for jql, want := range map[string][]string{
		"project = PAY":                  {"PAY-1", "PAY-2", "PAY-3", "PAY-4"},
		"project in (pay, 10001)":        {"PAY-1", "PAY-2", "PAY-3", "PAY-4", "AND-2"},
		`project = "AND"`:                {"AND-2"},
		`project = 'Reserved word'`:      {"AND-2"},
		"project != PAY":                 {"AND-2"},
		"key in (PAY-1, and-1)":          {"PAY-1", "PAY-4"},
		"id = 10002":                     {"PAY-2"},
		"issuekey not in (PAY-1, PAY-2)": {"PAY-3", "PAY-4", "AND-2"},
		"labels = x":                     {"PAY-2"},
		"labels in (y)":                  {"PAY-2", "PAY-3"},
		"labels not in (x)":              {"PAY-3"}, // an empty field matches nothing
		"not labels = x":                 {"PAY-3"},
		"labels != x or labels is empty": {"PAY-1", "PAY-3", "PAY-4", "AND-2"},
		"labels is not empty":            {"PAY-2", "PAY-3"},
		"project = PAY and not (labels is not EMPTY or id=10001)": {"PAY-4"},
		"status = done":                                   {"PAY-3"},
		"statusCategory != Done and project=PAY":          {"PAY-1", "PAY-2", "PAY-4"},
		"issuetype = Epic":                                {"PAY-1"},
		"parent = PAY-1":                                  {"PAY-2"},
		"updated >= -15m":                                 {"PAY-4", "AND-2"},
		"updated >= '-2h'":                                {"PAY-3", "PAY-4", "AND-2"},
		"updated < -1d":                                   {"PAY-1"},
		"updated <= -1d":                                  {"PAY-1", "PAY-2"},
		"created >= -1w and created <= now()":             {"PAY-1", "PAY-2", "PAY-3", "PAY-4", "AND-2"},
		`updated >= "2026-03-04 16:00"`:                   {"PAY-3", "PAY-4", "AND-2"}, // 16:00 in Tokyo is hour 47
		`updated > "2026/03/04 16:00"`:                    {"PAY-4", "AND-2"},
		"created < 2026-03-03":                            {"PAY-1"},
		"project = PAY OR project = AND AND labels = x":   {"PAY-1", "PAY-2", "PAY-3", "PAY-4"},
		"(project = PAY OR project = AND) AND labels = x": {"PAY-2"},
	} {
		got := search(f, jql+" order by id asc", 100)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", jql, diff)
		}
	}
	for order, want := range map[string][]string{
		"":                               {"PAY-3", "PAY-2", "PAY-1"},
		"order by created":               {"PAY-3", "PAY-2", "PAY-1"},
		"order by created asc":           {"PAY-1", "PAY-2", "PAY-3"},
		"ORDER BY updated DESC, key":     {"PAY-3", "PAY-2", "PAY-1"},
		"order by key desc, created asc": {"PAY-3", "PAY-2", "PAY-1"},
	} {
		if diff := cmp.Diff(want, search(f, "key in (PAY-1, PAY-2, PAY-3) "+order, 2)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", order, diff)
		}
	}
}

func TestJQLMistakes(t *testing.T) {
	f := start(t, smallSite(), sandbox.Options{})
	for _, jql := range []string{
		"", "  ", "order by created", "project", "project =", "project = ", "project = NOPE", "project in (PAY, NOPE)", "project in ()",
		"key = PAY-99", "key in (PAY-1, PAY-99)", "nonsense = 1", "assignee = me", "project = PAY and", "(project = PAY", "project = PAY)",
		"project > PAY", "updated >= soon", "updated >= 1732877091000", "updated >= -15x", "labels ~ x", "project = PAY order by rank",
		"project = PAY order created", "labels is full", "status is empty", "status = Nope", "issuetype = Nope", "statusCategory = Nope",
		`project = "PAY`, "project = PAY; drop", "project = PAY limit 5", "not", "and", "updated >= now(", "project was PAY",
		"project = PAY order by key, key, key, key, key, key, key, key",
	} {
		r := f.jira(http.MethodPost, "/rest/api/3/search/jql", obj{"jql": jql})
		if r.status != 400 || len(r.doc(t)["errorMessages"].(arr)) != 1 {
			t.Errorf("%q: %d %s", jql, r.status, r.body)
		}
	}
}
