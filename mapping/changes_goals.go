package mapping

import (
	"fmt"
	"slices"
	"strings"
)

func (c *comparison) goals() {
	m := match(c.was.goals, c.is.goals, func(g *Goal) string { return g.ID })
	for _, g := range m.removed {
		c.sayf("Goal %s was removed.", titled(g.ID, g.Name))
	}
	for _, g := range m.added {
		words := append([]string{}, statusWords(g.Statuses)...)
		c.sayf("Goal %s was added: %s.", titled(g.ID, g.Name), strings.Join(append(words, targetWords(g.Targets)), ", "))
	}
	for _, p := range m.kept {
		c.details("Goal "+p.is.ID, goalDetails(p.was, p.is))
	}
	c.order(m.reordered, "The goals stand in another order, and with them all reports.")
}

func goalDetails(was, is *Goal) []string {
	out := renamed(was.Name, is.Name)
	out = append(out, statusChanges(was.Statuses, is.Statuses)...)
	out = append(out, targetChanges(was.Targets, is.Targets)...)
	for _, part := range []struct{ what, was, is string }{
		{"why it matters", was.Why, is.Why}, {"how it is known to be reached", was.DoneWhen, is.DoneWhen},
	} {
		if part.was != part.is {
			out = append(out, part.what+" is worded anew")
		}
	}
	if old, now := reviewWords(was.Review), reviewWords(is.Review); old != now {
		out = append(out, fmt.Sprintf("to be looked at again %s, no longer %s", now, old))
	}
	return out
}

func reviewWords(d *Date) string {
	if d == nil {
		return "at no date"
	}
	return "on " + d.String()
}

func (s *DatedStatus) words() string { return s.Is.String() + " from " + s.From.String() + " on" }

// because adds the reason that is given for something.
func because(words, why string) string {
	if why == "" {
		return words
	}
	return words + " (" + why + ")"
}

func statusWords(list []DatedStatus) []string {
	out := make([]string, 0, len(list)+1)
	for i := range list {
		out = append(out, because(list[i].words(), list[i].Why))
	}
	if len(list) == 0 {
		out = append(out, "always active")
	}
	return out
}

// statusChanges names the dated statuses that came and went.
func statusChanges(was, is []DatedStatus) (out []string) {
	if len(was) == 0 && len(is) > 0 {
		out = append(out, "no longer always active")
	}
	if len(is) == 0 && len(was) > 0 {
		out = append(out, "always active")
	}
	m := match(was, is, (*DatedStatus).words)
	for _, s := range m.added {
		out = append(out, because(s.words(), s.Why))
	}
	for _, s := range m.removed {
		out = append(out, "no longer "+s.words())
	}
	for _, p := range m.kept {
		if p.was.Why != p.is.Why {
			out = append(out, "why it is "+p.is.words()+" is worded anew")
		}
	}
	return out
}

func (d *DatedTarget) words() string {
	if d.From == (Moment{}) {
		return percent(d.Share)
	}
	return percent(d.Share) + " from " + d.From.String() + " on"
}

func targetWords(list []DatedTarget) string {
	words := make([]string, len(list))
	for i := range list {
		words[i] = list[i].words()
	}
	if len(words) == 0 {
		return "no target"
	}
	return "target " + strings.Join(words, ", ")
}

func targetChanges(was, is []DatedTarget) []string {
	old, now := targetWords(was), targetWords(is)
	switch {
	case old != now:
		return []string{fmt.Sprintf("%s (before: %s)", now, old)}
	case !slices.Equal(was, is):
		return []string{"why its target changed is worded anew"}
	}
	return nil
}
