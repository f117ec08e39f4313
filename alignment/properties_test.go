package alignment_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/mapping"
)

// The numbers in the names are those of the properties in measures of work.

func TestArrivalOrderIsIrrelevant1(t *testing.T) {
	rules := companyMapping(t, 3, 5, 20)
	tks := companyTickets(2000, 200, 3, 20)
	want := alignment.Compute(companyInput(index(tks), rules))
	for seed := range uint64(3) {
		mixed := slices.Clone(tks)
		rand.New(rand.NewPCG(seed, seed)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		got := alignment.Compute(companyInput(index(mixed), rules))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("shuffled tickets give another snapshot (-want +got):\n%s", diff)
		}
	}
}

func TestConservation7(t *testing.T) {
	tks := index(companyTickets(2000, 200, 3, 20))
	base := alignment.Compute(companyInput(tks, companyMapping(t, 3, 5, 20)))
	for name, rules := range map[string]*mapping.RuleSet{
		"strict":        companyMapping(t, 3, 5, 20, "basis_then: strict"),
		"split first":   companyMapping(t, 3, 5, 20, "split: first"),
		"fewer rules":   companyMapping(t, 3, 5, 2),
		"one goal only": companyMapping(t, 3, 1, 20),
	} {
		got := alignment.Compute(companyInput(tks, rules))
		for i := range base.Teams {
			checkConservation(t, name, base.Teams[i], got.Teams[i])
		}
		checkConservation(t, name, base.Company, got.Company)
	}
}

// checkConservation compares totals, which no rule and no basis may change.
func checkConservation(t *testing.T, name string, base, got alignment.TeamResult) {
	t.Helper()
	for i := range base.Windows {
		x, y := &base.Windows[i], &got.Windows[i]
		if x.Capacity != y.Capacity || x.Idle != y.Idle || y.Idle < 0 || x.FreshTime != y.FreshTime || x.ActiveTime != y.ActiveTime {
			t.Errorf("%s: %s %s: capacity, idle or fresh time changed", name, got.ID, y.Name)
		}
		if work := y.Units[alignment.UnitTime].Total; work+y.Idle != y.Capacity || work == 0 {
			t.Errorf("%s: %s %s: work %d + idle %d is not capacity %d", name, got.ID, y.Name, work, y.Idle, y.Capacity)
		}
		for _, u := range alignment.Units {
			if x.Units[u].Total != y.Units[u].Total {
				t.Errorf("%s: %s %s: total of %s is %d, was %d", name, got.ID, y.Name, u, y.Units[u].Total, x.Units[u].Total)
			}
			for _, b := range alignment.Bases {
				if sum := sumCells(y.Units[u].Cells[b]); sum != y.Units[u].Total {
					t.Errorf("%s: %s %s: cells of %s, %s sum to %d of %d", name, got.ID, y.Name, u, b, sum, y.Units[u].Total)
				}
			}
		}
	}
}

func sumCells(cells []alignment.CellAmount) (sum int64) {
	for _, c := range cells {
		sum += c.Amount
	}
	return sum
}

func TestCellsAddUpOverTeamsAndDays4(t *testing.T) {
	rules := companyMapping(t, 3, 5, 20)
	in := companyInput(index(companyTickets(2000, 200, 3, 20)), rules)
	to := mapping.DateOf(companyEnd) - 3
	whole := alignment.NewWindow(in, alignment.AllTeams, to-21, to)
	parts := map[alignment.Cell]int64{}
	for _, team := range rules.Teams() {
		for d := to - 21; d < to; d++ {
			w := alignment.NewWindow(in, team.ID, d, d+1)
			for _, c := range w.Units[alignment.UnitTime].Cells[alignment.Then] {
				parts[c.Cell] += c.Amount
			}
		}
	}
	for _, c := range whole.Units[alignment.UnitTime].Cells[alignment.Then] {
		if parts[c.Cell] != c.Amount {
			t.Errorf("%v: days and teams sum to %d, the whole is %d", c.Cell, parts[c.Cell], c.Amount)
		}
	}
}
