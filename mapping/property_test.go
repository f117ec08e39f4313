package mapping_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/mapping"
)

// The words of random mappings and tickets are few and alike, so that rules
// often match and nearly match.
var (
	values   = []string{"a", "A", "ab", "abc", "b", "ba", "null", ",", "ß", "É", "é", "a/b"}
	patterns = append(values, "*", "a*", "*b", "a*b", "*a*", "é*", "*/b")
)

func someOf(words []string) *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.SampledFrom(words), 1, 3)
}

func maybe(t *rapid.T, when map[string]any, key string, g *rapid.Generator[[]string]) {
	if rapid.IntRange(0, 3).Draw(t, "give "+key) == 0 {
		when[key] = g.Draw(t, key)
	}
}

func drawRule(t *rapid.T) map[string]any {
	labels, when := map[string]any{}, map[string]any{}
	for _, key := range []string{"any", "all", "none"} {
		maybe(t, labels, key, someOf(patterns))
	}
	for _, key := range []string{"component", "linear_project", "initiative"} {
		maybe(t, when, key, someOf(patterns))
	}
	for _, key := range []string{"project", "type", "status", "priority", "parent", "connector", "title"} {
		maybe(t, when, key, someOf(values))
	}
	maybe(t, when, "team", someOf([]string{"payments", "platform"}))
	if len(labels) > 0 {
		when["labels"] = labels
	}
	if len(when) == 0 {
		when["type"] = "a"
	}
	when["case_sensitive"] = rapid.Bool().Draw(t, "case sensitive")
	rule := rapid.SampledFrom([]map[string]any{
		{"goal": "checkout"},
		{"goal": "mobile", "weight": 3},
		{"goals": map[string]int{"search": 2, "mobile": 1}},
		{"reason": "debt"},
		{"reason": "escalation", "override": true},
		{"off_plan": true},
		{"exclude": true},
	}).Draw(t, "outcome")
	out := map[string]any{"when": when}
	maps.Copy(out, rule)
	return out
}

func drawRules(t *rapid.T) *mapping.RuleSet {
	rules := rapid.SliceOfN(rapid.Custom(drawRule), 0, 12).Draw(t, "rules")
	for i := range rules {
		rules[i]["name"] = string(rune('a' + i))
	}
	data, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	split := rapid.SampledFrom([]string{"equal", "first"}).Draw(t, "split")
	rs, err := mapping.Parse("mapping.yml", []byte("split: "+split+head+"rules: "+string(data)+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func drawFacts(t *rapid.T) *mapping.Facts {
	text := rapid.OneOf(rapid.SampledFrom(append(values, "")), rapid.String())
	texts := rapid.SliceOfN(text, 0, 4)
	return &mapping.Facts{
		Connector: text.Draw(t, "connector"), Project: text.Draw(t, "project"),
		Team: rapid.SampledFrom([]string{"", "payments", "platform"}).Draw(t, "team"),
		Type: text.Draw(t, "type"), Status: text.Draw(t, "status"), Priority: text.Draw(t, "priority"), Title: text.Draw(t, "title"),
		Labels: texts.Draw(t, "labels"), Components: texts.Draw(t, "components"), Parents: texts.Draw(t, "parents"),
		LinearProjects: texts.Draw(t, "linear projects"), Initiatives: texts.Draw(t, "initiatives"),
	}
}

// explainsMatch checks that what Explain finds by looking at every rule is
// what Match finds by its index.
func explainsMatch(t *rapid.T) {
	rs := drawRules(t)
	for range 5 {
		f := drawFacts(t)
		var deciding []int
		matched := false
		for _, step := range rs.Explain(f) {
			if step.Decides {
				deciding = append(deciding, step.Rule)
			}
			matched = matched || step.Matched
			if step.Matched != (step.Failed == "") {
				t.Fatalf("step %+v is at odds with itself", step)
			}
		}
		m := rs.Match(f)
		if diff := cmp.Diff(deciding, m.Rules); diff != "" {
			t.Fatalf("rules that decide (-Explain +Match):\n%s", diff)
		}
		if matched != (m.Kind != mapping.NoMatch) {
			t.Fatalf("a rule matched = %t, but Match = %+v", matched, m)
		}
	}
}

func TestExplainsMatch(t *testing.T) { rapid.Check(t, explainsMatch) }

func FuzzExplainsMatch(f *testing.F) { f.Fuzz(rapid.MakeFuzz(explainsMatch)) }

func TestOrderOfLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs, f := drawRules(t), drawFacts(t)
		before := rs.Match(f)
		f.Labels = rapid.Permutation(f.Labels).Draw(t, "shuffled")
		f.Labels = append(f.Labels, f.Labels...) // twice is once
		if diff := cmp.Diff(before, rs.Match(f)); diff != "" {
			t.Fatalf("match (-before +shuffled):\n%s", diff)
		}
	})
}

func TestGoals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs, f := drawRules(t), drawFacts(t)
		m := rs.Match(f)
		if (m.Kind == mapping.ToGoals) != (len(m.Goals) > 0) {
			t.Fatalf("match = %+v", m)
		}
		if !slices.IsSortedFunc(m.Goals, func(a, b mapping.GoalWeight) int { return a.Goal - b.Goal }) {
			t.Fatalf("goals %+v are not in config order", m.Goals)
		}
		for _, g := range m.Goals {
			if g.Weight < 1 {
				t.Fatalf("goals %+v have no weight", m.Goals)
			}
		}
	})
}

func TestMatchConcurrently(t *testing.T) {
	rs := parse(t, head+manyRules)
	want := rs.Match(&mapping.Facts{Labels: []string{"Checkout", "MOBILE"}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := rs.Match(&mapping.Facts{Labels: []string{"Checkout", "MOBILE"}}); !cmp.Equal(want, got) {
					t.Errorf("match = %+v, want %+v", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// More different texts and combinations than Match remembers change nothing.
func TestMatchManyTexts(t *testing.T) {
	rs := one(t, `labels: {any: ["A*Z"]}`)
	for i := range 20_000 {
		label := "a" + strings.Repeat("É", i%7) + string(rune('A'+i%26)) + string(rune('0'+i%5000))
		if got := rs.Match(&mapping.Facts{Labels: []string{label, label + "z"}}).Kind; got != mapping.ToGoals {
			t.Fatalf("%q does not match", label+"z")
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{"reference.yml", "testdata/design.yml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(good))
	f.Add([]byte(head + manyRules))
	f.Fuzz(func(t *testing.T, data []byte) {
		rs, err := mapping.Parse("mapping.yml", data)
		if err != nil {
			if rs != nil || err.Error() == "" {
				t.Errorf("a mapping = %t, error = %q, want an error only", rs != nil, err)
			}
			return
		}
		facts := &mapping.Facts{Type: "Bug", Project: "PAY", Labels: []string{"checkout", "mobile"}, Title: "copy of X-1"}
		m, decides := rs.Match(facts), []int(nil)
		for _, s := range rs.Explain(facts) {
			if s.Decides {
				decides = append(decides, s.Rule)
			}
		}
		if diff := cmp.Diff(decides, m.Rules); diff != "" {
			t.Errorf("rules that decide (-Explain +Match):\n%s", diff)
		}
	})
}
