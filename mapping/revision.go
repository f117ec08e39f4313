package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"
)

// Revision is a mapping that was accepted, as it is kept for ever.
type Revision struct {
	// ID is unlike that of any other revision, also where a mapping comes back
	// that was in force before. It follows from all texts up to this one, so
	// replicas that accept the same mapping give it the same ID.
	ID      string    `json:"id"`
	At      time.Time `json:"at"`    // when it was accepted, UTC, to the microsecond
	Hash    string    `json:"hash"`  // SHA-256 of the text
	Rules   string    `json:"rules"` // see RuleSet.Fingerprint
	Summary []string  `json:"summary"`
	Text    string    `json:"mapping,omitempty"` // as it was written
}

// NextRevision returns the revision that follows the last one, nil for none,
// when rules are accepted at an instant. It reports false, and returns the
// last one, if that has the same text.
func NextRevision(last *Revision, rules *RuleSet, at time.Time) (Revision, bool) {
	r := Revision{
		At: at.UTC().Truncate(time.Microsecond), Hash: digest(rules.Text()), Rules: rules.Fingerprint(), Text: rules.Text(),
	}
	if last == nil {
		r.ID, r.Summary = digest(r.Hash)[:idLength], []string{firstWords(rules)}
		return r, true
	}
	if last.Hash == r.Hash {
		return *last, false
	}
	r.ID, r.Summary = digest(last.ID, r.Hash)[:idLength], changesSince(last, rules)
	return r, true
}

const (
	idLength    = 16
	shortLength = 8
)

// Short returns the beginning of the ID, which people use.
func (r *Revision) Short() string { return r.ID[:min(shortLength, len(r.ID))] }

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}

func firstWords(rs *RuleSet) string {
	return fmt.Sprintf("The first mapping on record: %s, %s, %s.", several(len(rs.teams), "team"), several(len(rs.goals), "goal"), several(len(rs.rules), "rule"))
}

func several(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func changesSince(last *Revision, rules *RuleSet) []string {
	before, err := Parse("mapping", []byte(last.Text))
	if err != nil {
		return []string{"The mapping before is not right for this version of alignd, so it is not compared."}
	}
	if said := rules.Changes(before); said != nil {
		return said
	}
	return []string{"Only comments or layout changed."}
}

// Diff returns what differs between the texts of two revisions as a unified
// diff, empty if nothing does.
func Diff(from, to *Revision) string {
	name := func(r *Revision) string { return r.Short() + " of " + r.At.Format(time.RFC3339) }
	return string(diff.Diff(name(from), []byte(from.Text), name(to), []byte(to.Text)))
}

// FindRevision returns the index of the revision whose ID begins with id.
func FindRevision(all []Revision, id string) (int, error) {
	found := -1
	for i := range all {
		switch {
		case id == "" || !strings.HasPrefix(all[i].ID, strings.ToLower(id)):
		case found >= 0:
			return -1, fmt.Errorf("%q is the beginning of several revisions, such as %s and %s", id, all[found].ID, all[i].ID)
		default:
			found = i
		}
	}
	if found < 0 {
		return -1, fmt.Errorf("there is no revision %q; alignd revisions lists them", id)
	}
	return found, nil
}
