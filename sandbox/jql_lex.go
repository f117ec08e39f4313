package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

func isWord(s string) bool { return s != "" && !strings.ContainsAny(s, "()=!<>,&|") }

// lexJQL splits a query into words, quoted texts and operators.
func lexJQL(query string) ([]jqlToken, error) {
	var tokens []jqlToken
	rs := []rune(query)
	for i := 0; i < len(rs); {
		switch r := rs[i]; {
		case unicode.IsSpace(r):
			i++
		case r == '"' || r == '\'':
			text, next, ok := quotedJQL(rs, i)
			if !ok {
				return nil, fmt.Errorf("Error in the JQL Query: The quoted string '%s' has not been completed.", string(rs[i+1:]))
			}
			tokens = append(tokens, jqlToken{text, true})
			i = next
		case strings.ContainsRune("()=!<>,&|", r):
			n := 1
			if i+1 < len(rs) && slices.Contains([]string{"!=", "<=", ">=", "&&", "||"}, string(rs[i:i+2])) {
				n = 2
			}
			tokens = append(tokens, jqlToken{text: string(rs[i : i+n])})
			i += n
		case strings.ContainsRune(";{}[]^%$#@~`?", r):
			return nil, fmt.Errorf("Error in the JQL Query: The character '%c' is a reserved JQL character. You must enclose it in a string.", r)
		default:
			start := i
			for i < len(rs) && !unicode.IsSpace(rs[i]) && !strings.ContainsRune("()=!<>,&|\"';{}[]^%$#@~`?", rs[i]) {
				i++
			}
			if strings.EqualFold(string(rs[start:i]), "cf") {
				i = customJQL(rs, i)
			}
			tokens = append(tokens, jqlToken{text: string(rs[start:i])})
		}
	}
	return tokens, nil
}

// customJQL returns the end of the [10014] that may follow a cf.
func customJQL(rs []rune, i int) int {
	j := i
	for j < len(rs) && strings.ContainsRune("[0123456789", rs[j]) {
		j++
	}
	if j > i && j < len(rs) && rs[i] == '[' && rs[j] == ']' {
		return j + 1
	}
	return i
}

// quotedJQL reads the quoted text that starts at i and returns where it ends.
func quotedJQL(rs []rune, i int) (text string, next int, ok bool) {
	var out []rune
	for j := i + 1; j < len(rs); j++ {
		switch rs[j] {
		case rs[i]:
			return string(out), j + 1, true
		case '\\':
			if j++; j == len(rs) {
				return "", 0, false
			}
		}
		out = append(out, rs[j])
	}
	return "", 0, false
}
