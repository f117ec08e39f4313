package mapping

import "slices"

// ruleIndex finds the few rules that can match a ticket. Every rule stands
// under one of its conditions only, the one that fewest other rules share.
type ruleIndex struct {
	byField [fieldCount]fieldIndex
	scan    []int32 // rules with no condition to index by
}

// fieldIndex holds rules by the folded text a value of one field must be
// equal to, begin with or end with.
type fieldIndex struct {
	exact, prefix, suffix        map[string][]int32
	prefixLengths, suffixLengths []int // of the keys, ascending
}

// anchorKind says where in a value a text must stand.
type anchorKind uint8

const (
	equal anchorKind = iota
	beginning
	end
	nowhere // there is no such text
)

// anchor is what a value must hold for a pattern to have a chance.
type anchor struct {
	field field
	kind  anchorKind
	text  string // folded
}

func anchorOf(f field, p *pattern) anchor {
	first, last := fold(p.parts[0]), fold(p.parts[len(p.parts)-1])
	switch {
	case len(p.parts) == 1:
		return anchor{f, equal, first}
	case first != "":
		return anchor{f, beginning, first}
	case last != "":
		return anchor{f, end, last}
	default:
		return anchor{f, nowhere, ""}
	}
}

func newIndex(rules []rule) ruleIndex {
	shared := map[anchor]int{}
	for i := range rules {
		for c := range rules[i].when {
			for _, a := range rules[i].when[c].anchors() {
				shared[a]++
			}
		}
	}
	var x ruleIndex
	for i := range rules {
		best := bestAnchors(&rules[i], shared)
		for _, a := range best {
			x.byField[a.field].add(a, int32(i))
		}
		if best == nil {
			x.scan = append(x.scan, int32(i))
		}
	}
	return x
}

// anchors returns anchors of which a ticket that fulfils the condition has at
// least one; none if there is no such set. Of all-conditions every single one
// would do.
func (c *condition) anchors() []anchor {
	if c.quantity == noneOf || c.field == fieldTitle {
		return nil
	}
	var out []anchor
	for p := range c.patterns {
		a := anchorOf(c.field, &c.patterns[p])
		switch {
		case a.kind != nowhere:
			out = append(out, a)
		case c.quantity == anyOf:
			return nil
		}
	}
	return out
}

// bestAnchors returns the set of anchors that fewest rules share.
func bestAnchors(r *rule, shared map[anchor]int) []anchor {
	var best []anchor
	bestCost := 0
	consider := func(set []anchor) {
		cost := 0
		for _, a := range set {
			cost += shared[a]
		}
		if len(set) > 0 && (best == nil || cost < bestCost) {
			best, bestCost = set, cost
		}
	}
	for i := range r.when {
		set := r.when[i].anchors()
		if r.when[i].quantity != allOf {
			consider(set)
			continue
		}
		for a := range set {
			consider(set[a : a+1])
		}
	}
	return best
}

func (x *fieldIndex) add(a anchor, rule int32) {
	switch a.kind {
	case equal:
		x.exact = put(x.exact, a.text, rule)
	case beginning:
		x.prefix = put(x.prefix, a.text, rule)
		x.prefixLengths = insert(x.prefixLengths, len(a.text))
	default:
		x.suffix = put(x.suffix, a.text, rule)
		x.suffixLengths = insert(x.suffixLengths, len(a.text))
	}
}

func put(m map[string][]int32, text string, rule int32) map[string][]int32 {
	if m == nil {
		m = map[string][]int32{}
	}
	m[text] = append(m[text], rule)
	return m
}

func insert(lengths []int, n int) []int {
	i, found := slices.BinarySearch(lengths, n)
	if found {
		return lengths
	}
	return slices.Insert(lengths, i, n)
}

// candidates appends the rules that can match, in file order.
func (x *ruleIndex) candidates(s *scratch, out []int32) []int32 {
	out = append(out, x.scan...)
	for f := range x.byField {
		fi := &x.byField[f]
		if fi.exact == nil && fi.prefix == nil && fi.suffix == nil {
			continue
		}
		for _, v := range s.folded[f] {
			out = fi.find(v, out)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (x *fieldIndex) find(v string, out []int32) []int32 {
	out = append(out, x.exact[v]...)
	for _, n := range x.prefixLengths {
		if n > len(v) {
			break
		}
		out = append(out, x.prefix[v[:n]]...)
	}
	for _, n := range x.suffixLengths {
		if n > len(v) {
			break
		}
		out = append(out, x.suffix[v[len(v)-n:]]...)
	}
	return out
}
