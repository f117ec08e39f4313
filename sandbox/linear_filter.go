package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// matches evaluates a filter on one object, through the same table of fields
// that queries are answered from.
func (x *execution) matches(typ string, self any, filter map[string]any) (bool, error) {
	for name, cond := range filter {
		ok, err := x.meets(typ, self, name, cond)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (x *execution) meets(typ string, self any, name string, cond any) (bool, error) {
	if name == "and" || name == "or" {
		return x.combines(name, cond, func(f map[string]any) (bool, error) { return x.matches(typ, self, f) })
	}
	want, ok := cond.(map[string]any)
	if !ok {
		return false, invalid(fmt.Sprintf("The filter on %q must be an object.", name))
	}
	value, err := x.field(typ, self, name, nil)
	if err != nil {
		return false, err
	}
	return x.compares(value, want)
}

func (x *execution) combines(op string, list any, f func(map[string]any) (bool, error)) (bool, error) {
	items, _ := list.([]any)
	for _, item := range items {
		sub, _ := item.(map[string]any)
		ok, err := f(sub)
		if err != nil {
			return false, err
		}
		if ok == (op == "or") {
			return ok, nil
		}
	}
	return op == "and", nil
}

// compares evaluates what a filter says about one value.
func (x *execution) compares(value any, want map[string]any) (bool, error) {
	if con, ok := value.(connection); ok {
		return x.comparesMany(con, want)
	}
	if null, ok := want["null"].(bool); ok && null != isNull(value) {
		return false, nil
	}
	if typ := typeName(value); typ != "" {
		rest := map[string]any{}
		for name, cond := range want {
			if name != "null" {
				rest[name] = cond
			}
		}
		return x.matches(typ, value, rest)
	}
	for op, operand := range want {
		if op == "null" {
			continue
		}
		ok, err := x.comparesOne(value, op, operand)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func isNull(value any) bool {
	if at, ok := value.(time.Time); ok {
		return at.IsZero()
	}
	if p, ok := value.(*float64); ok {
		return p == nil
	}
	return value == nil
}

func (x *execution) comparesMany(con connection, want map[string]any) (bool, error) {
	for op, cond := range want {
		sub, _ := cond.(map[string]any)
		n := 0
		for _, node := range con.nodes {
			ok, err := x.matches(con.node, node, sub)
			if err != nil && (op == "some" || op == "every") {
				return false, err
			}
			if ok && err == nil {
				n++
			}
		}
		ok := true
		var err error
		switch op {
		case "some":
			ok = n > 0
		case "every":
			ok = n == len(con.nodes)
		case "length":
			ok, err = x.compares(float64(len(con.nodes)), sub)
		case "null":
			ok = cond == (len(con.nodes) == 0)
		case "and", "or":
			ok, err = x.combines(op, cond, func(f map[string]any) (bool, error) { return x.comparesMany(con, f) })
		default:
			err = invalid(fmt.Sprintf("The sandbox does not know the collection filter %q.", op))
		}
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// comparesOne applies one comparator to a scalar.
func (x *execution) comparesOne(value any, op string, operand any) (bool, error) {
	if isNull(value) {
		return op == "neq" || op == "nin", nil
	}
	switch op {
	case "in", "nin":
		list, ok := operand.([]any)
		if !ok {
			list = []any{operand}
		}
		found := slices.ContainsFunc(list, func(o any) bool { return x.order(value, o) == 0 })
		return found == (op == "in"), nil
	case "eq":
		return x.order(value, operand) == 0, nil
	case "neq":
		return x.order(value, operand) != 0, nil
	case "gt":
		return x.order(value, operand) == 1, nil
	case "gte":
		o := x.order(value, operand)
		return o == 0 || o == 1, nil
	case "lt":
		return x.order(value, operand) == -1, nil
	case "lte":
		o := x.order(value, operand)
		return o == 0 || o == -1, nil
	}
	return comparesText(value, op, operand)
}

func comparesText(value any, op string, operand any) (bool, error) {
	have, ok := value.(string)
	want, ok2 := operand.(string)
	if !ok || !ok2 {
		return false, invalid(fmt.Sprintf("Unknown comparator %q.", op))
	}
	if fold, ok := strings.CutSuffix(op, "IgnoreCase"); ok {
		op, have, want = fold, strings.ToLower(have), strings.ToLower(want)
	}
	switch op {
	case "eq":
		return have == want, nil
	case "neq":
		return have != want, nil
	case "contains":
		return strings.Contains(have, want), nil
	case "notContains":
		return !strings.Contains(have, want), nil
	case "startsWith":
		return strings.HasPrefix(have, want), nil
	case "endsWith":
		return strings.HasSuffix(have, want), nil
	}
	return false, invalid(fmt.Sprintf("Unknown comparator %q.", op))
}

const incomparable = 2

// order compares a value with an operand: -1, 0, 1, or incomparable.
func (x *execution) order(value, operand any) int {
	switch v := value.(type) {
	case time.Time:
		text, _ := operand.(string)
		if at, ok := dateOrDuration(text, x.c.now); ok {
			return v.Compare(at)
		}
	case string:
		if o, ok := operand.(string); ok {
			return strings.Compare(v, o)
		}
	case bool:
		if v == operand {
			return 0
		}
	default:
		a, ok := number(value)
		b, ok2 := number(operand)
		if ok && ok2 {
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	return incomparable
}

var isoDuration = regexp.MustCompile(`^(-?)P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$`)

// dateOrDuration reads a DateTimeOrDuration: an ISO timestamp or date, or an
// ISO 8601 duration relative to now.
func dateOrDuration(text string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	m := isoDuration.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	var n [7]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+2])
		if m[1] == "-" {
			n[i] = -n[i]
		}
	}
	return now.AddDate(n[0], n[1], 7*n[2]+n[3]).
		Add(time.Duration(n[4])*time.Hour + time.Duration(n[5])*time.Minute + time.Duration(n[6])*time.Second), true
}
