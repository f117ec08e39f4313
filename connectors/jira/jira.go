// Package jira reads tickets with their history from Jira Cloud and from Jira
// Data Center.
//
// A page is up to ten searches and, on the Cloud, one bulk read of histories. Requests,
// credentials and errors go through go-jira and the shared client; pages are
// decoded here, ticket by ticket, so that a broken ticket costs only itself
// and persons are never decoded.
package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"alignd/connectors"
)

var _ connectors.Connector = (*Connector)(nil)

// Connector reads one Jira account. It remembers the walk in progress,
// so it serves one walk at a time.
type Connector struct {
	cfg    Config
	rules  rules
	api    *gojira.Client
	logger *slog.Logger

	deployment Deployment // empty until it is known

	catalog   catalog
	keys      keyring
	ancestors ancestors
	walk      walk
	names     nameplates
	homes     map[string]bool // projects that tickets in scope were seen in
	counted   int             // tickets in the census so far
	idRows    idRows          // of the census on Data Center
	naming    map[string]bool // endpoints whose answers name the account
	vouched   time.Time       // when Jira last knew us
	skew      time.Duration   // the tracker's clock minus ours, by its latest answer
}

// New returns a connector for a valid configuration. It reads the secret, and
// calls nobody.
func New(cfg Config, opts connectors.Options) (*Connector, error) {
	cfg.Common = cfg.WithDefaults()
	base, err := cfg.baseURL()
	if err != nil {
		return nil, fmt.Errorf("connector %q: %w", cfg.Name, err)
	}
	authorize, err := cfg.Auth.authorizer()
	if err != nil {
		return nil, fmt.Errorf("connector %q: %w", cfg.Name, err)
	}
	logger := cmp.Or(opts.Logger, slog.New(slog.DiscardHandler))
	client := connectors.NewClient(connectors.ClientConfig{
		Connector: cfg.Name, BaseURL: base, Authorize: authorize,
		RequestsPerSecond: cfg.RequestsPerSecond, RequestsPerDay: cfg.RequestsPerDay, Timeout: time.Duration(cfg.Timeout),
		Inspect: inspect, Daily: opts.Daily, Observer: opts.Observer, Logger: logger,
		UserAgent: opts.UserAgent, Transport: opts.Transport,
	})
	api, err := gojira.NewClient(client, base.String())
	if err != nil {
		return nil, fmt.Errorf("connector %q: %w", cfg.Name, err)
	}
	return &Connector{
		cfg: cfg, rules: newRules(cfg), api: api, logger: logger,
		deployment: cfg.configured(), ancestors: ancestors{}, names: newNameplates(), keys: keyring{}, homes: map[string]bool{}, naming: map[string]bool{},
	}, nil
}

// Name implements connectors.Connector.
func (c *Connector) Name() string { return c.cfg.Name }

// Page implements connectors.Connector. After the pages of tickets in scope
// come pages of their ancestors outside of it, if any.
func (c *Connector) Page(ctx context.Context, q connectors.Query) (connectors.Page, error) {
	clock := time.Time{}
	ctx = connectors.WithHeader(ctx, func(h http.Header) { c.observe(&clock, h) })
	page, err := c.page(ctx, q)
	if err == nil && clock.IsZero() {
		err = errNoClock
	}
	if err != nil {
		return connectors.Page{}, err
	}
	page.Clock = clock
	c.logger.LogAttrs(ctx, slog.LevelDebug, "Page read", slog.Int("tickets", len(page.Tickets)),
		slog.Int("skipped", len(page.Skipped)), slog.Bool("last", page.Next == ""))
	return page, nil
}

func (c *Connector) page(ctx context.Context, q connectors.Query) (connectors.Page, error) {
	if q.Token == "" {
		if err := c.startWalk(ctx, q); err != nil {
			return connectors.Page{}, err
		}
	}
	switch {
	case q.Token != c.walk.next:
		return connectors.Page{}, fmt.Errorf("page token %.20q: %w", q.Token, errOtherWalk)
	case strings.HasPrefix(q.Token, ancestorToken):
		return c.ancestorPage(ctx)
	}
	return c.searchPage(ctx)
}

const errOtherWalk = connectors.WalkError("it does not belong to the present walk")

var errNoClock = errors.New("jira sent no Date header, so its clock is unknown")

// observe keeps the tracker's time at the first answer behind a page.
func (c *Connector) observe(first *time.Time, h http.Header) {
	now, err := connectors.ServerTime(h)
	if err != nil {
		return
	}
	if first.IsZero() {
		*first = now
	}
	c.skew = time.Until(now)
}
