package sandbox

import (
	"slices"
	"time"
)

// edit changes one issue and keeps its history. Changes of the same instant
// share an entry, as they do when they are saved together. A time before the
// last change is allowed: the entry is filed where it belongs.
func (s *Site) edit(at time.Time, ref string, f func(*jiraIssue, *entry)) {
	s.w.change(func() {
		is, at := s.issue(ref), stamp(at)
		i := slices.IndexFunc(is.history, func(e *entry) bool { return e.at.Equal(at) })
		if i < 0 {
			s.nextEntry++
			e := &entry{id: s.nextEntry, at: at, author: somebody(s.nextEntry)}
			i, _ = slices.BinarySearchFunc(is.history, e, byTime)
			is.history = slices.Insert(is.history, i, e)
		}
		f(is, is.history[i])
		is.updated = later(is.updated, at)
		is.dropRaw("updated")
	})
}

// set puts an item into the entry. A second change of the same field in one
// entry leaves one item, from the first value to the last.
func (e *entry) set(it *item) {
	for _, have := range e.items {
		if have.field == it.field {
			have.to, have.toText = it.to, it.toText
			return
		}
	}
	e.items = append(e.items, it)
}

func namedItem(field, id string, from, to *named) *item {
	it := &item{field: field, fieldID: id, fieldType: "jira"}
	if from != nil {
		it.from, it.fromText = &from.id, &from.name
	}
	if to != nil {
		it.to, it.toText = &to.id, &to.name
	}
	return it
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// asSet sorts and removes duplicates, as Jira does with labels.
func asSet(labels []string) []string {
	set := slices.Clone(labels)
	slices.Sort(set)
	return slices.Compact(set)
}

func (is *jiraIssue) dropRaw(names ...string) {
	if is.raw == nil {
		return
	}
	is.raw = slices.DeleteFunc(slices.Clone(is.raw), func(f rawField) bool { return slices.Contains(names, f.name) })
}
