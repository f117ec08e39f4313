package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"alignd/web"
)

func printExplanation(out io.Writer, e web.Explanation) {
	printLine(out, "%s  %s", e.Key, oneLine(e.Title))
	printLine(out, "  %s, %s (%s)", e.Type, e.State, e.Status)
	if e.Container {
		fmt.Fprintln(out, "  hands its labels down and carries no work itself")
	}
	if e.Outside {
		fmt.Fprintln(out, "  is out of scope, and known only because tickets in scope inherit from it")
	}
	line := func(name, value string) { printLine(out, "  %-11s%s", name, value) }
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
		printLine(out, "  from %s", when(v.From))
		printLine(out, "    %s", v.Text(nil))
		printLine(out, "    %s", v.Because())
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
	fmt.Fprintln(out, "\nnow")
	printLine(out, "  %s", e.Now.Text(nil))
	printLine(out, "  %s", e.Now.Because())
	if len(e.Trials) > 0 {
		fmt.Fprintln(out, "\nthe rules, in the order of the file")
	}
	for i := range e.Trials {
		printLine(out, "  %s", e.Trials[i].Summary(i > 0))
		for _, r := range e.Trials[i].Rules {
			mark := " "
			if r.Matched {
				mark = "+"
			}
			printLine(out, "  %s “%s” (%s): %s", mark, r.Name, r.LeadsTo, r.Outcome())
		}
	}
}

// printLine prints one line of text, which no word of a tracker can break or
// make a command to the terminal.
func printLine(out io.Writer, format string, args ...any) {
	fmt.Fprintln(out, printable(fmt.Sprintf(format, args...)))
}

// printable puts a space in place of what is not to be seen: control
// characters, escape sequences, marks that turn the direction of text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// oneLine makes a title fit for a line with other things.
func oneLine(title string) string {
	const most = 90
	clean := printable(title)
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most]) + "…"
	}
	return clean
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
