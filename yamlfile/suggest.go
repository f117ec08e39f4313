package yamlfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// unknownKey is the message about a key that does not exist. It is put into
// words only when it is shown.
type unknownKey struct {
	key     string
	allowed []string
}

func (u unknownKey) String() string {
	return fmt.Sprintf("unknown key %s; %sallowed: %s", shorten(u.key), DidYouMean(u.key, u.allowed), strings.Join(u.allowed, ", "))
}

// DidYouMean returns "did you mean labels? " if one of the known words is a
// near miss of word, else nothing.
func DidYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "did you mean " + near + "? "
	}
	return ""
}

func nearest(word string, known []string) string {
	a := normal(word)
	best, at := "", 0
	for _, k := range known {
		b := normal(k)
		limit := tolerance(len(b))
		if len(a) > len(b)+limit || len(b) > len(a)+limit {
			continue
		}
		if dist := distance(a, b); dist <= limit && (best == "" || dist < at) {
			best, at = k, dist
		}
	}
	return best
}

// tolerance is the number of slips that still count as the same word.
func tolerance(length int) int {
	switch {
	case length <= 1:
		return 0
	case length <= 4:
		return 1
	case length <= 8:
		return 2
	default:
		return 3
	}
}

func normal(s string) []rune {
	if utf8.RuneCountInString(s) > 100 {
		return nil
	}
	return []rune(strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(s)))
}

// distance counts the letters to add, drop, replace or swap to get from a to
// b.
func distance(a, b []rune) int {
	previous, row, next := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], previous[j-2]+1)
			}
		}
		previous, row, next = row, next, make([]int, len(b)+1)
	}
	return row[len(b)]
}
