package sandbox_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors/contracttest"
	"alignd/sandbox"
)

// smallWorkspace has one issue with everything in its history, and others.
func smallWorkspace() *sandbox.World {
	w := sandbox.NewWorld(fixed(at(24)))
	ws := w.Linear
	ws.AddTeam("PLT", "Platform", "Europe/Berlin")
	ws.AddTeam("SUP", "Support", "Europe/London")
	ws.AddInitiative(at(0), sandbox.NewInitiative{Name: "Reliability", Labels: []string{"big"}})
	ws.AddInitiative(at(0), sandbox.NewInitiative{Name: "Trust", Parent: "Reliability"})
	ws.AddProject(at(0), sandbox.NewLinearProject{Name: "Failover", Teams: []string{"PLT"}, Initiatives: []string{"Reliability", "Trust"}, Labels: []string{"q1"}, Start: "2026-03-01"})
	ws.AddMilestone(at(0), "Failover", "Beta", "2026-03-31")
	number := ws.AddCycle("PLT", at(0), at(336))
	ws.CreateIssue(at(0), sandbox.NewLinearIssue{Team: "PLT", Title: "Parent", Project: "Failover"})
	id := ws.CreateIssue(at(1), sandbox.NewLinearIssue{
		Team: "PLT", Title: "Child", Labels: []string{"Goal/Reliability"}, Parent: "PLT-1", Estimate: new(3.0), Priority: 2, Cycle: number,
	})
	ws.Transition(at(2), id, "In Progress")
	ws.AddLabel(at(3), id, "Reason/Customer", "plain")
	ws.RemoveLabel(at(4), id, "Goal/Reliability")
	ws.Estimate(at(5), id, new(5.0))
	ws.SetParent(at(6), id, "")
	ws.SetProject(at(7), id, "Failover")
	id = ws.Move(at(8), id, "SUP")
	ws.Touch(at(9), id)
	ws.Assign(at(9.5), id)
	ws.SetPriority(at(10), id, 1)
	ws.SetCycle(at(11), id, 0)
	ws.SetMilestone(at(11.2), id, "Beta")
	ws.SetDue(at(11.4), id, "2026-03-20")
	ws.Transition(at(12), id, "completed")
	for i := range 5 {
		ws.CreateIssue(at(13+float64(i)), sandbox.NewLinearIssue{Team: "PLT", Title: "More"})
	}
	ws.Archive(at(20), "PLT-3")
	ws.Trash(at(21), "PLT-4")
	return w
}

// data returns the data of an answer without errors.
func data(f *fake, query string, vars map[string]any) obj {
	f.t.Helper()
	r := f.linear(query, vars)
	doc := r.doc(f.t)
	if r.status != 200 || doc["errors"] != nil {
		f.t.Fatalf("query %s: %d %s", query, r.status, r.body)
	}
	return doc["data"].(obj)
}

func identifiers(d obj) []string {
	var list []string
	for _, n := range d["issues"].(obj)["nodes"].(arr) {
		list = append(list, n.(obj)["identifier"].(string))
	}
	return list
}

const catalogs = `{
  viewer { id name email displayName active }
  organization { id name urlKey }
  rateLimitStatus { kind identifier limits { type allowedAmount requestedAmount remainingAmount period reset } }
  teams { nodes { id key name timezone private states(first: 10) { nodes { id name type position color } } } }
  workflowStates(first: 250) { nodes { id name type team { id key } } pageInfo { hasNextPage endCursor } }
  issueLabels { nodes { id name isGroup retiredAt parent { id name } team { id } children(first: 5) { nodes { id } } } }
  projects { nodes { id name slugId state trashed labelIds labels(first: 5) { nodes { id name isGroup } } status { id name type }
    teams(first: 5) { nodes { key } } initiatives(first: 5) { nodes { id name } } } }
  initiatives { nodes { id name status trashed labelIds labels(first: 5) { nodes { name } } parentInitiative { id } owner { id }
    subInitiatives(first: 5) { nodes { id } } projects(first: 5) { nodes { id } } } }
  initiativeToProjects { nodes { id initiative { id } project { id } } }
  projectLabels { nodes { id name } } initiativeLabels { nodes { id name } }
  cycles { nodes { id number name startsAt endsAt team { id } } }
}`

const everyField = `query ($first: Int, $after: String, $filter: IssueFilter, $archived: Boolean) {
  issues(first: $first, after: $after, filter: $filter, includeArchived: $archived, orderBy: updatedAt) {
    nodes { ...all children { nodes { id } } }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
  one: issue(id: "SUP-1") { ...all __typename }
}
fragment all on Issue {
  id identifier previousIdentifiers number title description priority priorityLabel estimate url labelIds dueDate
  labels { nodes { id name } } team { id } state { id type } project { id } parent { id } cycle { id startsAt endsAt } projectMilestone { id targetDate project { startDate } } creator { id } assignee { id }
  createdAt updatedAt startedAt completedAt canceledAt archivedAt autoArchivedAt trashed
  history(first: 20) { nodes { id createdAt updatedAt actor { id } actorId addedLabelIds removedLabelIds addedLabels { id } removedLabels { id }
    fromState { id type } toState { id type } fromStateId toStateId fromTeam { id } toTeam { id } fromTeamId toTeamId
    fromParent { id } toParent { id } fromParentId toParentId fromProject { id } toProject { id } fromProjectId toProjectId
    fromCycle { id } toCycle { id } fromCycleId toCycleId fromEstimate toEstimate fromPriority toPriority fromTitle toTitle
    fromDueDate toDueDate fromProjectMilestone { id } toProjectMilestone { id name } fromAssigneeId toAssigneeId toAssignee { name } updatedDescription archived autoArchived trashed issue { id } } }
  stateHistory { nodes { id stateId state { type } startedAt endedAt } pageInfo { hasNextPage } }
}`

func TestLinearAnswersWhatTheSchemaAllows(t *testing.T) {
	schema := contracttest.Shared(t, "contracts/linear-schema.graphql")
	f := start(t, smallWorkspace(), sandbox.Options{LinearSchema: schema})
	data(f, catalogs, nil)
	d := data(f, everyField, obj{"first": 3, "filter": obj{"team": obj{"key": obj{"in": arr{"PLT", "SUP"}}}}, "archived": true})
	if got := d["one"].(obj)["identifier"]; got != "SUP-1" {
		t.Errorf("one issue: %q, want SUP-1", got)
	}
	for name, tc := range map[string]struct {
		query string
		vars  map[string]any
	}{
		"unknown field":       {`{ issues { nodes { nonsense } } }`, nil},
		"wrong variable type": {`query ($after: ID!) { issues(after: $after) { nodes { id } } }`, obj{"after": "x"}},
		"wrong value":         {`query ($first: Int) { issues(first: $first) { nodes { id } } }`, obj{"first": "three"}},
	} {
		if r := f.linear(tc.query, tc.vars); r.status != 400 || !strings.Contains(string(r.body), "GRAPHQL_VALIDATION_FAILED") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestLinearWithoutSchema(t *testing.T) {
	f := start(t, smallWorkspace(), sandbox.Options{})
	data(f, catalogs, nil)
	data(f, everyField, obj{"first": 3, "archived": true})
	if r := f.linear(`{ issues { nodes { nonsense } } }`, nil); r.status != 400 {
		t.Errorf("unknown field: %d %s", r.status, r.body)
	}
}

func TestLinearHistory(t *testing.T) {
	f := start(t, smallWorkspace(), sandbox.Options{})
	d := data(f, `{ issue(id: "PLT-2") { identifier previousIdentifiers updatedAt completedAt labels { nodes { name parent { name } } }
		history { nodes { createdAt fromState { name } toState { name } fromTeam { key } toTeam { key } addedLabels { name } removedLabels { name }
			fromEstimate toEstimate fromParentId toParentId toProject { name } updatedDescription fromPriority toPriority
			toProjectMilestone { name } fromDueDate toDueDate } }
		stateHistory { nodes { state { name team { key } } startedAt endedAt } } } }`, nil)["issue"].(obj)
	history := d["history"].(obj)["nodes"].(arr)
	var got []obj
	for _, h := range slices.Backward(history) {
		entry := obj{}
		for name, v := range h.(obj) {
			if v != nil && name != "createdAt" && name != "fromParentId" {
				entry[name] = v
			}
		}
		got = append(got, entry)
	}
	named := func(n string) obj { return obj{"name": n} }
	want := []obj{
		{"fromState": named("Todo"), "toState": named("In Progress")},
		{"addedLabels": arr{named("Customer"), named("plain")}},
		{"removedLabels": arr{named("Reliability")}},
		{"fromEstimate": 3.0, "toEstimate": 5.0},
		{},
		{"toProject": named("Failover")},
		{"fromState": named("In Progress"), "toState": named("In Progress"), "fromTeam": obj{"key": "PLT"}, "toTeam": obj{"key": "SUP"}},
		{"updatedDescription": true},
		{},
		{"fromPriority": 2.0, "toPriority": 1.0},
		{},
		{"toProjectMilestone": named("Beta")},
		{"toDueDate": "2026-03-20"},
		{"fromState": named("In Progress"), "toState": named("Done")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(arr{"PLT-2"}, d["previousIdentifiers"]); diff != "" || d["identifier"] != "SUP-1" {
		t.Errorf("identifiers: %v %s", d["identifier"], diff)
	}
	span := func(name, team, from string, to any) obj {
		return obj{"state": obj{"name": name, "team": obj{"key": team}}, "startedAt": from, "endedAt": to}
	}
	spans := arr{
		span("Todo", "PLT", "2026-03-02T09:00:00.000Z", "2026-03-02T10:00:00.000Z"),
		span("In Progress", "PLT", "2026-03-02T10:00:00.000Z", "2026-03-02T16:00:00.000Z"),
		span("In Progress", "SUP", "2026-03-02T16:00:00.000Z", "2026-03-02T20:00:00.000Z"),
		span("Done", "SUP", "2026-03-02T20:00:00.000Z", nil),
	}
	if diff := cmp.Diff(spans, d["stateHistory"].(obj)["nodes"]); diff != "" {
		t.Errorf("state history (-want +got):\n%s", diff)
	}
}

func TestLinearFiltersAndOrder(t *testing.T) {
	w := smallWorkspace()
	f := start(t, w, sandbox.Options{})
	id := w.Linear.ID("PLT-1")
	for name, tc := range map[string]struct {
		args string
		want []string
	}{
		"newest created first": {`first: 10`, []string{"PLT-7", "PLT-6", "PLT-5", "SUP-1", "PLT-1"}},
		"updated first":        {`orderBy: updatedAt`, []string{"PLT-7", "PLT-6", "PLT-5", "SUP-1", "PLT-1"}},
		"archived too":         {`includeArchived: true, first: 3, filter: {archivedAt: {null: false}}`, []string{"PLT-4", "PLT-3"}},
		"since":                {`filter: {updatedAt: {gte: "2026-03-02T23:00:00.000Z"}}`, []string{"PLT-7", "PLT-6", "PLT-5"}},
		"since, a duration":    {`filter: {updatedAt: {gt: "-PT8H"}}`, []string{"PLT-7"}},
		"team":                 {`filter: {team: {key: {eq: "SUP"}}}`, []string{"SUP-1"}},
		"ids":                  {`filter: {id: {in: ["` + id + `", "missing"]}}`, []string{"PLT-1"}},
		"or":                   {`filter: {or: [{team: {key: {eq: "SUP"}}}, {project: {name: {contains: "Fail"}}}]}`, []string{"SUP-1", "PLT-1"}},
		"and":                  {`filter: {and: [{team: {key: {eq: "PLT"}}}, {state: {type: {in: ["completed"]}}}]}`, nil},
		"state type":           {`filter: {state: {type: {eq: "completed"}}}`, []string{"SUP-1"}},
		"some label":           {`filter: {labels: {some: {name: {eqIgnoreCase: "customer"}, parent: {name: {eq: "Reason"}}}}}`, []string{"SUP-1"}},
		"no label":             {`filter: {labels: {length: {eq: 0}}, project: {null: false}}`, []string{"PLT-1"}},
		"initiative":           {`filter: {project: {initiatives: {some: {name: {eq: "Trust"}}}}}`, []string{"SUP-1", "PLT-1"}},
		"priority":             {`filter: {priority: {gte: 1, lt: 2}}`, []string{"SUP-1"}},
	} {
		got := identifiers(data(f, `{ issues(`+tc.args+`) { nodes { identifier } } }`, nil))
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// walkIssues pages through all issues.
func walkIssues(f *fake, args string, size int) []string {
	f.t.Helper()
	var list []string
	vars := obj{"first": size}
	for range 1000 {
		d := data(f, `query ($first: Int, $after: String) { issues(first: $first, after: $after, `+args+`) {
			nodes { identifier } pageInfo { hasNextPage endCursor } } }`, vars)
		list = append(list, identifiers(d)...)
		info := d["issues"].(obj)["pageInfo"].(obj)
		if info["hasNextPage"] == false {
			return list
		}
		vars["after"] = info["endCursor"]
	}
	f.t.Fatal("walk never ends")
	return nil
}

func TestLinearPages(t *testing.T) {
	f := start(t, smallWorkspace(), sandbox.Options{})
	want := []string{"PLT-7", "PLT-6", "PLT-5", "PLT-4", "PLT-3", "SUP-1", "PLT-1"}
	if diff := cmp.Diff(want, walkIssues(f, "includeArchived: true", 2)); diff != "" {
		t.Errorf("walk (-want +got):\n%s", diff)
	}
	d := data(f, `{ issueLabels(first: 2) { nodes { name } pageInfo { endCursor } } }`, nil)["issueLabels"].(obj)
	cursor := d["pageInfo"].(obj)["endCursor"]
	rest := data(f, `query ($c: String) { issueLabels(first: 9, after: $c) { nodes { name } } }`, obj{"c": cursor})["issueLabels"].(obj)
	if n := len(d["nodes"].(arr)) + len(rest["nodes"].(arr)); n != 5 {
		t.Errorf("labels in two pages: %d, want 5", n)
	}
	for _, first := range []int{0, 251} {
		r := f.linear(`query ($n: Int) { issues(first: $n) { nodes { id } } }`, obj{"n": first})
		if r.status != 200 || !strings.Contains(string(r.body), "validationErrors") {
			t.Errorf("first %d: %d %s", first, r.status, r.body)
		}
	}
}

func TestLinearRefusals(t *testing.T) {
	f := start(t, smallWorkspace(), sandbox.Options{})
	ask := func(header, query string) reply {
		req := f.request(http.MethodPost, f.LinearURL, encode(t, obj{"query": query}))
		req.Header.Set("Authorization", header)
		return f.do(req)
	}
	for name, tc := range map[string]struct {
		header, query string
		status        int
		code          string
	}{
		"bearer token":     {"Bearer " + sandbox.LinearBearer, `{ viewer { id } }`, 200, `"data"`},
		"bearer api key":   {"Bearer " + sandbox.LinearAPIKey, `{ viewer { id } }`, 400, "Bearer token"},
		"unknown key":      {"lin_api_other", `{ viewer { id } }`, 401, "AUTHENTICATION_ERROR"},
		"no key":           {"", `{ viewer { id } }`, 401, "AUTHENTICATION_ERROR"},
		"not found":        {sandbox.LinearAPIKey, `{ issue(id: "NO-1") { id } }`, 200, `"data":null`},
		"too complex":      {sandbox.LinearAPIKey, `{ issues(first: 250) { nodes { id labels { nodes { id name } } } } }`, 400, "Query too complex"},
		"syntax":           {sandbox.LinearAPIKey, `{ issues `, 400, "GRAPHQL_PARSE_FAILED"},
		"mutation":         {sandbox.LinearAPIKey, `mutation { issueDelete(id: "x") { success } }`, 400, "GRAPHQL_VALIDATION_FAILED"},
		"missing subset":   {sandbox.LinearAPIKey, `{ issues }`, 400, "selection of subfields"},
		"internal sort":    {sandbox.LinearAPIKey, `{ issues(sort: []) { nodes { id } } }`, 200, "internal"},
		"unknown filter":   {sandbox.LinearAPIKey, `{ issues(filter: {nonsense: {eq: 1}}) { nodes { id } } }`, 400, "nonsense"},
		"missing variable": {sandbox.LinearAPIKey, `query ($id: String!) { issue(id: $id) { id } }`, 400, "was not provided"},
	} {
		if r := ask(tc.header, tc.query); r.status != tc.status || !strings.Contains(string(r.body), tc.code) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	r := ask(sandbox.LinearAPIKey, `{ viewer { id } }`)
	for header, want := range map[string]string{"X-Complexity": "2", "X-RateLimit-Requests-Limit": "2500", "X-RateLimit-Complexity-Limit": "3000000"} {
		if got := r.header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

// Each list comes newest first, by creation or by the last update, which a
// rename is.
func TestLinearListsOrder(t *testing.T) {
	w := smallWorkspace()
	ws := w.Linear
	ws.AddProject(at(1), sandbox.NewLinearProject{Name: "Newer", Initiatives: []string{"Trust"}})
	ws.AddInitiative(at(1), sandbox.NewInitiative{Name: "Growth"})
	ws.RenameProject(at(22), "Failover", "Failover 2")
	ws.RenameInitiative(at(22), "Reliability", "Steadiness")
	ws.RenameLabel(at(22), "plain", "simple")
	ws.RenameState(at(22), "SUP", "In Review", "Reviewing")
	ws.ArchiveTeam(at(22), "SUP", true)
	f := start(t, w, sandbox.Options{})
	first := func(list, order string) string {
		d := data(f, `{ `+list+`(first: 1, includeArchived: true, orderBy: `+order+`) { nodes { name } } }`, nil)
		return d[list].(obj)["nodes"].(arr)[0].(obj)["name"].(string)
	}
	for list, want := range map[string]string{
		"projects": "Failover 2", "initiatives": "Steadiness", "issueLabels": "simple", "workflowStates": "Reviewing", "teams": "Support",
	} {
		if got := first(list, "updatedAt"); got != want {
			t.Errorf("%s updated last: %s, want %s", list, got, want)
		}
	}
	for list, want := range map[string]string{"projects": "Newer", "initiatives": "Growth"} {
		if got := first(list, "createdAt"); got != want {
			t.Errorf("%s created last: %s, want %s", list, got, want)
		}
	}
}
