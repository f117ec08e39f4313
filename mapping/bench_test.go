package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"alignd/mapping"
)

// company writes a mapping with n rules of all kinds.
func company(n int) string {
	var b strings.Builder
	b.WriteString(head + "rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: rule %d\n    when: ", i)
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "{labels: {any: [goal-%d, other-%d]}}\n    goal: checkout\n", i, i)
		case 1:
			fmt.Fprintf(&b, "{labels: {any: [\"area%d-*\"]}, type: [Bug, Story]}\n    goal: mobile\n", i)
		case 2:
			fmt.Fprintf(&b, "{project: PAY, component: [part-%d]}\n    goal: search\n", i)
		case 3:
			fmt.Fprintf(&b, "{labels: {any: [\"*-team%d\"], none: [wip]}}\n    reason: debt\n", i)
		default:
			fmt.Fprintf(&b, "{labels: {all: [incident, service-%d]}}\n    reason: escalation\n    override: true\n", i)
		}
	}
	return b.String()
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 200, 1000} {
		rs := parse(b, company(n))
		tickets := []mapping.Facts{
			{Project: "PAY", Type: "Bug", Status: "In Progress", Labels: []string{"Goal-0", "backend", "2026-Q4", "AREA6-login"}},
			{Project: "PAY", Type: "Story", Components: []string{"part-2", "Core"}, Labels: []string{"incident", "service-4"}},
			{Project: "BILL", Type: "Task", Status: "Done", Labels: []string{"nothing", "of", "Interest"}},
			{Project: "OPS", Type: "Task"},
		}
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				rs.Match(&tickets[i%len(tickets)])
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte(company(1000))
	for b.Loop() {
		if _, err := mapping.Parse("mapping.yml", data); err != nil {
			b.Fatal(err)
		}
	}
}
