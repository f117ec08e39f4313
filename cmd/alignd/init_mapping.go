package main

import (
	"fmt"
	"strings"
	"time"

	"alignd/mapping"
	"alignd/ticket"
	"alignd/yamlfile"
)

// What a first mapping shows.
const (
	labelsShown = 15
	epicsShown  = 12
	reviewDays  = 42 // from today to the date at which to look at a goal again
)

// mappingText is the mapping.yml for what was found: teams that work, and
// proposals for goals and rules as comments.
func mappingText(trackers []tracker, now time.Time, changed string) string {
	var b strings.Builder
	b.WriteString(`# yaml-language-server: $schema=./mapping.schema.json
#
# What the company works towards, and how tickets show it. Lines that begin with
# # are comments: remove the # (and one space) to make a proposal count. Check
# with "alignd check" after each change.

# The planning period. Both days are part of it.
`)
	from, to := quarter(now)
	fmt.Fprintf(&b, "period: {name: %d-Q%d, from: %s, to: %s}\n\n", from.Year(), (int(from.Month())+2)/3, from.Format(time.DateOnly), to.Format(time.DateOnly))
	fmt.Fprintf(&b, "# Who works. For a start every project and every Linear team is a team of its own;\n# join those that belong together, and say in which time zone they work. The\n# numbers are tickets%s.\nteams:\n", changed)
	ids := map[string]bool{"all": true, "none": true, "other": true, "retired": true}
	for i := range trackers {
		teams(&b, &trackers[i], ids)
	}
	b.WriteString(`
# What the work is for. Three to seven goals are enough; whatever else is done is
# shown as off-plan or unmapped, and that is no fault.
goals:
  # - id: checkout
  #   name: Checkout in under a minute
  #   why: One in three carts is abandoned at payment
  #   done_when: The median checkout takes less than 60 seconds for four weeks
  #   review: ` + now.AddDate(0, 0, reviewDays).Format(time.DateOnly) + `
  #   target: 40%

# Why work off the plan is done.
reasons:
  # - {id: incident, name: Incident}
  # - {id: escalation, name: Customer escalation}
  # - {id: debt, name: Technical debt}

# Which tickets count for what. What stands above a ticket hands its match down:
# label or name the epic, and its tickets follow. What is "?" is the id of a goal;
# in place of "goal:" a rule can have "reason:" and the id of a reason.
rules:
`)
	proposals(&b, trackers)
	return b.String()
}

// changedIn says which tickets were looked at.
func changedIn(days int) string {
	if days == 0 {
		return ""
	}
	return fmt.Sprintf(" that changed in the last %d days", days)
}

// quarter returns the first and the last day of the quarter.
func quarter(now time.Time) (from, to time.Time) {
	first := now.Month() - (now.Month()-1)%3
	from = time.Date(now.Year(), first, 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 3, -1)
}

func teams(b *strings.Builder, t *tracker, ids map[string]bool) {
	if len(t.projects) == 0 {
		fmt.Fprintf(b, "  # Nothing was found in %s. A team needs the key of a project or Linear team:\n  # - {id: payments, owns: {%s: [PAY]}, time_zone: Europe/Berlin}\n", t.name, yamlfile.Text(t.name))
	}
	for _, key := range t.projectKeys() {
		fmt.Fprintf(b, "  - {id: %s, name: %s, owns: {%s: [%s]}, time_zone: UTC} # %s\n",
			yamlfile.Text(teamID(key, ids)), yamlfile.Text(key), yamlfile.Text(t.name), yamlfile.Text(key), count(t.projects[key], "ticket"))
	}
}

// teamID makes a short name of a key that no other team has.
func teamID(key string, ids map[string]bool) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(key))
	id = id[:min(len(id), 36)]
	base := id
	for n := 2; ids[id]; n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	ids[id] = true
	return id
}

// proposals writes the rules that the most used labels and epics suggest.
func proposals(b *strings.Builder, trackers []tracker) {
	var uses []map[string]int
	var epics []*epic
	for i := range trackers {
		uses = append(uses, trackers[i].labels)
		epics = append(epics, trackers[i].epics()...)
	}
	labels := mostUsed(uses...)
	if len(labels) > 0 {
		b.WriteString("  # Labels, the most used ones first.\n")
	}
	for _, l := range labels[:min(len(labels), labelsShown)] {
		p := mapping.Proposal{Name: "label " + l.text, When: []mapping.Ask{{Key: "labels", Values: []string{l.text}}}}
		proposal(b, p, count(l.uses, "ticket"))
	}
	largestFirst(epics)
	if len(epics) > 0 {
		b.WriteString("  #\n  # What stands above tickets, the largest first.\n")
	}
	for _, e := range epics[:min(len(epics), epicsShown)] {
		proposal(b, e.proposal(), fmt.Sprintf("%s %q, %s", strings.ToLower(e.kind), oneLine(e.title), count(e.tickets, "ticket")))
	}
}

func (e *epic) proposal() mapping.Proposal {
	key, value, name := "parent", e.key, "below "+e.key
	if e.key == "" {
		key, value, name = "linear_project", e.title, "project "+e.title
		if e.kind == ticket.TypeInitiative {
			key, name = "initiative", "initiative "+e.title
		}
	}
	return mapping.Proposal{Name: name, When: []mapping.Ask{{Key: key, Values: []string{value}}}}
}

// proposal writes a rule as a comment.
func proposal(b *strings.Builder, p mapping.Proposal, about string) {
	fmt.Fprintf(b, "  #\n  # (%s)\n", about)
	for line := range strings.Lines(p.YAML("")) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), ` # the id of`)
		fmt.Fprintf(b, "  # %s\n", line)
	}
}
