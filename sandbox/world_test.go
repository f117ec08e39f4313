package sandbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/sandbox"
)

// What is renamed or rearranged above tickets does not touch the tickets.
func TestQuietChanges(t *testing.T) {
	w := smallWorkspace()
	f := start(t, w, sandbox.Options{})
	const ask = `{ issue(id: "SUP-1") { updatedAt labels { nodes { name parent { name } } } project { name initiatives { nodes { name } } } } }`
	before := data(f, ask, nil)["issue"].(obj)
	w.Linear.RenameLabel(at(30), "Reason/Customer", "Client")
	w.Linear.RenameProject(at(30), "Failover", "Failover 2")
	w.Linear.SetInitiatives(at(30), "Failover 2", "Trust")
	after := data(f, ask, nil)["issue"].(obj)
	if before["updatedAt"] != after["updatedAt"] {
		t.Error("the issue was touched")
	}
	want := obj{
		"updatedAt": before["updatedAt"],
		"labels":    obj{"nodes": arr{obj{"name": "Client", "parent": obj{"name": "Reason"}}, obj{"name": "plain", "parent": nil}}},
		"project":   obj{"name": "Failover 2", "initiatives": obj{"nodes": arr{obj{"name": "Trust"}}}},
	}
	sortNames(after)
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("issue (-want +got):\n%s", diff)
	}

	w = smallSite()
	f = start(t, w, sandbox.Options{})
	w.Jira.RenameComponent("BILL", "Core", "Kernel")
	fields := f.jira("GET", "/rest/api/3/issue/BILL-1?fields=components,updated", nil).doc(t)["fields"].(obj)
	if !strings.Contains(encode(t, fields["components"]), "Kernel") || fields["updated"] != "2026-03-02T15:00:00.000-0800" {
		t.Errorf("fields: %v", fields)
	}
}

// sortNames brings the labels of an issue into an order of their own.
func sortNames(issue obj) {
	nodes := issue["labels"].(obj)["nodes"].(arr)
	if len(nodes) == 2 && nodes[0].(obj)["name"] == "plain" {
		nodes[0], nodes[1] = nodes[1], nodes[0]
	}
}

func TestLinearComesAndGoes(t *testing.T) {
	w := smallWorkspace()
	f := start(t, w, sandbox.Options{})
	states := func(ref string) string {
		return encode(t, data(f, `query ($id: String!) { issue(id: $id) { archivedAt trashed updatedAt } }`, obj{"id": ref})["issue"])
	}
	if got, want := states("PLT-4"), `{"archivedAt":"2026-03-03T05:00:00.000Z","trashed":true,"updatedAt":"2026-03-02T22:00:00.000Z"}`; got != want {
		t.Errorf("trashed: %s, want %s", got, want)
	}
	w.Linear.Restore(at(22), "PLT-4")
	if got, want := states("PLT-4"), `{"archivedAt":null,"trashed":null,"updatedAt":"2026-03-03T06:00:00.000Z"}`; got != want {
		t.Errorf("restored: %s, want %s", got, want)
	}
	all := walkIssues(f, "includeArchived: true", 50)
	w.Linear.ArchiveTeam(at(23), "PLT", true)
	if got := walkIssues(f, "includeArchived: false", 50); slices.ContainsFunc(got, func(ref string) bool { return strings.HasPrefix(ref, "PLT") }) {
		t.Errorf("of an archived team: %v", got)
	}
	if diff := cmp.Diff(all, walkIssues(f, "includeArchived: true", 50)); diff != "" {
		t.Errorf("with those of an archived team (-want +got):\n%s", diff)
	}
	w.Linear.ArchiveTeam(at(23), "PLT", false)
	w.Linear.Purge("PLT-4")
	w.Linear.HideTeam("SUP", true)
	want := []string{"PLT-7", "PLT-6", "PLT-5", "PLT-3", "PLT-1"}
	if diff := cmp.Diff(want, walkIssues(f, "includeArchived: true", 50)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if r := f.linear(`{ issue(id: "SUP-1") { id } }`, nil); !strings.Contains(string(r.body), "Entity not found") {
		t.Errorf("hidden issue: %s", r.body)
	}
}

func TestOwnStatuses(t *testing.T) {
	w := smallSite()
	w.Jira.AddStatus("Waiting for legal", "indeterminate")
	w.Jira.Transition(at(30), "PAY-3", "Waiting for legal")
	w.Linear.AddTeam("PLT", "Platform", "")
	w.Linear.AddState("PLT", "Soaking", "started")
	w.Linear.AddLabelDefinition("Goal/Quiet")
	id := w.Linear.CreateIssue(at(0), sandbox.NewLinearIssue{Team: "PLT"})
	w.Linear.Transition(at(1), id, "Soaking")
	f := start(t, w, sandbox.Options{})
	fields := f.jira("GET", "/rest/api/3/issue/PAY-3?fields=status", nil).doc(t)["fields"].(obj)
	if status := fields["status"].(obj); status["name"] != "Waiting for legal" || status["statusCategory"].(obj)["key"] != "indeterminate" {
		t.Errorf("status: %v", status)
	}
	d := data(f, `{ issueLabels { nodes { name isGroup } } issue(id: "PLT-1") { startedAt state { name type } } }`, nil)
	want := obj{"startedAt": "2026-03-02T09:00:00.000Z", "state": obj{"name": "Soaking", "type": "started"}}
	if diff := cmp.Diff(want, d["issue"]); diff != "" {
		t.Errorf("issue (-want +got):\n%s", diff)
	}
	if n := len(d["issueLabels"].(obj)["nodes"].(arr)); n != 2 {
		t.Errorf("%d labels, want the group and the label", n)
	}
}

// A change may be told late: it is filed where it belongs.
func TestLateChange(t *testing.T) {
	w := sandbox.NewWorld(fixed(at(24)))
	w.Jira.AddProject(sandbox.NewProject{Key: "PAY"})
	key := w.Jira.CreateIssue(at(0), sandbox.NewIssue{Project: "PAY"})
	w.Jira.Transition(at(5), key, "Done")
	w.Jira.AddLabel(at(3), key, "late")
	f := start(t, w, sandbox.Options{})
	doc := f.jira("GET", "/rest/api/3/issue/"+key+"/changelog", nil).doc(t)
	var fields []any
	for _, h := range doc["values"].(arr) {
		fields = append(fields, h.(obj)["items"].(arr)[0].(obj)["field"])
	}
	if diff := cmp.Diff([]any{"labels", "status"}, fields); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestMistakesPanic(t *testing.T) {
	w := smallSite()
	for name, f := range map[string]func(){
		"issue":    func() { w.Jira.Touch(at(0), "NO-1") },
		"status":   func() { w.Jira.Transition(at(0), "PAY-1", "Nowhere") },
		"team":     func() { w.Linear.CreateIssue(at(0), sandbox.NewLinearIssue{Team: "NO"}) },
		"timezone": func() { w.Jira.SetZones("Nowhere/Land", "UTC") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	// The lock is free again.
	w.Jira.Touch(at(0).Add(time.Minute), "PAY-1")
}

func TestStartWithoutSchemaFile(t *testing.T) {
	if _, err := sandbox.Start(sandbox.NewWorld(nil), sandbox.Options{LinearSchema: "missing.graphql"}); err == nil {
		t.Error("no error")
	}
}
