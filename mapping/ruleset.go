package mapping

import (
	"maps"
	"slices"
	"sync"

	"alignd/yamlfile"
)

// RuleSet is a compiled mapping. It never changes after Compile and is safe
// for concurrent use. Slices it returns must not be modified.
type RuleSet struct {
	period           Period
	teams            []Team
	goals            []Goal
	reasons          []Reason
	rules            []rule
	signals          labelSet
	surprises        labelSet
	surveyed         []Survey
	names            []string
	slack            *Share
	firstGoal        bool // split: first
	strict           bool
	firstCompletion  bool
	driftInTime      bool
	needsAncestors   bool
	fingerprint      string
	classFingerprint string
	text             string
	warnings         yamlfile.Problems
	connectors       []Ref
	doc              *yamlfile.Document // for the places of what is noticed later; only read

	owners map[string]map[string]int // connector, then project as declared and folded, to index of the team
	used   [fieldCount]bool          // fields some rule looks at
	index  ruleIndex
	pool   sync.Pool // of *scratch
}

// Period returns the planning period the mapping is written for.
func (rs *RuleSet) Period() Period { return rs.period }

// Teams returns the declared teams in file order.
func (rs *RuleSet) Teams() []Team { return rs.teams }

// Goals returns the declared goals in file order.
func (rs *RuleSet) Goals() []Goal { return rs.goals }

// Reasons returns the declared reasons in file order.
func (rs *RuleSet) Reasons() []Reason { return rs.reasons }

// RuleNames returns the names of the rules in file order.
func (rs *RuleSet) RuleNames() []string { return rs.names }

// Strict says that what was learned later does not fill what was unknown at
// the time (basis_then: strict).
func (rs *RuleSet) Strict() bool { return rs.strict }

// FirstCompletion says that the first completion of a reopened ticket counts,
// not the last (completion: first).
func (rs *RuleSet) FirstCompletion() bool { return rs.firstCompletion }

// DriftInTime says that drift is watched in team time instead of completed
// tickets.
func (rs *RuleSet) DriftInTime() bool { return rs.driftInTime }

// Fingerprint identifies the meaning of the mapping: files that differ only in
// comments, layout or the order of keys have the same.
func (rs *RuleSet) Fingerprint() string { return rs.fingerprint }

// ClassFingerprint identifies what decides when and where work counts: mappings
// that differ only in names, texts, targets, the period or what else work is
// compared with have the same.
func (rs *RuleSet) ClassFingerprint() string { return rs.classFingerprint }

// Text returns the mapping as it is written, comments and all.
func (rs *RuleSet) Text() string { return rs.text }

// NeedsAncestors says that a rule looks at Facts.Parents, LinearProjects or
// Initiatives.
func (rs *RuleSet) NeedsAncestors() bool { return rs.needsAncestors }

// LooksAtStatus says that a rule looks at Facts.Status.
func (rs *RuleSet) LooksAtStatus() bool { return rs.used[fieldStatus] }

// LooksAtProject says that a rule looks at Facts.Project or Facts.Team.
func (rs *RuleSet) LooksAtProject() bool { return rs.used[fieldProject] || rs.used[fieldTeam] }

// Warnings returns what is allowed but probably not meant, by line.
func (rs *RuleSet) Warnings() []yamlfile.Problem { return rs.warnings }

// Ref is a place in the mapping file that names a connector.
type Ref struct {
	Connector string
	At        yamlfile.Problem // without a Message
}

// Connectors returns all places that name a connector, by line. Which
// connectors exist is not known here.
func (rs *RuleSet) Connectors() []Ref { return rs.connectors }

// TeamOf returns the index in Teams of the team that owns a Jira project or
// Linear team, -1 if none does.
func (rs *RuleSet) TeamOf(connector, project string) int {
	projects := rs.owners[connector]
	if team, ok := projects[project]; ok {
		return team
	}
	var buf [64]byte
	if team, ok := projects[string(appendFold(buf[:0], project))]; ok {
		return team
	}
	return -1
}

// Connectors returns the names of the connectors whose projects the team owns,
// sorted.
func (t *Team) Connectors() []string { return slices.Sorted(maps.Keys(t.owns)) }

// Owns returns the keys of the projects or Linear teams the team owns in a
// connector, as declared.
func (t *Team) Owns(connector string) []string { return t.owns[connector] }

// Waiting says that work with this status waits although the tracker calls it
// active.
func (t *Team) Waiting(status string) bool {
	if len(t.waiting) == 0 {
		return false
	}
	var buf [64]byte
	return t.waiting[string(appendFold(buf[:0], status))]
}
