package yamlfile

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// hints say in plain words what the parser's messages mean, most specific
// first.
var hints = []struct{ parser, plain string }{
	{"found a tab character that violates indentation", tabHint},
	{"mapping values are not allowed", "a \": \" stands where none is expected; check the spaces at the beginning of this line, or put the text in quotes"},
	{"could not find expected ':'", "a key needs \": \" and a value after it"},
	{"did not find expected key", "this line does not fit the lines above; lines of one block begin with the same number of spaces, and a \"key: \" or \"- \" may be missing"},
	{"did not find expected '-' indicator", "this line does not fit the list above; elements begin with \"- \", all with the same number of spaces before it"},
	{"block sequence entries are not allowed", "a \"- \" stands where no list element is expected; check the spaces at the beginning of this line"},
	{"did not find expected ',' or ']'", "a list that begins with [ needs \", \" between its elements and a ] at its end"},
	{"did not find expected ',' or '}'", "a group that begins with { needs \", \" between its parts and a } at its end"},
	{"found unexpected end of stream", "a quoted text has no closing quote"},
	{"found unknown escape character", "a backslash in a text with double quotes begins an escape; use single quotes instead"},
	{"did not find expected alphabetic or numeric character", starHint},
	{"unknown anchor", starHint},
	{"exceeded max depth", "lists and keys are nested too deep"},
	{"found character that cannot start any token", "a text cannot begin with this character (such as @, ` or %); put it in quotes"},
	{"did not find expected node content", "a value is missing here, or begins with a character that needs quotes"},
	{"did not find expected <document start>", "this line does not fit what stands above it; check the spaces at its beginning and quotes before it"},
	{"control characters are not allowed", "the file holds characters that are no text; save it as UTF-8"},
	{"UTF-8", "the file is not UTF-8; save it as UTF-8"},
	{"UTF-16", "the file is not UTF-8; save it as UTF-8"},
}

const (
	starHint = "a text that begins with * or & must be in quotes, such as \"*-checkout\""
	tabHint  = "this line is indented with a tab; use spaces"
)

var parserLine = regexp.MustCompile(`^yaml: (line \d+: )?`)

// syntax notes what a parser error means. Tabs at the beginning of lines are
// noted one by one instead, since they are the likely cause.
func (d *Document) syntax(data []byte, err error) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	if d.merge(lines) || d.tabs(lines) {
		return
	}
	line := culprit(lines, err)
	if open, column := openQuote(lines, line); open > 0 {
		d.fail(open, column, "the quote that opens here is not closed on this line, so what follows is taken for its text, up to line %d", line)
		return
	}
	message := parserLine.ReplaceAllString(err.Error(), "")
	for _, h := range hints {
		if strings.Contains(message, h.parser) {
			message = h.plain
			break
		}
	}
	d.fail(line, columnOf(lines[line-1]), "%s", message)
}

// culprit returns the number of the line that brings the error about. The
// parser's own number is often that of the block around it, so the file is
// read up to different lines instead.
func culprit(lines [][]byte, why error) int {
	i := sort.Search(len(lines)-1, func(i int) bool { return complaint(lines[:i+1]).Error() == why.Error() })
	return i + 1
}

// complaint is what the parser says of lines, io.EOF if they are right.
func complaint(lines [][]byte) error {
	var n yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines, nil)))
	for {
		if err := dec.Decode(&n); err != nil {
			return err
		}
	}
}

// merge notes the lines that a merge leaves where two people changed the same.
func (d *Document) merge(lines [][]byte) bool {
	if !slices.ContainsFunc(lines, conflictMark.Match) {
		return false
	}
	for i, line := range lines {
		if (conflictMark.Match(line) || conflictMiddle.Match(line)) && len(d.problems) < maxProblems {
			d.fail(i+1, 1, "a merge left this mark, as two people changed the same lines; keep one of both versions and remove the lines of <<<<<<<, ======= and >>>>>>>")
		}
	}
	return true
}

var (
	conflictMark   = regexp.MustCompile(`^(<{7}|>{7})( .*)?\r?\n?$`)
	conflictMiddle = regexp.MustCompile(`^(={7}|\|{7}( .*)?)\r?\n?$`)
)

// maxQuotes bounds how many quotes are looked at for the open one.
const maxQuotes = 4

// openQuote returns where a quote opens above line culprit and is not closed on
// its own line, if that brought the mistake about: with a closing quote, the
// file is right, or goes wrong further down only. Line is 0 if there is none.
func openQuote(lines [][]byte, culprit int) (line, column int) {
	tried := 0
	for i := culprit - 2; i >= 0 && tried < maxQuotes; i-- {
		for _, quote := range []string{`"`, "'"} {
			at := bytes.LastIndex(lines[i], []byte(quote))
			if at < 0 || !beginsText(lines[i][:at]) {
				continue
			}
			tried++
			if closes(lines, i, at, quote, culprit) {
				return i + 1, utf8.RuneCount(lines[i][:at]) + 1
			}
		}
	}
	return 0, 0
}

// beginsText says whether a quote may open after what stands before it.
func beginsText(before []byte) bool {
	bare := bytes.TrimRight(before, " ")
	return len(bare) == 0 || bytes.ContainsAny(bare[len(bare)-1:], ":-[{,")
}

// closes says whether the mistake on line reached is gone with a quote at the
// end of line i, be it within the brackets that stand there.
func closes(lines [][]byte, i, open int, quote string, reached int) bool {
	text := bytes.TrimRight(lines[i], " \r\n")
	for _, end := range []int{len(text), len(bytes.TrimRight(text, "]} "))} {
		if end <= open {
			continue
		}
		repaired := slices.Clone(lines)
		repaired[i] = slices.Concat(lines[i][:end], []byte(quote), lines[i][end:])
		if why := complaint(repaired); errors.Is(why, io.EOF) || culprit(repaired, why) > reached {
			return true
		}
	}
	return false
}

func (d *Document) tabs(lines [][]byte) bool {
	for i, line := range lines {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		tab := bytes.IndexByte(indent, '\t')
		if tab < 0 || len(indent) == len(bytes.TrimRight(line, "\r\n")) {
			continue
		}
		if len(d.problems) == maxProblems {
			d.left++
			continue
		}
		d.fail(i+1, tab+1, tabHint)
	}
	return len(d.problems) > 0
}

// columnOf returns where a line's text begins, counted from 1.
func columnOf(line []byte) int {
	return len(line) - len(bytes.TrimLeft(line, " ")) + 1
}
