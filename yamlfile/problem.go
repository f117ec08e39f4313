// Package yamlfile reads the YAML files people write by hand. It decodes them
// strictly and finds all mistakes at once, each with its line, its path and
// what is allowed there, in words for readers who do not program.
package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file. Line and Column count from 1; Line is 0
// where the mistake has no place, such as in an empty file. Path is empty for
// the file as a whole.
type Problem struct {
	File         string
	Line, Column int
	Path         string // "rules[2].when.labels.any[0]"
	Message      string
}

// Error returns "mapping.yml:12:5: rules[2].goal: message".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems are all mistakes of a file, in the order of its lines.
type Problems []Problem

// Error returns one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single problems.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

func (ps Problems) sorted() Problems {
	ps = slices.Clone(ps)
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(ps)
}

// AsProblems returns the single mistakes in an error made of Problems, be they
// joined with others. What else it holds comes as a Problem without a place.
func AsProblems(err error) Problems {
	switch e := err.(type) { //nolint:errorlint // the parts are looked at one by one
	case nil:
		return nil
	case Problem:
		return Problems{e}
	case interface{ Unwrap() []error }:
		var all Problems
		for _, part := range e.Unwrap() {
			all = append(all, AsProblems(part)...)
		}
		return all
	}
	return Problems{{Message: err.Error()}}
}
