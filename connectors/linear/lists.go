package linear

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shurcooL/graphql"
)

// lists is what a connector keeps of the lists that make the catalog, so that
// a walk need not read those whole that are longer than a page. Ordered by
// their last update, what changed since the reading before comes first. Only
// the tracker's own times are compared.
type lists struct {
	overlap time.Duration
	clock   time.Time // the tracker's, when it answered the first request of the latest reading; zero before
	kept    map[string]keptList
}

// keptList is one of the lists, what was read last at its end.
type keptList struct {
	entries []entry
	isLong  bool      // it did not fit on a page
	newest  time.Time // last update that the latest reading saw in it
}

// entry is one node of a list. It is kept as it came: one that cannot be
// decoded is reported by each walk.
type entry struct {
	id      string
	updated time.Time // zero if it does not say
	raw     json.RawMessage
}

// perPage is a little less than the 250 that Linear allows: it pays for the
// times of the updates.
const perPage = 240

// Orders of a list. By creation nothing changes its place while pages are
// read, so that a whole reading misses nothing.
const (
	byCreation = "createdAt"
	byUpdate   = "updatedAt"
)

// refresh reads all lists, whole or what is new in them. Nothing is kept if
// that fails.
func (l *lists) refresh(ctx context.Context, client *graphql.Client, whole bool) error {
	if whole || l.clock.IsZero() {
		r, err := read(ctx, client, catalogRoots, byCreation, toTheEnd)
		if err != nil {
			return err
		}
		l.keep(r)
		return nil
	}
	r, err := read(ctx, client, catalogRoots, byUpdate, l.isEnough)
	if err != nil {
		return err
	}
	if again := l.unclear(r); len(again) > 0 {
		more, err := read(ctx, client, again, byCreation, toTheEnd)
		if err != nil {
			return err
		}
		maps.Copy(r.lists, more.lists)
	}
	l.keep(r)
	return nil
}

// isEnough reports whether a page of a list, newest first, that is not the
// last reaches back to what was read before. A list that fitted on a page until
// now is not asked for more, but read whole then: see unclear.
func (l *lists) isEnough(name string, page []entry) bool {
	list := l.kept[name]
	if !list.isLong {
		return true
	}
	if len(page) == 0 {
		return false
	}
	last := page[len(page)-1].updated
	return !last.IsZero() && last.Before(l.clock.Add(-l.overlap)) && !last.After(list.newest)
}

func toTheEnd(string, []entry) bool { return false }

// unclear returns the lists that must be read whole after all. One that fitted
// on a page until now may have grown by what is old and was not to be seen. The
// links of projects and initiatives do not show what was taken back, so each
// change of a link, a project or an initiative is taken for a sign of that.
func (l *lists) unclear(r *reading) []catalogRoot {
	var again []catalogRoot
	for _, root := range catalogRoots {
		switch {
		case r.lists[root.name].isWhole:
		case !l.kept[root.name].isLong,
			root.name == rootLinks && (l.isNews(rootLinks, r) || l.isNews(rootProjects, r) || l.isNews(rootInitiatives, r)):
			again = append(again, root)
		}
	}
	return again
}

// isNews reports whether something in a list is not as it was.
func (l *lists) isNews(name string, r *reading) bool {
	known := map[string]json.RawMessage{}
	for _, e := range l.kept[name].entries {
		known[e.id] = e.raw
	}
	return slices.ContainsFunc(r.lists[name].entries, func(e entry) bool { return !bytes.Equal(known[e.id], e.raw) })
}

// keep takes in what a reading of all lists found.
func (l *lists) keep(r *reading) {
	kept := map[string]keptList{}
	for name, found := range r.lists {
		list := keptList{isLong: found.isLong}
		if !found.isWhole {
			list.entries = l.kept[name].entries
		}
		list.entries = merge(list.entries, found.entries)
		for _, e := range found.entries {
			if e.updated.After(list.newest) {
				list.newest = e.updated
			}
		}
		kept[name] = list
	}
	l.kept, l.clock = kept, r.clock
}

// merge returns all entries, of several with one id the last.
func merge(before, found []entry) []entry {
	seen := map[string]bool{}
	var merged []entry
	for _, e := range slices.Backward(slices.Concat(before, found)) {
		if !seen[e.id] {
			seen[e.id] = true
			merged = append(merged, e)
		}
	}
	slices.Reverse(merged)
	return merged
}

// anyLong reports whether there is a list of which walks see only what is new.
func (l *lists) anyLong() bool {
	for _, list := range l.kept {
		if list.isLong {
			return true
		}
	}
	return false
}

func (l *lists) catalog() *catalog {
	c := newCatalog()
	for _, root := range catalogRoots {
		c.add(root, l.kept[root.name].entries)
	}
	return c
}

// reading is what was found in lists.
type reading struct {
	clock time.Time // of the tracker when it answered the first request
	lists map[string]*foundList
}

type foundList struct {
	entries []entry
	cursor  cursor
	isDone  bool // nothing more is asked for
	isLong  bool // has more than a page
	isWhole bool // nothing is missing, whatever changed meanwhile
}

func newReading(roots []catalogRoot) *reading {
	r := &reading{lists: map[string]*foundList{}}
	for _, root := range roots {
		r.lists[root.name] = &foundList{}
	}
	return r
}

// read reads lists in an order, each to its end or until a page is enough: the
// next page of all that are not done yet in one request each time.
func read(ctx context.Context, client *graphql.Client, roots []catalogRoot, order string, isEnough func(string, []entry) bool) (*reading, error) {
	r := newReading(roots)
	for next := r.next(); len(next) > 0; next = r.next() {
		q, variables := r.query(next, order)
		got, err := query(ctx, client, "catalogs", q, variables)
		if err != nil {
			return nil, fmt.Errorf("read catalogs: %w", err)
		}
		if err := r.take(next, got.data, order, isEnough); err != nil {
			return nil, fmt.Errorf("read catalogs: %w", err)
		}
		if r.clock.IsZero() {
			r.clock = got.clock
		}
	}
	return r, nil
}

// next returns the lists that are not done.
func (r *reading) next() []catalogRoot {
	var next []catalogRoot
	for _, root := range catalogRoots {
		if list, ok := r.lists[root.name]; ok && !list.isDone {
			next = append(next, root)
		}
	}
	return next
}

// query asks for the next page of each list. The struct is made at run time
// because a further request must hold only those lists that have more.
func (r *reading) query(next []catalogRoot, order string) (any, map[string]any) {
	var fields []reflect.StructField
	variables := map[string]any{}
	for _, root := range next {
		fields = append(fields, reflect.StructField{
			Name: strings.ToUpper(root.name[:1]) + root.name[1:],
			Type: root.page,
			Tag:  reflect.StructTag(fmt.Sprintf(`graphql:"%s(first: %d, after: $%[1]s, orderBy: %[3]s%[4]s)"`, root.name, perPage, order, root.args)),
		})
		variables[root.name] = r.lists[root.name].cursor.after()
	}
	return reflect.New(reflect.StructOf(fields)).Interface(), variables
}

// take takes an answer in.
func (r *reading) take(asked []catalogRoot, data json.RawMessage, order string, isEnough func(string, []entry) bool) error {
	var answer map[string]connection[json.RawMessage]
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	for _, root := range asked {
		page, ok := answer[root.name]
		if !ok || page.Nodes == nil {
			return fmt.Errorf("answer without %s", root.name)
		}
		list := r.lists[root.name]
		entries := newEntries(page.Nodes)
		list.entries = append(list.entries, entries...)
		more, err := list.cursor.advance(page.PageInfo)
		if err != nil {
			return fmt.Errorf("%s: %w", root.name, err)
		}
		list.isLong = list.isLong || more
		list.isDone = !more || isEnough(root.name, entries)
		list.isWhole = !more && (order == byCreation || !list.isLong)
	}
	return nil
}

func newEntries(nodes []json.RawMessage) []entry {
	entries := make([]entry, len(nodes))
	for i, raw := range nodes {
		var node struct {
			ID        string
			UpdatedAt time.Time
		}
		if json.Unmarshal(raw, &node) != nil {
			node.ID, node.UpdatedAt = uidOf(raw), time.Time{}
		}
		// What has no id is not taken for another that has none.
		entries[i] = entry{id: cmp.Or(node.ID, string(raw)), updated: node.UpdatedAt, raw: raw}
	}
	return entries
}
