package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"alignd/yamlfile"
)

var goalStatuses = map[string]GoalStatus{
	"planned": GoalPlanned, "active": GoalActive, "paused": GoalPaused, "done": GoalRetired, "retired": GoalRetired,
}

var goalStatusWords = []string{"planned", "active", "paused", "done", "retired"}

func (c *compiler) goals() {
	for i := range c.cfg.Goals {
		gc, path := &c.cfg.Goals[i], at("goals", i)
		c.declare(&c.goalIDs, path, gc.ID)
		goal := Goal{ID: gc.ID, Name: orID(gc.Name, gc.ID), Why: gc.Why, DoneWhen: gc.DoneWhen, Review: gc.Review}
		goal.Statuses = c.statuses(path+".status", gc.Status)
		goal.Targets = c.datedTargets(path+".target", gc.Target)
		c.rs.goals = append(c.rs.goals, goal)
	}
}

func (c *compiler) statuses(path string, list []StatusConfig) []DatedStatus {
	if list != nil && len(list) == 0 {
		c.doc.Problemf(path, "lists nothing; write a status such as {from: 2026-10-01, is: active} or remove the key")
	}
	var out []DatedStatus
	var moments []*Moment
	for i, s := range list {
		here := at(path, i)
		is, ok := goalStatuses[s.Is]
		switch {
		case s.Is == "":
			c.doc.Problemf(here+".is", "is missing; write one of %s", strings.Join(goalStatusWords, ", "))
		case !ok:
			c.doc.Problemf(here+".is", "unknown status %q; %sallowed: %s", s.Is,
				yamlfile.DidYouMean(s.Is, goalStatusWords), strings.Join(goalStatusWords, ", "))
		}
		moments = append(moments, s.From)
		if s.From != nil {
			out = append(out, DatedStatus{*s.From, is, s.Why})
		}
	}
	c.increasing(path, moments)
	return out
}

func (c *compiler) datedTargets(path string, t TargetsConfig) []DatedTarget {
	if t.Always != nil {
		return []DatedTarget{{Share: int64(*t.Always)}}
	}
	if t.Dated != nil && len(t.Dated) == 0 {
		c.doc.Problemf(path, "lists nothing; write a share such as 40%% or remove the key")
	}
	var out []DatedTarget
	var moments []*Moment
	for i, d := range t.Dated {
		if d.Share == nil {
			c.doc.Problemf(at(path, i)+".share", "is missing; write a share such as 40%%")
		}
		moments = append(moments, d.From)
		if d.From != nil && d.Share != nil {
			out = append(out, DatedTarget{*d.From, int64(*d.Share), d.Why})
		}
	}
	c.increasing(path, moments)
	return out
}

// increasing checks that dates are given and follow each other, wherever they
// are read.
func (c *compiler) increasing(path string, moments []*Moment) {
	for i, m := range moments {
		switch {
		case m == nil:
			c.doc.Problemf(at(path, i)+".from", "is missing; write the first day it holds, such as 2026-10-01")
		case i > 0 && moments[i-1] != nil && !c.before(*moments[i-1], *m):
			c.doc.Problemf(at(path, i)+".from", "%s must be later than %s above; list the oldest first", m, moments[i-1])
		}
	}
}

func (c *compiler) before(a, b Moment) bool {
	return !slices.ContainsFunc(c.zones(), func(loc *time.Location) bool { return !a.In(loc).Before(b.In(loc)) })
}

// targets checks that the targets of active goals never add up to more than
// the whole.
func (c *compiler) targets() {
	last := ""
	for _, m := range c.moments() {
		for _, loc := range c.zones() {
			sum, parts := c.sumAt(m.In(loc), loc)
			if sum > whole && parts != last {
				c.doc.Problemf("goals", "the targets of active goals add up to %s%s (%s); they share 100%% of the work", percent(sum), since(m), parts)
				last = parts
			}
		}
	}
}

// moments returns when a goal changes its status or its target, oldest first.
// The zero Moment stands for the beginning of time.
func (c *compiler) moments() []Moment {
	moments := []Moment{{}}
	for i := range c.rs.goals {
		for _, s := range c.rs.goals[i].Statuses {
			moments = append(moments, s.From)
		}
		for _, d := range c.rs.goals[i].Targets {
			moments = append(moments, d.From)
		}
	}
	slices.SortFunc(moments, func(a, b Moment) int {
		return cmp.Or(a.In(time.UTC).Compare(b.In(time.UTC)), strings.Compare(a.String(), b.String()))
	})
	return slices.Compact(moments)
}

func (c *compiler) sumAt(t time.Time, loc *time.Location) (sum int64, parts string) {
	var words []string
	for i := range c.rs.goals {
		if share := c.rs.goals[i].TargetAt(t, loc); share > 0 {
			sum += share
			words = append(words, c.rs.goals[i].ID+" "+percent(share))
		}
	}
	return sum, strings.Join(words, ", ")
}

func since(m Moment) string {
	if m == (Moment{}) {
		return ""
	}
	return " from " + m.String() + " on"
}

// percent writes millionths as 12.5%.
func percent(share int64) string {
	s := fmt.Sprintf("%d.%04d", share/10_000, share%10_000)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".") + "%"
}
