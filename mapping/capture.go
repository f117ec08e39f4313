package mapping

import (
	"slices"
	"strings"
)

// capture reads a pattern of labels that name a reason.
func (c *compiler) capture(path, text string, r *rule) {
	r.leads = OffPlan
	text = strings.TrimSpace(text)
	if strings.Count(text, "*") != 1 || text == "*" {
		c.doc.Problemf(path, "must be a label with one * where the reason stands, such as why-*; found %q", text)
		return
	}
	p := newPattern(text, true, r.caseSensitive)
	r.capture = &p
	c.use(fieldLabels)
}

// captured returns the reason that a ticket's labels name, empty if none does.
// Labels have no order that lasts, so of several the reason that is declared
// first counts, and of those that are not declared the first in the alphabet.
func (rs *RuleSet) captured(r *rule, labels []string) string {
	best, place := "", len(rs.reasons)+1
	for _, label := range labels {
		if !r.capture.matches(label) {
			continue
		}
		reason := reasonIn(r.capture, label)
		at := slices.IndexFunc(rs.reasons, func(known Reason) bool { return known.ID == reason })
		if at < 0 {
			at = len(rs.reasons)
		}
		if reason != "" && (at < place || at == place && reason < best) {
			best, place = reason, at
		}
	}
	return best
}

// reasonIn returns what stands for the * of a pattern, folded. Where that is a
// word with a meaning of its own, the whole label is the reason.
func reasonIn(p *pattern, label string) string {
	part := label[len(p.parts[0]) : len(label)-len(p.parts[1])]
	part = fold(strings.TrimSpace(part))
	if slices.Contains(reserved, part) {
		return fold(label)
	}
	return part
}
