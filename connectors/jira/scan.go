package jira

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Pages are cut into tickets here, without a look inside: encoding/json would
// read each byte three times over before a ticket is decoded on its own. Only
// the nesting is checked; each piece is decoded, and so checked, later.

var errShape = errors.New("answer has not the expected shape")

// envelope is a page of a list.
type envelope struct {
	items []json.RawMessage // parts of the answer, not copies
	token string
	last  bool
	more  bool // it says that it is not the last

	// Of a search on Data Center.
	start, size, total int
	counted            bool // there was a total
}

// parseEnvelope reads a page whose list is the member of that name.
func parseEnvelope(raw []byte, list string) (envelope, error) {
	var env envelope
	found := false
	err := members(raw, func(key string, value json.RawMessage) (err error) {
		switch key {
		case list:
			found = true
			env.items, err = elements(value)
		case "nextPageToken":
			err = json.Unmarshal(value, &env.token)
		case "isLast":
			env.more = string(value) == "false"
			err = json.Unmarshal(value, &env.last)
		case "startAt":
			err = json.Unmarshal(value, &env.start)
		case "maxResults":
			err = json.Unmarshal(value, &env.size)
		case "total":
			env.counted = string(value) != "null"
			err = json.Unmarshal(value, &env.total)
		}
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: no %s", errShape, list)
	}
	return env, err
}

// members calls fn for each member of an object, until it returns an error. A
// key is as it was sent: Jira's own keys hold nothing that JSON escapes.
func members(raw []byte, fn func(key string, value json.RawMessage) error) error {
	i, err := open(raw, '{')
	for err == nil && raw[i] != '}' {
		end := skip(raw, i)
		if raw[i] != '"' || end == i {
			return errShape
		}
		key := string(raw[i+1 : end-1])
		colon := space(raw, end)
		if colon >= len(raw) || raw[colon] != ':' {
			return errShape
		}
		start := space(raw, colon+1)
		end = skip(raw, start)
		if end == start {
			return errShape
		}
		if err = fn(key, json.RawMessage(raw[start:end:end])); err == nil {
			i, err = next(raw, end, '}')
		}
	}
	return err
}

// elements cuts an array.
func elements(raw []byte) ([]json.RawMessage, error) {
	var all []json.RawMessage
	i, err := open(raw, '[')
	for err == nil && raw[i] != ']' {
		end := skip(raw, i)
		if end == i {
			return nil, errShape
		}
		all = append(all, json.RawMessage(raw[i:end:end]))
		i, err = next(raw, end, ']')
	}
	return all, err
}

// open returns the index of the first thing inside a bracket.
func open(raw []byte, bracket byte) (int, error) {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != bracket {
		return 0, errShape
	}
	return within(raw, i+1)
}

// next returns the index of what follows a value inside a bracket: another
// value or the closing bracket.
func next(raw []byte, i int, closing byte) (int, error) {
	i, err := within(raw, i)
	if err != nil || raw[i] == closing {
		return i, err
	}
	if raw[i] != ',' {
		return 0, errShape
	}
	i, err = within(raw, i+1)
	if err == nil && raw[i] == closing {
		return 0, errShape
	}
	return i, err
}

func within(raw []byte, i int) (int, error) {
	if i = space(raw, i); i >= len(raw) {
		return 0, errShape
	}
	return i, nil
}

func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// skip returns the index behind the value that starts at i, or i if it does
// not end.
func skip(raw []byte, i int) int {
	depth := 0
	for at := i; at < len(raw); at++ {
		switch raw[at] {
		case '"':
			if at = closingQuote(raw, at); at < 0 {
				return i
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return at
			}
		case ',', ':', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return at + 1
		}
	}
	if depth == 0 {
		return len(raw)
	}
	return i
}

// closingQuote returns the index of the quote that ends the text starting at
// i, or -1.
func closingQuote(raw []byte, i int) int {
	for {
		n := bytes.IndexByte(raw[i+1:], '"')
		if n < 0 {
			return -1
		}
		i += 1 + n
		back := i
		for raw[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 0 {
			return i
		}
	}
}
