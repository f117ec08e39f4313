package jira

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"alignd/ticket"
)

// history is one entry of a ticket's changelog. Who made it is not decoded.
type history struct {
	ID      string    `json:"id"`
	Created timestamp `json:"created"`
	Items   []item    `json:"items"`
	number  uint64
}

// item is one field's change. The values stay raw until the field is known to
// be one that is used, since those of others may name persons.
type item struct {
	Field   string          `json:"field"`
	FieldID string          `json:"fieldId"`
	Type    string          `json:"fieldtype"`
	From    json.RawMessage `json:"from"`
	FromStr json.RawMessage `json:"fromString"`
	To      json.RawMessage `json:"to"`
	ToStr   json.RawMessage `json:"toString"`
}

// parseHistories decodes a changelog, oldest entry first, each entry once.
// Jira promises neither.
func parseHistories(raws []json.RawMessage) ([]history, error) {
	all := make([]history, 0, len(raws))
	for _, raw := range raws {
		var h history
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, fmt.Errorf("decode history: %w", err)
		}
		n, err := strconv.ParseUint(h.ID, 10, 64)
		if err != nil || h.Created.IsZero() {
			return nil, errors.New("history without numeric id or date")
		}
		if h.Items == nil || slices.ContainsFunc(h.Items, func(it item) bool { return it.Field+it.FieldID == "" }) {
			return nil, errors.New("history that does not say what was changed")
		}
		h.number = n
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b history) int {
		return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.number, b.number))
	})
	seen := make(map[uint64]bool, len(all))
	return slices.DeleteFunc(all, func(h history) bool {
		twice := seen[h.number]
		seen[h.number] = true
		return twice
	}), nil
}

// Fields of Jira's own, by id.
var ownFields = map[string]ticket.Field{
	"status": ticket.FieldState, "labels": ticket.FieldLabel, "issuekey": ticket.FieldProject,
	"parent": ticket.FieldParent, "duedate": ticket.FieldDue, "priority": ticket.FieldPlan,
	"fixVersions": ticket.FieldPlan,
}

// Custom fields that Jira makes, by their type.
var customTypes = map[string]ticket.Field{
	sprintType:     ticket.FieldPlan,
	epicLinkType:   ticket.FieldParent,
	parentLinkType: ticket.FieldParent,
}

// Names as they stand in histories that carry no field id, in lower case.
var historyNames = map[string]ticket.Field{
	"status": ticket.FieldState, "labels": ticket.FieldLabel, "key": ticket.FieldProject,
	"issueparentassociation": ticket.FieldParent, "parent": ticket.FieldParent, "epic link": ticket.FieldParent,
	"parent link": ticket.FieldParent,
	"duedate":     ticket.FieldDue, "priority": ticket.FieldPlan, "fix version": ticket.FieldPlan, "sprint": ticket.FieldPlan,
}

// customHistoryNames are those of custom fields that Jira makes, should the
// site not list them any more.
var customHistoryNames = map[string]ticket.Field{
	"epic link": ticket.FieldParent, "parent link": ticket.FieldParent, "sprint": ticket.FieldPlan,
}

// customNames says what a change of a custom field means, by its name in lower
// case, for histories without field ids.
func customNames(all []field) map[string]ticket.Field {
	m := map[string]ticket.Field{}
	for _, f := range all {
		if f.Schema.Custom != "" {
			name := strings.ToLower(f.Name)
			m[name] = max(m[name], customTypes[f.Schema.Custom])
		}
	}
	return m
}

// meanings says what a change of a field means, by field id.
func meanings(all, points []field) map[string]ticket.Field {
	m := maps.Clone(ownFields)
	for _, f := range all {
		if meaning, ok := customTypes[f.Schema.Custom]; ok {
			m[f.ID] = meaning
		}
	}
	for _, f := range points {
		m[f.ID] = ticket.FieldEstimate
	}
	return m
}

// meaning prefers the id; a name alone could be that of a custom field.
func (cat *catalog) meaning(it item, points *field) ticket.Field {
	if it.FieldID != "" {
		return cat.meanings[it.FieldID]
	}
	if points != nil && it.Field == points.Name {
		return ticket.FieldEstimate
	}
	name := strings.ToLower(it.Field)
	if it.Type != "custom" {
		return historyNames[name]
	}
	if meaning, ok := cat.customs[name]; ok {
		return meaning
	}
	return customHistoryNames[name]
}

// statusIDs returns the ids of all statuses that histories speak of.
func statusIDs(docs []document, cat *catalog) []string {
	var ids []string
	for _, d := range docs {
		for _, h := range d.histories {
			for _, it := range h.Items {
				if cat.meaning(it, nil) == ticket.FieldState {
					ids = append(ids, text(it.From), text(it.To))
				}
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// historyReader turns the histories of one ticket into changes.
type historyReader struct {
	rules    rules
	catalog  *catalog
	unwanted bool   // the present resolution means canceled
	points   *field // the field of this ticket's estimate
}

// state applies the overrides of the configuration to a category. The present
// resolution speaks for the past too, since histories are read with today's
// meaning throughout.
func (r historyReader) state(base ticket.State, name string) ticket.State {
	if r.rules.statuses[fold(name)] || (base == ticket.StateDone && r.unwanted) {
		return ticket.StateCanceled
	}
	return base
}

func (r historyReader) changes(histories []history) []ticket.Change {
	var all []ticket.Change
	for _, h := range histories {
		all = append(all, r.entry(h)...)
	}
	return all
}

// entry returns the changes of one entry; one that says nothing of interest
// is a touch.
func (r historyReader) entry(h history) []ticket.Change {
	var found []ticket.Change
	for _, it := range h.Items {
		for _, c := range r.item(it) {
			if c.At = h.Created.Time; !slices.Contains(found, c) {
				found = append(found, c)
			}
		}
	}
	if found = joinParents(found); len(found) == 0 {
		return []ticket.Change{{At: h.Created.Time, Field: ticket.FieldTouch}}
	}
	return found
}

func (r historyReader) item(it item) []ticket.Change {
	switch meaning := r.catalog.meaning(it, r.points); meaning {
	case ticket.FieldState:
		return r.stateChange(it)
	case ticket.FieldLabel:
		return r.labelChanges(it)
	case ticket.FieldProject:
		return projectChange(it)
	case ticket.FieldParent:
		return parentChange(it)
	case ticket.FieldEstimate:
		return r.estimateChange(it)
	case ticket.FieldDue:
		return dueChange(it)
	case ticket.FieldPlan:
		return []ticket.Change{{Field: ticket.FieldPlan}}
	}
	return nil
}

func (r historyReader) stateChange(it item) []ticket.Change {
	from, to := text(it.FromStr), text(it.ToStr)
	return []ticket.Change{{
		Field: ticket.FieldState, From: from, To: to,
		FromState: r.state(r.catalog.statuses[text(it.From)], from),
		ToState:   r.state(r.catalog.statuses[text(it.To)], to),
	}}
}

// labelChanges compares the sets before and after, which Jira writes joined by
// spaces.
func (r historyReader) labelChanges(it item) []ticket.Change {
	before := r.rules.keepLabels(strings.Fields(text(it.FromStr)))
	after := r.rules.keepLabels(strings.Fields(text(it.ToStr)))
	var found []ticket.Change
	for _, l := range before {
		if !slices.Contains(after, l) {
			found = append(found, ticket.Change{Field: ticket.FieldLabel, From: l})
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			found = append(found, ticket.Change{Field: ticket.FieldLabel, To: l})
		}
	}
	return found
}

// projectChange reads a move from the keys before and after. The project item
// beside it has ids and names only.
func projectChange(it item) []ticket.Change {
	from, to := projectOf(text(it.FromStr)), projectOf(text(it.ToStr))
	if from == "" || to == "" || from == to {
		return nil
	}
	return []ticket.Change{{Field: ticket.FieldProject, From: from, To: to}}
}

// formerKeys returns the keys the ticket had before its present one.
func (r historyReader) formerKeys(histories []history, present string) []string {
	var keys []string
	for _, h := range histories {
		for _, it := range h.Items {
			if r.catalog.meaning(it, r.points) != ticket.FieldProject {
				continue
			}
			if key := text(it.FromStr); key != "" && key != present && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func projectOf(key string) string {
	i := strings.LastIndexByte(key, '-')
	return key[:max(i, 0)]
}

func parentChange(it item) []ticket.Change {
	from, ok1 := parentID(it.From)
	to, ok2 := parentID(it.To)
	if !ok1 || !ok2 || from == to {
		return nil
	}
	return []ticket.Change{{Field: ticket.FieldParent, From: from, To: to}}
}

// parentID returns an id, or nothing for no parent; false for anything else.
func parentID(raw json.RawMessage) (string, bool) {
	id := text(raw)
	if id == "" || id == "0" {
		return "", true
	}
	_, ok := numeric(id)
	return id, ok
}

// joinParents makes one change of an entry's several, because Jira writes a
// move from one kind of parent to another as two fields, in either order.
func joinParents(found []ticket.Change) []ticket.Change {
	var joined *ticket.Change
	kept := found[:0]
	for _, c := range found {
		switch {
		case c.Field != ticket.FieldParent:
			kept = append(kept, c)
		case joined == nil:
			joined = &ticket.Change{At: c.At, Field: c.Field, From: c.From, To: c.To}
		default:
			joined.From, joined.To = cmp.Or(joined.From, c.From), cmp.Or(c.To, joined.To)
		}
	}
	if joined != nil && joined.From != joined.To {
		kept = append(kept, *joined)
	}
	return kept
}

func (r historyReader) estimateChange(it item) []ticket.Change {
	if r.points == nil || (it.FieldID != "" && it.FieldID != r.points.ID) {
		return nil
	}
	from, to := estimate(it.FromStr), estimate(it.ToStr)
	if from == to {
		return nil
	}
	return []ticket.Change{{Field: ticket.FieldEstimate, FromPoints: from, ToPoints: to}}
}

func estimate(raw json.RawMessage) ticket.Points {
	n, err := strconv.ParseFloat(text(raw), 64)
	if err != nil {
		return ticket.Points{}
	}
	return pointsOf(n)
}

// text returns a string or number as trimmed text, and nothing for the rest.
func text(raw json.RawMessage) string {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	case 'n', 't', 'f', '{', '[':
		return ""
	}
	return string(raw)
}
