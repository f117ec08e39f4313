package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
)

// fingerprint hashes what the rules mean. Every value is quoted or a number,
// so different meanings never write the same text.
func fingerprint(rs *RuleSet) string {
	h := sha256.New()
	fmt.Fprintf(h, "period %q %d %d\n", rs.period.Name, rs.period.From, rs.period.To)
	fmt.Fprintf(h, "policy %t %t %t %t\n", rs.firstGoal, rs.strict, rs.firstCompletion, rs.driftInTime)
	if rs.slack != nil {
		fmt.Fprintf(h, "slack %d\n", *rs.slack)
	}
	for i := range rs.teams {
		writeTeam(h, &rs.teams[i])
	}
	for i := range rs.goals {
		writeGoal(h, &rs.goals[i])
	}
	for _, r := range rs.reasons {
		fmt.Fprintf(h, "reason %q %q\n", r.ID, r.Name)
	}
	for i := range rs.rules {
		writeRule(h, rs.names[i], &rs.rules[i])
	}
	writeIndex(h, rs)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// classFingerprint hashes what decides when and where work counts: not what
// things are called, nor what the work is compared with.
func classFingerprint(rs *RuleSet) string {
	h := sha256.New()
	fmt.Fprintf(h, "policy %t %t %t\n", rs.firstGoal, rs.strict, rs.firstCompletion)
	for i := range rs.teams {
		t := rs.teams[i]
		t.Name = ""
		writeTeam(h, &t)
	}
	for i := range rs.goals {
		statuses := slices.Clone(rs.goals[i].Statuses)
		for j := range statuses {
			statuses[j].Why = ""
		}
		writeGoal(h, &Goal{ID: rs.goals[i].ID, Statuses: statuses})
	}
	for i := range rs.rules {
		writeRule(h, "", &rs.rules[i])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func writeTeam(h hash.Hash, t *Team) {
	fmt.Fprintf(h, "team %q %q %q %d\n", t.ID, t.Name, t.Location.String(), t.Capacity)
	for _, connector := range t.Connectors() {
		fmt.Fprintf(h, "owns %q %q\n", connector, foldedSet(t.owns[connector]))
	}
	fmt.Fprintf(h, "calendar %t %d %d %d\n", t.Calendar.Days, t.Calendar.From, t.Calendar.To,
		slices.Sorted(maps.Keys(t.Calendar.Holidays)))
	fmt.Fprintf(h, "waiting %q\n", slices.Sorted(maps.Keys(t.waiting)))
}

func foldedSet(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = fold(s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func writeGoal(h hash.Hash, g *Goal) {
	fmt.Fprintf(h, "goal %q %q %q %q %s\n", g.ID, g.Name, g.Why, g.DoneWhen, g.Review)
	for _, s := range g.Statuses {
		fmt.Fprintf(h, "status %s %d %q\n", s.From, s.Is, s.Why)
	}
	for _, d := range g.Targets {
		fmt.Fprintf(h, "target %s %d %q\n", d.From, d.Share, d.Why)
	}
}

func writeIndex(h hash.Hash, rs *RuleSet) {
	for _, set := range []*labelSet{&rs.signals, &rs.surprises} {
		texts := make([]string, len(set.patterns))
		for i := range set.patterns {
			texts[i] = set.patterns[i].written
		}
		fmt.Fprintf(h, "labels %t %q\n", set.declared, foldedSet(texts))
	}
	for _, s := range rs.surveyed {
		fmt.Fprintf(h, "survey %d %d %d %d\n", s.Team, s.Date, s.Mean, s.Answers)
	}
}

func writeRule(h hash.Hash, name string, r *rule) {
	fmt.Fprintf(h, "rule %q %d %d %q %t %t\n", name, r.leads, r.goals, r.reason, r.override, r.caseSensitive)
	if r.capture != nil {
		fmt.Fprintf(h, "capture %q\n", r.capture.parts)
	}
	writeWhen(h, r)
}

func writeWhen(w io.Writer, r *rule) {
	for i := range r.when {
		c := &r.when[i]
		texts := make([]string, len(c.patterns))
		for p := range c.patterns {
			texts[p] = c.patterns[p].written
			if !r.caseSensitive && c.field != fieldTitle {
				texts[p] = fold(texts[p])
			}
		}
		slices.Sort(texts)
		fmt.Fprintf(w, "when %d %d %q\n", c.field, c.quantity, slices.Compact(texts))
	}
}
