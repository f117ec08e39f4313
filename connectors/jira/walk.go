package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"alignd/connectors"
)

const (
	searchesPerPage = 10
	// maxSearches ends a walk that cannot be right: two million tickets.
	maxSearches = 20_000
)

// walk is the walk in progress.
type walk struct {
	since    time.Time // no later than asked
	asked    time.Time // Query.Since
	began    time.Time // on the tracker's clock
	minutes  int64     // how far the query reaches back; 0 means everything
	next     string    // token of the page that is due, as handed out
	spot     spot      // where that page begins
	searches int
	tokens   map[string]bool // of the searches so far
	climb    climb
	beside   idSet    // ancestors outside that the search asks for as well
	renamed  []string // conditions of tickets that it asks for as well
	size     int      // tickets to ask for in one search

	lookedAround bool // see there
}

// spot is how far a search got. A page that fails leaves it where it was, so
// that the same page may be asked for again.
type spot struct {
	token string  // Jira's, of the search that follows
	found int     // tickets so far
	rows  offsets // on Data Center
}

// startWalk forgets the walk before and fixes how far the query reaches, since a
// page token is good for the query that issued it and no other.
func (c *Connector) startWalk(ctx context.Context, q connectors.Query) error {
	if c.catalog.read.IsZero() {
		if err := c.refreshCatalog(ctx); err != nil {
			return err
		}
	}
	c.walk = walk{
		size: searchSize, since: q.Since, asked: q.Since, began: c.serverNow(), tokens: map[string]bool{}, climb: newClimb(),
	}
	if q.Since.IsZero() {
		c.ancestors, c.keys, c.names, c.homes = ancestors{}, keyring{}, newNameplates(), map[string]bool{} // a whole walk delivers all of them again
		return nil
	}
	if q.Outside != nil {
		c.ancestors.replace(q.Outside)
	}
	c.walk.beside, c.walk.since = c.ancestors.watch(q.Since)
	c.walk.renamed = c.names.due()
	c.walk.minutes = minutesBack(c.walk.since, c.serverNow())
	return nil
}

// serverNow is the tracker's clock, as well as its latest answer tells.
func (c *Connector) serverNow() time.Time { return time.Now().Add(c.skew) }

// slipped reports whether the query, whose reach is relative to the moment
// Jira reads it, no longer reaches back far enough: the walk took long, a
// request had to wait, or this machine's clock was set.
func (c *Connector) slipped() bool {
	reach := time.Duration(c.walk.minutes) * time.Minute
	return !c.walk.since.IsZero() && c.serverNow().Sub(c.walk.since) > reach
}

// startOver makes the query reach further and forgets the page tokens, which
// belong to the old one. Tickets that were delivered come again.
func (c *Connector) startOver() {
	const ahead = 4 // times what the walk took so far
	now := c.serverNow()
	now = now.Add(ahead * max(0, now.Sub(c.walk.began)))
	c.walk.minutes = minutesBack(c.walk.since, now)
	c.walk.tokens, c.walk.spot = map[string]bool{}, spot{}
}

// searchPage reads up to changelogSize tickets in scope, with their histories.
func (c *Connector) searchPage(ctx context.Context) (connectors.Page, error) {
	found, tokens, at, err := c.searchMany(ctx)
	if err != nil {
		return connectors.Page{}, err
	}
	page, err := c.assemble(ctx, found)
	if err != nil {
		return connectors.Page{}, err
	}
	if err := c.markBeside(ctx, &page); err != nil {
		return connectors.Page{}, err
	}
	c.walk.climb.noteAll(page.Tickets)
	for _, token := range tokens {
		c.walk.tokens[token] = true
	}
	c.walk.spot, c.walk.next = at, at.token
	if at.token == "" {
		c.names.done(c.walk.renamed)
		c.ancestors.asked(c.walk.beside, c.walk.asked)
		c.walk.next = c.nextAncestors()
	}
	page.Next = c.walk.next
	return page, nil
}

// searchMany strings together searches until a page is full, and returns the
// tokens it met and where the next page begins. A short or empty answer does
// not mean the end; only a missing token does. Tickets are decoded while the
// next ones are on their way.
func (c *Connector) searchMany(ctx context.Context) (found batch, tokens []string, at spot, err error) {
	var parts []*batch
	var decoding sync.WaitGroup
	defer decoding.Wait()
	at = c.walk.spot
	size := 0
	for n := 0; n < searchesPerPage; n++ {
		got, err := c.searchOnce(ctx, &at)
		if err != nil {
			return batch{}, nil, spot{}, err
		}
		changed, err := c.lookAround(ctx, len(got.items))
		if err != nil {
			return batch{}, nil, spot{}, err
		}
		if changed || c.slipped() {
			c.startOver()
			tokens, at, n = nil, spot{found: at.found}, 0
			continue
		}
		part := &batch{}
		parts = append(parts, part)
		decoding.Go(func() { part.parse(got.items, c.catalog.customFields) })
		size += len(got.items)
		at.token = got.token
		if got.last || at.token == "" {
			at.token = ""
			break
		}
		if c.walk.tokens[at.token] || slices.Contains(tokens, at.token) {
			return batch{}, nil, spot{}, fmt.Errorf("read search: %w", errRepeatedToken)
		}
		tokens = append(tokens, at.token)
		if size+searchSize > changelogSize {
			break
		}
	}
	decoding.Wait()
	at.found += size
	if at.token == "" && at.found == 0 {
		return batch{}, nil, at, c.vouch(ctx)
	}
	return join(parts), tokens, at, nil
}

// searchOnce asks for less at once while an answer is too large, and then for
// more again.
func (c *Connector) searchOnce(ctx context.Context, at *spot) (envelope, error) {
	for {
		if c.walk.searches++; c.walk.searches > maxSearches {
			return envelope{}, fmt.Errorf("read search: no end after %d pages", maxSearches)
		}
		got, err := c.search(ctx, c.query(), at)
		if at.token == "" && len(c.walk.beside)+len(c.walk.renamed) > 0 && isStatus(err, http.StatusBadRequest) {
			c.plain()
			continue
		}
		if errors.Is(err, connectors.ErrTooLarge) && c.walk.size > leastSearch {
			c.walk.size = max(leastSearch, c.walk.size/2)
			continue
		}
		c.walk.size = min(searchSize, 2*c.walk.size)
		return got, err
	}
}

// assemble turns decoded tickets into a page, with their histories read in
// bulk.
func (c *Connector) assemble(ctx context.Context, found batch) (connectors.Page, error) {
	page := connectors.Page{Skipped: found.skipped}
	if len(found.issues) == 0 {
		return page, nil
	}
	if err := c.resolveLinks(ctx, found.issues); err != nil {
		return page, err
	}
	histories, err := c.histories(ctx, found.issues)
	if err != nil {
		return page, err
	}
	docs := make([]document, 0, len(found.issues))
	for _, is := range found.issues {
		changes, err := parseHistories(histories[is.ID])
		if err == nil && !c.whole(histories[is.ID]) {
			err = errNoHistory
		}
		if err != nil {
			page.Skipped = append(page.Skipped, connectors.Skipped{UID: is.ID, Err: err})
			continue
		}
		docs = append(docs, document{issue: is, histories: changes})
	}
	if err := c.learnStatuses(ctx, docs); err != nil {
		return page, err
	}
	for _, d := range docs {
		page.Tickets = append(page.Tickets, c.rules.convertIssue(d, &c.catalog))
	}
	return page, nil
}

// batch is what came of raw tickets, decoded one by one.
type batch struct {
	issues  []issue
	skipped []connectors.Skipped
}

func (b *batch) parse(raws []json.RawMessage, custom customFields) {
	for _, raw := range raws {
		is, err := parseIssue(raw, custom)
		if err != nil {
			b.skipped = append(b.skipped, connectors.Skipped{UID: uidOf(raw), Err: err})
			continue
		}
		b.issues = append(b.issues, is)
	}
}

// join puts batches together. A ticket that came twice is kept once, as it was
// read last.
func join(parts []*batch) batch {
	var all batch
	at := map[string]int{}
	for _, part := range parts {
		all.skipped = append(all.skipped, part.skipped...)
		for _, is := range part.issues {
			if i, twice := at[is.ID]; twice {
				all.issues[i] = is
				continue
			}
			at[is.ID] = len(all.issues)
			all.issues = append(all.issues, is)
		}
	}
	return all
}

// uidOf finds a name for a ticket that cannot be decoded.
func uidOf(raw json.RawMessage) string {
	var id struct{ ID, Key json.RawMessage }
	if err := json.Unmarshal(raw, &id); err != nil {
		return "unknown"
	}
	for _, text := range []json.RawMessage{id.ID, id.Key} {
		if s := strings.Trim(string(text), `"`); s != "" && len(s) < 64 {
			return s
		}
	}
	return "unknown"
}

func idsOf(issues []issue) []string {
	ids := make([]string, len(issues))
	for i, is := range issues {
		ids[i] = is.ID
	}
	return ids
}
