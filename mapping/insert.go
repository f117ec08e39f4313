package mapping

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// defaultIndent stands before the elements of a list of rules that does not
// exist yet.
const defaultIndent = "  "

// RuleIndent returns what stands before each element of the list of rules in a
// mapping file.
func RuleIndent(file []byte) string {
	if _, rules, _ := findRules(file); rules != nil && rules.Kind == yaml.SequenceNode && rules.Style&yaml.FlowStyle == 0 {
		return strings.Repeat(" ", rules.Column-1)
	}
	return defaultIndent
}

// InsertRules returns the mapping file with more text at the end of its list of
// rules, which must be indented as RuleIndent says. All that was in the file
// stays as it was, comments included.
func InsertRules(file []byte, rules string) ([]byte, error) {
	key, list, next := findRules(file)
	lines := bytes.SplitAfter(file, []byte("\n"))
	ending := "\n"
	if bytes.Contains(file, []byte("\r\n")) {
		ending = "\r\n"
		rules = strings.ReplaceAll(rules, "\n", ending)
	}
	if n := len(lines); len(lines[n-1]) > 0 {
		lines[n-1] = append(slices.Clone(lines[n-1]), ending...)
	}
	switch {
	case key == nil:
		rules = ending + "rules:" + ending + rules
	case list.Kind == yaml.SequenceNode && list.Style&yaml.FlowStyle != 0 || list.Kind == yaml.AliasNode:
		return nil, errors.New("the rules stand in brackets; give each rule lines of its own first, beginning with \"- name:\"")
	case list.Value != "": // ~ or null
		return nil, errors.New("rules has a value that is no list; remove it first")
	}
	at := lastLine(lines, next)
	out := slices.Concat(lines[:at], [][]byte{[]byte(rules)}, lines[at:])
	return bytes.Join(out, nil), nil
}

// documentEnd is a line after which YAML has nothing more of the document.
var documentEnd = regexp.MustCompile(`^\.\.\.\s`)

// findRules returns the key of the rules, their list and the key that comes
// after them, nil for what is not there.
func findRules(file []byte) (key, list, next *yaml.Node) {
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil || len(doc.Content) == 0 {
		return nil, nil, nil
	}
	for i, top := 0, doc.Content[0].Content; i+1 < len(top); i += 2 {
		switch {
		case key != nil:
			return key, list, top[i]
		case top[i].Value == "rules":
			key, list = top[i], top[i+1]
		}
	}
	return key, list, nil
}

// lastLine returns the number of lines before the place where a list ends: the end
// of the document, or the next key with the comments and empty lines above it.
func lastLine(lines [][]byte, next *yaml.Node) int {
	at := len(lines)
	if next != nil {
		at = next.Line - 1
	} else if end := slices.IndexFunc(lines, documentEnd.Match); end >= 0 {
		at = end
	}
	for at > 0 {
		line := bytes.TrimRight(lines[at-1], "\r\n\t ")
		comment := next != nil && bytes.HasPrefix(line, []byte("#"))
		if len(line) > 0 && !comment {
			break
		}
		at--
	}
	return at
}
