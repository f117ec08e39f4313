package docs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// between returns the part of privacy.md from one text to another.
func between(t *testing.T, from, to string) string {
	t.Helper()
	_, part, found := strings.Cut(read(t, "privacy.md"), from)
	part, _, ended := strings.Cut(part, to)
	if !found || !ended {
		t.Fatalf("privacy.md has nothing from %q to %q", from, to)
	}
	return part
}

// What privacy.md lists is all that is asked for, and nothing it lists is
// made up.
func TestJiraFieldsExactly(t *testing.T) {
	_, list, _ := strings.Cut(read(t, "../connectors/jira/catalog.go"), "var ticketFields = []string{")
	list, _, _ = strings.Cut(list, "}")
	got := unique("`(\\w+)`", between(t, "in every search and bulk read:", ", and the site's fields"))
	if diff := cmp.Diff(unique(`"(\w+)"`, list), got); diff != "" {
		t.Errorf("fields of the code and of privacy.md differ (-want +got):\n%s", diff)
	}
}

func TestLinearFieldsExactly(t *testing.T) {
	asked := linearFields(t)
	for _, f := range unique("`(\\w+)`", between(t, "## What is requested from Linear", "GraphQL sends")) {
		if !slices.Contains(asked, f) {
			t.Errorf("privacy.md says that %s is asked for, which it is not", f)
		}
	}
}
