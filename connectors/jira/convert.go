package jira

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"alignd/connectors"
	"alignd/ticket"
)

// issue is a ticket as Jira sends it, with the fields that are used.
type issue struct {
	ID     string      `json:"id"`
	Key    string      `json:"key"`
	Fields issueFields `json:"fields"`

	Changelog struct { // if asked for
		Histories []json.RawMessage `json:"histories"`
	} `json:"changelog"`

	points      ticket.Points
	pointsField *field // where they stand, or would
	sprints     []sprint

	// On Data Center.
	link link // the parent, where it is named in a field of its own
	epic bool // it has an Epic Name
}

type issueFields struct {
	Summary string `json:"summary"`
	Type    struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Level int    `json:"hierarchyLevel"`
	} `json:"issuetype"`
	Project struct {
		ID  json.RawMessage `json:"id"`
		Key string          `json:"key"`
	} `json:"project"`
	Status     status      `json:"status"`
	Resolution named       `json:"resolution"`
	Priority   named       `json:"priority"`
	Labels     []string    `json:"labels"`
	Components []component `json:"components"`
	Parent     *parent     `json:"parent"`
	Created    timestamp   `json:"created"`
	Updated    timestamp   `json:"updated"`

	Due json.RawMessage `json:"duedate"` // what is none is not worth a ticket

	// The tracker's own dates of the arrival in the present state.
	Resolved    timestamp `json:"resolutiondate"`
	Categorized timestamp `json:"statuscategorychangedate"`
}

type (
	named struct {
		Name string `json:"name"`
	}
	component struct {
		ID   json.RawMessage `json:"id"` // only compared, so its form cannot cost a ticket
		Name string          `json:"name"`
	}
	parent struct {
		ID string `json:"id"`
	}
)

// document is a ticket with its history, decoded.
type document struct {
	issue     issue
	histories []history
}

// parseIssue decodes a ticket, with the fields of this site.
func parseIssue(raw json.RawMessage, custom customFields) (is issue, err error) {
	if err := json.Unmarshal(raw, &is); err != nil {
		return issue{}, fmt.Errorf("decode ticket: %w", err)
	}
	values, err := customValues(raw, custom.all())
	if err != nil {
		return issue{}, err
	}
	if is.points, is.pointsField, err = presentPoints(values, custom.points); err != nil {
		return issue{}, err
	}
	values = values[len(custom.points):]
	is.sprints = sprintsOf(values[:len(custom.sprints)])
	is.readLinks(custom.linkFields, values[len(custom.sprints):])
	return is, is.check()
}

// check refuses a ticket that lacks what every ticket has.
func (is *issue) check() error {
	f := &is.Fields
	_, numericID := numeric(is.ID)
	switch {
	case !numericID:
		return errors.New("id is not a number")
	case is.Key == "":
		return errors.New("key is missing")
	case f.Project.Key == "":
		return errors.New("project is missing")
	case f.Type.Name == "":
		return errors.New("issue type is missing")
	case f.Status.ID == "" || f.Status.Name == "":
		return errors.New("status is missing")
	case f.Status.Category.Key == "":
		return errors.New("status category is missing")
	case f.Created.IsZero() || f.Updated.IsZero():
		return errors.New("created or updated is missing")
	}
	if f.Parent != nil {
		if _, ok := numeric(f.Parent.ID); !ok {
			return errors.New("parent has no numeric id")
		}
	}
	return nil
}

// rules are the parts of the configuration that conversion needs.
type rules struct {
	connector   string
	statuses    map[string]bool // names that mean canceled
	resolutions map[string]bool
	labels      connectors.LabelFilter
}

func newRules(cfg Config) rules {
	resolutions := cfg.CanceledResolutions
	if resolutions == nil {
		resolutions = DefaultCanceledResolutions
	}
	return rules{
		connector:   cfg.Name,
		statuses:    folded(cfg.CanceledStatuses),
		resolutions: folded(resolutions),
		labels:      connectors.NewLabelFilter(cfg.IgnoreLabels),
	}
}

func folded(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[fold(n)] = true
	}
	return set
}

func fold(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "’", "'")
}

// convertIssue turns a document, which was checked, into a ticket.
func (r rules) convertIssue(d document, cat *catalog) ticket.Ticket {
	f := &d.issue.Fields
	tk := ticket.Ticket{
		ID:         ticket.ID{Connector: r.connector, UID: d.issue.ID},
		Key:        strings.TrimSpace(d.issue.Key),
		Title:      strings.TrimSpace(f.Summary),
		Container:  cat.isContainer(&d.issue),
		Type:       strings.TrimSpace(f.Type.Name),
		Priority:   strings.TrimSpace(f.Priority.Name),
		Components: componentNames(f.Components),
		Labels:     r.keepLabels(f.Labels),
		Project:    strings.TrimSpace(f.Project.Key),
		Status:     strings.TrimSpace(f.Status.Name),
		Estimate:   d.issue.points,
		Spans:      spansOf(d.issue.sprints),
		Created:    f.Created.Time,
		Updated:    f.Updated.Time,
	}
	if f.Parent != nil {
		tk.Parent = f.Parent.ID
	}
	if due, ok := dueDate(f.Due); ok {
		tk.Due = due
	}
	reader := historyReader{rules: r, catalog: cat, unwanted: r.resolutions[fold(f.Resolution.Name)], points: d.issue.pointsField}
	tk.State = reader.state(f.Status.state(), f.Status.Name)
	tk.Changes = reader.changes(d.histories)
	tk.Former = reader.formerKeys(d.histories, tk.Key)
	tk.Arrive(f.arrival(tk.State))
	return tk
}

// arrival returns when the ticket came into its present state, as far as that
// matters and Jira says so outside of the history. Zero means it does not.
func (f *issueFields) arrival(state ticket.State) time.Time {
	switch state {
	case ticket.StateDone, ticket.StateCanceled:
		return cmp.Or(f.Resolved.Time, f.Categorized.Time)
	case ticket.StateActive:
		return f.Categorized.Time
	}
	return time.Time{}
}

func componentNames(all []component) []string {
	var names []string
	for _, n := range all {
		if name := strings.TrimSpace(n.Name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// keepLabels drops what the configuration ignores, and repetitions.
func (r rules) keepLabels(labels []string) []string {
	var kept []string
	for _, l := range labels {
		if l = strings.TrimSpace(l); l != "" && !r.labels.Drops(l) && !slices.Contains(kept, l) {
			kept = append(kept, l)
		}
	}
	return kept
}

// presentPoints returns the estimate of the first field that has one, and
// which field that is, so that histories of another are not mixed in. Without
// an estimate it is the best field.
func presentPoints(values []json.RawMessage, fields []field) (ticket.Points, *field, error) {
	if len(fields) == 0 {
		return ticket.Points{}, nil, nil
	}
	for i := range fields {
		text := values[i]
		if len(text) == 0 || bytes.Equal(text, []byte("null")) {
			continue
		}
		var n float64
		if err := json.Unmarshal(text, &n); err != nil {
			return ticket.Points{}, nil, fmt.Errorf("decode %s: %w", fields[i].ID, err)
		}
		return pointsOf(n), &fields[i], nil
	}
	return ticket.Points{}, &fields[0], nil
}

// customValues returns the raw values of fields whose ids are not known before
// the site is asked, each empty if absent.
func customValues(raw json.RawMessage, fields []field) ([]json.RawMessage, error) {
	values := make([]json.RawMessage, len(fields))
	if len(fields) == 0 {
		return values, nil
	}
	err := members(raw, func(key string, inner json.RawMessage) error {
		if key != "fields" {
			return nil
		}
		return members(inner, func(key string, value json.RawMessage) error {
			if i := slices.IndexFunc(fields, func(f field) bool { return f.ID == key }); i >= 0 {
				values[i] = value
			}
			return nil
		})
	})
	return values, err
}

// maxPoints is far above any estimate and far below any overflow.
const maxPoints = 1e9

// pointsOf returns no estimate for what cannot be one.
func pointsOf(n float64) ticket.Points {
	if !(n >= 0 && n <= maxPoints) {
		return ticket.Points{}
	}
	return ticket.Points{Set: true, Micros: int64(math.Round(n * 1e6))}
}

// timestamp reads Jira's forms of a time: an offset without or with a colon,
// Z, or an epoch number in seconds or milliseconds. Null is the zero time.
type timestamp struct{ time.Time }

var errTime = errors.New("a date is not a time")

// UnmarshalJSON implements json.Unmarshaler.
func (ts *timestamp) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	at, err := parseTime(text)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 {
		return errTime // without the value, which might be anything
	}
	ts.Time = at.UTC()
	return nil
}

func parseTime(text string) (time.Time, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		const firstMilli = 1e11 // as seconds, beyond the year 5000
		if math.Abs(n) < firstMilli {
			n *= 1000
		}
		return time.UnixMilli(int64(max(-1e15, min(n, 1e15)))), nil
	}
	text = strings.Trim(text, `"`)
	at, err1 := time.Parse("2006-01-02T15:04:05.999999999-0700", text)
	if err1 == nil {
		return at, nil
	}
	at, err2 := time.Parse(time.RFC3339, text)
	return at, cmp.Or(err2)
}
