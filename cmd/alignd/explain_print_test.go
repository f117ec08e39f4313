package main

import (
	"strings"
	"testing"
	"unicode"

	"alignd/web"
)

// TestExplanationIsOnlyText prints what somebody wrote into a tracker to get at
// whoever looks.
func TestExplanationIsOnlyText(t *testing.T) {
	const evil = "\x1b]0;owned\x07\u009b2J\u202e\r\nnow"
	var out strings.Builder
	printExplanation(&out, web.Explanation{
		Key: "PAY-1" + evil, Title: evil, Type: evil, Status: evil, Former: []string{evil}, Labels: []string{evil},
		Then: []web.Verdict{{}},
	})
	for line := range strings.Lines(out.String()) {
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("there is more than text in %q", line)
		}
	}
	if n := strings.Count(out.String(), "\nnow\n"); n != 1 {
		t.Errorf("a title made a line of its own:\n%s", out.String())
	}
}
