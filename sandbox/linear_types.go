package sandbox

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// linearUser is a person as an object of Linear.
type linearUser struct {
	thing
	p *person
}

func user(p *person) any {
	if p == nil {
		return nil
	}
	return &linearUser{thing{id: p.linearID(), created: linearEpoch, updated: linearEpoch}, p}
}

// typeName is the GraphQL type of an object, empty for anything else.
func typeName(v any) string {
	switch v := v.(type) {
	case *linearIssue:
		return "Issue"
	case *linearTeam:
		return "Team"
	case *linearState:
		return "WorkflowState"
	case *linearLabel:
		return v.kind
	case *linearProject:
		return "Project"
	case *linearInitiative:
		return "Initiative"
	case *initiativeLink:
		return "InitiativeToProject"
	case *linearCycle:
		return "Cycle"
	case *linearMilestone:
		return "ProjectMilestone"
	case *linearEntry:
		return "IssueHistory"
	case *linearSpan:
		return "IssueStateSpan"
	case *linearUser:
		return "User"
	case record:
		return v.name
	}
	return ""
}

type fieldTable map[string]resolver

// get makes a resolver of a function that needs the object only.
func get[T any](f func(T) any) resolver {
	return func(_ *execution, self any, _ arguments) (any, error) { return f(self.(T)), nil }
}

// list makes a resolver of a connection.
func list[T any](node string, f func(*Workspace, T) []any) resolver {
	return func(x *execution, self any, _ arguments) (any, error) {
		object, _ := self.(T)
		return connection{node: node, nodes: f(x.ws, object)}, nil
	}
}

// opt turns a nil pointer into a plain nil.
func opt[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

func anys[T any](s []T) []any {
	out := make([]any, len(s))
	for i, e := range s {
		out[i] = e
	}
	return out
}

// where lists the elements that pass as a slice of any.
func where[T any](s []T, keep func(T) bool) []any {
	var out []any
	for _, e := range s {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

// common adds the fields every object has.
func common(own fieldTable) fieldTable {
	own["id"] = get(func(o interface{ base() *thing }) any { return o.base().id })
	own["createdAt"] = get(func(o interface{ base() *thing }) any { return o.base().created })
	own["updatedAt"] = get(func(o interface{ base() *thing }) any { return o.base().updated })
	own["archivedAt"] = get(func(o interface{ base() *thing }) any { return o.base().archived })
	return own
}

// linearTypes is what the sandbox knows of Linear's schema, by type.
func linearTypes() map[string]fieldTable {
	return map[string]fieldTable{
		"Query":               queryFields(),
		"Issue":               issueFields(),
		"IssueHistory":        historyFields(),
		"IssueStateSpan":      spanFields(),
		"Team":                teamFields(),
		"WorkflowState":       stateFields(),
		"IssueLabel":          labelFields(),
		"ProjectLabel":        labelFields(),
		"InitiativeLabel":     labelFields(),
		"Project":             projectFields(),
		"Initiative":          initiativeFields(),
		"InitiativeToProject": linkFields(),
		"Cycle":               cycleFields(),
		"ProjectMilestone":    milestoneFields(),
		"User":                userFields(),
	}
}

func queryFields() fieldTable {
	type none = any
	return fieldTable{
		"issues": list("Issue", func(ws *Workspace, _ none) []any { return where(ws.issues, (*linearIssue).visible) }),
		"teams": list("Team", func(ws *Workspace, _ none) []any {
			return where(ws.teams, func(t *linearTeam) bool { return !t.hidden })
		}),
		"workflowStates": list("WorkflowState", func(ws *Workspace, _ none) []any {
			return where(ws.states, func(s *linearState) bool { return !s.team.hidden })
		}),
		"issueLabels":          list("IssueLabel", func(ws *Workspace, _ none) []any { return anys(ws.labels) }),
		"projectLabels":        list("ProjectLabel", func(ws *Workspace, _ none) []any { return ws.ofKind("ProjectLabel") }),
		"initiativeLabels":     list("InitiativeLabel", func(ws *Workspace, _ none) []any { return ws.ofKind("InitiativeLabel") }),
		"projects":             list("Project", func(ws *Workspace, _ none) []any { return anys(ws.projects) }),
		"initiatives":          list("Initiative", func(ws *Workspace, _ none) []any { return anys(ws.initiatives) }),
		"initiativeToProjects": list("InitiativeToProject", func(ws *Workspace, _ none) []any { return anys(ws.links) }),
		"cycles":               list("Cycle", func(ws *Workspace, _ none) []any { return anys(ws.cycles) }),
		"issue":                (*execution).oneIssue,
		"viewer":               func(*execution, any, arguments) (any, error) { return user(&bot), nil },
		"organization":         func(*execution, any, arguments) (any, error) { return organization, nil },
		"rateLimitStatus":      func(x *execution, _ any, _ arguments) (any, error) { return x.h.rateLimits(x.c.now), nil },
	}
}

func (ws *Workspace) ofKind(kind string) []any {
	return where(ws.groupLabels, func(l *linearLabel) bool { return l.kind == kind })
}

var organization = record{"Organization", map[string]any{
	"id": uuid("organization"), "name": "Acme", "urlKey": "acme", "createdAt": linearEpoch, "updatedAt": linearEpoch, "archivedAt": nil,
}}

// oneIssue finds an issue by id or identifier. The field is not nullable, so a
// miss takes the whole answer with it.
func (x *execution) oneIssue(_ any, args arguments) (any, error) {
	ref, _ := args["id"].(string)
	is := x.ws.find(ref)
	if is == nil || !is.visible() {
		return nil, &failure{
			status: 200, message: "Entity not found: Issue", kind: "invalid input", code: "INPUT_ERROR", data: true, path: []any{"issue"},
		}
	}
	return is, nil
}

// rateLimits is the budget as rateLimitStatus tells it.
func (h *linearHandler) rateLimits(now time.Time) any {
	var limits []any
	for _, l := range []struct {
		kind string
		b    *bucket
	}{{"request", h.requests}, {"complexity", h.complexity}} {
		used, limit := l.b.state()
		limits = append(limits, record{"RateLimitResultPayload", map[string]any{
			"type": l.kind, "allowedAmount": limit, "requestedAmount": used, "remainingAmount": limit - used,
			"period": float64(time.Hour.Milliseconds()), "reset": float64(now.Add(time.Hour).UnixMilli()),
		}})
	}
	return record{"RateLimitPayload", map[string]any{"identifier": bot.linearID(), "kind": "user", "limits": limits}}
}

// history is newest first; stateHistory oldest first. Or in no order at all.
func (x *execution) shuffled(con connection, self *linearIssue) connection {
	if x.c.faults.Linear.Shuffle {
		con.sorted = true
		con.nodes = slices.Clone(con.nodes)
		r := rand.New(rand.NewPCG(uint64(self.number), 1))
		r.Shuffle(len(con.nodes), func(i, j int) { con.nodes[i], con.nodes[j] = con.nodes[j], con.nodes[i] })
	}
	return con
}

func slug(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
}
