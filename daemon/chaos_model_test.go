package daemon_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Here is a second implementation of what can be said simply of tickets: as
// slow and as plain as possible, from docs/measures.md and from what people
// did. Nothing in it comes from alignd. It says nothing of team time, of
// points, nor of all teams together.

// known counts the tickets in scope that carry work, as lines of /metrics.
func (c *chronicle) known() []string {
	outside := func(connector string) string { return fmt.Sprintf("alignd_tickets_outside{connector=%q}", connector) }
	counts := map[string]int{outside("acme"): 0, outside("acme-linear"): 0}
	for _, p := range c.all {
		team, read := scope[p.home]
		if !read || p.away(c) || p.typ == "Epic" {
			continue
		}
		connector := "acme-linear"
		if p.jira {
			connector = "acme"
		}
		if team == "" {
			counts[outside(connector)]++
		}
		counts[fmt.Sprintf("alignd_tickets{connector=%q,state=%q,team=%q}", connector, p.state, team)]++
	}
	var lines []string
	for series, n := range counts {
		lines = append(lines, fmt.Sprintf("%s %d", series, n))
	}
	slices.Sort(lines)
	return lines
}

// active bounds the active tickets of each team: those that have something
// active below them do not count, nor do those that a rule takes out, which in
// Linear none does.
func (c *chronicle) active(team string) (least, most float64) {
	above := map[*piece]bool{}
	for _, p := range c.all {
		above[p.parent] = true
	}
	for _, p := range c.all {
		if scope[p.home] != team || p.state != "active" || p.away(c) || p.typ == "Epic" {
			continue
		}
		most++
		if !p.jira && !above[p] {
			least++
		}
	}
	return least, most
}

// asOf is how a piece was at a time.
func (p *piece) asOf(t time.Time) moment {
	m := p.past[0]
	for _, next := range p.past {
		if !next.at.After(t) {
			m = next
		}
	}
	return m
}

// memoir answers questions about a chronicle that has come to its end: how many
// tickets were completed, and what for.
type memoir struct {
	*chronicle
	end  time.Time // the watermark
	read map[*piece]bool
}

// newMemoir finds out which pieces can be read: those in scope, and what was
// ever above one that can be read.
func newMemoir(c *chronicle, end time.Time) *memoir {
	m := &memoir{chronicle: c, end: end, read: map[*piece]bool{}}
	for _, p := range c.all {
		m.read[p] = m.inScope(p)
	}
	for range c.all {
		for _, p := range c.all {
			for _, then := range p.past {
				if q := then.parent; m.read[p] && slices.Contains(c.all, q) && !q.hidden && !q.trashed && !c.curtains[q.home] {
					m.read[q] = true
				}
			}
		}
	}
	return m
}

func (m *memoir) inScope(p *piece) bool {
	_, read := scope[p.home]
	return read && !p.away(m.chronicle)
}

func (m *memoir) parent(p *piece, t time.Time) *piece {
	if q := p.asOf(t).parent; m.read[q] {
		return q
	}
	return nil
}

// has reports whether a piece had a label that begins with one of these.
func (m *memoir) has(p *piece, t time.Time, prefixes ...string) bool {
	then := p.asOf(t)
	labels := slices.Clone(then.labels)
	for _, tag := range then.tags {
		labels = append(labels, m.names[tag])
	}
	return slices.ContainsFunc(labels, func(label string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(label, prefix) })
	})
}

// own is what chaosMapping says of a piece by itself: where it leads to.
func (m *memoir) own(p *piece, t time.Time) []string {
	if m.has(p, t, "template") {
		return []string{"nowhere"}
	}
	if m.has(p, t, "incident") {
		return []string{"incident"}
	}
	checkout, mobile := m.has(p, t, "goal-checkout", "checkout-"), m.has(p, t, "goal-mobile", "Area/Mobile")
	for q := p; q != nil; q = m.parent(q, t) {
		if plan := q.asOf(t).plan; plan >= 0 {
			checkout = checkout || m.plans[plan] == "Relaunch"
			mobile = mobile || slices.Contains(m.above[plan], "Mobile")
		}
	}
	var to []string
	if checkout {
		to = append(to, "checkout")
	}
	if mobile {
		to = append(to, "mobile")
	}
	return to
}

// leads is where a piece leads to: by itself, or else as the nearest above it.
func (m *memoir) leads(p *piece, t time.Time) []string {
	for q := p; q != nil; q = m.parent(q, t) {
		if to := m.own(q, t); len(to) > 0 {
			return to
		}
	}
	return nil
}

func (m *memoir) excluded(p *piece) bool { return slices.Equal(m.leads(p, m.end), []string{"nowhere"}) }

// knownOf is where a piece led to at a time, or, if nobody knew, when it first
// was known.
func (m *memoir) knownOf(p *piece, t time.Time) []string {
	later := []time.Time{t}
	for _, q := range m.all {
		for _, then := range q.past {
			if then.at.After(t) {
				later = append(later, then.at)
			}
		}
	}
	slices.SortFunc(later, time.Time.Compare)
	for _, at := range later {
		if to := m.leads(p, at); len(to) > 0 && to[0] != "nowhere" {
			return to
		}
	}
	return nil
}

// completed is when a piece was done, if it is.
func (p *piece) completed() (at time.Time, done bool) {
	for _, then := range p.past {
		if then.state == "done" && !done {
			at = then.at
		}
		done = then.state == "done"
	}
	return at, done
}

// isLeaf reports whether nothing was below a piece but what was canceled.
func (m *memoir) isLeaf(p *piece, t time.Time) bool {
	return !slices.ContainsFunc(m.all, func(q *piece) bool {
		return m.read[q] && !q.past[0].at.After(t) && q.asOf(t).parent == p && q.asOf(t).state != "canceled" && !m.excluded(q)
	})
}

// zones of the teams, and pause of the goal mobile, as in chaosMapping.
var zones = map[string]string{"payments": "America/New_York", "billing": "Asia/Kolkata", "platform": "Europe/Berlin"}

const mobilePause = "2026-03-20"

// cell is what work is counted under.
type cell struct{ class, goal, reason string }

func cellFor(to, day string) cell {
	switch {
	case to == "incident":
		return cell{"off_plan", "", "incident"}
	case to == "mobile" && day >= mobilePause:
		return cell{"not_now", "mobile", ""}
	}
	return cell{"aligned", to, ""}
}

// windows are the first and the last day of each, by name, as of a day.
func windows(today time.Time) map[string][2]string {
	back := func(days int) [2]string {
		return [2]string{today.AddDate(0, 0, 1-days).Format(time.DateOnly), today.Format(time.DateOnly)}
	}
	return map[string][2]string{"7d": back(7), "28d": back(28), "91d": back(91), "period": {"2026-01-01", "2026-06-30"}}
}

// completions returns the series that count completed tickets, but those that
// are 0, as lines of /metrics.
func (m *memoir) completions() []string {
	var lines []string
	for team, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		today := m.end.In(zone).Format(time.DateOnly)
		for window, span := range windows(m.end.In(zone)) {
			total, then, now := 0.0, map[cell]float64{}, map[cell]float64{}
			for _, p := range m.all {
				at, done := p.completed()
				day := at.In(zone).Format(time.DateOnly)
				if !done || day < span[0] || day > span[1] || scope[p.asOf(at).home] != team ||
					!m.inScope(p) || p.typ == "Epic" || m.excluded(p) || !m.isLeaf(p, at) {
					continue
				}
				total++
				share(then, m.knownOf(p, at), day)
				share(now, m.leads(p, m.end), today)
			}
			for c, n := range then {
				lines = append(lines, fmt.Sprintf("alignd_work_tickets{class=%q,goal=%q,reason=%q,team=%q,window=%q} %s",
					c.class, c.goal, c.reason, team, window, number(n)))
			}
			lines = append(lines, classRatios("then", then, total, team, window)...)
			lines = append(lines, classRatios("now", now, total, team, window)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// share gives one ticket to where it leads.
func share(amounts map[cell]float64, to []string, day string) {
	if len(to) == 0 {
		amounts[cell{class: "unmapped"}]++
	}
	for _, one := range to {
		amounts[cellFor(one, day)] += 1 / float64(len(to))
	}
}

// classRatios returns the shares of classes, but those that are 0.
func classRatios(basis string, amounts map[cell]float64, total float64, team, window string) []string {
	sums := map[string]float64{}
	for c, n := range amounts {
		sums[c.class] += n
	}
	var lines []string
	for class, n := range sums {
		lines = append(lines, fmt.Sprintf(`alignd_share_ratio{basis=%q,class=%q,team=%q,unit="tickets",window=%q} %s`, basis, class, team, window, number(n/total)))
	}
	return lines
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
