package sandbox

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// documents writes issues as one request wants them.
type documents struct {
	h          *jiraHandler
	c          *jiraCall
	fields     []string // names of the wanted fields, without duplicates
	idOnly     bool     // nothing but ids
	history    bool     // expand=changelog
	historyCap int
}

// allFields is every field of an issue document, in the order it is written.
var allFields = []string{
	"assignee", "components", "created", "creator", fieldEpicLink, fieldStoryPointEstimate, fieldSprint, fieldStoryPoints, fieldEpicName, fieldParentLink,
	"description", "duedate", "fixVersions", "issuetype", "labels", "parent", "priority", "project", "reporter",
	"resolution", "resolutiondate", "status", "statusCategory", "statuscategorychangedate", "summary", "updated",
}

func (h *jiraHandler) documents(c *jiraCall, fields []string, history bool) *documents {
	d := &documents{h: h, c: c, history: history, historyCap: 40}
	d.idOnly = !slices.ContainsFunc(fields, func(f string) bool { return f != "id" })
	for _, f := range fields {
		switch {
		case f == "*all" || f == "*navigable":
			d.fields = append(d.fields, allFields...)
			if !slices.Contains(d.fields, "*raw") {
				d.fields = append(d.fields, "*raw")
			}
		case strings.HasPrefix(f, "-"):
			d.fields = slices.DeleteFunc(d.fields, func(have string) bool { return have == f[1:] })
		case f != "id" && f != "key" && !slices.Contains(d.fields, f):
			d.fields = append(d.fields, f)
		}
	}
	return d
}

// list writes issues as a JSON array.
func (d *documents) list(issues []*jiraIssue) []byte {
	b := []byte{'['}
	for i, is := range issues {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.append(b, is)
	}
	return append(b, ']')
}

func (d *documents) append(b []byte, is *jiraIssue) []byte {
	id := strconv.FormatInt(is.id, 10)
	if d.idOnly {
		return append(append(append(b, `{"id":"`...), id...), `"}`...)
	}
	b = append(append(b, `{"expand":"operations,versionedRepresentations,editmeta,changelog,renderedFields","id":"`...), id...)
	b = append(append(append(append(b, `","self":"`...), d.c.base...), "/rest/api/3/issue/"...), id...)
	b = append(append(append(b, `","key":"`...), is.key...), '"')
	if len(d.fields) > 0 {
		b = append(d.appendFields(append(b, `,"fields":{`...), is), '}')
	}
	if d.history {
		b = append(append(b, `,"changelog":`...), toJSON(d.h.embeddedHistory(d.c, is, d.historyCap))...)
	}
	return append(b, '}')
}

func (d *documents) appendFields(b []byte, is *jiraIssue) []byte {
	first := true
	write := func(name string, value []byte) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(append(b, '"'), name...), `":`...), value...)
	}
	broken := d.c.faults.Jira.Poison[is.key]
	for _, name := range d.fields {
		if name == "*raw" {
			for _, f := range is.raw {
				if !slices.Contains(d.fields, f.name) {
					write(f.name, f.value)
				}
			}
			continue
		}
		if name == broken {
			write(name, []byte(`{"poison":[true]}`))
		} else if value, ok := d.field(is, name); ok {
			write(name, value)
		}
	}
	return b
}

// field returns one field as JSON: the recorded one if there is one, else what
// the issue holds. Unknown fields are left out without a word.
func (d *documents) field(is *jiraIssue, name string) (json.RawMessage, bool) {
	if d.c.server {
		if v, present, handled := d.serverOnly(is, name); handled {
			return toJSON(v), present
		}
	}
	if i, ok := slices.BinarySearchFunc(is.raw, name, func(f rawField, n string) int { return cmp.Compare(f.name, n) }); ok {
		return is.raw[i].value, true
	}
	v, ok := d.value(is, name)
	if !ok {
		return nil, false
	}
	return toJSON(v), true
}

func (d *documents) value(is *jiraIssue, name string) (any, bool) {
	s, base := d.h.site, d.c.base
	switch name {
	case "summary":
		return is.title, true
	case "description":
		return d.richText(is.text), true
	case "issuetype":
		return d.issueType(is.typ), true
	case "project":
		return is.project.document(base), true
	case "status":
		return is.status.document(base), true
	case "statusCategory":
		return category(base, is.status.category), true
	case "statuscategorychangedate":
		return s.time(is.categoryChanged), true
	case "labels":
		return orEmpty(is.labels), true
	case "components":
		return namedList(base, "component", is.components), true
	case "fixVersions":
		return []any{}, true
	case "parent":
		return d.parent(is)
	case "priority":
		return is.priority.document(base, "priority"), true
	case "resolution":
		return is.resolution.document(base, "resolution"), true
	case "resolutiondate":
		return s.time(is.resolved), true
	case "created":
		return s.time(is.created), true
	case "updated":
		return s.time(is.updated), true
	case "duedate":
		return text(is.due), true
	case "creator", "reporter":
		return d.c.user(is.creator), true
	case "assignee":
		if is.assignee == nil {
			return nil, true
		}
		return d.c.user(is.assignee), true
	case fieldSprint:
		return d.sprints(is), true
	case fieldStoryPoints, fieldStoryPointEstimate:
		if id, _ := is.pointsField(); id == name {
			return is.points, true
		}
		return nil, true
	case fieldEpicLink:
		return nil, true
	}
	return nil, false
}

// time renders a timestamp in the site's zone, its offset without a colon.
func (s *Site) time(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.In(s.zone).Format("2006-01-02T15:04:05.000-0700")
}

// richText is a document in version 3 and plain text in version 2.
func (d *documents) richText(text string) any {
	switch {
	case text == "":
		return nil
	case d.c.version == "2":
		return text
	}
	return map[string]any{"type": "doc", "version": 1, "content": []any{
		map[string]any{"type": "paragraph", "content": []any{map[string]any{"type": "text", "text": text}}},
	}}
}

func (d *documents) parent(is *jiraIssue) (any, bool) {
	p := is.parent
	if p == nil {
		return nil, d.c.faults.Jira.NullParent
	}
	id := strconv.FormatInt(p.id, 10)
	return map[string]any{
		"id": id, "key": p.key, "self": d.c.base + "/rest/api/3/issue/" + id,
		"fields": map[string]any{
			"summary": p.title, "status": p.status.document(d.c.base),
			"priority": p.priority.document(d.c.base, "priority"), "issuetype": d.issueType(p.typ),
		},
	}, true
}

// sprints are the only timestamps of Jira that end in Z.
func (d *documents) sprints(is *jiraIssue) any {
	if len(is.sprints) == 0 {
		return nil
	}
	const layout = "2006-01-02T15:04:05.000Z"
	var list []any
	for _, sp := range is.sprints {
		doc := map[string]any{"id": sp.id, "name": sp.name, "boardId": 1, "goal": "", "state": sp.state(d.c.now)}
		if !sp.from.IsZero() {
			doc["startDate"], doc["endDate"] = sp.from.Format(layout), sp.to.Format(layout)
		}
		if doc["state"] == "closed" {
			doc["completeDate"] = sp.to.Format(layout)
		}
		list = append(list, doc)
	}
	return list
}

// issueType has its level on the Cloud only.
func (d *documents) issueType(t *jiraType) any {
	doc := map[string]any{
		"self": d.c.base + "/rest/api/3/issuetype/" + t.id, "id": t.id, "name": t.name, "description": "",
		"subtask": t.level < 0,
	}
	if !d.c.server {
		doc["hierarchyLevel"] = t.level
	}
	return doc
}

func (p *jiraProject) document(base string) map[string]any {
	id := strconv.FormatInt(p.id, 10)
	doc := map[string]any{
		"self": base + "/rest/api/3/project/" + id, "id": id, "key": p.key, "name": p.name,
		"projectTypeKey": "software", "simplified": p.team,
	}
	if p.category != "" {
		doc["projectCategory"] = map[string]any{"self": base + "/rest/api/3/projectCategory/10000", "id": "10000", "name": p.category, "description": ""}
	}
	return doc
}

func (s *jiraStatus) document(base string) map[string]any {
	return map[string]any{
		"self": base + "/rest/api/3/status/" + s.id, "id": s.id, "name": s.name, "description": "",
		"iconUrl": base + "/images/icons/statuses/generic.png", "statusCategory": category(base, s.category),
	}
}

func category(base, key string) any {
	id, name, color := 2, "To Do", "blue-gray"
	switch key {
	case "indeterminate":
		id, name, color = 4, "In Progress", "yellow"
	case "done":
		id, name, color = 3, "Done", "green"
	}
	return map[string]any{
		"self": base + "/rest/api/3/statuscategory/" + strconv.Itoa(id), "id": id, "key": key, "colorName": color, "name": name,
	}
}

func (n *named) document(base, kind string) any {
	if n == nil {
		return nil
	}
	return map[string]any{"self": base + "/rest/api/3/" + kind + "/" + n.id, "id": n.id, "name": n.name}
}

func namedList(base, kind string, list []*named) any {
	docs := []any{}
	for _, n := range list {
		docs = append(docs, n.document(base, kind))
	}
	return docs
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// splitList joins repeated and comma-separated query parameters.
func splitList(values []string) []string {
	var list []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

func contains(list []string, name string) bool { return slices.Contains(splitList(list), name) }
