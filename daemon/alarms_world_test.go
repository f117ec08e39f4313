package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"alignd/alignment"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/mapping"
	"alignd/sandbox"
	"alignd/store"
)

// A simulated company has three teams that complete about 20, 12 and 6 tickets
// a week. Each always has six tickets in progress: when one is done the next is
// begun. Durations are exponential, in working time; so are completions
// independent, and tickets of 0.3, 0.5 and 1 week long on average.
var alarmCrews = []alarmCrew{
	{"large", "LRG", "Europe/Berlin", 20},
	{"middle", "MID", "America/New_York", 12},
	{"small", "SML", "Asia/Kolkata", 6},
}

type alarmCrew struct {
	team, project, zone string
	perWeek             float64
}

const (
	alarmSlots   = 6
	workingWeek  = 40.0 // hours
	alarmOnPlan  = 0.7  // aligned share before the shift: the targets of the goals, added up
	alarmShiftAt = 26   // weeks from the beginning
)

var alarmStart = time.Date(2024, 9, 2, 0, 0, 0, 0, time.UTC) // a Monday

const alarmMapping = `
period: {name: simulated, from: 2024-09-01, to: 2026-08-31}
teams:
  - {id: large, owns: {acme: [LRG]}, time_zone: Europe/Berlin}
  - {id: middle, owns: {acme: [MID]}, time_zone: America/New_York}
  - {id: small, owns: {acme: [SML]}, time_zone: Asia/Kolkata}
goals:
  - {id: checkout, name: Checkout TARGET40}
  - {id: mobile, name: Mobile app TARGET30}
reasons: [{id: incident, name: Incident}]
rules:
  - {name: checkout, when: {labels: {any: [checkout]}}, goal: checkout}
  - {name: mobile, when: {labels: {any: [mobile]}}, goal: mobile}
  - {name: incident, when: {labels: {any: [incident]}}, reason: incident}
`

// alarmWorld is the history of one company.
type alarmWorld struct {
	seed  uint64
	weeks int
	after float64 // aligned share of what is begun from week alarmShiftAt on

	rng    *rand.Rand
	events []alarmEvent
}

// alarmEvent is something that happens in the tracker.
type alarmEvent struct {
	at time.Time
	do func(*sandbox.Site, time.Time)
}

// end is late enough for the last week to be closed and settled everywhere.
func (w *alarmWorld) end() time.Time { return alarmStart.AddDate(0, 0, 7*w.weeks+3) }

// write lets the company work.
func (w *alarmWorld) write() *sandbox.World {
	w.rng = rand.New(rand.NewPCG(w.seed, 0xa1a5))
	world := sandbox.NewWorld(w.end)
	world.Jira.SetZones("Europe/Berlin", "America/New_York")
	for _, crew := range alarmCrews {
		world.Jira.AddProject(sandbox.NewProject{Key: crew.project, Name: crew.team})
		for range alarmSlots {
			for hour := 0.0; hour < workingWeek*float64(w.weeks); {
				hour = w.ticket(crew, hour)
			}
		}
	}
	slices.SortStableFunc(w.events, func(a, b alarmEvent) int { return a.at.Compare(b.at) })
	for _, e := range w.events {
		if e.at.Before(w.end()) {
			e.do(world.Jira, e.at)
		}
	}
	return world
}

// ticket writes the life of a ticket that is begun at a working hour and
// returns the one at which it is done. Half of them are reviewed on the way. A
// label comes with the ticket, when it is begun, or the working day after it
// was done.
func (w *alarmWorld) ticket(crew alarmCrew, begun float64) (done float64) {
	done = begun + w.rng.ExpFloat64()*alarmSlots/crew.perWeek*workingWeek
	zone, err := time.LoadLocation(crew.zone)
	if err != nil {
		panic(err)
	}
	at := func(hour float64, do func(*sandbox.Site, time.Time)) {
		w.events = append(w.events, alarmEvent{workingHour(hour, zone), do})
	}
	label, when := w.label(begun), w.rng.Float64()
	var key string
	at(begun-w.rng.ExpFloat64()*workingWeek/2, func(s *sandbox.Site, t time.Time) {
		in := sandbox.NewIssue{Project: crew.project, Title: "Simulated"}
		if when < 0.6 && label != "" {
			in.Labels = []string{label}
		}
		key = s.CreateIssue(t, in)
	})
	move := func(hour float64, status string) {
		at(hour, func(s *sandbox.Site, t time.Time) { s.Transition(t, key, status) })
	}
	move(begun, "In Progress")
	if w.rng.IntN(2) == 0 {
		move(begun+(done-begun)*w.rng.Float64(), "In Review")
	}
	move(done, "Done")
	if when >= 0.6 && label != "" {
		hour := begun
		if when >= 0.9 {
			hour = done + 8*w.rng.Float64()
		}
		at(hour, func(s *sandbox.Site, t time.Time) { s.AddLabel(t, key, label) })
	}
	return done
}

// label throws the dice: one of the goals in proportion to their targets, or
// else an incident or nothing.
func (w *alarmWorld) label(hour float64) string {
	aligned := alarmOnPlan
	if hour >= alarmShiftAt*workingWeek {
		aligned = w.after
	}
	switch luck := w.rng.Float64(); {
	case luck < aligned*4/7:
		return "checkout"
	case luck < aligned:
		return "mobile"
	case luck < (1+aligned)/2:
		return "incident"
	}
	return ""
}

// workingHour returns the instant of a working hour, counted from the
// beginning: weeks have five days, and days are from nine to five.
func workingHour(hour float64, zone *time.Location) time.Time {
	day := math.Floor(hour / 8)
	week := math.Floor(day / 5)
	y, m, d := alarmStart.Date()
	morning := time.Date(y, m, d+int(7*week+day-5*week), 9, 0, 0, 0, zone)
	return morning.Add(time.Duration((hour - 8*day) * float64(time.Hour)))
}

// judged is what alignd says of a company: its charts against declared targets
// and against estimated references.
type judged [2][]alignment.Drift

// judge takes the history through the connector into a store in dir, and
// judges it.
func (w *alarmWorld) judge(ctx context.Context, dir string, rules [2]*mapping.RuleSet) (out judged, err error) {
	world := w.write()
	server, err := sandbox.Start(world, sandbox.Options{})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "alarms.db")})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	n, err := readAll(ctx, server.JiraURL, dir, st)
	if want := len(world.Jira.Keys()); err != nil || n != want {
		return out, fmt.Errorf("read %d tickets of %d: %w", n, want, err)
	}
	err = st.View(ctx, func(v store.View) error {
		for i, r := range rules {
			in := alignment.Input{Tickets: v, Rules: r, Watermarks: v.Watermarks(), Now: w.end()}
			review, _ := alignment.Judge(in, alignment.LookBack(in), alignment.Log{})
			out[i] = review.Drifts
		}
		return nil
	})
	return out, err
}

// readAll makes one walk and returns how many tickets it brought.
func readAll(ctx context.Context, url, dir string, st store.Store) (int, error) {
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(sandbox.JiraToken), 0o600); err != nil {
		return 0, err
	}
	connector, err := jira.New(jira.Config{
		Common: connectors.Common{Name: "acme", RequestsPerSecond: 1e6}, URL: url,
		Auth:     jira.Auth{Email: sandbox.JiraEmail, TokenFile: token},
		Projects: []string{"LRG", "MID", "SML"},
	}, connectors.Options{})
	if err != nil {
		return 0, err
	}
	read := map[string]bool{}
	var clock time.Time
	for q := (connectors.Query{}); ; {
		page, err := connector.Page(ctx, q)
		if err != nil {
			return len(read), err
		}
		for i := range page.Tickets {
			read[page.Tickets[i].ID.UID] = true
		}
		if clock.IsZero() {
			clock = page.Clock
		}
		batch := store.Batch{Connector: connector.Name(), Tickets: page.Tickets, Names: page.Names}
		if page.Next == "" {
			batch.Watermark = clock
		}
		if _, err := st.Apply(ctx, batch); err != nil {
			return len(read), err
		}
		if q.Token = page.Next; q.Token == "" {
			return len(read), nil
		}
	}
}
