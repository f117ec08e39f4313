package sandbox

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// recordedIssue is a raw issue document, as any version of Jira gives it.
type recordedIssue struct {
	ID        string                     `json:"id"`
	Key       string                     `json:"key"`
	Fields    map[string]json.RawMessage `json:"fields"`
	Changelog struct {
		Histories []recordedHistory `json:"histories"`
	} `json:"changelog"`
}

type recordedHistory struct {
	ID      string         `json:"id"`
	Created string         `json:"created"`
	Items   []recordedItem `json:"items"`
}

type recordedItem struct {
	Field      string  `json:"field"`
	FieldID    string  `json:"fieldId"`
	FieldType  string  `json:"fieldtype"`
	From       *string `json:"from"`
	FromString *string `json:"fromString"`
	To         *string `json:"to"`
	ToString   *string `json:"toString"`
}

// recordedFields are the fields the site itself has to understand.
type recordedFields struct {
	Summary string `json:"summary"`
	Created string `json:"created"`
	Updated string `json:"updated"`
	Project struct {
		ID, Key, Name string
	} `json:"project"`
	IssueType struct {
		ID, Name       string
		Subtask        bool
		HierarchyLevel *int
	} `json:"issuetype"`
	Status struct {
		ID, Name       string
		StatusCategory struct{ Key string }
	} `json:"status"`
	Priority, Resolution *struct{ ID, Name string }
	Labels               []string `json:"labels"`
	Parent               *struct{ ID string }
	Epic                 *struct {
		ID           json.Number
		Key, Summary string
	}
}

// Load adds recorded raw issues, one JSON document a line, compressed or not,
// and returns how many. Documents are served as they are. What Jira Cloud
// always has and a dump may lack is added: the hierarchy level of the type
// (Epic is 1, a sub-task -1, anything else 0), empty labels, and a parent where
// there is an epic only. An embedded changelog is served through
// changelog/bulkfetch.
//
// A site without issues gives up its own statuses, types and priorities for
// the recorded ones.
func (s *Site) Load(r io.Reader) (int, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.version++
	lines, err := newLines(r)
	if err != nil {
		return 0, err
	}
	if len(s.issues) == 0 {
		s.statuses, s.types, s.priorities = nil, nil, nil
	}
	l := &loader{site: s, parents: map[*jiraIssue]int64{}, names: map[string]string{}}
	for line := 1; ; line++ {
		text, err := lines.ReadBytes('\n')
		if len(strings.TrimSpace(string(text))) > 0 {
			if err := l.add(text); err != nil {
				return l.count, fmt.Errorf("line %d: %w", line, err)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return l.count, fmt.Errorf("read recorded issues: %w", err)
		}
	}
	l.finish()
	return l.count, nil
}

// newLines unpacks what starts with the magic of gzip.
func newLines(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, err := b.Peek(2)
	if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("read gzip: %w", err)
	}
	return bufio.NewReaderSize(z, 1<<16), nil
}

type loader struct {
	site    *Site
	parents map[*jiraIssue]int64 // ids, resolved when all issues are known
	names   map[string]string    // field names, one copy of each
	count   int
}

func (l *loader) add(text []byte) error {
	var doc recordedIssue
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("decode issue: %w", err)
	}
	var f recordedFields
	if err := l.understand(doc, &f); err != nil {
		return fmt.Errorf("decode fields of %s: %w", doc.Key, err)
	}
	is := &jiraIssue{key: doc.Key, title: f.Summary, labels: asSet(f.Labels)}
	var err error
	if is.id, err = strconv.ParseInt(doc.ID, 10, 64); err != nil {
		return fmt.Errorf("id of %s: %w", doc.Key, err)
	}
	if l.site.byID[is.id] != nil {
		return fmt.Errorf("issue %s (%s) is there already", doc.Key, doc.ID)
	}
	if is.created, err = recordedTime(f.Created); err == nil {
		is.updated, err = recordedTime(f.Updated)
	}
	if err != nil {
		return fmt.Errorf("dates of %s: %w", doc.Key, err)
	}
	is.creator = somebody(is.id)
	l.place(is, &f)
	l.raise(is, doc, &f)
	for _, h := range doc.Changelog.Histories {
		if err := l.entry(is, h); err != nil {
			return fmt.Errorf("changelog of %s: %w", doc.Key, err)
		}
	}
	slices.SortFunc(is.history, byTime)
	l.site.insert(is)
	l.count++
	return nil
}

// understand decodes the fields the site needs, and only them.
func (l *loader) understand(doc recordedIssue, into *recordedFields) error {
	for name, v := range map[string]any{
		"summary": &into.Summary, "created": &into.Created, "updated": &into.Updated, "project": &into.Project,
		"issuetype": &into.IssueType, "status": &into.Status, "priority": &into.Priority, "resolution": &into.Resolution,
		"labels": &into.Labels, "parent": &into.Parent, "epic": &into.Epic,
	} {
		raw, ok := doc.Fields[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func recordedTime(text string) (time.Time, error) {
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", text)
	return at.UTC(), err
}

// place finds or adds what the issue refers to in the site's catalogs.
func (l *loader) place(is *jiraIssue, f *recordedFields) {
	s := l.site
	is.project = l.project(f)
	_, number, _ := strings.Cut(is.key, "-")
	is.number, _ = strconv.Atoi(number)
	is.project.number = max(is.project.number, is.number)

	level := 0
	switch {
	case f.IssueType.HierarchyLevel != nil:
		level = *f.IssueType.HierarchyLevel
	case f.IssueType.Subtask:
		level = -1
	case f.IssueType.Name == "Epic":
		level = 1
	}
	is.typ = known(&s.types, &jiraType{f.IssueType.ID, f.IssueType.Name, level})
	category := f.Status.StatusCategory.Key
	if category == "" {
		category = "new"
		if f.Resolution != nil {
			category = "done"
		}
	}
	is.status = known(&s.statuses, &jiraStatus{f.Status.ID, f.Status.Name, category})
	if f.Priority != nil {
		is.priority = known(&s.priorities, &named{f.Priority.ID, f.Priority.Name})
	}
	if f.Resolution != nil {
		is.resolution = &named{f.Resolution.ID, f.Resolution.Name}
	}
}

// known returns the equal element of a catalog, adding it if there is none.
func known[T comparable](list *[]*T, want *T) *T {
	for _, e := range *list {
		if *e == *want {
			return e
		}
	}
	*list = append(*list, want)
	return want
}

func (l *loader) project(f *recordedFields) *jiraProject {
	for _, p := range l.site.projects {
		if p.key == f.Project.Key {
			return p
		}
	}
	id, _ := strconv.ParseInt(f.Project.ID, 10, 64)
	p := &jiraProject{id: id, key: f.Project.Key, name: f.Project.Name}
	l.site.projects = append(l.site.projects, p)
	return p
}

// raise keeps the raw fields, lifted to what Jira Cloud always sends.
func (l *loader) raise(is *jiraIssue, doc recordedIssue, f *recordedFields) {
	if f.IssueType.HierarchyLevel == nil {
		delete(doc.Fields, "issuetype")
	}
	if f.Status.StatusCategory.Key == "" {
		delete(doc.Fields, "status")
	}
	if f.Labels == nil {
		delete(doc.Fields, "labels")
	}
	switch {
	case f.Parent != nil:
		l.parents[is], _ = strconv.ParseInt(f.Parent.ID, 10, 64)
	case f.Epic != nil:
		l.parents[is], _ = f.Epic.ID.Int64()
		doc.Fields["parent"] = toJSON(map[string]any{
			"id": f.Epic.ID.String(), "key": f.Epic.Key, "fields": map[string]any{
				"summary": f.Epic.Summary, "issuetype": map[string]any{"id": "6", "name": "Epic", "subtask": false, "hierarchyLevel": 1},
			},
		})
	}
	is.raw = make([]rawField, 0, len(doc.Fields))
	for name, value := range doc.Fields {
		if _, ok := l.names[name]; !ok {
			l.names[name] = name
		}
		is.raw = append(is.raw, rawField{l.names[name], value})
	}
	slices.SortFunc(is.raw, func(a, b rawField) int { return cmp.Compare(a.name, b.name) })
}

func (l *loader) entry(is *jiraIssue, h recordedHistory) error {
	id, err := strconv.ParseInt(h.ID, 10, 64)
	if err != nil {
		return fmt.Errorf("history id: %w", err)
	}
	at, err := recordedTime(h.Created)
	if err != nil {
		return fmt.Errorf("history date: %w", err)
	}
	e := &entry{id: id, at: at, author: somebody(id)}
	for _, it := range h.Items {
		e.items = append(e.items, &item{
			field: it.Field, fieldID: it.FieldID, fieldType: it.FieldType,
			from: it.From, fromText: it.FromString, to: it.To, toText: it.ToString,
		})
	}
	is.history = append(is.history, e)
	l.site.nextEntry = max(l.site.nextEntry, id)
	return nil
}

// finish links parents and brings the issues into order. A parent that was not
// recorded stays a reference without an issue behind it.
func (l *loader) finish() {
	s := l.site
	for is, id := range l.parents {
		is.parent = s.byID[id]
	}
	slices.SortFunc(s.issues, func(a, b *jiraIssue) int { return cmp.Compare(a.id, b.id) })
	if n := len(s.issues); n > 0 {
		s.nextIssue = max(s.nextIssue, s.issues[n-1].id)
	}
}
