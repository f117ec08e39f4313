package contracttest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"alignd/connectors/contracttest"
)

// The contract finds the mistakes that are easily made.
func TestLinearRefuses(t *testing.T) {
	contract := contracttest.Linear(t)
	tests := []struct{ name, query, variables, want string }{
		{"unknown field", `{issues{nodes{issueType}}}`, ``, "issueType"},
		{"id for a text", `query($after:ID!){issues(after:$after){nodes{id}}}`, `{"after":"x"}`, "after"},
		{"unknown filter", `query($filter:IssueFilter!){issues(filter:$filter){nodes{id}}}`, `{"filter":{"identifier":{"eq":"PLT-1"}}}`, "identifier"},
		{"missing variable", `query($filter:IssueFilter!){issues(filter:$filter){nodes{id}}}`, `{}`, "filter"},
		{"undeclared variable", `{issues{nodes{id}}}`, `{"after":"x"}`, "not declared"},
		{"person", `{issues{nodes{assignee{id}}}}`, ``, "assignee"},
		{"id of a person", `{issues{nodes{history{nodes{actorId}}}}}`, ``, "actorId"},
		{"too complex", `{issues(first:250){nodes{history(first:50){nodes{id}}}}}`, ``, "too complex"},
		{"mutation", `mutation{logout{success}}`, ``, "reads"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := contract.Check(tt.query, json.RawMessage(tt.variables))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want it to contain %q", err, tt.want)
			}
		})
	}
	if err := contract.Check(`{issues(first:50){nodes{id}}}`, nil); err != nil {
		t.Errorf("valid query refused: %v", err)
	}
}
