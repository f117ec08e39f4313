package yamlfile

import (
	"bytes"
	"regexp"
	"sort"
	"strings"

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
	if d.tabs(lines) {
		return
	}
	message := parserLine.ReplaceAllString(err.Error(), "")
	for _, h := range hints {
		if strings.Contains(message, h.parser) {
			message = h.plain
			break
		}
	}
	line := culprit(lines, err.Error())
	d.fail(line, columnOf(lines[line-1]), "%s", message)
}

// culprit returns the number of the line that brings the error about. The
// parser's own number is often that of the block around it, so the file is
// read up to different lines instead.
func culprit(lines [][]byte, message string) int {
	i := sort.Search(len(lines)-1, func(i int) bool {
		var n yaml.Node
		dec := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:i+1], nil)))
		for {
			if err := dec.Decode(&n); err != nil {
				return err.Error() == message
			}
		}
	})
	return i + 1
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
