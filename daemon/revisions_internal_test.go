package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"alignd/mapping"
	"alignd/metrics"
	"alignd/store"
)

func revisionRules(t *testing.T, goal string) *mapping.RuleSet {
	t.Helper()
	rules, err := mapping.Parse("mapping.yml", fmt.Appendf(nil,
		"period: {name: p, from: 2026-10-01, to: 2026-12-31}\nteams: [{id: a, owns: {acme: [PAY]}}]\ngoals: [{id: %s}]\n", goal))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func openRevisionStore(t *testing.T) store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "alignd.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func newArchive(st store.Store) *archive {
	return &archive{
		store: st, follow: func(context.Context) {}, counts: metrics.NewProcess(prometheus.NewRegistry()), logger: slog.New(slog.DiscardHandler),
	}
}

func summaries(t *testing.T, st store.Store) (out []string) {
	t.Helper()
	all, err := Revisions(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		out = append(out, strings.Join(r.Summary, " "))
	}
	return out
}

// TestReplicasRecordOnce has many replicas accept the same mappings at the same
// time, while others write into other logs.
func TestReplicasRecordOnce(t *testing.T) {
	st := openRevisionStore(t)
	replicas := make([]*archive, 8)
	for i := range replicas {
		replicas[i] = newArchive(st)
	}
	steps := []string{"one", "two", "one", "two"}
	var before *mapping.RuleSet
	for step, goal := range steps {
		rules := revisionRules(t, goal)
		var all sync.WaitGroup
		for i, a := range replicas {
			all.Go(func() {
				a.accept(rules, before)
				_, err := st.Append(t.Context(), store.Record{Log: "noise", Key: fmt.Sprint(step, i), At: time.Now()})
				if err != nil {
					t.Error(err)
				}
				for a.current.Load() == nil || a.current.Load().Rules != rules.Fingerprint() {
					a.keep(t.Context())
				}
			})
		}
		all.Wait()
		before = rules
	}
	want := []string{
		"The first mapping on record: 1 team, 1 goal, 0 rules.",
		"Goal one was removed. Goal two was added: always active, no target.",
		"Goal two was removed. Goal one was added: always active, no target.",
		"Goal one was removed. Goal two was added: always active, no target.",
	}
	if diff := cmp.Diff(want, summaries(t, st)); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
	ids := map[string]bool{}
	for _, a := range replicas {
		ids[a.current.Load().ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("replicas with the same mapping name %d revisions", len(ids))
	}
}

// TestReloadOfTheSame: a replica that reads its old file again does not undo
// what another one has accepted.
func TestReloadOfTheSame(t *testing.T) {
	st := openRevisionStore(t)
	old, late := newArchive(st), newArchive(st)
	one, two := revisionRules(t, "one"), revisionRules(t, "two")
	old.accept(one, nil)
	old.keep(t.Context())
	late.accept(two, one)
	late.keep(t.Context())
	old.accept(revisionRules(t, "one"), one)
	old.keep(t.Context())
	if got := summaries(t, st); len(got) != 2 {
		t.Errorf("on record: %q, want two", got)
	}
}

// failing is a store whose log cannot be written for a while.
type failing struct {
	store.Store
	err error
}

func (f *failing) AppendAfter(ctx context.Context, recorded int, records ...store.Record) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Store.AppendAfter(ctx, recorded, records...)
}

func TestRecordingIsTriedAgain(t *testing.T) {
	for name, err := range map[string]error{"disk full": errors.New("disk full"), "others write": store.ErrRecorded} {
		t.Run(name, func(t *testing.T) {
			st := &failing{openRevisionStore(t), err}
			a := newArchive(st)
			var log strings.Builder
			a.logger = slog.New(slog.NewTextHandler(&log, nil))
			a.accept(revisionRules(t, "one"), nil)
			a.keep(t.Context())
			if a.current.Load() != nil || len(summaries(t, st)) != 0 {
				t.Error("a mapping is called recorded that is not")
			}
			if told := strings.Contains(log.String(), "disk full"); told != (name == "disk full") {
				t.Errorf("log: %s", log.String())
			}
			st.err = nil
			a.keep(t.Context())
			a.keep(t.Context())
			if a.current.Load() == nil || len(summaries(t, st)) != 1 {
				t.Errorf("on record after the store is back: %q", summaries(t, st))
			}
		})
	}
}

func TestUnreadableRevision(t *testing.T) {
	st := openRevisionStore(t)
	if _, err := st.Append(t.Context(), store.Record{Log: revisionLog, Key: "x", At: time.Now(), Data: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	if _, err := Revisions(t.Context(), st); err == nil || !strings.Contains(err.Error(), `read revision "x"`) {
		t.Errorf("an unreadable revision gives %v", err)
	}
}
