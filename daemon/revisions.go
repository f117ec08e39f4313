package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/metrics"
	"alignd/store"
	"alignd/yamlfile"
)

// revisionLog is the log of the store in which accepted mappings are kept.
const revisionLog = "revisions"

// recordAgainAfter is how long recording a mapping that failed waits.
const recordAgainAfter = time.Minute

// archive records each mapping that comes into force, once in a store however
// many replicas accept it.
type archive struct {
	store  store.Store
	follow func(context.Context) // takes in what other replicas have recorded
	counts *metrics.Process
	logger *slog.Logger

	mu      sync.Mutex
	pending *mapping.RuleSet                 // accepted and not recorded
	current atomic.Pointer[mapping.Revision] // the last that was recorded, without its text
}

// accept notes that rules came into force; keep records them. A reload with
// the same text is none, so that it does not undo what another replica has
// accepted since.
func (a *archive) accept(rules, before *mapping.RuleSet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before == nil || before.Text() != rules.Text() {
		a.pending = rules
	}
}

// run records what is pending until ctx ends.
func (a *archive) run(ctx context.Context) {
	for {
		a.keep(ctx)
		if !sleep(ctx, recordAgainAfter) {
			return
		}
	}
}

// keep records the mapping in force unless that was done. If the store fails
// it is tried again later: that must hold up nothing.
func (a *archive) keep(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending == nil {
		return
	}
	revision, err := a.record(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, store.ErrRecorded): // others write all the time
		return
	case err != nil:
		a.counts.StoreError()
		a.logger.Error("Recording the mapping failed, it is in force all the same", "err", err)
		return
	}
	a.pending = nil
	a.counts.Revision(revision.ID, revision.At)
	revision.Text = ""
	a.current.Store(&revision)
}

// record returns the revision of the pending mapping. If others have recorded
// something meanwhile, it may be that very mapping.
func (a *archive) record(ctx context.Context) (revision mapping.Revision, err error) {
	const most = 5
	for range most {
		a.follow(ctx)
		revision, err = a.recordOnce(ctx)
		if !errors.Is(err, store.ErrRecorded) {
			break
		}
	}
	return revision, err
}

func (a *archive) recordOnce(ctx context.Context) (mapping.Revision, error) {
	var last *mapping.Revision
	recorded := 0
	err := a.store.View(ctx, func(v store.View) error {
		recorded = v.Recorded()
		all, err := ReadRevisions(v)
		if len(all) > 0 {
			last = &all[len(all)-1]
		}
		return err
	})
	if err != nil {
		return mapping.Revision{}, err
	}
	next, isNew := mapping.NextRevision(last, a.pending, time.Now())
	if !isNew {
		return next, nil
	}
	data, err := json.Marshal(&next)
	if err != nil {
		return next, fmt.Errorf("record mapping: %w", err)
	}
	if _, err := a.store.AppendAfter(ctx, recorded, store.Record{Log: revisionLog, Key: next.ID, At: next.At, Data: data}); err != nil {
		return next, fmt.Errorf("record mapping: %w", err)
	}
	a.logger.Info("Recorded a new revision of the mapping", "revision", next.ID, "changes", len(next.Summary))
	return next, nil
}

// ReadRevisions returns the mappings that a store has on record, oldest first.
func ReadRevisions(v store.View) ([]mapping.Revision, error) {
	var all []mapping.Revision
	for rec := range v.Records(revisionLog) {
		var r mapping.Revision
		if err := json.Unmarshal(rec.Data, &r); err != nil {
			return nil, fmt.Errorf("read revision %q: %w", rec.Key, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// Revisions returns the mappings that a store has on record, oldest first.
func Revisions(ctx context.Context, st store.Store) (all []mapping.Revision, err error) {
	err = st.View(ctx, func(v store.View) error {
		all, err = ReadRevisions(v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return all, nil
}

// Revisions implements web.Source.
func (d *Daemon) Revisions(ctx context.Context) ([]mapping.Revision, error) {
	return Revisions(ctx, d.store)
}

// removedGoals warns of goals that are in no list any more although work of the
// longest window counted for them by the rules of a revision that was in force
// then, and has no goal by the rules now. A goal that got another id is not
// meant: its work counts for that one.
func removedGoals(v store.View, rules *mapping.RuleSet, now time.Time) ([]yamlfile.Problem, error) {
	all, err := ReadRevisions(v)
	if err != nil {
		return nil, err
	}
	after := sync.OnceValue(func() alignment.GoalWork { return alignment.NewGoalWork(input(v, rules)) })
	var found []yamlfile.Problem
	told, tried := map[string]bool{}, map[string]bool{}
	for i, rev := range slices.Backward(all) {
		if i+1 < len(all) && now.Sub(all[i+1].At) > goalsLast {
			break
		}
		before, err := mapping.Parse("mapping", []byte(rev.Text))
		if err != nil || tried[before.ClassFingerprint()] {
			continue // of another version of alignd, or the same for the tickets
		}
		tried[before.ClassFingerprint()] = true
		worked := sync.OnceValue(func() alignment.GoalWork { return alignment.NewGoalWork(input(v, before)) })
		found = append(found, rules.Removed(before, func(goal string) bool {
			if told[goal] || !worked().Lost(goal, after()) {
				return false
			}
			told[goal] = true
			return true
		})...)
	}
	return found, nil
}

// goalsLast is how long a goal should stay declared after its end, so that all
// windows are past it.
const goalsLast = 91 * 24 * time.Hour
