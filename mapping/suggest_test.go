package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/mapping"
)

// own makes a sample of a ticket that nothing stands above.
func own(key string, work int64, f mapping.Facts) mapping.Sample {
	return mapping.Sample{Key: key, Work: work, Lineage: []mapping.Relative{{Key: key, Facts: &f}}}
}

func suggest(t *testing.T, rules string, samples []mapping.Sample, limit int) mapping.Suggestions {
	t.Helper()
	return parse(t, head+rules).Suggest(slices.Values(samples), mapping.SuggestOptions{Limit: limit})
}

func yamlOf(ps []mapping.Proposal) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.YAML(""))
	}
	return b.String()
}

// crowd makes n samples alike but for their keys.
func crowd(n int, prefix string, f mapping.Facts) []mapping.Sample {
	var out []mapping.Sample
	for i := range n {
		out = append(out, own(fmt.Sprintf("%s-%d", prefix, i+1), 10, f))
	}
	return out
}

func TestSuggest(t *testing.T) {
	const unfilled = `  goal: "?" # the id of a goal; or in its place reason: and an id, or off_plan: true` + "\n"
	noise := crowd(20, "N", mapping.Facts{Project: "PAY", Type: "Story"})
	with := func(more ...[]mapping.Sample) []mapping.Sample {
		return slices.Concat(append(more, noise)...)
	}
	tests := []struct {
		name, rules string
		samples     []mapping.Sample
		want        string
	}{
		{"nothing", "", nil, ""},
		{"a label", "", with(crowd(8, "A", mapping.Facts{Project: "PAY", Type: "Story", Labels: []string{"Payouts"}})), "- name: label Payouts\n  when: {labels: {any: [Payouts]}}\n" + unfilled},
		{"a label that speaks of a goal", "", with(crowd(8, "A", mapping.Facts{Labels: []string{"goal-checkout"}})), "- name: label goal-checkout\n  when: {labels: {any: [goal-checkout]}}\n  goal: checkout\n"},
		{"a label that speaks of a reason", "", with(crowd(8, "A", mapping.Facts{Labels: []string{"tech-debts"}})), "- name: label tech-debts\n  when: {labels: {any: [tech-debts]}}\n  reason: debt\n"},
		{"strange labels", "", with(crowd(8, "A", mapping.Facts{Labels: []string{`a "b", c: #`}})), "- name: \"label a \\\"b\\\", c: #\"\n  when: {labels: {any: [\"a \\\"b\\\", c: #\"]}}\n" + unfilled},
		{"a label rules cannot ask for", "", crowd(8, "A", mapping.Facts{Labels: []string{"a*b"}}), ""},
		{"null", "", with(crowd(8, "A", mapping.Facts{Labels: []string{"null"}})), "- name: label null\n  when: {labels: {any: [\"null\"]}}\n" + unfilled},
		{"the most frequent spelling", "", with(crowd(3, "A", mapping.Facts{Labels: []string{"ios"}}), crowd(5, "B", mapping.Facts{Labels: []string{"iOS"}})), "- name: label iOS\n  when: {labels: {any: [iOS]}}\n" + unfilled},
		{"an epic", "", with(crowd(8, "A", mapping.Facts{Parents: []string{"PAY-100"}})), "- name: below PAY-100\n  when: {parent: [PAY-100]}\n" + unfilled},
		{"a component", "", with(crowd(8, "A", mapping.Facts{Components: []string{"Core (new)"}})), "- name: component Core (new)\n  when: {component: [Core (new)]}\n" + unfilled},
		{"a Linear project", "", with(crowd(8, "A", mapping.Facts{LinearProjects: []string{"Mobile app"}})), "- name: Linear project Mobile app\n  when: {linear_project: [Mobile app]}\n  goal: mobile\n"},
		{"a word of titles", "", with(crowd(8, "A", mapping.Facts{Title: "Fix the invoice"})), "- name: title with invoice\n  when: {title: ['\\binvoice\\b']}\n" + unfilled},
		{"already mapped", "rules: [{name: r, when: {labels: {any: x}}, goal: search}]\n", crowd(8, "A", mapping.Facts{Labels: []string{"x", "y"}}), ""},
		{
			"a label of which most is mapped", "rules: [{name: r, when: {labels: {any: x}}, goal: search}]\n",
			with(crowd(8, "A", mapping.Facts{Labels: []string{"x", "z"}}), crowd(5, "B", mapping.Facts{Labels: []string{"z"}})),
			"- name: label z\n  when: {labels: {any: [z]}}\n  goal: search\n",
		},
		{
			"two conditions where one touches too much", "rules: [{name: r, when: {type: Bug}, reason: debt}]\n",
			with(crowd(30, "A", mapping.Facts{Labels: []string{"w"}, Type: "Bug"}), crowd(9, "B", mapping.Facts{Labels: []string{"w"}, Components: []string{"z"}}), crowd(9, "C", mapping.Facts{Components: []string{"z"}, Type: "Bug"})),
			"- name: label w + component z\n  when: {labels: {any: [w]}, component: [z]}\n" + unfilled,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, yamlOf(suggest(t, tt.rules, tt.samples, 1).Proposals)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSuggestAmounts(t *testing.T) {
	mapped := crowd(2, "M", mapping.Facts{Labels: []string{"x", "y"}, Title: "Mapped"})
	out := crowd(2, "X", mapping.Facts{Labels: []string{"skip", "y"}})
	samples := slices.Concat(mapped, out, crowd(5, "A", mapping.Facts{Labels: []string{"y"}, Title: "Open"}),
		[]mapping.Sample{own("B-1", 70, mapping.Facts{Labels: []string{"y"}, Title: "Big"})}, crowd(9, "N", mapping.Facts{}))
	got := suggest(t, "rules: [{name: r, when: {labels: {any: x}}, goal: search}, {name: e, when: {labels: {any: skip}}, exclude: true}]\n", samples, 5)
	want := mapping.Suggestions{
		Total: mapping.Amount{Work: 230, Tickets: 17}, Unmapped: mapping.Amount{Work: 210, Tickets: 15},
		Proposals: []mapping.Proposal{{
			Name: "label y", When: []mapping.Ask{{Key: "labels", Values: []string{"y"}}},
			Covers: mapping.Amount{Work: 120, Tickets: 6}, Touches: mapping.Amount{Work: 20, Tickets: 2},
			Examples: []mapping.Example{{Key: "B-1", Title: "Big"}, {Key: "A-1", Title: "Open"}, {Key: "A-2", Title: "Open"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Tickets that nobody worked on count alike.
func TestSuggestWithoutWork(t *testing.T) {
	samples := slices.Concat(crowd(6, "A", mapping.Facts{Labels: []string{"y"}}), crowd(9, "N", mapping.Facts{}))
	for i := range samples {
		samples[i].Work = 0
	}
	got := suggest(t, "", samples, 1)
	if len(got.Proposals) != 1 || !got.Even || got.Proposals[0].Covers != (mapping.Amount{Work: 6, Tickets: 6}) {
		t.Errorf("suggestions = %+v", got)
	}
}

func TestSuggestForATeam(t *testing.T) {
	samples := slices.Concat(crowd(20, "A", mapping.Facts{Labels: []string{"a"}, Team: "payments"}),
		crowd(5, "B", mapping.Facts{Labels: []string{"b"}, Team: "platform"}), crowd(5, "N", mapping.Facts{Team: "platform"}))
	got := parse(t, head).Suggest(slices.Values(samples), mapping.SuggestOptions{Team: "platform", Limit: 9})
	if yaml := yamlOf(got.Proposals); !strings.Contains(yaml, "label b") || strings.Contains(yaml, "label a") || got.Unmapped.Tickets != 10 {
		t.Errorf("unmapped = %+v, proposals = %s", got.Unmapped, yaml)
	}
}

// A proposal that was pasted without an answer is refused.
func TestUnfilledProposal(t *testing.T) {
	p := mapping.Proposal{Name: "label y", When: []mapping.Ask{{Key: "labels", Values: []string{"y"}}}}
	_, err := mapping.Parse("mapping.yml", []byte(head+"rules:\n"+p.YAML("  ")))
	want := "mapping.yml:9:5: rules[0].goal: is still to be filled in: write the id of a goal here; declared: checkout, mobile, search"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

// drawSamples draws a family of tickets: some stand above others.
func drawSamples(t *rapid.T) []mapping.Sample {
	names := rapid.SampledFrom([]string{"a", "A", "b", "c", "null", "x, y", "a b", "é"})
	few := rapid.SliceOfN(names, 0, 2)
	var samples []mapping.Sample
	for i := range rapid.IntRange(0, 40).Draw(t, "tickets") {
		key := fmt.Sprintf("PAY-%d", i)
		f := &mapping.Facts{
			Project: rapid.SampledFrom([]string{"PAY", "BILL"}).Draw(t, "project"), Type: names.Draw(t, "type"),
			Labels: few.Draw(t, "labels"), Components: few.Draw(t, "components"),
			Title: rapid.SampledFrom([]string{"invoice layout", "invoice", "Sign-in page", ""}).Draw(t, "title"),
		}
		s := mapping.Sample{Key: key, Work: int64(rapid.IntRange(0, 5).Draw(t, "work")), Lineage: []mapping.Relative{{Key: key, Facts: f}}}
		if i > 0 && rapid.Bool().Draw(t, "has parent") {
			parent := samples[rapid.IntRange(0, i-1).Draw(t, "parent")]
			for _, r := range parent.Lineage {
				f.Parents = append(f.Parents, r.Key)
			}
			s.Lineage = append(s.Lineage, parent.Lineage...)
		}
		samples = append(samples, s)
	}
	return samples
}

// Whatever the rules and tickets: proposals do not depend on the order of
// tickets, and pasted into the file each maps exactly what it says.
func TestSuggestionsDoWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := drawSamples(t)
		busy := slices.ContainsFunc(samples, func(s mapping.Sample) bool { return s.Work > 0 })
		if !busy {
			t.Skip("nothing was worked on")
		}
		text := head + rapid.SampledFrom([]string{"rules:\n", "rules:\n  - {name: label a, when: {labels: {any: a}}, goal: mobile}\n", "rules:\n  - {name: r, when: {type: c}, exclude: true}\n"}).Draw(t, "rules")
		ask := func(text string, list []mapping.Sample) mapping.Suggestions {
			rs, err := mapping.Parse("mapping.yml", []byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			return rs.Suggest(slices.Values(list), mapping.SuggestOptions{Limit: 4})
		}
		before := ask(text, samples)
		if diff := cmp.Diff(before, ask(text, rapid.Permutation(samples).Draw(t, "shuffled"))); diff != "" {
			t.Fatalf("suggestions (-in order +shuffled):\n%s", diff)
		}
		left := before.Unmapped
		for _, p := range before.Proposals {
			if p.Goal == "" && p.Reason == "" {
				p.Goal = "search"
			}
			text += p.YAML("  ")
			left.Work -= p.Covers.Work
			left.Tickets -= p.Covers.Tickets
			now := ask(text, samples)
			if left.Work > 0 && now.Unmapped != left {
				t.Fatalf("after %q %+v is unmapped, want %+v\n%s", p.Name, now.Unmapped, left, text)
			}
		}
	})
}

func BenchmarkSuggest(b *testing.B) {
	rs := parse(b, company(200))
	samples := manySamples(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if got := rs.Suggest(slices.Values(samples), mapping.SuggestOptions{Limit: 10}); len(got.Proposals) == 0 {
			b.Fatal("no proposal")
		}
	}
}

// manySamples makes tickets like those of a company: 200 epics, 3,000 labels of
// which few are frequent, 60 components, titles of six words.
func manySamples(n int) []mapping.Sample {
	samples := make([]mapping.Sample, n)
	pick := func(i, salt, of int) int { // some values are much more frequent than others
		x := uint64(i*2654435761+salt*40503) * 0x9E3779B97F4A7C15 >> 33
		return int(x%uint64(of)) * int(x>>10%uint64(of)) / of
	}
	epics := make([]*mapping.Facts, 200)
	for e := range epics {
		epics[e] = &mapping.Facts{Project: "PAY", Type: "Epic", Title: fmt.Sprintf("epic about subject%d", e), Labels: []string{fmt.Sprintf("area%d", e%17)}}
	}
	for i := range samples {
		f := &mapping.Facts{
			Project: fmt.Sprintf("P%d", pick(i, 1, 12)), Type: []string{"Bug", "Story", "Task"}[i%3],
			Labels: []string{fmt.Sprintf("label%d", pick(i, 2, 3000)), fmt.Sprintf("label%d", pick(i, 3, 3000))}, Components: []string{fmt.Sprintf("part%d", pick(i, 4, 60))},
			Title: fmt.Sprintf("word%d word%d word%d word%d the word%d word%d", pick(i, 5, 9000), pick(i, 6, 9000), pick(i, 7, 9000), pick(i, 8, 9000), pick(i, 9, 9000), pick(i, 10, 9000)),
		}
		samples[i] = own(fmt.Sprintf("P-%d", i), int64(i%97), *f)
		if e := pick(i, 11, 400); e < len(epics) {
			samples[i].Lineage[0].Facts.Parents = []string{fmt.Sprintf("EPIC-%d", e)}
			samples[i].Lineage = append(samples[i].Lineage, mapping.Relative{Key: fmt.Sprintf("EPIC-%d", e), Facts: epics[e]})
		}
	}
	return samples
}
