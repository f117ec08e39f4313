package yamlfile

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// fieldsOf returns the keys of a struct in the order of its fields, and where
// each is kept.
func fieldsOf(t reflect.Type) (names []string, fields map[string][]int) {
	fields = map[string][]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			inner, at := fieldsOf(f.Type)
			names = append(names, inner...)
			for name, path := range at {
				fields[name] = append([]int{i}, path...)
			}
		case name != "" && name != "-":
			names = append(names, name)
			fields[name] = []int{i}
		}
	}
	return names, fields
}

func unmarshalsNode(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[NodeUnmarshaler]())
}

func unmarshalsText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// holdsTexts says whether t is a text or a list of them.
func holdsTexts(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.String
}

// isSection says whether a type holds other keys: a struct, or a list of
// structs. A section that belongs to no element of a list may be left empty.
func isSection(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !unmarshalsNode(t) && !unmarshalsText(t)
}

// isScalarType says whether one plain value of t can stand for a list of one.
func isScalarType(t reflect.Type) bool {
	if unmarshalsNode(t) {
		return false
	}
	if unmarshalsText(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Pointer:
		return false
	default:
		return true
	}
}

const oneValue = "one value"

// wanted says in words what a value of t is.
func wanted(t reflect.Type) string {
	switch k := t.Kind(); {
	case k == reflect.Pointer:
		return wanted(t.Elem())
	case unmarshalsNode(t) || unmarshalsText(t) || k == reflect.Slice && isScalarType(t.Elem()):
		return oneValue
	case k == reflect.Slice:
		return "a list"
	case k == reflect.Struct || k == reflect.Map:
		return `lines of "key: value"`
	case t == durationType:
		return "a duration such as 30s, 5m or 24h"
	case k == reflect.String:
		return "a text"
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Int && k <= reflect.Int64:
		return "a whole number"
	case k >= reflect.Uint && k <= reflect.Uint64:
		return "a whole number, 0 or more"
	case k == reflect.Float32 || k == reflect.Float64:
		return "a number"
	default:
		panic("yamlfile: cannot decode into " + t.String())
	}
}

// describe says in words what a node holds.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "keys with values"
	case n.Style == 0 && n.Tag != "!!str":
		return shorten(n.Value)
	default:
		return fmt.Sprintf("the text %q", shorten(login.ReplaceAllString(n.Value, "//…@")))
	}
}

// login is the user and password of an address; no message may repeat one.
var login = regexp.MustCompile(`//[^/\s]*@`)

// isNothing says whether a key was left without a value.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style == 0
}

// shorten keeps foreign texts in messages readable.
func shorten(s string) string {
	const limit = 60
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "..."
}
