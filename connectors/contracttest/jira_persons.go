package contracttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
)

var (
	jiraPersons = regexp.MustCompile(`(?i)assignee|reporter|creator|author|email|displayName|accountId|\*all|\*navigable`)

	// allByDefault are the endpoints that give all fields if none is named:
	// the old search, and the reads of one ticket and of many.
	allByDefault = regexp.MustCompile(`/rest/api/\w+/(search|issue/[^/]+)$`)
)

// checkPersons reports a field that holds a person in a request, whether it is
// in a contract or not.
func checkPersons(r *http.Request, body []byte) error {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("decode query: %w", err)
	}
	for _, text := range []string{query, string(body)} {
		if person := jiraPersons.FindString(text); person != "" {
			return fmt.Errorf("request asks for a person: %s", person)
		}
	}
	if allByDefault.MatchString(r.URL.Path) && !namesFields(r.URL.Query(), body) {
		return errors.New("request asks for persons: it names no fields, which means all")
	}
	return nil
}

func namesFields(query url.Values, body []byte) bool {
	var sent struct{ Fields []string }
	if len(body) > 0 && json.Unmarshal(body, &sent) != nil {
		return false
	}
	return len(sent.Fields) > 0 || query.Get("fields") != ""
}
