package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// execution runs one query. The fields of every type stand in a table, so that
// any query over them works; a field that is not there is an error.
type execution struct {
	h         *linearHandler
	ws        *Workspace
	c         *call
	vars      map[string]any
	fragments ast.FragmentDefinitionList
	errors    []any // of a partial answer
	spoilt    bool  // the one field of PartialData has been taken out
}

// arguments are the values of a field's arguments.
type arguments map[string]any

// resolver gives the value of a field: nil, a scalar, a time, an object, a
// []any of objects, a record or a connection.
type resolver func(x *execution, self any, args arguments) (any, error)

// record is an object without a type of its own in the sandbox.
type record struct {
	name   string
	fields map[string]any
}

// members is a JSON object that keeps its order.
type members []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (m members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", e.name)
		b.Write(toJSON(e.value))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// run answers the operation.
func (x *execution) run(op *ast.OperationDefinition) answer {
	x.ws.w.mu.RLock()
	defer x.ws.w.mu.RUnlock()
	data, err := x.object("Query", nil, op.SelectionSet, nil)
	if f, ok := errors.AsType[*failure](err); ok {
		return f.answer()
	}
	out := members{{"data", data}}
	if len(x.errors) > 0 {
		out = append(members{{"errors", x.errors}}, out...)
	}
	return answer{status: http.StatusOK, body: toJSON(out)}
}

// object resolves the selected fields of one object.
func (x *execution) object(typ string, self any, set ast.SelectionSet, path []any) (members, error) {
	out := members{}
	for _, f := range x.flatten(set) {
		at := append(slices.Clip(path), any(f.Alias))
		value, err := x.resolve(typ, self, f, at)
		if err == nil {
			value, err = x.complete(value, f, at)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, member{f.Alias, value})
	}
	return out, nil
}

func (x *execution) resolve(typ string, self any, f *ast.Field, path []any) (any, error) {
	if f.Name == "__typename" {
		return typ, nil
	}
	args, err := x.arguments(f)
	if err != nil {
		return nil, err
	}
	if is, ok := self.(*linearIssue); ok {
		if x.c.faults.Linear.Poison[is.identifier] == f.Name {
			return record{"Poison", map[string]any{"poison": true}}, nil
		}
		if x.spoil(f, path) {
			return nil, nil
		}
	}
	value, err := x.field(typ, self, f.Name, args)
	if con, ok := value.(connection); ok && err == nil {
		return x.page(con, args, len(path) == 1)
	}
	return value, err
}

// spoil takes the first nullable field out of the first issue and says so.
func (x *execution) spoil(f *ast.Field, path []any) bool {
	if !x.c.faults.Linear.PartialData || x.spoilt || !slices.Contains([]string{"project", "parent", "estimate", "cycle"}, f.Name) {
		return false
	}
	x.spoilt = true
	e := &failure{status: http.StatusInternalServerError, message: "Internal server error", kind: "internal error", code: "INTERNAL_SERVER_ERROR", path: path}
	x.errors = append(x.errors, e.document())
	return true
}

// field looks a field up, without paging it.
func (x *execution) field(typ string, self any, name string, args arguments) (any, error) {
	if r, ok := self.(record); ok {
		if v, ok := r.fields[name]; ok {
			return v, nil
		}
	} else if resolve, ok := x.h.types[typ][name]; ok {
		return resolve(x, self, args)
	}
	return nil, invalid(fmt.Sprintf("Cannot query field %q on type %q.", name, typ))
}

// complete turns a resolved value into what JSON shows of it.
func (x *execution) complete(value any, f *ast.Field, path []any) (any, error) {
	switch v := value.(type) {
	case nil, string, bool, int, float64, *float64, []string:
		if value != nil && len(f.SelectionSet) > 0 {
			return nil, invalid(fmt.Sprintf("Field %q must not have a selection.", f.Name))
		}
		return v, nil
	case time.Time:
		return linearTime(v), nil
	case []any:
		list := []any{}
		for i, e := range v {
			doc, err := x.complete(e, f, append(slices.Clip(path), i))
			if err != nil {
				return nil, err
			}
			list = append(list, doc)
		}
		return list, nil
	case record:
		if v.name == "Poison" {
			return v.fields, nil
		}
	}
	if len(f.SelectionSet) == 0 {
		return nil, invalid(fmt.Sprintf("Field %q must have a selection of subfields.", f.Name))
	}
	return x.object(typeName(value), value, f.SelectionSet, path)
}

// linearTime is a timestamp as Linear writes it, or nil for none.
func linearTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// flatten lists the fields of a selection, fragments spread and directives
// applied; two selections of the same field become one.
func (x *execution) flatten(set ast.SelectionSet) []*ast.Field {
	var fields []*ast.Field
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if x.included(sel.Directives) {
				fields = mergeField(fields, sel)
			}
		case *ast.InlineFragment:
			if x.included(sel.Directives) {
				for _, f := range x.flatten(sel.SelectionSet) {
					fields = mergeField(fields, f)
				}
			}
		case *ast.FragmentSpread:
			if d := x.fragments.ForName(sel.Name); d != nil && x.included(sel.Directives) {
				for _, f := range x.flatten(d.SelectionSet) {
					fields = mergeField(fields, f)
				}
			}
		}
	}
	return fields
}

func mergeField(fields []*ast.Field, f *ast.Field) []*ast.Field {
	for i, have := range fields {
		if have.Alias == f.Alias {
			both := *have
			both.SelectionSet = slices.Concat(have.SelectionSet, f.SelectionSet)
			fields[i] = &both
			return fields
		}
	}
	return append(fields, f)
}

func (x *execution) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		arg := d.Arguments.ForName("if")
		if arg == nil {
			continue
		}
		v, _ := arg.Value.Value(x.vars)
		if on, _ := v.(bool); on == (d.Name == "skip") {
			return false
		}
	}
	return true
}

func (x *execution) arguments(f *ast.Field) (arguments, error) {
	args := arguments{}
	for _, a := range f.Arguments {
		v, err := a.Value.Value(x.vars)
		if err != nil {
			return nil, invalid(err.Error())
		}
		args[a.Name] = v
	}
	return args, nil
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	case *float64:
		if n != nil {
			return *n, true
		}
	}
	return 0, false
}
