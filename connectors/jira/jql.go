package jira

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The order never changes for a ticket while it is read, so an update in the
// middle of a walk moves nothing from an unread page to a read one.
const order = " ORDER BY created ASC, key ASC"

// buildJQL returns the query of a walk. The lower bound is relative, so it
// needs neither the account's time zone nor absolute dates, which Jira reads
// in that zone; there is no upper bound.
func buildJQL(projects []string, extra string, minutes int64) string {
	var clauses []string
	if len(projects) > 0 {
		clauses = append(clauses, "project in ("+strings.Join(quoteProjects(projects), ", ")+")")
	}
	if extra = strings.TrimSpace(extra); extra != "" {
		clauses = append(clauses, "("+extra+")")
	}
	if minutes > 0 {
		clauses = append(clauses, fmt.Sprintf("updated >= -%dm", minutes))
	}
	return strings.Join(clauses, " AND ") + order
}

// quoteProjects quotes keys, since some are reserved words; ids stay bare.
func quoteProjects(projects []string) []string {
	quoted := make([]string, len(projects))
	for i, p := range projects {
		quoted[i] = p
		if p[0] < '0' || p[0] > '9' {
			quoted[i] = `"` + p + `"`
		}
	}
	return quoted
}

// minutesBack returns how many minutes the query must reach back from now to
// include since: rounded up, with a little to spare because Jira's clock goes
// on between its answers, and more for long spans, which take long to read. It
// returns 0 for everything.
func minutesBack(since, now time.Time) int64 {
	if since.IsZero() {
		return 0
	}
	span := int64(max(0, now.Sub(since)) / time.Minute)
	return span + span/20 + 2
}

var orderBy = regexp.MustCompile(`(?i)\border\s+by\b`)

// checkJQL says what keeps a query from being one condition among others, or
// nothing. Jira itself checks the rest.
func checkJQL(jql string) string {
	bare, depth, quote := strings.Builder{}, 0, rune(0)
	escaped := false
	for _, r := range jql {
		switch {
		case escaped:
			escaped = false
		case quote != 0 && r == '\\':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
			bare.WriteByte(' ')
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth < 0 {
				return "has a ) without its ("
			}
		}
		if quote == 0 {
			bare.WriteRune(r)
		}
	}
	switch {
	case quote != 0:
		return "has a quote that is not closed"
	case depth != 0:
		return "has a ( without its )"
	case orderBy.MatchString(bare.String()):
		return "must not hold ORDER BY: the order is chosen so that paging misses nothing"
	}
	return ""
}
