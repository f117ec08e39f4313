package daemon

import (
	"context"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/config"
	"alignd/mapping"
	"alignd/store"
	"alignd/ticket"
)

func (r *refreshRig) refreshAndReview(ctx context.Context) {
	r.refresh(ctx)
	r.reviewer.follow(ctx)
}

// busyStore is one to which another replica appends first.
type busyStore struct {
	store.Store
	others []store.Record
}

func (s *busyStore) AppendAfter(ctx context.Context, recorded int, records ...store.Record) (int, error) {
	if _, err := s.Append(ctx, s.others...); err != nil {
		return 0, err
	}
	s.others = nil
	return s.Store.AppendAfter(ctx, recorded, records...)
}

// Two replicas may judge the same weeks. Who comes second says nothing before
// it knows what the first has said.
func TestReviewGivesWayToAnother(t *testing.T) {
	r := newRefreshRig(t)
	now := time.Now()
	done := someTicket(1,
		ticket.Change{At: now.AddDate(0, 0, -70), Field: ticket.FieldState, FromState: ticket.StateTodo, ToState: ticket.StateActive},
		ticket.Change{At: now.AddDate(0, 0, -60), Field: ticket.FieldState, FromState: ticket.StateActive, ToState: ticket.StateDone})
	done.State = ticket.StateDone
	r.apply(t, store.Batch{Tickets: []ticket.Ticket{done}, Watermark: now})
	r.store = &busyStore{r.st, []store.Record{{Log: "elsewhere", Key: "1", At: time.Now()}}}
	r.refreshAndReview(t.Context())
	if len(r.published) != 1 || len(r.reviews) != 0 || r.reviewer.failure.Load() != nil {
		t.Errorf("%d snapshots, %d reviews, failure %v; want the snapshot alone", len(r.published), len(r.reviews), r.reviewer.failure.Load())
	}
	select {
	case <-r.wake:
	default:
		t.Error("the review is not made up for soon")
	}
	for range 2 {
		r.refreshAndReview(t.Context())
	}
	if len(r.reviews) != 1 {
		t.Errorf("%d reviews, want 1", len(r.reviews))
	}
	// What others record, such as an acknowledgement, is seen at once.
	if _, err := r.st.Append(t.Context(), store.Record{Log: "elsewhere", Key: "2", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r.refreshAndReview(t.Context())
	if len(r.reviews) != 2 {
		t.Errorf("%d reviews, want 2", len(r.reviews))
	}
}

// An episode is acknowledged once, also while the numbers still show it as
// open, and where another replica is faster.
func TestAcknowledgedOnce(t *testing.T) {
	r := newRefreshRig(t)
	raised := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return raised.Add(time.Duration(hours) * time.Hour) }
	busy := &busyStore{Store: r.st, others: []store.Record{{Log: "elsewhere", Key: "1", At: time.Now()}}}
	d := &Daemon{store: busy, refresher: r.refresher}
	d.sharing = newSharing(busy, time.Minute, r.counts, r.logger, func(context.Context) {})
	for i, step := range []struct {
		ack    alignment.Acknowledgement
		raised time.Time
		want   time.Time
	}{
		{alignment.Acknowledgement{Team: "payments", At: at(5)}, raised, time.Time{}},
		{alignment.Acknowledgement{Team: "payments", At: at(6), Note: "again"}, raised, at(5)},
		{alignment.Acknowledgement{Team: "payments", Goal: "checkout", At: at(7)}, raised, time.Time{}},
		{alignment.Acknowledgement{Team: "payments", At: at(9)}, at(8), time.Time{}}, // of a later episode
	} {
		if got, err := d.acknowledge(t.Context(), step.ack, step.raised); err != nil || !got.Equal(step.want) {
			t.Errorf("step %d: acknowledged at %s already, %v; want %s", i, got, err, step.want)
		}
	}
	var log alignment.Log
	err := r.st.View(t.Context(), func(v store.View) (err error) {
		log, err = ReadLog(v)
		return err
	})
	if err != nil || len(log.Acknowledgements) != 3 || log.Acknowledgements[1].Goal != "checkout" {
		t.Errorf("on record are %+v, %v; want three", log.Acknowledgements, err)
	}
}

// slowStore is one in which a review takes until it is let go.
type slowStore struct {
	store.Store
	begun chan struct{} // one for each review, up to its capacity
	let   chan struct{}
	read  int // tickets by the last review
}

func newSlowStore(st store.Store) *slowStore {
	return &slowStore{Store: st, begun: make(chan struct{}, 10), let: make(chan struct{})}
}

func (s *slowStore) View(ctx context.Context, fn func(store.View) error) error {
	return s.Store.View(ctx, func(v store.View) error { return fn(&slowView{View: v, store: s}) })
}

// slowView tells a review by what it reads before it looks back.
type slowView struct {
	store.View
	store  *slowStore
	review bool
}

func (v *slowView) Records(log string) iter.Seq[store.Record] {
	v.review = v.review || log == episodeLog
	return v.View.Records(log)
}

func (v *slowView) Tickets() iter.Seq[*ticket.Ticket] {
	if !v.review {
		return v.View.Tickets()
	}
	v.store.begun <- struct{}{}
	<-v.store.let
	return func(yield func(*ticket.Ticket) bool) {
		v.store.read = 0
		for tk := range v.View.Tickets() {
			v.store.read++
			if !yield(tk) {
				return
			}
		}
	}
}

// beginReview refreshes, and begins a review that lasts until end is called.
func (r *refreshRig) beginReview(t *testing.T) (end func()) {
	slow := newSlowStore(r.st)
	r.store = slow
	r.refresh(t.Context())
	<-r.refreshed
	done := make(chan struct{})
	go func() { defer close(done); r.reviewer.follow(t.Context()) }()
	<-slow.begun
	return func() {
		close(slow.let)
		<-done
	}
}

// Numbers of now do not wait for those of the past, and are not replaced by
// those of before a review.
func TestRefreshDuringReview(t *testing.T) {
	r := newRefreshRig(t)
	r.apply(t, store.Batch{Tickets: tickets(1), Watermark: time.Now()})
	end := r.beginReview(t)

	r.apply(t, store.Batch{Tickets: tickets(2), Watermark: time.Now()})
	r.refresh(t.Context())
	if len(r.published) != 2 || r.last.Review != nil {
		t.Fatalf("%d snapshots during the review, want 2 without one", len(r.published))
	}
	newest := *r.last
	end()
	if len(r.reviews) != 1 || r.last.Review == nil || !r.last.ComputedAt.Equal(newest.ComputedAt) {
		t.Errorf("%d reviews, the last snapshot is of %s; want one, of %s", len(r.reviews), r.last.ComputedAt, newest.ComputedAt)
	}
	review := r.last.Review
	r.refreshAndReview(t.Context())
	if len(r.published) != 3 || len(r.reviews) != 1 || r.last.Review != review {
		t.Errorf("%d snapshots, %d reviews; want a third snapshot with the same review", len(r.published), len(r.reviews))
	}
}

// A review is of the rules of the numbers it stands beside.
func TestRulesChangeDuringReview(t *testing.T) {
	r := newRefreshRig(t)
	r.apply(t, store.Batch{Tickets: tickets(1), Watermark: time.Now()})
	end := r.beginReview(t)

	other, err := mapping.Parse("mapping.yml", []byte(strings.Replace(mappingYAML, "goal-checkout", "another", 1)))
	if err != nil {
		t.Fatal(err)
	}
	r.rules = func() *mapping.RuleSet { return other } // the review has asked already
	r.refresh(t.Context())
	end()
	if len(r.published) != 2 || len(r.reviews) != 0 || r.last.Review != nil {
		t.Fatalf("%d snapshots, %d reviews; want 2 snapshots without a review by rules of before", len(r.published), len(r.reviews))
	}
	<-r.refreshed // what makes up for it at once
	r.reviewer.follow(t.Context())
	if len(r.reviews) != 1 || r.last.Review.Fingerprint != other.Fingerprint() || r.last.Fingerprint != other.Fingerprint() {
		t.Errorf("%d reviews, the last by %+v", len(r.reviews), r.last.Review)
	}
}

func TestFailedReviewKeepsTheLast(t *testing.T) {
	r := newRefreshRig(t)
	r.apply(t, store.Batch{Tickets: tickets(1), Watermark: time.Now()})
	r.refreshAndReview(t.Context())
	review := r.last.Review
	r.store = unreadableStore{r.st}
	r.reviewer.follow(t.Context())
	if text := r.reviewer.failure.Load(); text == nil || !strings.Contains(*text, "checksum") || r.last.Review != review {
		t.Errorf("the page is told %v, the review is %p, want %p", text, r.last.Review, review)
	}
	if !strings.Contains(r.log.String(), "the last review stays up") {
		t.Errorf("log: %s", r.log)
	}
	r.store = r.st
	if r.reviewer.follow(t.Context()); r.reviewer.failure.Load() != nil {
		t.Errorf("the page is still told %s", *r.reviewer.failure.Load())
	}
}

// The end of the process is no error, and does not wait for all tickets.
func TestEndDuringReview(t *testing.T) {
	r := newRefreshRig(t)
	r.apply(t, store.Batch{Tickets: tickets(3), Watermark: time.Now()})
	slow := newSlowStore(r.st)
	r.store = slow
	r.refresh(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.reviewer.run(ctx) }()
	<-slow.begun
	cancel()
	close(slow.let)
	<-done
	if len(r.reviews) != 0 || r.reviewer.failure.Load() != nil || strings.Contains(r.log.String(), "ERROR") {
		t.Errorf("%d reviews, failure %v, log: %s", len(r.reviews), r.reviewer.failure.Load(), r.log)
	}
	if slow.read > 1 {
		t.Errorf("read %d tickets after the end", slow.read)
	}
}

// TestReloadDuringReview: who reloads has the answer, and the numbers by the
// new rules, while a review takes its time.
func TestReloadDuringReview(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("token", "secret")
	write("mapping.yml", mappingYAML)
	write("alignd.yml", `
connectors:
  jira:
    - {name: acme, url: "http://127.0.0.1:1", auth: {email: bot@acme.example, token_file: token}, projects: [PAY], poll_interval: 1h}
`)
	file := filepath.Join(dir, "alignd.yml")
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(cfg, Options{ListenAddresses: []string{"127.0.0.1:0"}, EnableLifecycle: true, ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.store.Apply(t.Context(), store.Batch{Connector: "acme", Tickets: tickets(1), Watermark: time.Now()}); err != nil {
		t.Fatal(err)
	}
	slow := newSlowStore(d.store)
	d.refresher.store = slow
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	letGo := sync.OnceFunc(func() { close(slow.let) })
	defer letGo()

	<-slow.begun
	before := d.Snapshot().Fingerprint
	write("mapping.yml", strings.Replace(mappingYAML, "goal-checkout", "another", 1))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.Addr()+"/-/reload", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if snap := d.Snapshot(); resp.StatusCode != http.StatusOK || snap.Fingerprint == before || snap.Review != nil {
		t.Errorf("reload: HTTP %d, rules %s, before %s, review %v", resp.StatusCode, snap.Fingerprint, before, snap.Review)
	}
	letGo()
	for d.Snapshot().Review == nil {
		time.Sleep(time.Millisecond)
	}
	if snap := d.Snapshot(); snap.Review.Fingerprint != snap.Fingerprint {
		t.Errorf("a review by %s beside numbers by %s", snap.Review.Fingerprint, snap.Fingerprint)
	}
}
