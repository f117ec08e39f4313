package alignment_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
)

// TestTicketsAddUpToEveryNumber asks for what is behind every cell, class and
// total of a snapshot.
func TestTicketsAddUpToEveryNumber(t *testing.T) {
	rules, err := mapping.Parse("model.yml", []byte(modelMapping))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		snap := alignment.Compute(in)
		for _, team := range append(snap.Teams, snap.Company) {
			weeks := team.Weeks[len(team.Weeks)-3:]
			for _, w := range append(slices.Clip(team.Windows), weeks...) {
				for _, unit := range alignment.Units {
					if team.ID == alignment.AllTeams && unit == alignment.UnitPoints {
						continue
					}
					checkBehind(t, in, team.ID, &w, unit)
				}
			}
		}
	})
}

func checkBehind(t *rapid.T, in alignment.Input, team string, w *alignment.Window, unit alignment.Unit) {
	work := &w.Units[unit]
	for _, basis := range alignment.Bases {
		q := alignment.Question{Team: team, Window: w.Name, Unit: unit, Basis: basis}
		if got := ask(t, in, q); got.Amount != work.Total || got.Total != work.Total || got.From != w.From || got.To != w.To {
			t.Fatalf("%+v: %d of %d, want %d of both", q, got.Amount, got.Total, work.Total)
		}
		for _, c := range work.Cells[basis] {
			q.Class, q.Goal, q.Reason = &c.Cell.Class, &c.Cell.Goal, &c.Cell.Reason
			if got := ask(t, in, q); got.Amount != c.Amount || got.Total != work.Total {
				t.Fatalf("%+v: %d of %d, want %d of %d", q, got.Amount, got.Total, c.Amount, work.Total)
			}
		}
	}
}

// ask also checks that the tickets add up to the answer.
func ask(t *rapid.T, in alignment.Input, q alignment.Question) alignment.Answer {
	a, err := alignment.Behind(in, q)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, tk := range a.Tickets {
		sum += tk.Amount
	}
	if sum != a.Amount {
		t.Fatalf("%+v: the tickets add up to %d, not %d", q, sum, a.Amount)
	}
	return a
}

func TestQuestionsWithoutAnswer(t *testing.T) {
	in := chartInput(completedWeeks(steady(3, 10)), chartRules(t, ""), 3)
	word := func(s string) *string { return &s }
	class := func(c alignment.Class) *alignment.Class { return &c }
	for want, q := range map[string]alignment.Question{
		`there is no team "x"; there is t, all`:                                                   {Team: "x", Window: "7d"},
		`there is no team "al"; did you mean all? there is t, all`:                                {Team: "al", Window: "7d"},
		`there is no window "30d"; there is 7d, 28d, 91d, period and each closed week such as 20`: {Team: "t", Window: "30d"},
		`there is no window "2d"; there is 7d, 28d, `:                                             {Team: "t", Window: "2d"},
		`there is no window "perod"; did you mean period? there is 7d, `:                          {Team: "t", Window: "perod"},
		`, none`:                           {Team: "t", Window: "7d", Reason: word("weather")},
		`there is no goal "h"; there is g`: {Team: "t", Window: "7d", Goal: word("h")},
		`there is no reason "retird"; did you mean retired? there is`: {Team: "t", Window: "7d", Reason: word("retird")},
		`work of class off_plan has no goal`:                          {Team: "t", Window: "7d", Goal: word("g"), Class: class(alignment.OffPlan)},
		`work of class unmapped has no reason`:                        {Team: "t", Window: "7d", Reason: word("other"), Class: class(alignment.Unmapped)},
		`work has either a goal or a reason`:                          {Team: "t", Window: "7d", Reason: word("other"), Goal: word("g")},
		`points have a scale for each team`:                           {Team: "all", Window: "7d", Unit: alignment.UnitPoints},
	} {
		_, err := alignment.Behind(in, q)
		if _, ok := errors.AsType[*alignment.AskError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", q, err, want)
		}
	}
	in.Watermarks = nil
	_, err := alignment.Behind(in, alignment.Question{Team: "t", Window: "7d"})
	if !errors.Is(err, alignment.ErrNotKnown) || !strings.Contains(err.Error(), "nothing is known of team t yet") {
		t.Errorf("no watermark: %v", err)
	}
}
