package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"alignd/connectors"
	"alignd/store"
	"alignd/ticket"
)

// tracker is an account that is looked at for the first time, with what was
// found there.
type tracker struct {
	name, kind string
	connect    func(connectors.Options) (connectors.Connector, error)

	tickets  int
	projects map[string]int // tickets by key of the Jira project or Linear team
	labels   map[string]int
	above    map[ticket.ID]*epic
}

// epic is an epic, a Linear project or an initiative.
type epic struct {
	key, title, kind string
	tickets          int // right below it
}

func (t *tracker) projectWord() string {
	if t.kind == "linear" {
		return "team"
	}
	return "project"
}

// look reads tickets that changed since an instant into a store that is thrown
// away, about as many as most, and counts what they have.
func (t *tracker) look(ctx context.Context, since time.Time, most int) error {
	dir, err := os.MkdirTemp("", "alignd-init-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "alignd.db")})
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	err = t.read(ctx, st, since, most)
	if err == nil {
		err = st.View(ctx, func(v store.View) error { t.tally(v); return nil })
	}
	return errors.Join(err, st.Close(), os.RemoveAll(dir))
}

func (t *tracker) read(ctx context.Context, st store.Store, since time.Time, most int) error {
	conn, err := t.connect(connectors.Options{UserAgent: "alignd/" + release()})
	if err != nil {
		return err
	}
	q := connectors.Query{Since: since}
	for read := 0; read < most; {
		page, err := conn.Page(ctx, q)
		if err != nil {
			return err
		}
		if _, err := st.Apply(ctx, store.Batch{Connector: t.name, Tickets: page.Tickets, Names: page.Names}); err != nil {
			return err
		}
		read += len(page.Tickets)
		if page.Next == "" {
			return nil
		}
		q.Token = page.Next
	}
	return nil
}

func (t *tracker) tally(v store.View) {
	t.projects, t.labels, t.above = map[string]int{}, map[string]int{}, map[ticket.ID]*epic{}
	for tk := range v.Tickets() {
		if tk.Container || tk.Outside {
			continue
		}
		t.tickets++
		t.projects[tk.Project]++
		for _, l := range tk.Labels {
			t.labels[l]++
		}
		for _, uid := range append([]string{tk.Parent}, tk.Groups...) {
			t.below(v, ticket.ID{Connector: t.name, UID: uid})
		}
	}
}

func (t *tracker) below(v store.View, id ticket.ID) {
	e, seen := t.above[id]
	if !seen && id.UID != "" {
		if tk, ok := v.Ticket(id); ok && tk.Container {
			e = &epic{key: tk.Key, title: tk.Title, kind: tk.Type}
		}
		t.above[id] = e
	}
	if e != nil {
		e.tickets++
	}
}

// projectKeys returns the projects or teams, in order of their keys.
func (t *tracker) projectKeys() []string { return slices.Sorted(maps.Keys(t.projects)) }

// label is a label, whatever its case, as it is written most often.
type label struct {
	text string
	uses int
}

// mostUsed returns the labels that rules can ask for, the most used ones first.
func mostUsed(uses ...map[string]int) []label {
	sums, texts := map[string]int{}, map[string]label{}
	for _, counts := range uses {
		for _, text := range slices.Sorted(maps.Keys(counts)) {
			folded := strings.ToLower(text)
			sums[folded] += counts[text]
			if !canBeAsked(text) || counts[text] <= texts[folded].uses {
				continue
			}
			texts[folded] = label{text, counts[text]}
		}
	}
	var all []label
	for folded, l := range texts {
		all = append(all, label{l.text, sums[folded]})
	}
	slices.SortFunc(all, func(a, b label) int {
		return cmp.Or(cmp.Compare(b.uses, a.uses), cmp.Compare(a.text, b.text))
	})
	return all
}

// canBeAsked says that a rule can ask for exactly this text.
func canBeAsked(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r == '*' || !unicode.IsPrint(r) })
}

// epics returns what stands right above tickets and can be asked for.
func (t *tracker) epics() []*epic {
	return slices.DeleteFunc(slices.Collect(maps.Values(t.above)), func(e *epic) bool {
		return e == nil || !canBeAsked(cmp.Or(e.key, e.title))
	})
}

func largestFirst(epics []*epic) {
	slices.SortFunc(epics, func(a, b *epic) int {
		return cmp.Or(cmp.Compare(b.tickets, a.tickets), cmp.Compare(a.key, b.key), cmp.Compare(a.title, b.title))
	})
}
