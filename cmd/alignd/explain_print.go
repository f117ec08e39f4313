package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"alignd/web"
)

func printExplanation(out io.Writer, e web.Explanation) {
	fmt.Fprintf(out, "%s  %s\n", e.Key, e.Title)
	fmt.Fprintf(out, "  %s, %s (%s)\n", e.Type, e.State, e.Status)
	if e.Container {
		fmt.Fprintln(out, "  hands its labels down and carries no work itself")
	}
	if e.Outside {
		fmt.Fprintln(out, "  is out of scope, and known only because tickets in scope inherit from it")
	}
	line := func(name, value string) { fmt.Fprintf(out, "  %-11s%s\n", name, value) }
	if len(e.Former) > 0 {
		line("formerly", strings.Join(e.Former, ", "))
	}
	line("connector", e.Connector)
	line("team", orElse(e.Team, "none"))
	line("labels", orElse(strings.Join(e.Labels, ", "), "none"))
	if e.Watermark != nil {
		line("as of", when(*e.Watermark))
	} else {
		line("as of", "the first reading, which is not complete")
	}
	printNow(out, e)
	if len(e.Then) > 0 {
		fmt.Fprintln(out, "\nas it was known at the time")
	}
	for _, v := range e.Then {
		fmt.Fprintf(out, "  from %s\n    %s\n    %s\n", when(v.From), v.Text(nil), v.Because())
	}
	if len(e.Work) > 0 {
		fmt.Fprintln(out, "\nthe work it carries")
	}
	for _, w := range e.Work {
		fmt.Fprintf(out, "  %-8s%s\n", w.Window, w.Text())
	}
}

// printNow says where a ticket counts, and what became of each rule.
func printNow(out io.Writer, e web.Explanation) {
	fmt.Fprintf(out, "\nnow\n  %s\n  %s\n", e.Now.Text(nil), e.Now.Because())
	if len(e.Trials) > 0 {
		fmt.Fprintln(out, "\nthe rules, in the order of the file")
	}
	for i := range e.Trials {
		fmt.Fprintf(out, "  %s\n", e.Trials[i].Summary(i > 0))
		for _, r := range e.Trials[i].Rules {
			mark := " "
			if r.Matched {
				mark = "+"
			}
			fmt.Fprintf(out, "  %s “%s” (%s): %s\n", mark, r.Name, r.LeadsTo, r.Outcome())
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
