package sandbox

import ("testing";"time";"fmt";"sort")

func TestScratch(t *testing.T) {
	now := time.Date(2026, 11, 19, 14, 30, 0, 0, time.UTC)
	for seed := uint64(1); seed < 4; seed++ {
	c := NewCompany(seed, now)
	fmt.Println("seed", seed, len(c.World.Jira.Keys()), len(c.World.Linear.Identifiers()))
	for _, cr := range c.crews {
		for _, days := range []int{28, 91, 364} {
			n := map[string]int{}; tot := 0
			all := append(append([]*job{}, cr.done...), cr.doing...)
			for _, j := range all {
				if now.Sub(j.at) > time.Duration(days)*24*time.Hour { continue }
				k := j.kind
				if !j.told { k = unmapped }
				n[k]++; tot++
			}
			var ks []string
			for k := range n { ks = append(ks, k) }
			sort.Strings(ks)
			fmt.Printf("%s %d: n=%d doing=%d backlog=%d ", cr.plan.id, days, tot, len(cr.doing), len(cr.backlog))
			for _, k := range ks { fmt.Printf("%s=%.0f%% ", k, 100*float64(n[k])/float64(tot)) }
			fmt.Println()
		}
	}
	}
}
