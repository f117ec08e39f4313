package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
	"time"

	"alignd/alignment"
	"alignd/store"
	"alignd/ticket"
)

// The logs of the store that reviews are written from and to.
const (
	episodeLog         = "episodes"
	acknowledgementLog = "acknowledgements"
)

// reviewFactor bounds the part of the time spent on reviews: after each at
// least this many times as long passes before the next.
const reviewFactor = 100

// reviewer looks back over the whole history now and then. That takes several
// times as long as a snapshot, and changes little from one hour to the next.
type reviewer struct {
	*stage
	failure atomic.Pointer[string] // of the last attempt, nil if it succeeded or nothing was due

	// Of the goroutine of run alone.
	last finding // the last that was published
	at   time.Time
	took time.Duration
}

// finding is what a review has found.
type finding struct {
	review   *alignment.Review
	history  *alignment.History
	recorded int // how many records it knows of
	teams    int // of which there was anything to look back on
}

// run reviews after each refresh where that is due, until ctx ends. Hardly
// ever both take their memory at once: after a refresh the next is some time
// away.
func (r *reviewer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.refreshed:
			r.follow(ctx)
		}
	}
}

// follow reviews if that is due. On an error the last review stays up.
func (r *reviewer) follow(ctx context.Context) {
	snap := r.newest()
	if snap == nil {
		return
	}
	reviewed, err := r.review(ctx, snap)
	if ctx.Err() != nil {
		return
	}
	if reviewed {
		debug.FreeOSMemory()
	}
	r.note(&r.failure, err)
	if err != nil {
		r.logger.Error("Looking back failed, the last review stays up", "err", err)
	}
}

// due reports whether it is time for another review: of other rules, of a team
// that was read to the end for the first time, of an acknowledgement or another
// replica's records, or because the last one is long ago.
func (r *reviewer) due(snap *alignment.Snapshot, recorded int) bool {
	return r.last.review == nil || r.last.review.Fingerprint != snap.Fingerprint || r.last.teams != knownTeams(snap) || r.last.recorded != recorded ||
		time.Since(r.at) >= max(refreshEvery, reviewFactor*r.took)
}

func knownTeams(snap *alignment.Snapshot) (n int) {
	for i := range snap.Teams {
		if snap.Teams[i].Known {
			n++
		}
	}
	return n
}

// review looks back if that is due after this snapshot, records what is new,
// and publishes what was found with the snapshot that is the newest by then.
func (r *reviewer) review(ctx context.Context, snap *alignment.Snapshot) (reviewed bool, err error) {
	start := time.Now()
	found, news, err := r.lookBack(ctx, snap)
	if err != nil || found == nil {
		return false, err
	}
	if found.review.Fingerprint != r.newest().Fingerprint {
		return true, nil // the refresh after the rules changed has us begin again
	}
	added, unrecorded := record(ctx, r.store, found.recorded, news)
	if errors.Is(unrecorded, store.ErrRecorded) { // another replica may have judged the same weeks: begin with what it says
		r.changed()
		return true, nil
	}
	if r.last.history != nil {
		for team, amount := range found.history.Reclassified(r.last.history) {
			r.counts.Reclassified(team, time.Duration(amount))
		}
	}
	found.recorded += added
	r.last, r.at, r.took = *found, time.Now(), time.Since(start)
	r.showReview(found.review, found.history)
	if unrecorded != nil {
		return true, unrecorded
	}
	r.logger.Debug("Looked back", "took", r.took, "recorded", len(news))
	for i := range news {
		r.tell(&news[i])
	}
	return true, nil
}

// lookBack returns nil where no review is due after this snapshot.
func (r *reviewer) lookBack(ctx context.Context, snap *alignment.Snapshot) (found *finding, news []alignment.Record, err error) {
	err = r.store.View(ctx, func(v store.View) error {
		if !r.due(snap, v.Recorded()) {
			return nil
		}
		log, err := ReadLog(v)
		if err != nil {
			return err
		}
		found = &finding{recorded: v.Recorded(), teams: knownTeams(snap)}
		in := alignment.Input{Tickets: abandonable{v, ctx.Err}, Rules: r.rules(), Watermarks: v.Watermarks(), Now: time.Now()}
		found.history = alignment.LookBack(in)
		found.review, news = alignment.Judge(in, found.history, log)
		return ctx.Err()
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look back: %w", err)
	}
	return found, news, nil
}

// abandonable is a view whose tickets end as soon as nobody waits for what is
// made of them: the end of the process need not wait for all.
type abandonable struct {
	store.View
	abandoned func() error
}

// Tickets implements alignment.Source.
func (a abandonable) Tickets() iter.Seq[*ticket.Ticket] {
	return func(yield func(*ticket.Ticket) bool) {
		for tk := range a.View.Tickets() {
			if a.abandoned() != nil || !yield(tk) {
				return
			}
		}
	}
}

// tell logs what begins or ends now. What is only found in the past, as on a
// new installation, is on the page.
func (r *reviewer) tell(rec *alignment.Record) {
	if time.Since(rec.At) > 14*24*time.Hour || rec.Kind != alignment.RecordRaise && rec.Kind != alignment.RecordClear {
		return
	}
	about := []any{"team", rec.Series.Team, "goal", rec.Series.Goal, "direction", rec.Direction, "week", rec.Week}
	if rec.Kind == alignment.RecordRaise {
		r.logger.Info("A share has drifted: see the page for what moved", about...)
	} else {
		r.logger.Info("An episode of drift has ended", append(about, "how", string(rec.How))...)
	}
}

// ReadLog returns what a store has on record about episodes.
func ReadLog(v store.View) (alignment.Log, error) {
	var log alignment.Log
	for rec := range v.Records(episodeLog) {
		var r alignment.Record
		if err := json.Unmarshal(rec.Data, &r); err != nil {
			return log, fmt.Errorf("read episode %q: %w", rec.Key, err)
		}
		log.Records = append(log.Records, r)
	}
	for rec := range v.Records(acknowledgementLog) {
		var a alignment.Acknowledgement
		if err := json.Unmarshal(rec.Data, &a); err != nil {
			return log, fmt.Errorf("read acknowledgement %q: %w", rec.Key, err)
		}
		log.Acknowledgements = append(log.Acknowledgements, a)
	}
	return log, nil
}

// record appends to the episode log what was concluded from so many records,
// and returns how many were added.
func record(ctx context.Context, st store.Store, recorded int, news []alignment.Record) (added int, err error) {
	if len(news) == 0 {
		return 0, nil
	}
	records := make([]store.Record, len(news))
	for i := range news {
		data, err := json.Marshal(&news[i])
		if err != nil {
			return 0, fmt.Errorf("record episode: %w", err)
		}
		records[i] = store.Record{Log: episodeLog, Key: news[i].Key(), At: news[i].At, Data: data}
	}
	if added, err = st.AppendAfter(ctx, recorded, records...); err != nil {
		return 0, fmt.Errorf("record episodes: %w", err)
	}
	return added, nil
}

// acknowledge records that somebody has taken note of the episode of a series
// that was raised at an instant, and has the numbers say so. Where somebody
// already had, it records nothing and returns when that was.
func (d *Daemon) acknowledge(ctx context.Context, a alignment.Acknowledgement, raised time.Time) (already time.Time, err error) {
	const most = 5
	for range most {
		d.sharing.follow(ctx)
		already, err = d.acknowledgeOnce(ctx, a, raised)
		if !errors.Is(err, store.ErrRecorded) {
			break
		}
	}
	if err != nil {
		return already, fmt.Errorf("record acknowledgement: %w", err)
	}
	d.refresher.changed()
	return already, nil
}

func (d *Daemon) acknowledgeOnce(ctx context.Context, a alignment.Acknowledgement, raised time.Time) (already time.Time, err error) {
	recorded := 0
	err = d.store.View(ctx, func(v store.View) error {
		recorded = v.Recorded()
		log, err := ReadLog(v)
		for _, other := range log.Acknowledgements {
			if other.Team == a.Team && other.Goal == a.Goal && other.At.After(raised) && already.IsZero() {
				already = other.At
			}
		}
		return err
	})
	if err != nil || !already.IsZero() {
		return already, err
	}
	data, err := json.Marshal(a)
	if err != nil {
		return already, err
	}
	key := fmt.Sprintf("%s/%s %s", a.Team, a.Goal, a.At.Format(time.RFC3339Nano))
	_, err = d.store.AppendAfter(ctx, recorded, store.Record{Log: acknowledgementLog, Key: key, At: a.At, Data: data})
	return already, err
}
