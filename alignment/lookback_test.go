package alignment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"alignd/alignment"
	"alignd/mapping"
)

// TestHistoryEqualsSumsOverTickets: a History keeps no tickets, but its windows
// are those that the tickets add up to, their sampling units included.
func TestHistoryEqualsSumsOverTickets(t *testing.T) {
	rules, err := mapping.Parse("model.yml", []byte(modelMapping))
	if err != nil {
		t.Fatal(err)
	}
	teams := []string{alignment.AllTeams}
	for _, team := range rules.Teams() {
		teams = append(teams, team.ID)
	}
	rapid.Check(t, func(t *rapid.T) {
		end := modelStart.Add(time.Duration(24*31+rapid.IntRange(0, 100).Draw(t, "end")) * time.Hour)
		in := alignment.Input{Tickets: drawTickets(t), Rules: rules, Watermarks: map[string]time.Time{"jira": end}, Now: end}
		for _, team := range teams {
			got, want := alignment.ClosedWindows(in, team, rapid.IntRange(9, 20).Draw(t, "every"))
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
				t.Fatalf("windows of %s (-ticket by ticket +history):\n%s", team, diff)
			}
		}
	})
}
