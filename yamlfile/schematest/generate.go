package schematest

import (
	"encoding"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// schema is one JSON Schema. Keys come out sorted, so it is always the same.
type schema = map[string]any

func generate(t *testing.T, title string, v any) []byte {
	t.Helper()
	g := &generator{t: t, source: newSource(t)}
	s := g.object(reflect.TypeOf(v))
	delete(s, "description")
	s["$schema"], s["title"] = draft, title
	s["type"] = "object"
	return encode(t, s)
}

// generator follows the decoder of yamlfile: what it accepts for a type, the
// schema of the type accepts.
type generator struct {
	t       *testing.T
	source  *source
	element bool // what belongs to an element of a list
}

// value returns the schema for a type. required tells that the key may not be
// left without a value.
func (g *generator) value(t reflect.Type, extra schema, required bool) schema {
	if t.Kind() == reflect.Pointer {
		return g.value(t.Elem(), extra, true)
	}
	p := reflect.PointerTo(t)
	if _, shapes := p.MethodByName("UnmarshalYAMLNode"); shapes {
		return merge(g.shapes(t), extra)
	}
	own := g.source.of(t, "").extra
	switch {
	case p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return merge(texts(), own, extra)
	case t.Kind() == reflect.Struct:
		return orNothing(merge(g.object(t), extra), required || g.element)
	case t.Kind() == reflect.Map:
		s := schema{"type": "object", "additionalProperties": g.value(t.Elem(), nil, true)}
		return merge(s, extra)
	case t.Kind() == reflect.Slice:
		return orNothing(g.list(t.Elem(), extra), required || g.element || !isSection(t))
	}
	return merge(g.plain(t), own, extra)
}

// shapes returns the schema of a type that one key allows several shapes for:
// one for each of its fields.
func (g *generator) shapes(t reflect.Type) schema {
	var any []schema
	for f := range t.Fields() {
		any = append(any, g.value(bare(f.Type), g.source.of(t, f.Name).extra, true))
	}
	return schema{"anyOf": any}
}

func bare(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// list allows one value in place of a list of one.
func (g *generator) list(element reflect.Type, extra schema) schema {
	many, each := schema{"type": "array"}, maps.Clone(extra)
	if least, ok := each["minItems"]; ok {
		many["minItems"] = least
		delete(each, "minItems")
	}
	within := &generator{g.t, g.source, true}
	one := within.value(element, each, true)
	many["items"] = one
	if g.isValue(element) {
		return schema{"anyOf": []schema{many, one}}
	}
	return many
}

// isSection says whether t holds other keys, as the decoder sees it.
func isSection(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	p := reflect.PointerTo(t)
	_, shapes := p.MethodByName("UnmarshalYAMLNode")
	return t.Kind() == reflect.Struct && !shapes && !p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func (g *generator) isValue(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	return !slices.Contains([]reflect.Kind{reflect.Struct, reflect.Map, reflect.Slice, reflect.Pointer}, t.Kind())
}

func (g *generator) object(t reflect.Type) schema {
	own := g.source.of(t, "")
	properties := schema{}
	var required []any
	if list, ok := own.extra["required"].([]any); ok {
		required = list
	}
	g.fields(t, required, properties)
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if own.text != "" {
		s["description"] = sentence(own.text, t.Name())
	}
	return merge(s, own.extra)
}

func (g *generator) fields(t reflect.Type, required []any, properties schema) {
	for f := range t.Fields() {
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			g.fields(f.Type, required, properties)
			continue
		case key == "" || key == "-":
			continue
		}
		says := g.source.of(t, f.Name)
		if says.text == "" {
			g.t.Errorf("%s.%s has no comment, so editors have nothing to say about %s", t, f.Name, key)
		}
		s := g.value(f.Type, says.extra, slices.Contains(required, any(key)))
		s["description"] = sentence(says.text, f.Name)
		properties[key] = s
	}
}

// sentence drops the name a Go comment begins with.
func sentence(text, name string) string {
	rest, ok := strings.CutPrefix(text, name+" is ")
	if !ok {
		return text
	}
	return strings.ToUpper(rest[:1]) + rest[1:]
}

// texts is what the decoder takes for a text: everything that is one value.
func texts() schema { return schema{"type": []any{"string", "number", "boolean"}} }

func (g *generator) plain(t reflect.Type) schema {
	switch k := t.Kind(); {
	case k == reflect.String:
		return texts()
	case k == reflect.Bool:
		return schema{"type": "boolean"}
	case k >= reflect.Int && k <= reflect.Uint64:
		return schema{"type": "integer"}
	case k == reflect.Float64:
		return schema{"type": "number"}
	}
	g.t.Fatalf("there is no schema for %s", t)
	return nil
}

// orNothing allows a section without a value where the decoder does.
func orNothing(s schema, required bool) schema {
	if required {
		return s
	}
	s["type"] = []any{s["type"], "null"}
	return s
}

func merge(parts ...schema) schema {
	out := schema{}
	for _, p := range parts {
		maps.Copy(out, p)
	}
	if _, words := out["enum"]; words {
		out["type"] = "string"
	}
	return out
}
