package alignment_test

import (
	"strings"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// busy is a ticket that is worked on without a break, so that it is always
// fresh.
func busy(uid, beginning, from, to string, labels ...string) ticket.Ticket {
	events := []string{from + " active"}
	for at := moment(from).AddDate(0, 0, 7); at.Before(moment(to)); at = at.AddDate(0, 0, 7) {
		events = append(events, at.In(berlin).Format("01-02 15:04")+" touch")
	}
	return story(uid, strings.Join(append([]string{beginning}, labels...), ", "), append(events, to+" done")...)
}

func TestDrag(t *testing.T) {
	const declared = `
period: {name: test, from: 2026-03-02, to: 2026-06-30}
teams: [{id: one, owns: {jira: [A]}, time_zone: Europe/Berlin}, {id: two, owns: {jira: [B]}, time_zone: Europe/Berlin}]
goals: [{id: g, status: [{from: 2026-01-01, is: active}, STATUS]}, {id: h}]
rules: [{name: g, when: {labels: {any: [g]}}, goal: g}, {name: h, when: {labels: {any: [h]}}, goal: h}]
`
	const midnight = "{from: 2026-03-04, is: paused}"
	on := func(to string) list { return list{busy("1", "02-01 09:00, A", "02-02 09:00", to, "g")} }
	for name, tt := range map[string]struct {
		status  string
		tickets list
		one     want
	}{
		"stops at once":              {midnight, on("03-03 17:00"), want{1, 0}},
		"for eight working days":     {midnight, on("03-13 17:00"), want{1, 64}},
		"a tenth of a week is none":  {midnight, on("03-13 13:00"), want{1, 56}},
		"more than a tenth is some":  {midnight, on("03-13 13:01"), want{1, 64}},
		"paused at noon":             {`{from: "2026-03-04T12:00:00+01:00", is: paused}`, on("03-04 17:00"), want{1, 5}},
		"paused at noon, tenth left": {`{from: "2026-03-04T12:00:00+01:00", is: paused}`, on("03-04 15:50"), want{1, 0}},
		"over summer time":           {"{from: 2026-03-27, is: paused}", on("03-30 17:00"), want{1, 16}},
		"goes on":                    {midnight, on("04-10 16:00"), want{1, noValue}},
		"taken up again":             {midnight + ", {from: 2026-03-10, is: active}", on("04-10 16:00"), want{1, noValue}},
		"too early to tell":          {"{from: 2026-04-08, is: paused}", on("04-07 17:00"), want{1, noValue}},
		"nobody worked on it":        {midnight, list{busy("1", "02-01 09:00, A", "02-02 09:00", "03-20 17:00", "h")}, want{0, noValue}},
		"another team worked on it":  {midnight, list{busy("1", "02-01 09:00, B", "02-02 09:00", "03-20 17:00", "g")}, want{0, noValue}},
		"long ago":                   {"{from: 2026-01-02, is: paused}", on("03-20 17:00"), want{0, noValue}},
		"yet to come":                {"{from: 2026-05-02, is: paused}", on("03-20 17:00"), want{0, noValue}},
		"never paused":               {"{from: 2026-03-04, is: done}", on("03-20 17:00"), absent},
	} {
		t.Run(name, func(t *testing.T) {
			got := itemsOf(caseInput(t, tt.tickets, strings.Replace(declared, "STATUS", tt.status, 1)), alignment.Log{})
			check(t, got["one"], "correction/drag", tt.one)
		})
	}
}

func TestPivots(t *testing.T) {
	const declared = `
period: {name: test, from: 2026-03-02, to: 2026-06-30}
teams: [{id: one, owns: {jira: [A]}, time_zone: Europe/Berlin}, {id: two, owns: {jira: [B]}, time_zone: Europe/Berlin}]
goals: GOALS
rules: [{name: g, when: {labels: {any: [g]}}, goal: g}, {name: h, when: {labels: {any: [h]}}, goal: h}]
`
	moved := func(date, why string) string {
		return `[{id: g, target: [{from: 2026-01-01, share: 100%}, {from: ` + date + `, share: 0%` + why + `}]}, {id: h, target: [{from: 2026-01-01, share: 0%}, {from: ` + date + `, share: 100%}]}]`
	}
	const why = ", why: because"
	from := func(beginning string, until ...string) list {
		tks := list{busy("1", "01-01 09:00, A", "01-02 09:00", beginning, "g")}
		for _, to := range until {
			tks = append(tks, busy("2", "01-01 09:00, A", beginning, to, "h"))
		}
		return tks
	}
	for name, tt := range map[string]struct {
		goals               string
		tickets             list
		executed, execution want
	}{
		"work follows at once":     {moved("2026-02-09", why), from("02-09 09:00", "04-10 16:00"), want{1, 1}, want{1, 80}},
		"work follows a week late": {moved("2026-02-09", why), from("02-16 09:00", "04-10 16:00"), want{1, 1}, want{1, 120}},
		"work follows too late":    {moved("2026-02-09", why), from("03-10 09:00", "04-10 16:00"), want{1, 0}, want{1, 31 * 8}},
		"work never follows":       {moved("2026-02-09", why), from("04-10 16:00"), want{1, 0}, want{1, noValue}},
		"not over yet":             {moved("2026-03-09", why), from("03-09 09:00", "04-10 16:00"), want{0, noValue}, want{1, 80}},
		"nobody says why":          {moved("2026-02-09", ""), from("02-09 09:00", "04-10 16:00"), absent, absent},
		"long ago":                 {moved("2026-01-09", why), from("02-09 09:00", "04-10 16:00"), want{0, noValue}, want{0, noValue}},
		"no work before":           {moved("2026-02-09", why), list{busy("2", "01-01 09:00, A", "02-09 09:00", "04-10 16:00", "h")}, want{0, noValue}, want{0, noValue}},
		"no work after":            {moved("2026-02-09", why), from("02-09 09:00"), want{0, noValue}, want{1, noValue}},
		"a small move": {
			`[{id: g, target: [{from: 2026-01-01, share: 60%}, {from: 2026-02-09, share: 50.1%, why: because}]}, {id: h}]`,
			from("04-10 16:00"), absent, absent,
		},
		"a move of ten points": { // .4 away from 60 %, .5 from 50 %; and it stays so
			`[{id: g, target: [{from: 2026-01-01, share: 60%}, {from: 2026-02-09, share: 50%, why: because}]}, {id: h}]`,
			from("04-10 16:00"),
			want{1, 0},
			want{1, noValue},
		},
		"a pause": {
			`[{id: g, target: 50%, status: [{from: 2026-01-01, is: active}, {from: 2026-02-09, is: paused, why: because}]}, {id: h, target: 50%}]`,
			from("02-09 09:00", "04-10 16:00"),
			want{1, 1},
			want{1, 80},
		},
		"two goals at once are one pivot": {
			`[{id: g, target: [{from: 2026-01-01, share: 100%}, {from: 2026-02-09, share: 0%, why: a}]}, {id: h, target: [{from: 2026-01-01, share: 0%}, {from: 2026-02-09, share: 100%, why: b}]}]`,
			from("02-09 09:00", "04-10 16:00"),
			want{1, 1},
			want{1, 80},
		},
		"without targets": {`[{id: g, status: [{from: 2026-01-01, is: active}, {from: 2026-02-09, is: paused, why: because}]}, {id: h}]`, from("02-09 09:00"), absent, absent},
	} {
		t.Run(name, func(t *testing.T) {
			got := itemsOf(caseInput(t, tt.tickets, strings.Replace(declared, "GOALS", tt.goals, 1)), alignment.Log{})
			check(t, got["one"], "pivot/executed", tt.executed)
			check(t, got["one"], "pivot/execution", tt.execution)
			check(t, got[alignment.AllTeams], "pivot/executed", tt.executed) // nobody else works
		})
	}
}

func TestSurvey(t *testing.T) {
	for name, tt := range map[string]struct {
		surveys        string
		one, two, both want
	}{
		"none":          {"[]", absent, absent, absent},
		"one":           {"[{team: one, date: 2026-03-01, mean: 5.5, answers: 8}]", want{8, 0.75}, absent, want{8, 0.75}},
		"too few":       {"[{team: one, date: 2026-03-01, mean: 5.5, answers: 4}]", absent, absent, absent},
		"just enough":   {"[{team: one, date: 2026-03-01, mean: 7, answers: 5}]", want{5, 1}, absent, want{5, 1}},
		"expired":       {"[{team: one, date: 2025-12-10, mean: 5.5, answers: 8}]", absent, absent, absent},
		"120 days old":  {"[{team: one, date: 2025-12-11, mean: 1, answers: 8}]", want{8, 0}, absent, want{8, 0}},
		"yet to come":   {"[{team: one, date: 2026-04-11, mean: 5.5, answers: 8}]", absent, absent, absent},
		"newest counts": {"[{team: one, date: 2026-03-02, mean: 4, answers: 8}, {team: one, date: 2026-03-01, mean: 5.5, answers: 8}]", want{8, 0.5}, absent, want{8, 0.5}},
		"too few do not show in all": {
			"[{team: one, date: 2026-03-02, mean: 4, answers: 8}, {team: two, date: 2026-03-01, mean: 7, answers: 4}]",
			want{8, 0.5},
			absent,
			want{8, 0.5},
		},
		"all by answers": {
			"[{team: one, date: 2026-03-02, mean: 4, answers: 5}, {team: two, date: 2026-03-01, mean: 7, answers: 15}]",
			want{5, 0.5},
			want{15, 1},
			want{20, 0.875},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := itemsOf(caseInput(t, nil, caseMapping+"surveys: "+tt.surveys+"\n"), alignment.Log{})
			check(t, got["one"], "safety/survey", tt.one)
			check(t, got["two"], "safety/survey", tt.two)
			check(t, got[alignment.AllTeams], "safety/survey", tt.both)
		})
	}
	got := itemsOf(caseInput(t, nil, caseMapping+"surveys: [{team: one, date: 2026-03-01, mean: 4, answers: 8}]\n"), alignment.Log{})
	if at := got["one"]["safety/survey"].At; !at.Equal(moment("03-01 00:00")) {
		t.Errorf("the survey is as of %s", at)
	}
}

func TestIndexOfEpisodes(t *testing.T) {
	series := alignment.Series{Team: "one", Unit: alignment.UnitTickets}
	day := func(s string) mapping.Date { return mapping.DateOf(moment(s + " 12:00").In(berlin)) }
	raise := func(week string) alignment.Record {
		return alignment.Record{Kind: alignment.RecordRaise, Series: series, Direction: alignment.Down, Week: day(week), At: day(week).In(berlin).AddDate(0, 0, 7)}
	}
	old := raise("01-01")
	old.Week, old.At = old.Week-7, old.At.AddDate(0, 0, -7)
	clear := func(week, at string, how alignment.Clearing) alignment.Record {
		return alignment.Record{Kind: alignment.RecordClear, Series: series, Direction: alignment.Down, Week: day(week), At: moment(at), How: how, LastWeek: day(week)}
	}
	ack := func(team, at string) alignment.Acknowledgement {
		return alignment.Acknowledgement{Team: team, At: moment(at)}
	}
	for name, tt := range map[string]struct {
		records            []alignment.Record
		acks               []alignment.Acknowledgement
		decision, recovery want
		answered           want
	}{
		// Raised at the end of Sunday, March 8, and known when the week has settled
		// on Wednesday. The goal g is paused on Thursday at 11:00, after 10 hours.
		"open, a goal is paused":  {[]alignment.Record{raise("03-02")}, nil, want{1, 10}, want{1, noValue}, want{1, 1}},
		"paused late":             {[]alignment.Record{raise("02-23")}, nil, want{1, 50}, want{1, noValue}, want{1, 0}},
		"acknowledged before":     {[]alignment.Record{raise("03-02")}, []alignment.Acknowledgement{ack("one", "03-11 10:00")}, want{1, 1}, want{1, noValue}, want{1, 1}},
		"acknowledged late":       {[]alignment.Record{raise("02-23")}, []alignment.Acknowledgement{ack("one", "03-06 10:00")}, want{1, 17}, want{1, noValue}, want{1, 0}},
		"of another team":         {[]alignment.Record{raise("03-02")}, []alignment.Acknowledgement{ack("two", "03-11 10:00")}, want{1, 10}, want{1, noValue}, want{1, 1}},
		"acknowledged too early":  {[]alignment.Record{raise("03-02")}, []alignment.Acknowledgement{ack("one", "03-10 10:00")}, want{1, 10}, want{1, noValue}, want{1, 1}},
		"cleared by the data":     {[]alignment.Record{raise("03-02"), clear("03-02", "03-16 00:00", alignment.ByData)}, nil, want{1, 10}, want{1, 40}, want{1, 1}},
		"cleared before decision": {[]alignment.Record{raise("03-02"), clear("03-02", "03-12 00:00", alignment.ByData)}, nil, want{1, noValue}, want{1, 24}, want{1, 0}},
		"cleared over a holiday":  {[]alignment.Record{raise("03-02"), clear("03-02", "03-23 00:00", alignment.ByData)}, nil, want{1, 10}, want{1, 72}, want{1, 1}},
		"cleared otherwise":       {[]alignment.Record{raise("03-02"), clear("03-02", "03-16 00:00", alignment.NewReference)}, nil, want{1, 10}, want{1, noValue}, want{1, 1}},
		"too old":                 {[]alignment.Record{old}, nil, want{0, noValue}, want{0, noValue}, want{0, noValue}},
		"two of them": {
			[]alignment.Record{raise("02-02"), clear("02-02", "02-18 00:00", alignment.ByData), raise("02-23"), clear("02-23", "03-16 00:00", alignment.ByData)},
			[]alignment.Acknowledgement{ack("one", "02-11 12:00")},
			want{2, 3},
			want{2, 56},
			want{2, 0.5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := alignment.Log{Records: tt.records, Acknowledgements: tt.acks}
			log.Records = append(log.Records, alignment.Record{Kind: alignment.RecordCharted, Week: day("04-06"), Charted: []alignment.Series{series}})
			got := itemsOf(caseInput(t, nil, caseMapping), log)
			for _, team := range []string{"one", alignment.AllTeams} {
				check(t, got[team], "correction/decision", tt.decision)
				check(t, got[team], "correction/recovery", tt.recovery)
				check(t, got[team], "flow/response", tt.decision)
				check(t, got[team], "flow/answered", tt.answered)
			}
			check(t, got["two"], "correction/decision", absent)
		})
	}
}

// TestAcknowledgedLabels: whoever takes note of the drift of the team, or of a
// goal the ticket is for, answers a label as well.
func TestAcknowledgedLabels(t *testing.T) {
	ack := func(team, goal, at string) alignment.Acknowledgement {
		return alignment.Acknowledgement{Team: team, Goal: goal, At: moment(at)}
	}
	open := story("1", "03-01 09:00, A, h", "03-02 09:00 active", "03-16 10:00 +risk")
	answered := story("1", "03-01 09:00, A, h", "03-02 09:00 active", "03-16 10:00 +risk", "03-17 10:00 -risk")
	done := story("1", "03-01 09:00, A, h", "03-02 09:00 active", "03-16 10:00 +risk", "03-16 11:00 done")
	for name, tt := range map[string]struct {
		tk       ticket.Ticket
		acks     []alignment.Acknowledgement
		response want
		answered want
	}{
		"nobody":                      {open, nil, want{1, noValue}, want{1, 0}},
		"of the team":                 {open, []alignment.Acknowledgement{ack("one", "", "03-16 12:00")}, want{1, 2}, want{1, 1}},
		"of its goal":                 {open, []alignment.Acknowledgement{ack(alignment.AllTeams, "h", "03-17 10:00")}, want{1, 8}, want{1, 1}},
		"the first of two":            {open, []alignment.Acknowledgement{ack("one", "", "03-17 12:00"), ack("one", "", "03-16 13:00")}, want{1, 3}, want{1, 1}},
		"of another goal":             {open, []alignment.Acknowledgement{ack(alignment.AllTeams, "g", "03-16 12:00")}, want{1, noValue}, want{1, 0}},
		"of another team":             {open, []alignment.Acknowledgement{ack("two", "", "03-16 12:00")}, want{1, noValue}, want{1, 0}},
		"before the label":            {open, []alignment.Acknowledgement{ack("one", "", "03-16 09:00")}, want{1, noValue}, want{1, 0}},
		"too late":                    {open, []alignment.Acknowledgement{ack("one", "", "03-18 11:00")}, want{1, 17}, want{1, 0}},
		"before the label comes off":  {answered, []alignment.Acknowledgement{ack("one", "", "03-16 12:00")}, want{1, 2}, want{1, 1}},
		"after the label has gone":    {answered, []alignment.Acknowledgement{ack("one", "", "03-18 12:00")}, want{1, 8}, want{1, 1}},
		"when everything was done":    {done, []alignment.Acknowledgement{ack("one", "", "03-16 12:00")}, want{1, noValue}, want{1, 0}},
		"before everything was done":  {done, []alignment.Acknowledgement{ack("one", "", "03-16 10:30")}, want{1, 0.5}, want{1, 1}},
		"later than is known, so far": {open, []alignment.Acknowledgement{ack("one", "", "04-20 10:00")}, want{1, noValue}, want{1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got := itemsOf(caseInput(t, list{tt.tk}, caseMapping), alignment.Log{Acknowledgements: tt.acks})
			for _, team := range []string{"one", alignment.AllTeams} {
				check(t, got[team], "flow/response", tt.response)
				check(t, got[team], "flow/answered", tt.answered)
			}
		})
	}
}

// TestIndexOfGoalEpisodes: the working time of all teams is the mean of theirs
// by capacity.
func TestIndexOfGoalEpisodes(t *testing.T) {
	series := alignment.Series{Team: alignment.AllTeams, Goal: "h", Unit: alignment.UnitTickets}
	raised := moment("03-17 00:00") // known two days later
	log := alignment.Log{
		Records: []alignment.Record{
			{Kind: alignment.RecordRaise, Series: series, Direction: alignment.Up, Week: mapping.DateOf(raised), At: raised},
			{Kind: alignment.RecordCharted, Week: mapping.DateOf(caseEnd), Charted: []alignment.Series{series}},
		},
		Acknowledgements: []alignment.Acknowledgement{{Team: alignment.AllTeams, Goal: "h", At: moment("03-21 00:00")}},
	}
	text := strings.Replace(caseMapping, "owns: {jira: [B]}", "owns: {jira: [B]}, capacity: 3", 1)
	got := itemsOf(caseInput(t, nil, text), log)
	// Thursday for all; Friday, a holiday of team one, for the three of team two.
	check(t, got[alignment.AllTeams], "correction/decision", want{1, (8*1 + 16*3) / 4.})
	check(t, got["one"], "correction/decision", absent)
	if at := got[alignment.AllTeams]["correction/decision"].At; !at.Equal(caseEnd) || at.Location() != time.UTC {
		t.Errorf("as of %s, want the watermark %s", at, caseEnd)
	}
}
