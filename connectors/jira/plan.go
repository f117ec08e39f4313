package jira

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"alignd/ticket"
)

const sprintType = "com.pyxis.greenhopper.jira:gh-sprint"

// ofType returns the fields of a custom type.
func ofType(all []field, custom string) []field {
	var found []field
	for _, f := range all {
		if f.Schema.Custom == custom {
			found = append(found, f)
		}
	}
	return found
}

// sprint is what is read of a sprint. Its name and its goal, which are free
// text, are not.
type sprint struct {
	id   string // empty if unknown
	span ticket.Span
}

// isPlanned reports whether both ends are known and in order.
func (s sprint) isPlanned() bool { return s.span.From.Unix() > 0 && s.span.From.Before(s.span.To) }

// sprintsOf reads sprint fields: objects, or on Data Center the texts of Java
// objects. What cannot be read is not worth a ticket.
func sprintsOf(values []json.RawMessage) []sprint {
	var all []sprint
	for _, value := range values {
		list, err := elements(value)
		if err != nil {
			continue
		}
		for _, raw := range list {
			s := sprintObject(raw)
			if bytes.HasPrefix(raw, []byte{'"'}) {
				s = sprintText(text(raw))
			}
			all = append(all, s)
		}
	}
	return all
}

func sprintObject(raw json.RawMessage) sprint {
	var object struct {
		ID, StartDate, EndDate json.RawMessage
	}
	if json.Unmarshal(raw, &object) != nil {
		return sprint{}
	}
	return sprint{text(object.ID), ticket.Span{From: instant(text(object.StartDate)), To: instant(text(object.EndDate))}}
}

// A name or a goal may hold anything, such as what looks like another date.
// Then nothing is certain.
var (
	sprintID    = regexp.MustCompile(`[\[,]id=(\d+)`)
	sprintDates = regexp.MustCompile(`[\[,]startDate=([^,\]]*),endDate=([^,\]]*)`)
)

func sprintText(text string) sprint {
	var s sprint
	if m := sprintID.FindAllStringSubmatch(text, 2); len(m) == 1 {
		s.id = m[0][1]
	}
	if m := sprintDates.FindAllStringSubmatch(text, 2); len(m) == 1 {
		s.span = ticket.Span{From: instant(m[0][1]), To: instant(m[0][2])}
	}
	return s
}

// instant returns the zero time for what is none.
func instant(text string) time.Time {
	var at timestamp
	if at.UnmarshalJSON([]byte(`"`+text+`"`)) != nil {
		return time.Time{}
	}
	return at.Time
}

// spansOf returns the planned times in order, each once.
func spansOf(sprints []sprint) []ticket.Span {
	var spans []ticket.Span
	for _, s := range sprints {
		if s.isPlanned() && !slices.Contains(spans, s.span) {
			spans = append(spans, s.span)
		}
	}
	slices.SortFunc(spans, func(a, b ticket.Span) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To))
	})
	return spans
}

// dueDate returns the day of a date, or of a date with a time as histories
// have it; nothing for no date. It is false for anything else.
func dueDate(raw json.RawMessage) (string, bool) {
	day := text(raw)
	if day == "" {
		return "", true
	}
	day = day[:min(len(day), len(time.DateOnly))]
	_, err := time.Parse(time.DateOnly, day)
	return day, err == nil
}

// dueChange returns a change of the due date. One whose dates cannot be read is
// still a change of plan.
func dueChange(it item) []ticket.Change {
	from, ok1 := oneDueDate(it.From, it.FromStr)
	to, ok2 := oneDueDate(it.To, it.ToStr)
	switch {
	case !ok1 || !ok2:
		return []ticket.Change{{Field: ticket.FieldPlan}}
	case from == to:
		return nil
	}
	return []ticket.Change{{Field: ticket.FieldDue, From: from, To: to}}
}

// oneDueDate prefers the value to the text for people.
func oneDueDate(value, shown json.RawMessage) (string, bool) {
	if text(value) == "" {
		value = shown
	}
	return dueDate(value)
}
