package jira_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/sandbox"
	"alignd/ticket"
)

// startSandbox serves a world and returns a connector's configuration for it.
func startSandbox(t *testing.T, w *sandbox.World) (*sandbox.Server, jira.Config) {
	t.Helper()
	server, err := sandbox.Start(w, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("JIRA_TOKEN", sandbox.JiraToken)
	cfg := config(server.JiraURL)
	cfg.Auth.Email = sandbox.JiraEmail
	cfg.Projects = sandbox.CompanyProjects()[:1] // enough for every habit
	return server, cfg
}

// walkSandbox reads everything, as a set of tickets by id.
func walkSandbox(t *testing.T, cfg jira.Config, since time.Time) map[string]ticket.Ticket {
	t.Helper()
	conn := newSandboxConnector(t, cfg)
	got := map[string]ticket.Ticket{}
	for q := (connectors.Query{Since: since}); ; {
		page, err := conn.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Skipped {
			t.Errorf("skipped %s: %v", s.UID, s.Err)
		}
		for _, tk := range page.Tickets {
			got[tk.ID.UID] = tk
		}
		if q.Token = page.Next; q.Token == "" {
			return got
		}
	}
}

// Whatever habits the site has, the same tickets come out.
func TestSandboxHabits(t *testing.T) {
	company := sandbox.NewCompany(1, time.Now())
	server, cfg := startSandbox(t, company.World)
	want := walkSandbox(t, cfg, time.Time{})
	if len(want) < 100 {
		t.Fatalf("%d tickets", len(want))
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, person := range sandbox.Persons() {
		if bytes.Contains(text, []byte(person)) {
			t.Errorf("tickets hold %q", person)
		}
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(want)), func(tk ticket.Ticket) bool { return strings.HasPrefix(tk.Key, "GOAL-") && tk.Container }) {
		t.Error("the ancestors outside of the scope were not read")
	}
	for name, faults := range map[string]sandbox.JiraFaults{
		"short pages":     {ShortPages: true},
		"empty pages":     {EmptyPages: true},
		"null token":      {NullToken: true},
		"null parent":     {NullParent: true},
		"epoch dates":     {EpochDates: true},
		"no field ids":    {NoFieldIDs: true},
		"no nulls":        {NoNulls: true},
		"legacy parents":  {LegacyParent: true},
		"shuffled":        {Shuffle: true},
		"paged histories": {ChangePages: 100},
	} {
		t.Run(name, func(t *testing.T) {
			server.SetFaults(sandbox.Faults{Jira: faults, Gzip: true})
			if diff := cmp.Diff(want, walkSandbox(t, cfg, time.Time{})); diff != "" {
				t.Errorf("tickets (-without +with):\n%.3000s", diff)
			}
		})
	}
	if server.Leaks() > 0 {
		t.Error("the credential went to another host")
	}
}

// A parent in an archived project can be read, but no search finds it: it is
// not in scope, although its project is configured.
func TestParentInArchivedProject(t *testing.T) {
	world := smallWorld(3)
	past := time.Now().Add(-time.Hour)
	epic := world.Jira.CreateIssue(past, sandbox.NewIssue{Project: "AAA", Type: "Epic", Title: "Epic"})
	world.Jira.CreateIssue(past, sandbox.NewIssue{Project: "AAA", Title: "Nobody's parent"})
	world.Jira.SetParent(past, world.Jira.Keys()[0], epic)
	server, cfg := startSandbox(t, world)
	cfg.Projects = []string{"PAY", "AAA"}
	for _, cfg := range []jira.Config{cfg, dataCenter(t, server, cfg)} {
		for _, archived := range []bool{true, false} {
			world.Jira.ArchiveProject("AAA", archived)
			got := walkSandbox(t, cfg, time.Time{})
			want := map[bool]int{true: 4, false: 5}[archived]
			if above, ok := got[world.Jira.ID(epic)]; len(got) != want || !ok || above.Outside != archived {
				t.Errorf("archived %t: %d tickets, want %d; parent %+v", archived, len(got), want, above)
			}
		}
	}
}
