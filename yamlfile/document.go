package yamlfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxProblems bounds the problems of one file; a file with more is not a
// mapping with mistakes but another kind of file.
const maxProblems = 200

// Report notes a mistake at a path such as "connectors.jira[0].url".
type Report = func(path, format string, args ...any)

// Document is a file that has been read, with its mistakes. It is not safe for
// concurrent use.
type Document struct {
	file     string
	root     *yaml.Node // without aliases; nil if the file could not be read as YAML
	problems Problems
	left     int // problems beyond maxProblems

	// tainted holds the paths with mistakes of form, and all paths above.
	tainted map[string]bool
	decoded bool
}

// Problemf notes a mistake of meaning at path. Line and column are those of
// the nearest part of the path that the file has. It does nothing if the file
// could not be read at all, or if the value at path already has a mistake of
// form such as a misspelt key, because then it is not known what was meant.
func (d *Document) Problemf(path, format string, args ...any) {
	if d.root == nil || d.decoded && d.tainted[path] {
		return
	}
	if len(d.problems) >= maxProblems {
		d.left++
		return
	}
	if !d.decoded {
		d.taint(path)
	}
	d.problems = append(d.problems, d.At(path, format, args...))
}

// At returns a Problem at path without noting it as a mistake, for remarks
// such as warnings.
func (d *Document) At(path, format string, args ...any) Problem {
	line, column := d.find(path)
	return Problem{File: d.file, Line: line, Column: column, Path: path, Message: fmt.Sprintf(format, args...)}
}

// Wrong reports whether a mistake was noted at path or below it.
func (d *Document) Wrong(path string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		rest, below := strings.CutPrefix(p.Path, path)
		return below && (path == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Err returns nil if the file has no mistake, else Problems, sorted by line.
func (d *Document) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	ps := d.problems.sorted()
	if d.left > 0 {
		ps = append(ps, Problem{File: d.file, Message: fmt.Sprintf("%d more mistakes are not shown", d.left)})
	}
	return ps
}

func (d *Document) taint(path string) {
	for {
		d.tainted[path] = true
		if path == "" {
			return
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// fail notes a mistake that makes the file unreadable.
func (d *Document) fail(line, column int, format string, args ...any) {
	d.root = nil
	d.problems = append(d.problems, Problem{
		File: d.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...),
	})
}

// find returns the place of the nearest existing part of path: the key of a
// value, or an element of a list.
func (d *Document) find(path string) (line, column int) {
	if d.root == nil {
		return 0, 0
	}
	node, at, rest := d.root, d.root, path
	for node != nil {
		line, column = at.Line, at.Column
		if node.Kind == yaml.SequenceNode {
			node, rest = element(node, rest)
			at = node
		} else {
			at, node, rest = member(node, rest)
		}
	}
	return line, column
}

// Has reports whether the file says something at path, be it nothing or wrong.
func (d *Document) Has(path string) bool {
	node := d.root
	for node != nil && path != "" {
		if node.Kind == yaml.SequenceNode {
			node, path = element(node, path)
		} else {
			_, node, path = member(node, path)
		}
	}
	return node != nil
}

// element follows a path that begins with "[2]".
func element(list *yaml.Node, path string) (*yaml.Node, string) {
	number, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
	i, err := strconv.Atoi(number)
	if !ok || err != nil || i < 0 || i >= len(list.Content) {
		return nil, ""
	}
	return list.Content[i], rest
}

// member follows a path that begins with a key of a mapping.
func member(mapping *yaml.Node, path string) (key, value *yaml.Node, rest string) {
	if mapping.Kind != yaml.MappingNode || path == "" {
		return nil, nil, ""
	}
	path = strings.TrimPrefix(path, ".")
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		rest, ok := strings.CutPrefix(path, step(mapping.Content[i].Value))
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return mapping.Content[i], mapping.Content[i+1], rest
		}
	}
	return nil, nil, ""
}

// Join returns the path of a key below path. Keys that are not plain words are
// written in brackets: `teams[0].owns["my.jira"]`.
func Join(path, key string) string {
	s := step(key)
	if path == "" || s[0] == '[' {
		return path + s
	}
	return path + "." + s
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func step(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return "[" + strconv.Quote(shorten(key)) + "]"
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
