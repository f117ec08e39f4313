package mapping

import "slices"

// target is where a rule could lead.
type target struct {
	goal, reason int // indexes, -1 for none
}

var noTarget = target{-1, -1}

func (t target) known() bool { return t != noTarget }

// hints tell which goals and reasons speak of a word.
type hints struct {
	goals, reasons int
	byWord         map[string][]target
}

func newHints(rs *RuleSet) hints {
	h := hints{len(rs.goals), len(rs.reasons), map[string][]target{}}
	note := func(t target, texts ...string) {
		for _, text := range texts {
			for _, w := range words(text) {
				w = stem(w)
				if !slices.Contains(h.byWord[w], t) {
					h.byWord[w] = append(h.byWord[w], t)
				}
			}
		}
	}
	for i := range rs.goals {
		note(target{i, -1}, rs.goals[i].ID, rs.goals[i].Name)
	}
	for i, r := range rs.reasons {
		note(target{-1, i}, r.ID, r.Name)
	}
	return h
}

// stem makes one word of its singular and plural.
func stem(word string) string {
	w := fold(word)
	if len(w) > 4 && w[len(w)-1] == 's' && w[len(w)-2] != 's' {
		return w[:len(w)-1]
	}
	return w
}

// of returns the goal or reason that shares the most words with the texts,
// noTarget if that is not a single one.
func (h *hints) of(texts ...string) target {
	count := map[target]int{}
	var seen []string
	for _, text := range texts {
		for _, w := range words(text) {
			w = stem(w)
			if slices.Contains(seen, w) {
				continue
			}
			seen = append(seen, w)
			for _, t := range h.byWord[w] {
				count[t]++
			}
		}
	}
	best, most, tie := noTarget, 0, false
	for t, n := range count {
		switch {
		case n > most:
			best, most, tie = t, n, false
		case n == most:
			tie = true
		}
	}
	if tie {
		return noTarget
	}
	return best
}

// target returns where a rule should lead: to what its values speak of, else to
// where most of the work it would match goes already, the rest being unmapped.
func (s *suggester) target(c choice, sc *score) target {
	var texts []string
	for _, f := range c {
		if f != alone && s.numbers.list[f].field != fieldType {
			texts = append(texts, s.numbers.list[f].text)
		}
	}
	if t := s.hints.of(texts...); t.known() {
		return t
	}
	for goal := range s.rs.goals {
		if sc.touched != nil && sc.touched[goal] > sc.reach/2 {
			return target{goal, -1}
		}
	}
	return noTarget
}

// touchedBeside is the mapped work that goes elsewhere than to the target.
func (sc *score) touchedBeside(t target) int64 {
	var sum int64
	for goal, work := range sc.touched {
		if goal != t.goal {
			sum += work
		}
	}
	return sum
}
