// Package connectortest is the story that every connector passes. A tracker
// joins with a Harness: a constructor, and a small fake of its API.
//
// The story runs without sockets, in synctest bubbles: waits cost no time, and
// the fake tracker's clock is the bubble's, some hours ahead of the client's.
package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/ticket"
)

// Credential is what the connector under test must send, and never show.
const Credential = "lin_conformance_s3cr3t"

// Person stands on every ticket and history entry of the fake tracker. None of
// it may come out.
var Person = struct{ ID, Name, Email string }{"acc-7f3e", "Ada Example", "ada@person.example"}

// Harness plugs a connector into the story.
type Harness struct {
	// New returns a connector named "story" that reads the tracker at baseURL
	// with Credential. It must use opts.Transport: no request leaves the
	// process.
	New func(t *testing.T, baseURL string, opts connectors.Options) connectors.Connector

	// Serve returns the fake tracker. It hands out site.Issues in their
	// order, at most site.PageSize per request, and honours the query's lower
	// bound on the time of change against the Date that the story sends.
	Serve func(t *testing.T, site Site) http.Handler

	// IsList reports whether a request asks for a page of tickets.
	IsList func(r *http.Request, body []byte) bool
}

// Site is what the fake tracker holds.
type Site struct {
	Issues   []Issue
	PageSize int
	Now      func() time.Time // the tracker's clock
}

// Issue is one ticket of a Site, made by a Person.
type Issue struct {
	UID     string // a number
	Title   string
	Label   string
	Updated time.Time
	Poison  bool // served with a value that is no value of its field
}

// Name is what the connector under test is called.
const Name = "story"

const baseURL = "https://tracker.example"

// ahead is how far the tracker's clock is ahead of ours.
const ahead = 3 * time.Hour

// Run tells the story.
func Run(t *testing.T, h Harness) {
	chapters := map[string]func(*story){
		"two pages":                   twoPages,
		"duplicate across pages":      duplicate,
		"nothing to read":             empty,
		"429 with Retry-After":        throttled,
		"429 with a long Retry-After": throttledLong,
		"401":                         unauthorized,
		"500 in the middle":           brokenInTheMiddle,
		"a page asked for again":      askedAgain,
		"login page":                  loginPage,
		"cancelled context":           cancelled,
		"poison ticket":               poison,
		"nothing of a person":         noPersons,
		"since is a lower bound":      since,
		"a second walk":               secondWalk,
		"redirect to another host":    redirect,
		"a census":                    census,
		"a census that breaks":        brokenCensus,
		"a direct look":               look,
		"a look at nothing":           lookAtNothing,
	}
	for name, chapter := range chapters {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &story{T: t, Harness: h, site: defaultSite(), ctx: t.Context()}
				s.site.Now = func() time.Time { return time.Now().Add(ahead) }
				chapter(s)
			})
		})
	}
}

func defaultSite() Site {
	now := time.Now().Add(ahead)
	site := Site{PageSize: 2}
	for i, title := range []string{"Charge twice", "Ship the form", "Fix the total"} {
		site.Issues = append(site.Issues, Issue{
			UID: fmt.Sprint(101 + i), Title: title, Label: "goal-checkout",
			Updated: now.Add(-time.Duration(48-i) * time.Hour),
		})
	}
	return site
}

// story is one chapter being told. It is also the network: requests end in the
// fake tracker, after a look at what the chapter wants to go wrong.
type story struct {
	*testing.T
	Harness

	site    Site
	ctx     context.Context
	handler http.Handler
	conn    connectors.Connector

	fault    func(list int) http.HandlerFunc // for the n-th request for tickets, nil for none
	requests []string                        // everything sent: method, URL, body
	hosts    []string
	lists    int
	waited   time.Duration
}

// walk reads all pages, as the daemon does.
func (s *story) walk(since time.Time) ([]connectors.Page, error) {
	s.Helper()
	s.connect()
	var pages []connectors.Page
	for q := (connectors.Query{Since: since}); ; {
		page, err := s.conn.Page(s.ctx, q)
		if err != nil {
			if len(page.Tickets) > 0 || page.Next != "" {
				s.Errorf("a failed page came with %d tickets", len(page.Tickets))
			}
			return pages, err
		}
		pages = append(pages, page)
		if q.Token = page.Next; q.Token == "" {
			return pages, nil
		}
		if len(pages) > 100 {
			s.Fatal("the walk has no end")
		}
	}
}

func (s *story) connect() {
	if s.conn == nil {
		s.handler = s.Serve(s.T, s.site)
		s.conn = s.New(s.T, baseURL, connectors.Options{Transport: s, Observer: s})
	}
}

// count takes a census, as the daemon does.
func (s *story) count() (uids []string, err error) {
	s.Helper()
	s.connect()
	for token, pages := "", 0; ; pages++ {
		page, err := s.conn.Count(s.ctx, token)
		if err != nil {
			if len(page.UIDs) > 0 || page.Next != "" {
				s.Errorf("a failed page came with %d ids", len(page.UIDs))
			}
			return uids, err
		}
		uids = append(uids, page.UIDs...)
		if token = page.Next; token == "" {
			slices.Sort(uids)
			return slices.Compact(uids), nil
		}
		if pages > 100 {
			s.Fatal("the census has no end")
		}
	}
}

// read walks, and wants success. It returns the last reading of each ticket.
func (s *story) read(since time.Time) map[string]ticket.Ticket {
	s.Helper()
	start := s.site.Now()
	pages, err := s.walk(since)
	if err != nil {
		s.Fatalf("walk: %v", err)
	}
	got := map[string]ticket.Ticket{}
	for _, p := range pages {
		for _, tk := range p.Tickets {
			got[tk.ID.UID] = tk
		}
	}
	first := pages[0].Clock
	if first.Before(start.Add(-2*time.Second)) || first.After(s.site.Now()) || first.Location() != time.UTC {
		s.Errorf("clock of the first page is %v, want the tracker's at the start of the walk, %v", first, start)
	}
	return got
}

func (s *story) wantTitles(got map[string]ticket.Ticket, want map[string]string) {
	s.Helper()
	titles := map[string]string{}
	for uid, tk := range got {
		titles[uid] = tk.Title
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		s.Errorf("tickets (-want +got):\n%s", diff)
	}
}

// RoundTrip implements http.RoundTripper.
func (s *story) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	s.hosts = append(s.hosts, req.URL.Host)
	s.requests = append(s.requests, req.Method+" "+req.URL.String()+" "+string(body))
	if !strings.Contains(sentCredential(req), Credential) {
		s.Errorf("%s %s carries no credential", req.Method, req.URL)
	}
	handler := s.handler
	if s.IsList(req, body) {
		s.lists++
		if s.fault != nil {
			if f := s.fault(s.lists); f != nil {
				handler = f
			}
		}
	}
	return exchange(handler, req, body, s.site.Now())
}

func (s *story) wantStatus(err error, status int) *connectors.StatusError {
	s.Helper()
	var bad *connectors.StatusError
	if !errors.As(err, &bad) || bad.Status != status {
		s.Fatalf("error is %v, want a StatusError with %d", err, status)
	}
	if text := fmt.Sprintf("%v %+v", err, bad); strings.Contains(text, Credential) {
		s.Errorf("error shows the credential: %s", text)
	}
	return bad
}

func (s *story) wantNo(where, text string) {
	s.Helper()
	for _, secret := range []string{Person.ID, Person.Name, Person.Email, Credential} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
			s.Errorf("%s hold %q", where, secret)
		}
	}
}

func uids(tickets map[string]ticket.Ticket) []string {
	return slices.Sorted(maps.Keys(tickets))
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Request implements connectors.Observer.
func (s *story) Request(connector, endpoint string, _ int, _ time.Duration) {
	if connector != Name || endpoint == "" || endpoint == "other" {
		s.Errorf("request observed as connector %q, endpoint %q", connector, endpoint)
	}
}

// RateLimit implements connectors.Observer.
func (s *story) RateLimit(string, string, float64, float64, time.Time) {}

// Throttled implements connectors.Observer.
func (s *story) Throttled(_ string, waited time.Duration) { s.waited += waited }

func (s *story) DailyRequests(string, int, int) {}

func (s *story) Removal(string, string, time.Time) {}
