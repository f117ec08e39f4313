package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
)

// Scope says which tickets of an account are read and how they are understood.
type Scope struct {
	Kind     string   // of the account
	Reading  string   // stands for where tickets are read and how they are understood
	Query    string   // stands for the JQL; empty if there is none
	Projects []string // or Linear teams, sorted and in upper case; empty means all
}

// Scope identifies what is read and how it is understood, in words that
// ParseScope understands. While it stays the same, reading may go on where it
// stopped; keys that are not set do not count, so that a new version with more
// of them reads on as well.
func (a Account) Scope() string {
	plain := connectors.Common{IgnoreLabels: a.IgnoreLabels}
	scope := Scope{Kind: a.Kind}
	switch s := a.Settings.(type) {
	case jira.Config:
		scope.Projects = canonical(s.Projects)
		if jql := strings.TrimSpace(s.JQL); jql != "" { // may name people
			scope.Query = shortHash(jql)
		}
		s.Common, s.Auth, s.Projects, s.JQL = plain, jira.Auth{}, nil, ""
		scope.Reading = reading(s)
	case linear.Config:
		scope.Projects = canonical(s.Teams)
		s.Common, s.Auth, s.Teams = plain, linear.Auth{}, nil
		scope.Reading = reading(s)
	}
	return scope.String()
}

// String returns the scope as one line.
func (s Scope) String() string {
	return strings.Join([]string{s.Kind, s.Reading, s.Query, strings.Join(s.Projects, ",")}, " ")
}

// ParseScope reads what String has written. It reports false for anything
// else, such as nothing at all.
func ParseScope(text string) (Scope, bool) {
	parts := strings.Split(text, " ")
	if len(parts) != 4 {
		return Scope{}, false
	}
	s := Scope{Kind: parts[0], Reading: parts[1], Query: parts[2]}
	if parts[3] != "" {
		s.Projects = strings.Split(parts[3], ",")
	}
	return s, true
}

// SameTickets reports whether both scopes ask for the same tickets, however
// they are understood.
func (s Scope) SameTickets(was Scope) bool {
	return s.Kind == was.Kind && s.Query == was.Query && slices.Equal(s.Projects, was.Projects)
}

// Keeps reports whether a ticket of this project that belonged to the scope as
// it was cannot have been left out by what is different now.
func (s Scope) Keeps(was Scope, project string) bool {
	return s.Kind == was.Kind && s.Query == was.Query &&
		(len(s.Projects) == 0 || slices.Contains(s.Projects, strings.ToUpper(project)))
}

// Drops reports whether a ticket of this project is left out now, whatever the
// tracker says: another tracker is read, or the project was listed and is no
// longer. That proves nothing where others are listed anew: one of those may be
// this one by its other name.
func (s Scope) Drops(was Scope, project string) bool {
	if s.Kind != was.Kind {
		return true
	}
	for _, p := range s.Projects {
		if !slices.Contains(was.Projects, p) {
			return false
		}
	}
	project = strings.ToUpper(project)
	return len(s.Projects) > 0 && slices.Contains(was.Projects, project) && !slices.Contains(s.Projects, project)
}

// canonical has the same list for the same projects: to a tracker neither
// their order nor letter case matters.
func canonical(keys []string) []string {
	list := make([]string, len(keys))
	for i, key := range keys {
		list[i] = strings.ToUpper(key)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// reading stands for the keys of a struct that are set.
func reading(settings any) string {
	var set []string
	v := reflect.ValueOf(settings)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			set = append(set, fmt.Sprintf("%s=%q", v.Type().Field(i).Name, fmt.Sprint(v.Field(i).Interface())))
		}
	}
	return shortHash(strings.Join(set, " "))
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
