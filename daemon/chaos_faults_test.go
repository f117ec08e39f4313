package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"alignd/sandbox"
)

// overlap is how far behind the trackers' clock the watermark stays in the
// chaos, and lag how far their indexes are behind at most.
const (
	overlap = 10 * time.Minute
	lag     = 5 * time.Minute
)

// trouble returns random faults of both trackers.
func (c *chaos) trouble() (f sandbox.Faults, told string) {
	rng := c.rng
	var names []string
	maybe := func(n int, name string, set func()) {
		if rng.IntN(n) == 0 {
			set()
			names = append(names, name)
		}
	}
	if rng.IntN(3) == 0 {
		f.Jira.Flicker, f.Jira.ShortPages = true, rng.IntN(2) == 0
		if c.story.announced {
			// Two walks that follow each other do not overlook the same, if each of
			// them is one walk: on Data Center each page is a search of its own.
			f.Jira.Flicker = !c.dataCenter
			return f, "an index that flickers"
		}
		names = append(names, "an index that flickers")
	}
	for range rng.IntN(4) {
		fault := anyFault(rng)
		f.HTTP = append(f.HTTP, fault)
		names = append(names, fmt.Sprintf("%+v", fault))
	}
	maybe(3, "gzip", func() { f.Gzip = true })

	j := &f.Jira
	maybe(3, "short pages", func() { j.ShortPages = true })
	maybe(4, "empty pages", func() { j.EmptyPages = true })
	maybe(3, "null token", func() { j.NullToken = true })
	maybe(8, "repeated token", func() { j.RepeatToken = true })
	maybe(4, "index lag", func() { j.IndexLag = time.Duration(rng.Int64N(int64(lag))) })
	maybe(8, "anonymous", func() { j.Anonymous = true })
	maybe(3, "null parent", func() { j.NullParent = true })
	maybe(4, "epoch dates", func() { j.EpochDates = true })
	maybe(4, "no field ids", func() { j.NoFieldIDs = true })
	maybe(4, "no nulls", func() { j.NoNulls = true })
	maybe(4, "legacy parent", func() { j.LegacyParent = true })
	maybe(3, "shuffled jira", func() { j.Shuffle = true })
	maybe(3, "short changelogs", func() { j.ChangePages = 1 + rng.IntN(20) })
	maybe(3, "small pages", func() { j.MaxResults = 2 + rng.IntN(40) })
	maybe(4, "strict queries", func() { j.StrictQueries = true })

	l := &f.Linear
	maybe(10, "linear limits", func() { l.EnforceLimits = true })
	maybe(8, "null data", func() { l.NullData = true })
	maybe(6, "partial data", func() { l.PartialData = true })
	maybe(8, "repeated cursor", func() { l.RepeatCursor = true })
	maybe(8, "no cursor", func() { l.NoCursor = true })
	maybe(3, "shuffled linear", func() { l.Shuffle = true })
	if !c.story.announced {
		maybe(6, "poison", func() {
			j.Poison = c.story.poison(true, "summary", "status", "updated")
			l.Poison = c.story.poison(false, "estimate", "state", "updatedAt")
		})
	}
	return f, strings.Join(names, ", ")
}

// anyFault returns trouble with some requests.
func anyFault(rng *rand.Rand) sandbox.Fault {
	kinds := []sandbox.Kind{
		sandbox.TooMany, sandbox.TooManyHTML, sandbox.RateLimited, sandbox.ServerError, sandbox.Unauthorized,
		sandbox.LoginPage, sandbox.Redirect, sandbox.Reset, sandbox.Truncate, sandbox.Slow,
	}
	f := sandbox.Fault{Kind: kinds[rng.IntN(len(kinds))], After: rng.IntN(12), Times: 1 + rng.IntN(3)}
	f.Tracker = []string{"", "jira", "datacenter", "linear"}[rng.IntN(4)]
	switch f.Kind {
	case sandbox.TooMany:
		f.RetryAfter = []string{"", "0", "1", "900", "tomorrow"}[rng.IntN(5)]
	case sandbox.RateLimited:
		f.Tracker = "linear"
	case sandbox.ServerError:
		f.Status = []int{500, 502, 503, 504}[rng.IntN(4)]
	case sandbox.Slow:
		f.Delay = time.Duration(rng.Int64N(int64(300 * time.Millisecond)))
	}
	return f
}

// poison makes some tickets of a tracker impossible to understand, until it is
// over or they are moved.
func (c *chronicle) poison(jira bool, fields ...string) map[string]string {
	bad := map[string]string{}
	for range 3 {
		if p := c.pick(func(p *piece) bool { return p.jira == jira }); p != nil {
			bad[c.key(p)] = fields[c.rng.IntN(len(fields))]
		}
	}
	c.say("poison %v", bad)
	return bad
}

// key returns what the ticket is called today.
func (c *chronicle) key(p *piece) string {
	keys, id := c.world.Linear.Identifiers, c.world.Linear.ID
	if p.jira {
		keys, id = c.world.Jira.Keys, c.world.Jira.ID
	}
	for _, key := range keys() {
		if id(key) == p.uid {
			return key
		}
	}
	panic("no ticket " + p.uid)
}

func (c *chronicle) touch(p *piece) {
	c.say("touch %s", p.uid)
	if p.jira {
		c.world.Jira.Touch(c.time(), p.uid)
	} else {
		c.world.Linear.Touch(c.time(), p.uid)
	}
}
