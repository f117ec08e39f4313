package connectors

import (
	"slices"
	"strings"
)

// LabelFilter drops labels at intake. The zero value drops nothing.
type LabelFilter struct{ patterns []string }

// NewLabelFilter returns a filter for patterns in which * stands for any text.
// Letter case does not count.
func NewLabelFilter(patterns []string) LabelFilter {
	f := LabelFilter{}
	for _, p := range patterns {
		f.patterns = append(f.patterns, strings.ToLower(strings.TrimSpace(p)))
	}
	return f
}

// Drops reports whether the label must not be kept.
func (f LabelFilter) Drops(label string) bool {
	if len(f.patterns) == 0 {
		return false
	}
	label = strings.ToLower(label)
	return slices.ContainsFunc(f.patterns, func(p string) bool { return glob(p, label) })
}

// glob matches the whole text. It never backtracks further than the last
// star, so foreign labels cannot make it slow.
func glob(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
