package mapping

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// feature is something a rule could ask for: one value of one field, folded.
// For titles it is a word.
type feature struct {
	field field
	text  string
}

// trust says how likely it is that tickets with the same value of a field
// serve the same purpose. Somebody chose the label or the epic for a purpose;
// the type says only what kind of work it is.
var trust = [fieldCount]float64{
	fieldLabels: 1, fieldParent: 1, fieldLinearProject: 1, fieldInitiative: 1,
	fieldComponent: 0.9, fieldTitle: 0.4, fieldProject: 0.3, fieldType: 0.1,
}

// numbering gives each feature a number and remembers the features of facts,
// since many samples share what stands above them.
type numbering struct {
	numbers map[feature]int32
	list    []feature
	ofFacts map[*Facts][]int32
}

func newNumbering() *numbering {
	return &numbering{numbers: map[feature]int32{}, ofFacts: map[*Facts][]int32{}}
}

// of returns the numbers of everything rules could ask of the facts, in
// ascending order.
func (n *numbering) of(f *Facts) []int32 {
	if known, ok := n.ofFacts[f]; ok {
		return known
	}
	var out []int32
	each(f, func(field field, value string) {
		ft := feature{field, fold(value)}
		number, ok := n.numbers[ft]
		if !ok {
			number = int32(len(n.list))
			n.numbers[ft] = number
			n.list = append(n.list, ft)
		}
		out = append(out, number)
	})
	slices.Sort(out)
	out = slices.Compact(out)
	n.ofFacts[f] = out
	return out
}

// each calls visit for every value of the facts that a proposal can ask for.
func each(f *Facts, visit func(field field, value string)) {
	for _, many := range []struct {
		field  field
		values []string
	}{
		{fieldLabels, f.Labels},
		{fieldComponent, f.Components},
		{fieldParent, f.Parents},
		{fieldLinearProject, f.LinearProjects},
		{fieldInitiative, f.Initiatives},
		{fieldProject, []string{f.Project}},
		{fieldType, []string{f.Type}},
		{fieldTitle, words(f.Title)},
	} {
		for _, v := range many.values {
			if canBeWritten(v) {
				visit(many.field, v)
			}
		}
	}
}

// canBeWritten says that a rule can ask for exactly this value.
func canBeWritten(v string) bool {
	strange := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError || r == '*' }
	return v != "" && strings.TrimSpace(v) == v && !strings.ContainsFunc(v, strange)
}

// words returns the words of a text that can tell what it is about. They are
// what \b in a regular expression takes for words.
func words(s string) []string {
	isSeparator := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}
	all := strings.FieldsFunc(s, isSeparator)
	return slices.DeleteFunc(all, func(w string) bool {
		return len(w) < 3 || strings.Trim(w, "0123456789_") == "" || idle[fold(w)]
	})
}

// idle are words that say nothing of what a text is about.
var idle = func() map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(`
		about add added after all allow also and any are bad been before being both but can cannot change changes
		clean create daily does doesn doesnt done dont each every first fix fixed fixes for from get gets goal have has
		how implement improve into isn its issue just less like make minute more most new not now off old one only
		other our out over own people remove same set should show some still support such test tests than that the
		their them then there these they this too under update use used user users uses using via was way were what
		when where which while who will with without within work working works wrong you your`) {
		set[w] = true
	}
	return set
}()

// spelling returns how a feature is written most often.
func (n *numbering) spelling(number int32, facts []*Facts) string {
	count := map[string]int{}
	ft := n.list[number]
	for _, f := range facts {
		each(f, func(field field, value string) {
			if field == ft.field && fold(value) == ft.text {
				count[value]++
			}
		})
	}
	best := ft.text
	for text, times := range count {
		if cmp.Or(cmp.Compare(times, count[best]), cmp.Compare(best, text)) > 0 {
			best = text
		}
	}
	if ft.field == fieldTitle {
		return ft.text
	}
	return best
}
