package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"alignd/connectors"
)

const root = "rest/api/3/"

// What Jira accepts in one request.
const (
	searchSize    = 100
	bulkSize      = 100
	changelogSize = 1000
	maxHistories  = 10_000
)

// Requests and answers, with the fields that are used and no others.
type (
	searchRequest struct {
		JQL           string   `json:"jql"`
		Fields        []string `json:"fields"`
		MaxResults    int      `json:"maxResults"`
		NextPageToken string   `json:"nextPageToken,omitempty"`
	}
	searchAnswer struct {
		Issues        []json.RawMessage `json:"issues"`
		NextPageToken string            `json:"nextPageToken"`
		IsLast        bool              `json:"isLast"`
	}
	bulkRequest struct {
		IDs    []string `json:"issueIdsOrKeys"`
		Fields []string `json:"fields"`
	}
	bulkAnswer struct {
		Issues []json.RawMessage `json:"issues"`
		Errors []struct {
			ID string `json:"id"`
		} `json:"issueErrors"`
	}
	changelogRequest struct {
		IDs           []string `json:"issueIdsOrKeys"`
		MaxResults    int      `json:"maxResults"`
		NextPageToken string   `json:"nextPageToken,omitempty"`
	}
	changelogAnswer struct {
		Logs []struct {
			IssueID   string            `json:"issueId"`
			Histories []json.RawMessage `json:"changeHistories"`
		} `json:"issueChangeLogs"`
		NextPageToken string `json:"nextPageToken"`
	}
)

// call makes one request and decodes its answer into answer. The endpoint
// names it in metrics and errors.
func (c *Connector) call(ctx context.Context, endpoint, method, path string, body, answer any) error {
	ctx = connectors.WithEndpoint(ctx, endpoint)
	req, err := c.api.NewRequestWithContext(ctx, method, root+path, body)
	if err != nil {
		return fmt.Errorf("build %s request: %w", endpoint, err)
	}
	if _, err := c.api.Do(req, answer); err != nil {
		return fmt.Errorf("read %s: %w", endpoint, err)
	}
	return nil
}

func (c *Connector) search(ctx context.Context, jql, token string) (searchAnswer, error) {
	var got searchAnswer
	err := c.call(ctx, "search", http.MethodPost, "search/jql", searchRequest{
		JQL: jql, Fields: c.catalog.fields(), MaxResults: searchSize, NextPageToken: token,
	}, &got)
	return got, err
}

// bulkFetch reads up to bulkSize tickets. What is deleted or not visible is
// silently left out; what Jira could not deliver although it is there comes
// back as skipped.
func (c *Connector) bulkFetch(ctx context.Context, ids []string) ([]json.RawMessage, []connectors.Skipped, error) {
	var got bulkAnswer
	err := c.call(ctx, "issue_bulkfetch", http.MethodPost, "issue/bulkfetch", bulkRequest{
		IDs: ids, Fields: c.catalog.fields(),
	}, &got)
	var skipped []connectors.Skipped
	for _, e := range got.Errors {
		skipped = append(skipped, connectors.Skipped{UID: e.ID, Err: errUndelivered})
	}
	return got.Issues, skipped, err
}

var (
	errUndelivered   = errors.New("jira could not deliver the ticket")
	errRepeatedToken = errors.New("the same page token came twice")
)

// probe asks who we are when a search found nothing: with a credential that
// is no longer valid Jira answers some searches as for a visitor, empty and
// without an error. A token that may not ask this proves nothing.
func (c *Connector) probe(ctx context.Context) error {
	err := c.call(ctx, "myself", http.MethodGet, "myself", nil, &struct{}{})
	var bad *connectors.StatusError
	switch {
	case !errors.As(err, &bad):
		return err
	case bad.Status == http.StatusForbidden, bad.Status == http.StatusNotFound,
		strings.Contains(bad.Message, "scope does not match"):
		return nil
	}
	return err
}

// changelogs returns the histories of up to changelogSize tickets by id.
func (c *Connector) changelogs(ctx context.Context, ids []string) (map[string][]json.RawMessage, error) {
	histories := make(map[string][]json.RawMessage, len(ids))
	seen := map[string]bool{}
	for token := ""; ; {
		var got changelogAnswer
		err := c.call(ctx, "changelog_bulkfetch", http.MethodPost, "changelog/bulkfetch", changelogRequest{
			IDs: ids, MaxResults: maxHistories, NextPageToken: token,
		}, &got)
		if err != nil {
			return nil, err
		}
		for _, l := range got.Logs {
			histories[l.IssueID] = append(histories[l.IssueID], l.Histories...)
		}
		if token = got.NextPageToken; token == "" {
			return histories, nil
		}
		if seen[token] {
			return nil, fmt.Errorf("read changelog_bulkfetch: %w", errRepeatedToken)
		}
		seen[token] = true
	}
}

// inspect reads Jira's own headers about budgets.
func inspect(resp *http.Response, _ []byte) connectors.Inspection {
	h := resp.Header
	limit, err1 := strconv.ParseFloat(h.Get("X-RateLimit-Limit"), 64)
	remaining, err2 := strconv.ParseFloat(h.Get("X-RateLimit-Remaining"), 64)
	reset := parseReset(h.Get("X-RateLimit-Reset"))
	found := connectors.Inspection{}
	if err1 == nil && err2 == nil {
		found.Limits = []connectors.Limit{{Resource: "requests", Limit: limit, Remaining: remaining, Reset: reset}}
	}
	now, err := connectors.ServerTime(h)
	if resp.StatusCode == http.StatusTooManyRequests && h.Get("Retry-After") == "" && err == nil && !reset.IsZero() {
		found.RetryAfter = max(0, reset.Sub(now))
	}
	return found
}

// parseReset reads an ISO 8601 time that may lack seconds; zero if it cannot.
func parseReset(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
