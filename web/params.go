package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"alignd/mapping"
)

// params reads a query and keeps the first thing that is wrong with it.
type params struct {
	values url.Values
	known  []string
	err    error
}

// value returns the only value of a parameter, empty if there is none.
func (p *params) value(name string) string {
	p.known = append(p.known, name)
	if all := p.values[name]; len(all) > 1 {
		p.refuse(name, strings.Join(all, " "), "it is given more than once", "one value")
	}
	return p.values.Get(name)
}

// choice returns one of the values allowed, the first where none is given.
func (p *params) choice(name string, allowed ...string) string {
	value := p.value(name)
	switch {
	case value == "":
		return allowed[0]
	case !slices.Contains(allowed, value):
		p.refuse(name, value, "there is no such value", allowed...)
	}
	return value
}

// optional returns one of the values allowed, empty where none is given.
func (p *params) optional(name string, allowed ...string) string {
	if p.values.Get(name) == "" {
		return p.value(name)
	}
	return p.choice(name, allowed...)
}

// date returns a day, and other where none is given. Of an instant, as Grafana
// knows them, it returns the day in UTC.
func (p *params) date(name string, other mapping.Date) mapping.Date {
	value := p.value(name)
	if value == "" {
		return other
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return mapping.DateOf(at.UTC())
	}
	day, err := mapping.ParseDate(value)
	if err != nil {
		p.refuse(name, value, "it is not a day", "a date like 2026-03-01", "an instant like 2026-03-01T00:00:00Z")
	}
	return day
}

// refuse notes what is wrong with a parameter, unless something was before.
func (p *params) refuse(name, value, why string, allowed ...string) {
	if p.err != nil {
		return
	}
	p.err = &apiError{http.StatusBadRequest, ErrorDetail{
		Code:      "bad_parameter",
		Message:   fmt.Sprintf("%s=%q: %s; allowed: %s", name, value, why, strings.Join(allowed, ", ")),
		Parameter: name, Value: value, Allowed: allowed,
	}}
}

// finish returns what is wrong with the query, be it a parameter that nobody
// asked for.
func (p *params) finish() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !slices.Contains(p.known, name) {
			p.refuse(name, p.values.Get(name), "there is no such parameter", p.known...)
		}
	}
	return p.err
}
