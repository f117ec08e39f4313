package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alignd/connectors"
)

// The kinds of walk.
const (
	fullWalk        = "full"        // everything in scope
	incrementalWalk = "incremental" // what changed since the watermark
)

// minPatience is how long at least a page is asked for again and again before
// the walk begins anew.
const minPatience = 10 * time.Minute

// walk is one walk through the pages of a tracker, and how far it is. A walk
// that is longer than a budget of the tracker, or meets trouble, stops between
// two pages and goes on there with the next attempt: the same query and page
// token, and the watermark of its beginning. So what changes while it is
// stopped is read by the walk after it, as what changes while it goes on.
type walk struct {
	kind      string    // fullWalk or incrementalWalk
	first     bool      // nothing was ever read completely before
	began     time.Time // by our clock
	known     time.Time // the watermark when it began
	scope     string    // what is read
	clock     time.Time // the tracker's, when it began
	mark      time.Time // what the next walk asks from, if that is before the watermark
	watermark time.Time // to be set with the last page
	pages     int
	tickets   int

	query  connectors.Query // for the page that is due
	tokens map[string]bool  // of the pages so far
	unkept *connectors.Page // came, but could not be stored
	stops  int              // between two pages
	moved  bool             // in this attempt
	spent  time.Duration    // reading, in all attempts
	stuck  time.Time        // since when the page that is due has been failing, zero if it is not its fault
}

// walk reads page after page and applies each. What was applied before an
// error stays; the watermark moves with the last page only.
func (p *poller) walk(ctx context.Context) (*walk, error) {
	w, err := p.resumed(ctx)
	if err != nil {
		return w, err
	}
	start := time.Now()
	err = p.goOn(ctx, w)
	w.spent += time.Since(start)
	p.suspended = nil
	if err != nil && w.mayGoOn(ctx, err) {
		w.stops++
		p.suspended = w
	}
	return w, err
}

// resumed returns the walk that was stopped, or another if there is none, or
// what it began from is no longer so.
func (p *poller) resumed(ctx context.Context) (*walk, error) {
	known, scope, err := p.watermark(ctx)
	w := p.suspended
	if err == nil && (w == nil || w.scope != p.account.Scope() || !w.known.Equal(known)) {
		return p.newWalk(ctx, known, scope)
	}
	if w == nil {
		w = &walk{kind: incrementalWalk}
	}
	w.moved = false
	return w, err
}

// newWalk plans a walk from the watermark of this scope, or through everything.
func (p *poller) newWalk(ctx context.Context, known time.Time, scope string) (w *walk, err error) {
	p.suspended = nil
	w = &walk{
		kind: incrementalWalk, began: time.Now().UTC().Round(0), known: known, scope: p.account.Scope(),
		query: connectors.Query{Since: p.since(known)}, tokens: map[string]bool{},
	}
	// Tickets that are new to a changed scope may be old in the tracker.
	if known.IsZero() || scope != w.scope {
		w.kind, w.first, w.query.Since = fullWalk, known.IsZero(), time.Time{}
		return w, nil
	}
	w.query.Outside, err = p.outside(ctx)
	return w, err
}

// goOn reads and applies pages to the end.
func (p *poller) goOn(ctx context.Context, w *walk) error {
	for {
		page, err := p.nextPage(ctx, w)
		if err != nil {
			return err
		}
		if err := p.apply(ctx, w, page); err != nil {
			return err
		}
		w.unkept, w.moved, w.stuck = nil, true, time.Time{}
		if page.Next == "" {
			p.told, p.latest, p.mark = true, w.clock, w.mark
			if w.kind == fullWalk {
				p.sampled = time.Now()
			}
			return nil
		}
		if w.tokens[page.Next] {
			return fmt.Errorf("read page %d: %w", w.pages, errRepeatedToken)
		}
		w.tokens[page.Next] = true
		w.query.Token = page.Next
	}
}

const errRepeatedToken = connectors.WalkError("the tracker repeats a page token")

// nextPage reads the page that is due, or returns it if it was read before and
// could not be stored.
func (p *poller) nextPage(ctx context.Context, w *walk) (*connectors.Page, error) {
	if w.unkept != nil {
		return w.unkept, nil
	}
	page, err := p.connector.Page(ctx, w.query)
	if err != nil {
		return nil, fmt.Errorf("read page %d: %w", w.pages+1, err)
	}
	if err := w.begin(&page, p.twice(w.known), time.Duration(p.account.Overlap)); err != nil {
		return nil, err
	}
	if w.pages == 1 && page.Clock.Before(w.query.Since) {
		p.setBack(w, w.query.Since)
	}
	w.unkept = &page
	return &page, nil
}

// begin takes the mark from the first page: the overlap before the tracker's
// clock, no later than what has been read twice, if that is known. The
// watermark is the same, but never goes back.
func (w *walk) begin(page *connectors.Page, twice time.Time, overlap time.Duration) error {
	w.pages++
	if w.pages > 1 {
		return nil
	}
	if page.Clock.IsZero() {
		return errors.New("read page 1: the tracker does not say what time it is")
	}
	w.clock, w.mark = page.Clock, page.Clock.Add(-overlap)
	if !twice.IsZero() && w.mark.After(twice) {
		w.mark = twice
	}
	w.watermark = w.mark
	if w.watermark.Before(w.known) {
		w.watermark = w.known
	}
	return nil
}

// mayGoOn reports whether the next attempt goes on where this one stopped. A
// budget that is spent, a tracker that cannot be reached and our own store say
// nothing of the page that is due, and may take as long as they like. An error
// that might be the page's own is given as much time as reading to there took:
// then beginning anew costs no more than waiting has.
func (w *walk) mayGoOn(ctx context.Context, err error) bool {
	ours := (*storeError)(nil)
	switch {
	case w.query.Token == "": // there is nothing to lose but one page
		return false
	case !connectors.Resumable(err):
		return false
	case ctx.Err() != nil || errors.As(err, &ours) || connectors.Unreached(err):
		w.stuck = time.Time{}
		return true
	case w.stuck.IsZero():
		w.stuck = time.Now()
	}
	return time.Since(w.stuck) <= max(minPatience, w.spent)
}

// soFar is how many tickets the walk has read. A nil walk has read none.
func (w *walk) soFar() int {
	if w == nil {
		return 0
	}
	return w.tickets
}
