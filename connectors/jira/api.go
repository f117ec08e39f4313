package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"alignd/connectors"
)

// What Jira accepts in one request.
const (
	searchSize    = 100
	leastSearch   = 2 // tickets, where answers are too large
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

		// ReconcileIssues are seen as they are, however old the index is.
		ReconcileIssues []int64 `json:"reconcileIssues,omitempty"`
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
	changelog struct {
		IssueID   string            `json:"issueId"`
		Histories []json.RawMessage `json:"changeHistories"`
	}
)

// call makes one request and returns the body of its answer. The endpoint
// names it in metrics and errors.
func (c *Connector) call(ctx context.Context, endpoint, method, path string, body any) ([]byte, error) {
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	raw, err := c.send(ctx, endpoint, method, c.deployment.root()+path, body)
	if isStatus(err, http.StatusNotFound) && c.cfg.Deployment == Cloud && c.cfg.CloudID == "" {
		err = fmt.Errorf("%w (deployment: cloud is configured: is this Jira a Data Center?)", err)
	}
	return raw, err
}

// send is call below the address of the site.
func (c *Connector) send(ctx context.Context, endpoint, method, path string, body any) ([]byte, error) {
	ctx = connectors.WithEndpoint(ctx, endpoint)
	req, err := c.api.NewRequestWithContext(ctx, method, path, body)
	if err != nil {
		return nil, fmt.Errorf("build %s request: %w", endpoint, err)
	}
	resp, err := c.api.Do(req, nil)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", endpoint, err)
	}
	defer resp.Body.Close()
	if err := c.recognised(endpoint, resp.Header); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", endpoint, err)
	}
	return raw, nil
}

// get reads a small document, which is never null, into answer.
func (c *Connector) get(ctx context.Context, endpoint string, answer any) error {
	raw, err := c.call(ctx, endpoint, http.MethodGet, endpoint, nil)
	if err != nil {
		return err
	}
	if string(bytes.TrimSpace(raw)) == "null" {
		return fmt.Errorf("decode %s: %w", endpoint, errShape)
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("decode %s: %w", endpoint, err)
	}
	return nil
}

// list reads one page of a list, the member of that name.
func (c *Connector) list(ctx context.Context, endpoint, path, list string, body any) (envelope, error) {
	raw, err := c.call(ctx, endpoint, http.MethodPost, path, body)
	if err != nil {
		return envelope{}, err
	}
	env, err := parseEnvelope(raw, list)
	if err != nil {
		return envelope{}, fmt.Errorf("decode %s: %w", endpoint, err)
	}
	if env.more && env.token == "" {
		return envelope{}, fmt.Errorf("read %s: %w", endpoint, errNoToken)
	}
	return env, nil
}

func (c *Connector) search(ctx context.Context, jql string, at *spot) (envelope, error) {
	if c.deployment == DataCenter {
		return c.searchRows(ctx, jql, at)
	}
	return c.list(ctx, "search", "search/jql", "issues", searchRequest{
		JQL: jql, Fields: c.catalog.fields(), MaxResults: c.walk.size, NextPageToken: at.token,
	})
}

// bulkFetch reads up to bulkSize tickets. What is deleted or not visible is
// silently left out; what Jira could not deliver although it is there comes
// back as skipped.
func (c *Connector) bulkFetch(ctx context.Context, ids []string) ([]json.RawMessage, []connectors.Skipped, error) {
	var got bulkAnswer
	raw, err := c.call(ctx, "issue_bulkfetch", http.MethodPost, "issue/bulkfetch", bulkRequest{
		IDs: ids, Fields: c.catalog.fields(),
	})
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return nil, nil, fmt.Errorf("decode issue_bulkfetch: %w", err)
	}
	if got.Issues == nil {
		return nil, nil, fmt.Errorf("decode issue_bulkfetch: %w: no issues", errShape)
	}
	var skipped []connectors.Skipped
	for _, e := range got.Errors {
		skipped = append(skipped, connectors.Skipped{UID: e.ID, Err: errUndelivered})
	}
	return got.Issues, skipped, nil
}

var (
	errUndelivered   = errors.New("jira could not deliver the ticket")
	errNoToken       = errors.New("jira says there is another page but not where")
	errRepeatedToken = connectors.WalkError("the same page token came twice")
)

// changelogs returns the histories of up to changelogSize tickets by id, in
// smaller portions if an answer is too large.
func (c *Connector) changelogs(ctx context.Context, ids []string) (map[string][]json.RawMessage, error) {
	for portion := maxHistories; ; portion /= 10 {
		histories, err := c.changelogPages(ctx, ids, portion)
		if !errors.Is(err, connectors.ErrTooLarge) || portion < 10 {
			return histories, err
		}
	}
}

func (c *Connector) changelogPages(ctx context.Context, ids []string, portion int) (map[string][]json.RawMessage, error) {
	histories := make(map[string][]json.RawMessage, len(ids))
	seen := map[string]bool{}
	for token := ""; ; {
		got, err := c.list(ctx, "changelog_bulkfetch", "changelog/bulkfetch", "issueChangeLogs", changelogRequest{
			IDs: ids, MaxResults: portion, NextPageToken: token,
		})
		if err != nil {
			return nil, err
		}
		if err := collect(histories, got.items); err != nil {
			return nil, err
		}
		if token = got.token; token == "" {
			return histories, nil
		}
		if seen[token] {
			return nil, fmt.Errorf("read changelog_bulkfetch: %w", errRepeatedToken)
		}
		seen[token] = true
	}
}

func collect(histories map[string][]json.RawMessage, items []json.RawMessage) error {
	for _, raw := range items {
		var log changelog
		if err := json.Unmarshal(raw, &log); err != nil {
			return fmt.Errorf("decode changelog_bulkfetch: %w", err)
		}
		if log.IssueID == "" {
			return fmt.Errorf("decode changelog_bulkfetch: %w: no issueId", errShape)
		}
		histories[log.IssueID] = append(histories[log.IssueID], log.Histories...)
	}
	return nil
}

// inspect reads Jira's own headers about budgets.
func inspect(resp *http.Response, _ []byte) connectors.Inspection {
	h := resp.Header
	limit, err1 := strconv.ParseFloat(h.Get("X-RateLimit-Limit"), 64)
	remaining, err2 := strconv.ParseFloat(h.Get("X-RateLimit-Remaining"), 64)
	reset := parseReset(h.Get("X-RateLimit-Reset"))
	found := connectors.Inspection{Err: disowned(resp)}
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
