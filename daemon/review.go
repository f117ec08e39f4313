package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"alignd/alignment"
	"alignd/store"
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
	last    *alignment.Review
	history *alignment.History
	at      time.Time
	took    time.Duration
	// recorded is how many records it knows of.
	recorded int
	teams    int // of which there was anything to look back on
}

// due reports whether it is time for another review: of other rules, of a team
// that was read to the end for the first time, of another replica's records,
// or because the last one is long ago.
func (r *reviewer) due(snap *alignment.Snapshot, recorded int) bool {
	return r.last == nil || r.last.Fingerprint != snap.Fingerprint || r.teams != knownTeams(snap) || r.recorded != recorded ||
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

// review looks back, records what is new, and publishes the snapshot again
// with what was found. The caller holds r.mu.
func (r *refresher) review(ctx context.Context, snap *alignment.Snapshot) error {
	start := time.Now()
	var review *alignment.Review
	var history *alignment.History
	var news []alignment.Record
	recorded := 0
	err := r.store.View(ctx, func(v store.View) error {
		log, err := ReadLog(v)
		if err != nil {
			return err
		}
		in := alignment.Input{Tickets: v, Rules: r.rules(), Watermarks: v.Watermarks(), Now: start}
		history = alignment.LookBack(in)
		review, news = alignment.Judge(in, history, log)
		recorded = v.Recorded()
		return nil
	})
	if err != nil {
		return fmt.Errorf("look back: %w", err)
	}
	added, unrecorded := record(ctx, r.store, recorded, news)
	if errors.Is(unrecorded, store.ErrRecorded) { // another replica may have judged the same weeks: begin with what it says
		r.reviewSoon()
		return nil
	}
	if r.past.history != nil {
		for team, amount := range history.Reclassified(r.past.history) {
			r.counts.Reclassified(team, time.Duration(amount))
		}
	}
	r.past = reviewer{last: review, history: history, at: time.Now(), took: time.Since(start), recorded: recorded + added, teams: knownTeams(snap)}
	with := *snap
	with.Review = review
	r.publish(&with, history)
	if unrecorded != nil {
		return unrecorded
	}
	r.logger.Debug("Looked back", "took", r.past.took, "recorded", len(news))
	for _, rec := range news {
		r.tell(&rec)
	}
	return nil
}

// tell logs what begins or ends now. What is only found in the past, as on a
// new installation, is on the page.
func (r *refresher) tell(rec *alignment.Record) {
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

// acknowledge records that somebody has taken note of the open episode of a
// series, and has the numbers say so.
func (d *Daemon) acknowledge(ctx context.Context, a alignment.Acknowledgement) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("record acknowledgement: %w", err)
	}
	key := fmt.Sprintf("%s/%s %s", a.Team, a.Goal, a.At.Format(time.RFC3339Nano))
	if _, err := d.store.Append(ctx, store.Record{Log: acknowledgementLog, Key: key, At: a.At, Data: data}); err != nil {
		return fmt.Errorf("record acknowledgement: %w", err)
	}
	d.refresher.reviewSoon()
	return nil
}
