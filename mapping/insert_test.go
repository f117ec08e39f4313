package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"alignd/mapping"
)

const rest = "period: {name: p, from: 2026-10-01, to: 2026-12-31} # the fourth\nteams: [{id: a, owns: {acme: [PAY]}}]\ngoals: [{id: g}]\n"

func TestInsertRules(t *testing.T) {
	p := mapping.Proposal{Name: "new", When: []mapping.Ask{{Key: "type", Values: []string{"Bug"}}}, Goal: "g"}
	tests := []struct{ name, before, want string }{
		{"no rules yet", rest, rest + "\nrules:\nNEW"},
		{"no line break at the end", strings.TrimSpace(rest), rest + "\nrules:\nNEW"},
		{"no rule yet", rest + "rules:\n", rest + "rules:\nNEW"},
		{"no rule yet, but a comment", rest + "rules: # see the wiki\n\n", rest + "rules: # see the wiki\nNEW\n"},
		{
			"at the end",
			rest + "rules:\n  # the first\n  - name: old # yes\n    when: {type: Story}\n    goal: g\n    # a remark\n\n",
			rest + "rules:\n  # the first\n  - name: old # yes\n    when: {type: Story}\n    goal: g\n    # a remark\nNEW\n",
		},
		{
			"before another key",
			"rules:\n    - name: old\n      goal: g\n      when:\n        title: [\"a\n          b\"]\n\n# What follows.\n\n" + rest,
			"rules:\n    - name: old\n      goal: g\n      when:\n        title: [\"a\n          b\"]\n  NEW\n# What follows.\n\n" + rest,
		},
		{"not indented", "rules:\n- {name: old, when: {type: Story}, goal: g}\n" + rest, "rules:\n- {name: old, when: {type: Story}, goal: g}\nUNINDENTED" + rest},
		{"before the end of the document", rest + "rules:\n\n...\n# after\n", rest + "rules:\nNEW\n...\n# after\n"},
		{"no rules yet in a document with an end", rest + "\n...", rest + "\nrules:\nNEW\n...\n"},
		{"line ends of Windows", strings.ReplaceAll(rest+"rules:\n", "\n", "\r\n"), strings.ReplaceAll(rest+"rules:\nNEW", "\n", "\r\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mapping.InsertRules([]byte(tt.before), p.YAML(mapping.RuleIndent([]byte(tt.before))))
			if err != nil {
				t.Fatal(err)
			}
			crlf := func(s string) string {
				if strings.Contains(tt.before, "\r\n") {
					return strings.ReplaceAll(s, "\n", "\r\n")
				}
				return s
			}
			want := strings.NewReplacer("  NEW", p.YAML("    "), "UNINDENTED", p.YAML(""), "NEW", crlf(p.YAML("  "))).Replace(tt.want)
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, err := mapping.Parse("mapping.yml", got); err != nil && !strings.Contains(tt.before, "title") {
				t.Error(err)
			}
		})
	}
}

func TestInsertRulesRefuses(t *testing.T) {
	for _, text := range []string{"rules: [{name: old, when: {type: Story}, goal: g}]\n", "rules: []\n", "rules: ~\n", "x: &x [1]\nrules: *x\n"} {
		if got, err := mapping.InsertRules([]byte(rest+text), "  - new\n"); err == nil {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// Whatever the rules are: the old ones stay, and the new one comes last.
func TestInsertKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := head + "rules:\n"
		var names []string
		for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
			p := mapping.Proposal{Name: string(rune('a' + i)), When: []mapping.Ask{{Key: "labels", Values: []string{rapid.SampledFrom(values).Draw(t, "label")}}}, Goal: "mobile"}
			names = append(names, p.Name)
			text += p.YAML("   ") + rapid.SampledFrom([]string{"", "\n", "   # remark\n", "# remark\n"}).Draw(t, "after")
		}
		text += rapid.SampledFrom([]string{"", "split: first\n", "\n# how\nsplit: equal\n", "   # end"}).Draw(t, "rest")
		p := mapping.Proposal{Name: "new", When: []mapping.Ask{{Key: "type", Values: []string{"Bug"}}}, Goal: "search"}
		got, err := mapping.InsertRules([]byte(text), p.YAML(mapping.RuleIndent([]byte(text))))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := mapping.Parse("mapping.yml", got)
		if err != nil {
			t.Fatalf("%v\n%s", err, got)
		}
		if diff := cmp.Diff(append(names, "new"), rs.RuleNames()); diff != "" {
			t.Fatalf("rules (-want +got):\n%s\n%s", diff, got)
		}
	})
}
