package sandbox_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"alignd/mapping"
	"alignd/sandbox"
)

var thursday = time.Date(2026, 11, 19, 14, 30, 0, 0, time.UTC)

func acme(t testing.TB, seed uint64) (*sandbox.Company, *fake) {
	t.Helper()
	c := sandbox.NewCompany(seed, thursday)
	c.World.SetClock(fixed(thursday))
	return c, start(t, c.World, sandbox.Options{})
}

// everythingOf reads both trackers whole, without the ports of the servers.
func everythingOf(f *fake) []byte {
	f.t.Helper()
	var out []byte
	keys := search(f, "project in (PAY, BILL, OPS, WEB, GOAL) order by key", 100)
	for len(keys) > 0 {
		n := min(len(keys), 100)
		r := f.jira(http.MethodPost, "/rest/api/3/issue/bulkfetch", obj{"issueIdsOrKeys": keys[:n], "fields": arr{"*all"}, "expand": arr{"changelog"}})
		out = append(out, bytes.ReplaceAll(r.body, []byte(f.JiraURL), nil)...)
		keys = keys[n:]
	}
	vars := obj{}
	for {
		r := f.linear(`query ($after: String) { issues(first: 50, after: $after, includeArchived: true) { nodes {
			id identifier title updatedAt archivedAt trashed labelIds state { name } history(first: 30) { nodes { id createdAt addedLabelIds toState { name } } }
		} pageInfo { hasNextPage endCursor } } }`, vars)
		out = append(out, r.body...)
		info := r.doc(f.t)["data"].(obj)["issues"].(obj)["pageInfo"].(obj)
		if info["hasNextPage"] == false {
			return out
		}
		vars["after"] = info["endCursor"]
	}
}

func TestCompanyIsDeterministic(t *testing.T) {
	c1, f1 := acme(t, 7)
	c2, f2 := acme(t, 7)
	_, f3 := acme(t, 8)
	for range 50 {
		c1.Step(thursday)
		c2.Step(thursday)
	}
	one := everythingOf(f1)
	if !bytes.Equal(one, everythingOf(f2)) {
		t.Error("equal seeds make different companies")
	}
	if bytes.Equal(one, everythingOf(f3)) {
		t.Error("different seeds make equal companies")
	}
}

func TestCompanyMappingIsRight(t *testing.T) {
	for _, now := range []time.Time{thursday, thursday.AddDate(0, 2, 0), thursday.AddDate(1, 7, 3)} {
		c := sandbox.NewCompany(1, now)
		rules, err := mapping.Parse("mapping.yml", []byte(c.Mapping()))
		if err != nil {
			t.Errorf("at %v: %v\n%s", now, err, c.Mapping())
			continue
		}
		if noticed := append(rules.Warnings(), rules.Today(mapping.DateOf(now))...); len(noticed) > 0 {
			t.Errorf("at %v: %v", now, noticed)
		}
	}
}

// TestCompanyLooksLikeOne guards what the demo wants to show.
func TestCompanyLooksLikeOne(t *testing.T) {
	c, f := acme(t, 1)
	tickets := len(c.World.Jira.Keys()) + len(c.World.Linear.Identifiers())
	if tickets < 1500 || tickets > 3000 {
		t.Errorf("%d tickets, want 1500 to 3000", tickets)
	}
	for jql, least := range map[string]int{
		"project = OPS and labels = incident":                            20,
		"project = PAY and labels = goal-checkout":                       20,
		"project in (PAY, BILL) and labels is empty and parent is empty": 20,
		"project = OPS and labels = unplanned":                           1,
		"issuetype = Sub-task":                                           10,
		"status = \"Won't Do\"":                                          3,
		"statusCategory = \"In Progress\" and project = PAY":             2,
	} {
		if n := len(search(f, jql, 100)); n < least {
			t.Errorf("%s: %d, want at least %d", jql, n, least)
		}
	}
	for filter, least := range map[string]int{
		`{team: {key: {eq: "MOB"}}, project: {initiatives: {some: {name: {eq: "Tablet app"}}}}}`: 10,
		`{team: {key: {eq: "PLT"}}, labels: {some: {parent: {name: {eq: "Reason"}}}}}`:           20,
		`{archivedAt: {null: false}}`:                        50,
		`{parent: {null: false}}`:                            10,
		`{state: {type: {eq: "canceled"}}}`:                  3,
		`{labels: {length: {eq: 0}}, project: {null: true}}`: 20,
	} {
		if n := len(walkIssues(f, "includeArchived: true, filter: "+filter, 250)); n < least {
			t.Errorf("%s: %d, want at least %d", filter, n, least)
		}
	}
	odd := 0
	times := workTimes(f, "project = OPS", "America/New_York")
	for _, at := range times {
		if h := at.Hour(); h < 9 || h > 17 || at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			odd++ // on call, or moved here from another zone
		}
	}
	if odd > len(times)/5 {
		t.Errorf("%d of %d tickets were written at odd hours", odd, len(times))
	}
}

// workTimes returns when the tickets were created, in local time.
func workTimes(f *fake, jql, zone string) []time.Time {
	f.t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		f.t.Fatal(err)
	}
	var list []time.Time
	doc := f.jira(http.MethodPost, "/rest/api/3/search/jql", obj{"jql": jql, "fields": arr{"created"}, "maxResults": 100}).doc(f.t)
	for _, is := range doc["issues"].(arr) {
		at, err := time.Parse("2006-01-02T15:04:05.000-0700", is.(obj)["fields"].(obj)["created"].(string))
		if err != nil {
			f.t.Fatal(err)
		}
		list = append(list, at.In(loc))
	}
	return list
}

func TestCompanyLivesOn(t *testing.T) {
	c, f := acme(t, 1)
	before := everythingOf(f)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Live(ctx, 10_000) })
	for bytes.Equal(before, everythingOf(f)) {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	wg.Wait()
	if !strings.Contains(c.Mapping(), "from: 2026-10-29, is: paused") {
		t.Error("the pause is not three weeks ago")
	}
}
