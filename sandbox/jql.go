package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// jql is a parsed query: a condition and an order. NOT is pushed down to the
// clauses, as Jira does it: NOT labels = x means labels != x, which an issue
// without labels does not match.
type jql struct {
	where *jqlNode // never nil
	order []jqlOrder
}

// jqlNode is either a clause or a list of nodes joined by AND or OR.
type jqlNode struct {
	all, any []*jqlNode
	clause   *jqlClause
}

// jqlClause compares one field. Values holds one element unless op is "in" or
// "not in", and none for "is empty" and "is not empty".
type jqlClause struct {
	field, op string
	values    []string
}

type jqlOrder struct {
	field string
	desc  bool
}

// jqlFields maps what people write to what is meant.
var jqlFields = map[string]string{
	"project": "project", "key": "key", "id": "key", "issue": "key", "issuekey": "key",
	"labels": "labels", "updated": "updated", "updateddate": "updated", "created": "created", "createddate": "created",
	"status": "status", "statuscategory": "statuscategory", "issuetype": "issuetype", "type": "issuetype", "parent": "parent",
	"component": "component", "sprint": "sprint", "epic link": "epic link", "cf[10014]": "epic link", "parent link": "parent link", "cf[10018]": "parent link",
}

var jqlOpposites = map[string]string{
	"=": "!=", "!=": "=", "in": "not in", "not in": "in", "is empty": "is not empty", "is not empty": "is empty",
	"<": ">=", ">=": "<", ">": "<=", "<=": ">",
}

// parseJQL parses the subset of JQL the sandbox understands. Errors are worded
// for the errorMessages of a 400.
func parseJQL(query string) (*jql, error) {
	tokens, err := lexJQL(query)
	if err != nil {
		return nil, err
	}
	p := &jqlParser{tokens: tokens}
	if p.done() || p.peekWord("order") {
		return nil, fmt.Errorf("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	}
	q := &jql{}
	if q.where, err = p.or(); err != nil {
		return nil, err
	}
	if q.order, err = p.orderBy(); err != nil {
		return nil, err
	}
	if !p.done() {
		return nil, p.unexpected()
	}
	return q, nil
}

type jqlToken struct {
	text   string
	quoted bool
}

type jqlParser struct {
	tokens []jqlToken
	at     int
	depth  int
}

func (p *jqlParser) done() bool { return p.at >= len(p.tokens) }

func (p *jqlParser) peek() jqlToken {
	if p.done() {
		return jqlToken{}
	}
	return p.tokens[p.at]
}

func (p *jqlParser) peekWord(word string) bool {
	t := p.peek()
	return !t.quoted && strings.EqualFold(t.text, word)
}

func (p *jqlParser) take(word string) bool {
	if p.done() || !p.peekWord(word) {
		return false
	}
	p.at++
	return true
}

func (p *jqlParser) unexpected() error {
	if p.done() {
		return fmt.Errorf("Error in the JQL Query: The query ends too early.")
	}
	return fmt.Errorf("Error in the JQL Query: Expecting something else than '%s'.", p.peek().text)
}

func (p *jqlParser) or() (*jqlNode, error) {
	return p.list([]string{"or", "|", "||"}, p.and, func(n []*jqlNode) *jqlNode { return &jqlNode{any: n} })
}

func (p *jqlParser) and() (*jqlNode, error) {
	return p.list([]string{"and", "&", "&&"}, p.not, func(n []*jqlNode) *jqlNode { return &jqlNode{all: n} })
}

func (p *jqlParser) list(words []string, next func() (*jqlNode, error), join func([]*jqlNode) *jqlNode) (*jqlNode, error) {
	var nodes []*jqlNode
	for {
		n, err := next()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if !slices.ContainsFunc(words, p.take) {
			break
		}
	}
	if len(nodes) == 1 {
		return nodes[0], nil
	}
	return join(nodes), nil
}

// jqlDepth bounds the nesting, since queries come from outside.
const jqlDepth = 100

func (p *jqlParser) not() (*jqlNode, error) {
	if p.depth++; p.depth > jqlDepth {
		return nil, fmt.Errorf("Error in the JQL Query: The query is nested too deeply.")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("not") || p.take("!"):
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		return n.negate(), nil
	case p.take("("):
		n, err := p.or()
		if err == nil && !p.take(")") {
			err = p.unexpected()
		}
		return n, err
	}
	return p.clause()
}

// negate returns the opposite, with every NOT inside the clauses.
func (n *jqlNode) negate() *jqlNode {
	flip := func(list []*jqlNode) (out []*jqlNode) {
		for _, m := range list {
			out = append(out, m.negate())
		}
		return out
	}
	if n.clause != nil {
		c := *n.clause
		c.op = jqlOpposites[c.op]
		return &jqlNode{clause: &c}
	}
	return &jqlNode{all: flip(n.any), any: flip(n.all)}
}

func (p *jqlParser) clause() (*jqlNode, error) {
	name := p.peek()
	if p.done() || !name.quoted && !isWord(name.text) {
		return nil, p.unexpected()
	}
	field, ok := jqlFields[strings.ToLower(name.text)]
	if !ok {
		return nil, fmt.Errorf("Field '%s' does not exist or you do not have permission to view it.", name.text)
	}
	p.at++
	c := &jqlClause{field: field}
	var err error
	if c.op, err = p.operator(); err != nil {
		return nil, err
	}
	switch c.op {
	case "in", "not in":
		c.values, err = p.values()
	case "is empty", "is not empty":
	default:
		var v string
		v, err = p.value()
		c.values = []string{v}
	}
	if err == nil {
		err = c.check()
	}
	return &jqlNode{clause: c}, err
}

func (p *jqlParser) operator() (string, error) {
	for _, op := range []string{"=", "!=", "<=", ">=", "<", ">", "in"} {
		if p.take(op) {
			return op, nil
		}
	}
	switch {
	case p.take("not"):
		if p.take("in") {
			return "not in", nil
		}
	case p.take("is"):
		op := "is empty"
		if p.take("not") {
			op = "is not empty"
		}
		if p.take("empty") || p.take("null") {
			return op, nil
		}
	}
	return "", p.unexpected()
}

func (p *jqlParser) values() ([]string, error) {
	if !p.take("(") {
		return nil, p.unexpected()
	}
	var values []string
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		if p.take(")") {
			return values, nil
		}
		if !p.take(",") {
			return nil, p.unexpected()
		}
	}
}

func (p *jqlParser) value() (string, error) {
	t := p.peek()
	if p.done() || !t.quoted && !isWord(t.text) {
		return "", p.unexpected()
	}
	p.at++
	if !t.quoted && strings.EqualFold(t.text, "now") && p.take("(") {
		if !p.take(")") {
			return "", p.unexpected()
		}
		return "now()", nil
	}
	return t.text, nil
}

func (p *jqlParser) orderBy() ([]jqlOrder, error) {
	if !p.take("order") {
		return nil, nil
	}
	if !p.take("by") {
		return nil, p.unexpected()
	}
	var order []jqlOrder
	for {
		field := jqlFields[strings.ToLower(p.peek().text)]
		if field != "key" && field != "updated" && field != "created" {
			return nil, fmt.Errorf("Not able to sort using field '%s'.", p.peek().text)
		}
		p.at++
		o := jqlOrder{field: field, desc: field != "key"}
		if p.take("asc") {
			o.desc = false
		} else if p.take("desc") {
			o.desc = true
		}
		order = append(order, o)
		if !p.take(",") {
			break
		}
	}
	if len(order) > 7 {
		return nil, fmt.Errorf("The maximum number of fields in ORDER BY is 7.")
	}
	return order, nil
}
