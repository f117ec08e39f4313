package mapping

import "slices"

// IndexConfig says what the alignment index reads from labels.
type IndexConfig struct {
	// Labels that say that a ticket is in danger: risk and blocked by default.
	// * stands for any text, and upper and lower case are the same.
	//schema:json {"pattern": "\\S", "default": ["risk", "blocked"]}
	SignalLabels []string `yaml:"signal_labels"`
	// Labels that say that a ticket came as a surprise: surprise by default.
	//schema:json {"pattern": "\\S", "default": ["surprise"]}
	SurpriseLabels []string `yaml:"surprise_labels"`
}

// labelSet are labels with a meaning of their own.
type labelSet struct {
	patterns []pattern
	declared bool // in the file, not by default
}

func (l *labelSet) has(label string) bool {
	folded := fold(label)
	return some(l.patterns, func(p *pattern) bool { return p.matches(folded) })
}

// indexSettings reads what the alignment index is made of.
func (c *compiler) indexSettings() {
	c.rs.signals = c.labels("index.signal_labels", c.cfg.Index.SignalLabels, "risk", "blocked")
	c.rs.surprises = c.labels("index.surprise_labels", c.cfg.Index.SurpriseLabels, "surprise")
	c.surveys()
}

func (c *compiler) labels(path string, declared []string, usual ...string) labelSet {
	set := labelSet{declared: declared != nil}
	texts := usual
	if set.declared {
		texts = c.texts(path, declared)
	}
	for i, text := range texts {
		if text == "" {
			c.doc.Problemf(at(path, i), "is empty; no ticket has an empty label")
		}
		set.patterns = append(set.patterns, newPattern(text, true, false))
	}
	return set
}

// Signal says that a label on a ticket is a sign of danger, to which people
// should respond.
func (rs *RuleSet) Signal(label string) bool { return rs.signals.has(label) }

// Surprise says that a label calls a ticket a surprise.
func (rs *RuleSet) Surprise(label string) bool { return rs.surprises.has(label) }

// SignalsDeclared says that the file names the labels of Signal; else they are
// the usual ones, which a company may not use.
func (rs *RuleSet) SignalsDeclared() bool { return rs.signals.declared }

// SurprisesDeclared says that the file names the labels of Surprise.
func (rs *RuleSet) SurprisesDeclared() bool { return rs.surprises.declared }

// Pauses says that a goal was ever declared paused.
func (rs *RuleSet) Pauses() bool {
	paused := func(s DatedStatus) bool { return s.Is == GoalPaused }
	return slices.ContainsFunc(rs.goals, func(g Goal) bool { return slices.ContainsFunc(g.Statuses, paused) })
}

// TellsOffPlan says that a rule leads off the plan.
func (rs *RuleSet) TellsOffPlan() bool {
	return slices.ContainsFunc(rs.rules, func(r rule) bool { return r.leads == OffPlan })
}
