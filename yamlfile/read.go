package yamlfile

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

const (
	maxSize     = 1 << 20
	maxDepth    = 100
	maxExpanded = 200_000 // values after aliases are written out
)

// Decode reads data strictly into v, a pointer to a struct with `yaml:"key"`
// tags that may be seeded with defaults, and collects all mistakes. Only what
// the file says is overwritten. file is the name shown in messages.
//
// Fields may be structs (with `yaml:",inline"` for embedded ones), slices,
// maps with string keys, pointers, texts, booleans, numbers, time.Duration and
// any encoding.TextUnmarshaler, whose error becomes the message. A single
// value may stand for a list of one. A key without a value is a mistake, unless
// it is that of a struct or a list of structs that is in no list itself. Types
// with other needs implement NodeUnmarshaler. Other types panic: they are a
// mistake of the programmer.
func Decode(file string, data []byte, v any) *Document {
	d := &Document{file: file, tainted: map[string]bool{}}
	defer func() { d.decoded = true }()
	if d.root = d.parse(data); d.root == nil {
		return d
	}
	t := tidier{report: d.Problemf, sizes: map[*yaml.Node]int{}}
	root, size := t.tidy(d.root, "", 0)
	switch {
	case t.fatal != "":
		d.fail(t.at.Line, t.at.Column, "%s", t.fatal)
	case t.aliases && size > maxExpanded:
		d.fail(root.Line, root.Column, "aliases (*name) blow the file up to more than %d values; write them out", maxExpanded)
	default:
		d.root = root
		DecodeNode(root, d.Problemf, "", v)
	}
	return d
}

// parse returns the root value of the only YAML document in data, or nil after
// noting why there is none.
func (d *Document) parse(data []byte) *yaml.Node {
	if len(data) > maxSize {
		d.fail(0, 0, "the file is larger than %d MiB", maxSize>>20)
		return nil
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		d.fail(0, 0, "the file is UTF-16; save it as UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		d.syntax(data, err)
		return nil
	}
	if len(doc.Content) == 0 || isNothing(doc.Content[0]) {
		d.fail(0, 0, "the file is empty")
		return nil
	}
	switch err := dec.Decode(&more); {
	case err == nil:
		line := max(more.Line, 1)
		d.fail(line, max(more.Column, 1), "the file holds several documents; remove the line --- that begins the next one")
		return nil
	case !errors.Is(err, io.EOF):
		d.syntax(data, err)
		return nil
	}
	return doc.Content[0]
}

// tidier turns a parsed tree into one of plain lists, keys and texts: aliases
// are replaced by what they stand for, and what YAML allows but these files do
// not is reported.
type tidier struct {
	report  Report
	sizes   map[*yaml.Node]int // of tidy nodes; -1 while a node is being tidied
	aliases bool
	fatal   string // why the tree cannot be used
	at      *yaml.Node
}

// tidy returns the node to use in place of n and the number of values in it.
func (t *tidier) tidy(n *yaml.Node, path string, depth int) (*yaml.Node, int) {
	if n.Kind == yaml.AliasNode {
		t.aliases = true
		n = n.Alias
	}
	if size, ok := t.sizes[n]; ok {
		if size < 0 {
			t.stop(n, "the anchor &"+shorten(n.Anchor)+" contains itself")
		}
		return n, size
	}
	if depth > maxDepth {
		t.stop(n, "lists and keys are nested too deep")
		return n, 1
	}
	t.sizes[n] = -1
	if n.Style&yaml.TaggedStyle != 0 {
		t.report(path, "tags such as %s are not allowed; remove it", shorten(n.Tag))
		n.Style &^= yaml.TaggedStyle
		n.Tag = ""
		n.Tag = n.ShortTag()
	}
	size := 1
	switch n.Kind {
	case yaml.SequenceNode:
		for i, child := range n.Content {
			size += t.child(&n.Content[i], child, index(path, i), depth)
		}
	case yaml.MappingNode:
		size += t.tidyMapping(n, path, depth)
	}
	size = min(size, maxExpanded+1)
	t.sizes[n] = size
	return n, size
}

func (t *tidier) child(slot **yaml.Node, n *yaml.Node, path string, depth int) int {
	if t.fatal != "" {
		return 0
	}
	tidied, size := t.tidy(n, path, depth+1)
	*slot = tidied
	return min(size, maxExpanded+1)
}

// tidyMapping keeps the first of duplicate keys and drops keys that are no
// texts.
func (t *tidier) tidyMapping(n *yaml.Node, path string, depth int) int {
	size := 0
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			t.report(path, "line %d: a key must be a plain text", key.Line)
			continue
		case key.Tag == "!!merge":
			t.report(path, "line %d: merge keys (<<) are not supported; write the keys out", key.Line)
			continue
		case first[key.Value] != nil:
			t.report(Join(path, key.Value), "is given twice, here and on line %d; keep one of them", key.Line)
			continue
		}
		first[key.Value] = key
		size += t.child(&value, value, Join(path, key.Value), depth)
		kept = append(kept, key, value)
	}
	n.Content = kept
	return size
}

func (t *tidier) stop(n *yaml.Node, why string) {
	if t.fatal == "" {
		t.fatal, t.at = why, n
	}
}
