package yamlfile

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// NodeUnmarshaler is implemented by types for which one key allows several
// shapes. The node and all below it are free of aliases, duplicate keys and
// tags. Mistakes go to report, with path or a path below it.
type NodeUnmarshaler interface {
	UnmarshalYAMLNode(node *yaml.Node, report func(path, format string, args ...any), path string)
}

// KeyExplainer is implemented by structs that know why some keys are refused.
type KeyExplainer interface {
	// ExplainKey returns what to tell a user who wrote the unknown key, and
	// false if there is nothing special about it.
	ExplainKey(key string) (message string, ok bool)
}

// Exampler is implemented by maps that can show what they look like.
type Exampler interface {
	// Example returns a map in one line, such as "{checkout: 2, mobile: 1}".
	Example() string
}

var durationType = reflect.TypeFor[time.Duration]()

// DecodeNode decodes node, found at path, into the value v points to; it is
// Decode for implementers of NodeUnmarshaler.
func DecodeNode(node *yaml.Node, report func(path, format string, args ...any), path string, v any) {
	decoder{report: report}.value(node, path, reflect.ValueOf(v).Elem())
}

type decoder struct {
	report  Report
	element bool // decodes what belongs to an element of a list
}

func (d decoder) value(n *yaml.Node, path string, v reflect.Value) {
	if isNothing(n) {
		d.nothing(n, path, v.Type())
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, path, v.Elem())
		return
	}
	switch u := v.Addr().Interface().(type) {
	case NodeUnmarshaler:
		u.UnmarshalYAMLNode(n, d.report, path)
		return
	case encoding.TextUnmarshaler:
		d.text(n, path, u)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	case reflect.Slice:
		d.list(n, path, v)
	default:
		d.scalar(n, path, v)
	}
}

// nothing refuses a key that was left without a value: taken for one that is
// not there, a condition would vanish and a rule match more. Only a section
// may be empty, since all that it holds may be commented out.
func (d decoder) nothing(n *yaml.Node, path string, t reflect.Type) {
	switch {
	case isSection(t) && !d.element:
	case n.Value == "":
		d.report(path, "has no value; write %s or remove the key", wanted(t))
	case holdsTexts(t):
		d.report(path, "has no value, which is what %s stands for; write %s or remove the key (if the word is meant, put it in quotes)", n.Value, wanted(t))
	default:
		d.report(path, "has no value, which is what %s stands for; write %s or remove the key", n.Value, wanted(t))
	}
}

func (d decoder) text(n *yaml.Node, path string, u encoding.TextUnmarshaler) {
	if !d.isScalar(n, path, oneValue) {
		return
	}
	if err := u.UnmarshalText([]byte(n.Value)); err != nil {
		d.report(path, "%s", err.Error())
	}
}

func (d decoder) list(n *yaml.Node, path string, v reflect.Value) {
	elements, within := n.Content, decoder{d.report, true}
	switch {
	case n.Kind == yaml.ScalarNode && isScalarType(v.Type().Elem()):
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.value(n, path, v.Index(0))
		return
	case n.Kind != yaml.SequenceNode:
		d.report(path, "must be a list, one element per line beginning with \"- \"; found %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
	for i, e := range elements {
		if isNothing(e) && isSection(v.Type().Elem()) {
			continue // the keys that it needs are missed one by one
		}
		within.value(e, index(path, i), v.Index(i))
	}
}

func (d decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	such := ""
	if e, ok := reflect.TypeAssert[Exampler](v); ok {
		such = ", such as " + e.Example()
	}
	if !d.isMapping(n, path, such) {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], Join(path, key), element)
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), element)
	}
}

func (d decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	names, fields := fieldsOf(v.Type())
	if !d.isMapping(n, path, " ("+strings.Join(names, ", ")+")") {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if at, ok := fields[key]; ok {
			d.value(n.Content[i+1], Join(path, key), v.FieldByIndex(at))
			continue
		}
		d.unknown(path, key, names, v)
	}
}

func (d decoder) unknown(path, key string, names []string, v reflect.Value) {
	if e, ok := reflect.TypeAssert[KeyExplainer](v.Addr()); ok {
		if message, ok := e.ExplainKey(key); ok {
			d.report(Join(path, key), "%s", message)
			return
		}
	}
	d.report(Join(path, key), "%s", unknownKey{key, names})
}

func (d decoder) isMapping(n *yaml.Node, path, keys string) bool {
	if n.Kind != yaml.MappingNode {
		d.report(path, "must be lines of \"key: value\"%s; found %s", keys, describe(n))
	}
	return n.Kind == yaml.MappingNode
}

func (d decoder) isScalar(n *yaml.Node, path, want string) bool {
	if n.Kind != yaml.ScalarNode {
		d.report(path, "must be %s; found %s", want, describe(n))
	}
	return n.Kind == yaml.ScalarNode
}

func (d decoder) scalar(n *yaml.Node, path string, v reflect.Value) {
	want := wanted(v.Type())
	if !d.isScalar(n, path, want) {
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(n.Value)
		return
	}
	if n.Style != 0 || !setPlain(n.Value, v) {
		d.report(path, "must be %s; found %s", want, describe(n))
	}
}

// setPlain reads an unquoted value that is no text.
func setPlain(s string, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(s == "true")
		return s == "true" || s == "false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == durationType {
			value, err := time.ParseDuration(s)
			v.SetInt(int64(value))
			return err == nil
		}
		value, err := strconv.ParseInt(s, 10, v.Type().Bits())
		v.SetInt(value)
		return err == nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value, err := strconv.ParseUint(s, 10, v.Type().Bits())
		v.SetUint(value)
		return err == nil
	default:
		value, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) || strings.ContainsAny(s, "_xX") {
			return false
		}
		v.SetFloat(value)
		return true
	}
}
