package alignment_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// The cases play in spring 2026 and are told in Berlin's time; summer time
// begins on Sunday, March 29. Friday, March 20 is a holiday of team one.
const caseMapping = `
period: {name: test, from: 2026-03-02, to: 2026-06-30}
teams:
  - {id: one, owns: {jira: [A, A2]}, time_zone: Europe/Berlin, calendar: {holidays: [2026-03-20]}}
  - {id: two, owns: {jira: [B]}}
goals:
  - {id: g, status: [{from: 2026-01-01, is: active}, {from: "2026-03-12T11:00:00+01:00", is: paused}]}
  - {id: h}
reasons: [{id: incident}]
rules:
  - {name: g, when: {labels: {any: [g]}}, goal: g}
  - {name: h, when: {labels: {any: [h]}}, goal: h}
  - {name: incident, when: {labels: {any: [incident]}}, reason: incident}
  - {name: why, when: {labels: {any: ["why-*"]}}, reason_from_label: why-*}
  - {name: late, when: {labels: {any: [off]}, priority: [Highest]}, reason: incident}
  - {name: off, when: {labels: {any: [off]}}, off_plan: true}
  - {name: copies, when: {labels: {any: [copy]}}, exclude: true}
`

var (
	berlin, _ = time.LoadLocation("Europe/Berlin")
	caseEnd   = time.Date(2026, 4, 10, 17, 0, 0, 0, berlin)
)

// story tells a ticket: where and when it was created, and what happened to it,
// as in "03-10 09:00 +risk". Beginning and labels are separated by commas.
func story(uid, beginning string, events ...string) ticket.Ticket {
	words := strings.Split(beginning, ", ")
	created := moment(words[0])
	tk := ticket.Ticket{
		ID: ticket.ID{Connector: "jira", UID: uid}, Project: words[1], Labels: words[2:],
		Status: "todo", State: ticket.StateTodo, Created: created, Updated: created,
	}
	for _, e := range events {
		tk.Updated = moment(e[:11])
		c := happen(&tk, e[12:])
		c.At = tk.Updated
		tk.Changes = append(tk.Changes, c)
	}
	return tk
}

func moment(s string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04", "2026-"+s, berlin)
	if err != nil {
		panic(err)
	}
	return at.UTC()
}

func happen(tk *ticket.Ticket, what string) ticket.Change {
	verb, value, _ := strings.Cut(what, " ")
	var c ticket.Change
	switch {
	case verb[0] == '+':
		c.Field, c.To = ticket.FieldLabel, verb[1:]
		tk.Labels = append(tk.Labels, c.To)
	case verb[0] == '-':
		c.Field, c.From = ticket.FieldLabel, verb[1:]
		tk.Labels = without(tk.Labels, c.From)
	case verb == "to":
		c.Field, c.From, c.To = ticket.FieldProject, tk.Project, value
		tk.Project = value
	case verb == "under":
		c.Field, c.From, c.To = ticket.FieldParent, tk.Parent, value
		tk.Parent = value
	case verb == "due":
		c.Field, c.From, c.To = ticket.FieldDue, tk.Due, value
		tk.Due = value
	case verb == "points":
		n, _ := strconv.ParseInt(value, 10, 64)
		c.Field, c.FromPoints, c.ToPoints = ticket.FieldEstimate, tk.Estimate, ticket.Points{Set: true, Micros: n * 1e6}
		tk.Estimate = c.ToPoints
	case verb == "plan":
		c.Field = ticket.FieldPlan
	case verb == "touch":
	default:
		c.Field, c.From, c.To, c.FromState, c.ToState = ticket.FieldState, tk.Status, verb, tk.State, states[verb]
		tk.Status, tk.State = verb, states[verb]
	}
	return c
}

func without(list []string, gone string) (left []string) {
	for _, s := range list {
		if s != gone {
			left = append(left, s)
		}
	}
	return left
}

func caseInput(t testing.TB, tks list, text string) alignment.Input {
	t.Helper()
	rules, err := mapping.Parse("cases.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return alignment.Input{Tickets: tks, Rules: rules, Watermarks: map[string]time.Time{"jira": caseEnd}, Now: caseEnd}
}

// want is what an item should say: hours or a ratio.
type want struct {
	observations int
	value        float64 // noValue if it has none
}

const noValue = -1

// absent is an item that is not listed.
var absent = want{observations: -1}

func check(t *testing.T, items map[string]alignment.IndexItem, item string, want want) {
	t.Helper()
	got, ok := items[item]
	if !ok || want == absent {
		if ok != (want != absent) {
			t.Errorf("%s is listed: %t, want %t", item, ok, want != absent)
		}
		return
	}
	value := float64(noValue)
	switch {
	case got.Seconds != nil && got.Ratio != nil:
		t.Errorf("%s is a time and a ratio", item)
	case got.Seconds != nil:
		value = *got.Seconds / 3600
	case got.Ratio != nil:
		value = got.Ratio.Value
		if got.Ratio.Lower > value || got.Ratio.Upper < value || got.Ratio.Upper-got.Ratio.Lower > 0.999 {
			t.Errorf("%s has the limits %v", item, *got.Ratio)
		}
	}
	if got.Observations != want.observations || math.Abs(value-want.value) > 1e-9 {
		t.Errorf("%s is %v of %d, want %v of %d", item, value, got.Observations, want.value, want.observations)
	}
}

func TestIndexOfTickets(t *testing.T) {
	const begun = "03-02 09:00 active"
	a := func(uid string, events ...string) ticket.Ticket {
		return story(uid, "03-01 09:00, A", append([]string{begun}, events...)...)
	}
	spanned := func(tk ticket.Ticket, from, to string) ticket.Ticket {
		tk.Spans = append(tk.Spans, ticket.Span{From: moment(from), To: moment(to)})
		return tk
	}
	urgent := func(tk ticket.Ticket) ticket.Ticket {
		tk.Priority = "Highest"
		return tk
	}
	type items map[string]want
	for name, tt := range map[string]struct {
		tickets list
		one     items
		two     items
	}{
		"no ticket": {nil, items{
			"flow/response": absent, "flow/answered": absent, "flow/reasoned": {0, noValue}, "flow/time_to_reason": {0, noValue},
			"surprise/declared": absent, "surprise/reestimated": absent, "surprise/short_notice": absent, "surprise/late_scope": absent,
			"surprise/unplanned_new": {0, noValue}, "correction/drag": {0, noValue}, "correction/decision": absent,
			"correction/recovery": absent, "safety/survey": absent, "pivot/executed": absent, "pivot/execution": absent,
		}, nil},

		"signal, label taken off":      {list{a("1", "03-10 10:00 +risk", "03-11 12:00 -risk")}, items{"flow/response": {1, 10}, "flow/answered": {1, 1}}, items{"flow/response": {0, noValue}}},
		"signal, over a holiday":       {list{a("1", "03-19 16:00 +Blocked", "03-23 10:00 -Blocked")}, items{"flow/response": {1, 2}}, nil},
		"signal, over summer time":     {list{a("1", "03-27 16:00 +risk", "03-30 10:00 plan")}, items{"flow/response": {1, 2}}, nil},
		"signal, at once, after hours": {list{a("1", "03-10 20:00 +risk", "03-10 20:30 -risk")}, items{"flow/response": {1, 0}}, nil},
		"signal, still open":           {list{a("1", "03-10 10:00 +risk")}, items{"flow/response": {1, noValue}, "flow/answered": {1, 0}}, nil},
		"signal, young":                {list{a("1", "04-09 10:00 +risk")}, items{"flow/response": {1, noValue}, "flow/answered": {0, noValue}}, nil},
		"signal, two days old":         {list{a("1", "04-08 17:00 +risk")}, items{"flow/answered": {1, 0}}, nil},
		"signal, answered too late":    {list{a("1", "03-10 10:00 +risk", "03-12 10:01 plan")}, items{"flow/response": {1, 16 + 1./60}, "flow/answered": {1, 0}}, nil},
		"signal, answered just in time": {
			list{a("1", "03-10 10:00 +risk", "03-12 10:00 plan")},
			items{"flow/response": {1, 16}, "flow/answered": {1, 1}},
			nil,
		},
		"signals, longer open than answered":  {list{a("1", "03-10 10:00 +risk", "03-11 12:00 -risk"), a("2", "03-10 10:00 +risk")}, items{"flow/response": {2, 10}, "flow/answered": {2, 0.5}}, nil},
		"signals, two open and one answered":  {list{a("1", "03-10 10:00 +risk", "03-11 12:00 -risk"), a("2", "03-10 10:00 +risk"), a("3", "03-10 10:00 +risk")}, items{"flow/response": {3, noValue}}, nil},
		"signals, shorter open than answered": {list{a("1", "03-10 10:00 +risk", "03-11 12:00 -risk"), a("2", "04-10 16:00 +risk")}, items{"flow/response": {2, 10}, "flow/answered": {1, 1}}, nil},
		"signal, completed without an answer": {list{a("1", "03-10 10:00 +risk", "03-10 12:00 done", "03-11 12:00 -risk")}, items{"flow/response": {1, noValue}, "flow/answered": {1, 0}}, nil},
		"signal, put back":                    {list{a("1", "03-10 10:00 +risk", "03-10 12:00 todo")}, items{"flow/response": {1, 2}}, nil},
		"signal, canceled":                    {list{a("1", "03-10 10:00 +risk", "03-10 13:00 canceled")}, items{"flow/response": {1, 3}}, nil},
		"signal, ancestor canceled": {list{
			a("1", "03-10 10:00 under 2", "03-10 10:30 +risk", "03-12 09:00 touch"), a("2", "03-10 11:00 under 3"), a("3", "03-10 12:00 canceled"),
		}, items{"flow/response": {1, 1.5}}, nil},
		"signal, ancestor of another time": {list{
			a("1", "03-10 10:00 under 2", "03-10 10:30 +risk", "03-10 13:30 under 3"), a("2", "03-10 14:00 canceled"), a("3", "03-10 12:00 canceled"),
		}, items{"flow/response": {1, 3}}, nil},
		"signal, estimated anew":       {list{a("1", "03-10 10:00 +risk", "03-10 15:00 points 3")}, items{"flow/response": {1, 5}}, nil},
		"signal, due date moved":       {list{a("1", "03-10 10:00 +risk", "03-10 14:00 due 2026-05-01")}, items{"flow/response": {1, 4}}, nil},
		"signal, moved to team two":    {list{a("1", "03-10 10:00 +risk", "03-10 11:00 to B")}, items{"flow/response": {1, 1}}, items{"flow/response": {0, noValue}}},
		"signal, moved inside team":    {list{a("1", "03-10 10:00 +risk", "03-10 11:00 to A2")}, items{"flow/response": {1, noValue}}, nil},
		"signal, nothing that answers": {list{a("1", "03-10 10:00 +risk", "03-10 11:00 touch", "03-10 11:10 +noise", "03-10 11:20 -noise")}, items{"flow/response": {1, noValue}}, nil},
		"signal, its goal is paused":   {list{a("1", "03-09 09:00 +g", "03-11 15:00 +risk")}, items{"flow/response": {1, 4}}, nil},
		"signal, another goal's pause": {list{a("1", "03-09 09:00 +h", "03-11 15:00 +risk")}, items{"flow/response": {1, noValue}}, nil},
		"signal, its goal comes late":  {list{a("1", "03-11 15:00 +risk", "03-20 09:00 +g")}, items{"flow/response": {1, 4}}, nil},
		"signal, created with it":      {list{story("1", "03-10 10:00, A, risk", "03-10 12:00 -risk")}, items{"flow/response": {1, 2}}, nil},
		"signal, never worked on":      {list{story("1", "03-10 10:00, A", "03-10 11:00 +risk", "03-10 12:00 -risk")}, items{"flow/response": {1, 1}}, nil},
		"signal, put on twice":         {list{a("1", "03-10 10:00 +risk", "03-10 12:00 -risk", "03-11 10:00 +risk", "03-11 14:00 -risk")}, items{"flow/response": {2, 2}}, nil},
		"signal, two labels":           {list{a("1", "03-10 10:00 +risk", "03-10 10:00 +blocked", "03-10 14:00 -risk")}, items{"flow/response": {2, 4}}, nil},
		"signal, long ago":             {list{story("1", "01-05 09:00, A", "01-08 09:00 +risk", "01-12 09:00 -risk")}, items{"flow/response": {0, noValue}}, nil},
		"signal, on what is done":      {list{a("1", "03-10 09:00 done", "03-10 10:00 +risk")}, items{"flow/response": {0, noValue}}, nil},
		"signal, excluded ticket":      {list{a("1", "03-10 09:00 +copy", "03-10 10:00 +risk")}, items{"flow/response": {0, noValue}}, nil},
		"signal, after the watermark":  {list{a("1", "03-10 10:00 +risk", "04-10 17:01 -risk")}, items{"flow/response": {1, noValue}}, nil},

		"reason, a day later":        {list{a("1", "03-10 10:00 +off", "03-11 12:00 +incident")}, items{"flow/time_to_reason": {1, 10}, "flow/reasoned": {1, 1}}, nil},
		"reason, from the start":     {list{a("1", "03-10 10:00 +incident")}, items{"flow/time_to_reason": {1, 0}}, nil},
		"reason, never":              {list{a("1", "03-10 10:00 +off")}, items{"flow/time_to_reason": {1, noValue}, "flow/reasoned": {1, 0}}, nil},
		"reason, counted from work":  {list{story("1", "03-01 09:00, A, off", "03-10 10:00 active", "03-10 12:00 +incident")}, items{"flow/time_to_reason": {1, 2}}, nil},
		"reason, from a label":       {list{a("1", "03-10 10:00 +off", "03-10 13:00 +why-incident")}, items{"flow/time_to_reason": {1, 3}, "flow/reasoned": {1, 1}}, nil},
		"reason, from free text":     {list{a("1", "03-10 10:00 +off", "03-10 13:00 +Why-Vendor")}, items{"flow/time_to_reason": {1, 3}, "flow/reasoned": {1, 1}}, nil},
		"reason, label says nothing": {list{a("1", "03-10 10:00 +off", "03-10 13:00 +why-")}, items{"flow/time_to_reason": {1, noValue}, "flow/reasoned": {1, 0}}, nil},
		"reason, from a rule":        {list{urgent(a("1", "03-10 10:00 +off"))}, items{"flow/time_to_reason": {1, 0}, "flow/reasoned": {1, 1}}, nil},
		"reason, of a part": {
			list{a("1", "03-10 09:00 +off", "03-10 17:00 done"), a("2", "03-10 09:00 +why-vendor", "03-10 17:00 done")},
			items{"flow/time_to_reason": {2, 0}, "flow/reasoned": {2, 0.5}},
			nil,
		},
		"reason, not while waiting": {list{story("1", "03-01 09:00, A, off", "03-10 10:00 todo", "03-10 12:00 +incident")}, items{"flow/time_to_reason": {0, noValue}}, nil},
		"reason, of the parent":     {list{a("1", "03-02 10:00 under 2"), story("2", "03-01 09:00, A", "03-10 10:00 +off", "03-10 13:00 +incident")}, items{"flow/time_to_reason": {1, 3}}, nil},
		"reason, after a move": {
			list{a("1", "03-10 15:00 +off", "03-10 16:00 to B", "03-10 18:00 +incident")},
			items{"flow/time_to_reason": {1, 3}},
			items{"flow/time_to_reason": {0, noValue}},
		},
		"reason, turned to a goal first": {list{
			a("1", "03-10 10:00 +off", "03-10 11:00 +h"), a("2", "03-10 10:00 +off", "03-10 13:00 +incident"),
		}, items{"flow/time_to_reason": {2, 3}}, nil},
		"reason, long ago": {list{story("1", "01-05 09:00, A, off", "01-06 09:00 active", "03-10 12:00 +incident")}, items{"flow/time_to_reason": {0, noValue}}, nil},

		"surprise, none declared": {list{a("1", "03-10 10:00 done")}, items{"surprise/declared": absent}, nil},
		"surprise, one of three": {list{
			a("1", "03-10 10:00 done", "03-12 10:00 +Surprise"), a("2", "03-10 10:00 done"), a("3", "03-10 10:00 done"), a("4", "03-10 10:00 +surprise"),
			story("5", "03-01 09:00, B", begun, "03-10 10:00 done"),
		}, items{"surprise/declared": {3, 1. / 3}}, items{"surprise/declared": {1, 0}}},

		"estimates": {list{
			a("twice", "03-03 09:00 points 2", "03-04 09:00 points 3", "03-05 09:00 points 4"),
			story("grown", "03-01 09:00, A", "03-01 10:00 points 2", begun, "03-05 09:00 points 4"),
			story("less", "03-01 09:00, A", "03-01 10:00 points 4", begun, "03-05 09:00 points 7"),
			story("before", "03-01 09:00, A", "03-01 10:00 points 2", "03-01 11:00 points 8", begun),
			a("none"),
			story("todo", "03-01 09:00, A", "03-01 10:00 points 2", "03-05 09:00 points 4"),
			story("earlier", "01-02 09:00, A", "01-02 10:00 points 2", "01-05 09:00 active", "03-05 09:00 points 4"),
		}, items{"surprise/reestimated": {5, 0.4}}, items{"surprise/reestimated": absent}},

		"due dates": {list{
			story("short", "03-01 09:00, A", "03-01 10:00 due 2026-03-20", "03-10 09:00 due 2026-05-01"),
			story("kept", "03-01 09:00, A", "03-01 10:00 due 2026-03-25"),
			story("early", "03-01 09:00, A", "03-01 10:00 due 2026-03-25", "03-11 23:30 due 2026-04-05"),
			story("thirteen", "03-01 09:00, A", "03-01 10:00 due 2026-03-25", "03-12 00:30 due "),
			story("done", "03-01 09:00, A", "03-01 10:00 due 2026-03-25", "03-15 10:00 done", "03-20 10:00 due 2026-04-01"),
			story("other", "03-01 09:00, B", "03-01 10:00 due 2026-03-25"),
		}, items{"surprise/short_notice": {7, 2. / 7}}, items{"surprise/short_notice": {1, 0}}},

		"spans": {list{
			spanned(story("late", "03-13 00:30, A"), "03-02 00:00", "03-16 00:00"),
			spanned(story("edge", "03-12 12:00, A"), "03-02 00:00", "03-16 00:00"),
			spanned(story("early", "03-12 11:59, A"), "03-02 00:00", "03-16 00:00"),
			spanned(story("before", "02-12 11:59, A"), "03-02 00:00", "03-16 00:00"),
			spanned(story("open", "04-09 11:59, A"), "04-02 00:00", "04-16 00:00"),
			spanned(spanned(story("two", "03-01 11:59, A"), "01-12 00:00", "02-16 00:00"), "03-16 00:00", "03-30 00:00"),
		}, items{"surprise/late_scope": {6, 2. / 6}}, items{"surprise/late_scope": absent}},

		"new work": {list{
			story("before", "02-01 09:00, A", "02-20 09:00 active", "02-20 17:00 todo"),
			story("new", "03-03 09:00, A", "03-04 09:00 active", "03-04 17:00 done"),
			story("old", "02-01 09:00, A", "03-05 08:00 touch", "03-05 09:00 active", "03-05 17:00 done"),
			story("planned", "03-03 09:00, A, h", "03-06 09:00 active", "03-06 17:00 done"),
			story("incident", "03-09 08:00, A, incident", "03-09 09:00 active", "03-09 17:00 done"),
		}, items{"surprise/unplanned_new": {4, 0.5}, "flow/reasoned": {1, 1}}, items{"surprise/unplanned_new": {0, noValue}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := itemsOf(caseInput(t, tt.tickets, caseMapping), alignment.Log{})
			for item, want := range tt.one {
				check(t, got["one"], item, want)
			}
			for item, want := range tt.two {
				check(t, got["two"], item, want)
			}
		})
	}
}
