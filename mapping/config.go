package mapping

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"alignd/yamlfile"
)

// Config is the shape of the mapping file, as written. Compile gives it
// meaning.
//
//schema:json {"required": ["period", "teams"]}
type Config struct {
	// The planning period the mapping is written for.
	Period PeriodConfig `yaml:"period"`
	// How the work of a ticket with several goals is split: "equal" (default)
	// or "first", all of it to the first of them in the order of goals.
	//schema:json {"enum": ["equal", "first"], "default": "equal"}
	Split string `yaml:"split"`
	// What "as it was known at the time" means for tickets that were labelled
	// late: "backfilled" (default) or "strict", nothing is filled in.
	//schema:json {"enum": ["backfilled", "strict"], "default": "backfilled"}
	BasisThen string `yaml:"basis_then"`
	// Which completion of a reopened ticket counts: "last" (default) or
	// "first".
	//schema:json {"enum": ["last", "first"], "default": "last"}
	Completion string `yaml:"completion"`
	// Share of the work that is kept free for what no target covers, such as
	// 20%. alignd check says where targets and slack do not add up to 100%.
	Slack *Share `yaml:"slack"`
	// How drift is watched.
	Drift DriftConfig `yaml:"drift"`
	// Who works, and on which projects of the trackers.
	Teams []TeamConfig `yaml:"teams"`
	// What the work is for. Their order is the order of all reports.
	Goals []GoalConfig `yaml:"goals"`
	// Why off-plan work is done.
	Reasons []ReasonConfig `yaml:"reasons"`
	// Which tickets count for what. Among off-plan rules the first that
	// matches wins; all goal rules that match count.
	Rules []RuleConfig `yaml:"rules"`
	// What the alignment index reads from labels.
	Index IndexConfig `yaml:"index"`
	// What surveys on psychological safety came to.
	Surveys []SurveyConfig `yaml:"surveys"`

	doc  *yamlfile.Document
	text string
}

// DriftConfig is how drift is watched.
type DriftConfig struct {
	// What the watched shares are shares of: "tickets" (default), completed
	// ones, or "time", team time. Time sees work that is not finished; one
	// long ticket moves several weeks of it, so its limit is higher.
	//schema:json {"enum": ["tickets", "time"], "default": "tickets"}
	Unit string `yaml:"unit"`
}

// PeriodConfig is a planning period.
//
//schema:json {"required": ["name", "from", "to"]}
type PeriodConfig struct {
	// What it is called, such as 2026-Q4.
	//schema:json {"minLength": 1, "examples": ["2026-Q4"]}
	Name string `yaml:"name"`
	// The first day.
	From *Date `yaml:"from"`
	// The last day, included.
	To *Date `yaml:"to"`
}

// TeamConfig is who works.
//
//schema:json {"required": ["id", "owns"]}
type TeamConfig struct {
	// Short name in metrics: a-z, 0-9, _ and -.
	//schema:json {"pattern": "^[a-z0-9_-]{1,40}$", "patternErrorMessage": "An id is 1 to 40 of the characters a-z, 0-9, _ and -.", "not": {"enum": ["all", "none", "other", "retired"]}}
	ID string `yaml:"id"`
	// Name for people, the id by default.
	Name string `yaml:"name"`
	// Connector name to keys of Jira projects or Linear teams.
	//schema:json {"minProperties": 1, "propertyNames": {"minLength": 1}, "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"], "pattern": "\\S"}}, {"type": ["string", "number", "boolean"], "pattern": "\\S"}]}}
	Owns OwnsConfig `yaml:"owns"`
	// IANA time zone such as Europe/Berlin, UTC by default.
	//schema:json {"examples": ["Europe/Berlin", "America/New_York", "UTC"], "default": "UTC"}
	TimeZone string `yaml:"time_zone"`
	// People in full-time equivalents, such as 6 or 4.5.
	Capacity *Capacity `yaml:"capacity"`
	// When the team works.
	Calendar CalendarConfig `yaml:"calendar"`
	// Statuses that the tracker calls active but in which work waits, such as
	// In Review.
	//schema:json {"pattern": "\\S"}
	WaitingStatuses []string `yaml:"waiting_statuses"`
}

// OwnsConfig names the projects of a team by connector.
type OwnsConfig map[string][]string

// Example implements yamlfile.Exampler.
func (OwnsConfig) Example() string { return "{acme: [PAY]}" }

// CalendarConfig is when a team works, in its own time zone.
type CalendarConfig struct {
	// Working days: mon, tue, wed, thu, fri (default), sat, sun.
	//schema:json {"minItems": 1, "anyOf": [{"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}, {"pattern": "^([Mm][Oo][Nn]([Dd][Aa][Yy])?|[Tt][Uu][Ee]([Ss][Dd][Aa][Yy])?|[Ww][Ee][Dd]([Nn][Ee][Ss][Dd][Aa][Yy])?|[Tt][Hh][Uu]([Rr][Ss][Dd][Aa][Yy])?|[Ff][Rr][Ii]([Dd][Aa][Yy])?|[Ss][Aa][Tt]([Uu][Rr][Dd][Aa][Yy])?|[Ss][Uu][Nn]([Dd][Aa][Yy])?)$"}]}
	Days []string `yaml:"days"`
	// Working hours of such a day, 09:00-17:00 by default.
	Hours *Hours `yaml:"hours"`
	// Dates without work.
	Holidays []Date `yaml:"holidays"`
}

// GoalConfig is a strategic goal.
//
//schema:json {"required": ["id"]}
type GoalConfig struct {
	// Short name in rules and metrics: a-z, 0-9, _ and -.
	//schema:json {"pattern": "^[a-z0-9_-]{1,40}$", "patternErrorMessage": "An id is 1 to 40 of the characters a-z, 0-9, _ and -.", "not": {"enum": ["all", "none", "other", "retired"]}}
	ID string `yaml:"id"`
	// Name for people, the id by default.
	Name string `yaml:"name"`
	// Why the goal matters.
	Why string `yaml:"why"`
	// How everybody will know that it is reached.
	DoneWhen string `yaml:"done_when"`
	// When to look at the goal again.
	Review *Date `yaml:"review"`
	// Which share of the work it should get: 40%, or a dated list.
	Target TargetsConfig `yaml:"target"`
	// Its dated status; without one the goal is always active.
	//schema:json {"minItems": 1}
	Status []StatusConfig `yaml:"status"`
}

// TargetsConfig is one share for all time or a dated list of shares.
type TargetsConfig struct {
	Always *Share
	//schema:json {"minItems": 1}
	Dated []TargetConfig
}

// TargetConfig is the target share from a date on.
//
//schema:json {"required": ["from", "share"]}
type TargetConfig struct {
	// The date (midnight in each team's time zone) or instant it holds from.
	From *Moment `yaml:"from"`
	// The share, such as 40% or 0.4.
	Share *Share `yaml:"share"`
	// Why it changed.
	Why string `yaml:"why"`
}

// UnmarshalYAMLNode reads `40%` or a list of {from, share}.
func (t *TargetsConfig) UnmarshalYAMLNode(node *yaml.Node, report func(path, format string, args ...any), path string) {
	if node.Kind == yaml.SequenceNode {
		yamlfile.DecodeNode(node, report, path, &t.Dated)
		return
	}
	t.Always = new(Share)
	yamlfile.DecodeNode(node, report, path, t.Always)
}

// StatusConfig is a goal's status from a date on.
//
//schema:json {"required": ["from", "is"]}
type StatusConfig struct {
	// The date (midnight in each team's time zone) or instant it holds from.
	From *Moment `yaml:"from"`
	// planned, active, paused, done or retired.
	//schema:json {"enum": ["planned", "active", "paused", "done", "retired"]}
	Is string `yaml:"is"`
	// Why it changed.
	Why string `yaml:"why"`
}

// ReasonConfig is why off-plan work is done.
//
//schema:json {"required": ["id"]}
type ReasonConfig struct {
	// Short name in rules and metrics: a-z, 0-9, _ and -.
	//schema:json {"pattern": "^[a-z0-9_-]{1,40}$", "patternErrorMessage": "An id is 1 to 40 of the characters a-z, 0-9, _ and -.", "not": {"enum": ["all", "none", "other", "retired"]}}
	ID string `yaml:"id"`
	// Name for people, the id by default.
	Name string `yaml:"name"`
}

// RuleConfig says what the tickets that match a condition count for. It leads
// to exactly one of goal, goals, reason, off_plan, reason_from_label and
// exclude.
//
//schema:json {"required": ["name", "when"], "dependencies": {"weight": ["goal"], "override": {"anyOf": [{"required": ["reason"]}, {"required": ["off_plan"]}, {"required": ["reason_from_label"]}, {"properties": {"override": {"const": false}}}]}}, "oneOf": [{"required": ["goal"]}, {"required": ["goals"]}, {"required": ["reason"]}, {"required": ["reason_from_label"]}, {"required": ["off_plan"], "properties": {"off_plan": {"const": true}}}, {"required": ["exclude"], "properties": {"exclude": {"const": true}}}]}
type RuleConfig struct {
	// Name of the rule in explanations, unique.
	//schema:json {"minLength": 1}
	Name string `yaml:"name"`
	// What a ticket must be like.
	When WhenConfig `yaml:"when"`
	// The goal it counts for.
	//schema:json {"pattern": "^[a-z0-9_-]{1,40}$", "patternErrorMessage": "Write the id of a goal."}
	Goal string `yaml:"goal"`
	// The rule's weight when a ticket has several goals, 1 by default. Written in
	// both of two rules it says that they are meant to share tickets.
	//schema:json {"minimum": 1, "maximum": 1000, "default": 1}
	Weight *int `yaml:"weight"`
	// Several goals with their weights.
	//schema:json {"minProperties": 1, "propertyNames": {"pattern": "^[a-z0-9_-]{1,40}$"}, "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 1000}}
	Goals WeightsConfig `yaml:"goals"`
	// Off-plan, for this reason.
	//schema:json {"pattern": "^[a-z0-9_-]{1,40}$", "patternErrorMessage": "Write the id of a reason."}
	Reason string `yaml:"reason"`
	// Off-plan, without a reason.
	OffPlan bool `yaml:"off_plan"`
	// Off-plan, for the reason that stands for the * in a label such as why-*;
	// without a reason where the ticket has no such label.
	//schema:json {"pattern": "^[^*]*\\*[^*]*$", "not": {"pattern": "^\\s*\\*\\s*$"}}
	ReasonFromLabel string `yaml:"reason_from_label"`
	// The off-plan rule wins over goals.
	Override bool `yaml:"override"`
	// The ticket is left out of all accounts, such as a template.
	Exclude bool `yaml:"exclude"`
}

// WeightsConfig says how work is split between goals.
type WeightsConfig map[string]int

// Example implements yamlfile.Exampler.
func (WeightsConfig) Example() string { return "{checkout: 2, mobile: 1}" }

// WhenConfig is what a ticket must be like. Every condition that is given must
// hold; within one of them any listed value suffices. Upper and lower case are
// the same unless case_sensitive is set. In labels, component, linear_project
// and initiative * stands for any text.
//
//schema:json {"minProperties": 1}
type WhenConfig struct {
	// Labels; a label in a Linear group is written Group/Label.
	Labels LabelsConfig `yaml:"labels"`
	// Name of the connector in alignd.yml.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Connector []string `yaml:"connector"`
	// Key of the Jira project or Linear team.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Project []string `yaml:"project"`
	// Id of a team of this file.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Team []string `yaml:"team"`
	// Type of the ticket, such as Bug.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Type []string `yaml:"type"`
	// Jira component.
	//schema:json {"minItems": 1, "pattern": "\\S"}
	Component []string `yaml:"component"`
	// Present status in the tracker.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Status []string `yaml:"status"`
	// Priority in the tracker.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Priority []string `yaml:"priority"`
	// Key of the parent, the epic or any ticket above.
	//schema:json {"minItems": 1, "pattern": "^\\s*[^*\\s][^*]*$", "patternErrorMessage": "Write a text without *, which stands for any text in labels, component, linear_project and initiative only."}
	Parent []string `yaml:"parent"`
	// Name of the Linear project the ticket or one above belongs to.
	//schema:json {"minItems": 1, "pattern": "\\S"}
	LinearProject []string `yaml:"linear_project"`
	// Name of the initiative above.
	//schema:json {"minItems": 1, "pattern": "\\S"}
	Initiative []string `yaml:"initiative"`
	// Regular expression (RE2) to be found anywhere in the title.
	//schema:json {"minItems": 1, "minLength": 1}
	Title []string `yaml:"title"`
	// Upper and lower case differ, in every condition of this rule.
	CaseSensitive bool `yaml:"case_sensitive"`
}

// LabelsConfig says which labels a ticket must and must not have.
//
//schema:json {"minProperties": 1}
type LabelsConfig struct {
	// At least one of these.
	//schema:json {"minItems": 1, "pattern": "\\S"}
	Any []string `yaml:"any"`
	// Every one of these.
	//schema:json {"minItems": 1, "pattern": "\\S"}
	All []string `yaml:"all"`
	// Not one of these.
	//schema:json {"minItems": 1, "pattern": "\\S"}
	None []string `yaml:"none"`
}

// ReadConfig reads data without giving it meaning. Its mistakes are kept and
// come out of Compile, together with those of meaning. name is shown in
// messages.
func ReadConfig(name string, data []byte) *Config {
	cfg := &Config{Split: splitEqual, BasisThen: basisBackfilled, Completion: completionLast, Drift: DriftConfig{Unit: driftTickets}, text: string(data)}
	cfg.doc = yamlfile.Decode(name, data, cfg)
	return cfg
}

// Parse reads and compiles a mapping. The error is of type yamlfile.Problems
// and holds all mistakes. name is shown in messages.
func Parse(name string, data []byte) (*RuleSet, error) {
	return Compile(ReadConfig(name, data))
}

// Check is Parse for those who want to hear everything: beside mistakes it
// returns, by line, the warnings that can be told all the same, and those of
// the day. What depends on other parts, such as rules that never count, waits
// until there are no mistakes; so does what is said of a part with a mistake.
func Check(name string, data []byte, today Date) (*RuleSet, []yamlfile.Problem, error) {
	cfg := ReadConfig(name, data)
	rs := compile(cfg)
	warnings := slices.Concat(rs.Warnings(), rs.Today(today))
	byLine(warnings, func(p yamlfile.Problem) yamlfile.Problem { return p })
	if err := cfg.doc.Err(); err != nil {
		return nil, warnings, err
	}
	return rs, warnings, nil
}

// Load reads and compiles the mapping file at path. Mistakes in the file come
// as yamlfile.Problems.
func Load(path string) (*RuleSet, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	return Parse(filepath.Base(path), data)
}

const noPersons = "alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead"

// personKeys are keys people try that would need a person, without the signs
// between their words.
var personKeys = map[string]bool{
	"accountid": true, "actor": true, "approver": true, "assigned": true, "assignedto": true, "assignee": true,
	"assignees": true, "author": true, "commenter": true, "createdby": true, "creator": true, "developer": true,
	"displayname": true, "email": true, "emailaddress": true, "engineer": true, "lead": true, "leader": true,
	"mail": true, "manager": true, "member": true, "members": true, "owner": true, "owners": true, "people": true,
	"person": true, "reporter": true, "reporters": true, "reviewer": true, "subscriber": true, "updatedby": true,
	"user": true, "username": true, "users": true, "voter": true, "watcher": true, "watchers": true,
	"worklogauthor": true, "currentuser": true, "isassigned": true, "assigneename": true, "delegate": true,
}

var keySigns = strings.NewReplacer("_", "", "-", "", " ", "", ".", "", "()", "")

func explainPerson(key string) (string, bool) {
	return noPersons, personKeys[keySigns.Replace(strings.ToLower(key))]
}

// ExplainKey refuses persons.
func (WhenConfig) ExplainKey(key string) (string, bool) { return explainPerson(key) }

// ExplainKey refuses persons.
func (RuleConfig) ExplainKey(key string) (string, bool) { return explainPerson(key) }

// ExplainKey refuses persons.
func (TeamConfig) ExplainKey(key string) (string, bool) { return explainPerson(key) }

// ExplainKey refuses persons.
func (GoalConfig) ExplainKey(key string) (string, bool) { return explainPerson(key) }
