package daemon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"alignd/store"
	"alignd/ticket"
)

// tally compares what a tracker counts with what the store knows.
type tally struct {
	found    int // tickets in scope, says the tracker
	known    int // tickets in scope, says the store
	unknown  []string
	gone     []string          // known, and deleted says the tracker
	members  int               // of gone, in scope until now
	missing  map[string]string // known as in scope, and not found; their projects
	outside  []string          // known, but not in scope
	projects map[string]*projectTally
}

type projectTally struct{ known, missing int }

// compare takes out of found what is known as in scope.
func compare(v store.View, connector string, found, gone map[string]struct{}) *tally {
	t := &tally{found: len(found), missing: map[string]string{}, projects: map[string]*projectTally{}}
	for tk := range v.Tickets() {
		if tk.ID.Connector != connector {
			continue
		}
		_, isFound := found[tk.ID.UID]
		_, isGone := gone[tk.ID.UID]
		switch {
		case isGone && !isFound:
			t.gone = append(t.gone, tk.ID.UID)
			if !tk.Outside {
				t.members++
			}
		case tk.Outside:
			if !isFound {
				t.outside = append(t.outside, tk.ID.UID)
			}
		default:
			delete(found, tk.ID.UID)
			t.add(tk, !isFound)
		}
	}
	t.unknown = slices.Sorted(maps.Keys(found))
	return t
}

func (t *tally) add(tk *ticket.Ticket, missing bool) {
	t.known++
	pt := t.projects[tk.Project]
	if pt == nil {
		pt = &projectTally{}
		t.projects[tk.Project] = pt
	}
	pt.known++
	if missing {
		pt.missing++
		t.missing[tk.ID.UID] = tk.Project
	}
}

// confirm keeps as missing only what another census did not find either.
func (t *tally) confirm(again *tally) {
	for uid, project := range t.missing {
		if _, twice := again.missing[uid]; !twice {
			t.projects[project].missing--
			delete(t.missing, uid)
		}
	}
}

// leave takes missing tickets out of the account.
func (t *tally) leave(uids []string) {
	for _, uid := range uids {
		pt := t.projects[t.missing[uid]]
		pt.missing--
		pt.known--
		t.known--
		delete(t.missing, uid)
	}
}

// shrank reports whether more is missing than happens in a day's work: more
// than this share of the tickets, or a whole project.
func (t *tally) shrank(share float64) bool {
	if n := len(t.missing); n > lostShare && float64(n) > share*float64(t.known) {
		return true
	}
	for _, pt := range t.projects {
		if pt.missing >= lostProject && pt.missing == pt.known {
			return true
		}
	}
	return false
}

// misses counts on from the census before.
func (t *tally) misses(last store.Census, now time.Time) map[string]store.Miss {
	next := make(map[string]store.Miss, len(t.missing))
	for uid := range t.missing {
		next[uid] = again(last, uid, now)
	}
	return next
}

// again notes a ticket as missing once more.
func again(last store.Census, uid string, now time.Time) store.Miss {
	m, before := last.Missing[uid]
	if !before {
		m.Since = now
	}
	m.Times++
	return m
}

// outside returns the tickets outside, unless the connector knows them. They
// are never nil then.
func (p *poller) outside(ctx context.Context) ([]string, error) {
	if p.told {
		return nil, nil
	}
	uids := []string{}
	err := p.store.View(ctx, func(v store.View) error {
		for tk := range v.Tickets() {
			if tk.ID.Connector == p.account.Name && tk.Outside {
				uids = append(uids, tk.ID.UID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, &storeError{fmt.Errorf("read tickets: %w", err)}
	}
	return uids, nil
}

// lost describes what is missing by project, the most first.
func (t *tally) lost() string {
	type loss struct {
		name string
		*projectTally
	}
	var all []loss
	for name, pt := range t.projects {
		if pt.missing > 0 {
			all = append(all, loss{cmp.Or(name, "(none)"), pt})
		}
	}
	slices.SortFunc(all, func(a, b loss) int {
		return cmp.Or(cmp.Compare(b.missing, a.missing), strings.Compare(a.name, b.name))
	})
	var parts []string
	for _, l := range all[:min(len(all), 10)] {
		parts = append(parts, fmt.Sprintf("%s (%d of %d)", l.name, l.missing, l.known))
	}
	return strings.Join(parts, ", ")
}
