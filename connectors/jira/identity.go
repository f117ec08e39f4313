package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"alignd/connectors"
)

// identityAge is how long the answer of vouch is trusted while walks find
// tickets. One that finds none asks each time.
const identityAge = time.Hour

// vouch asks whether the account may browse any project, and for nothing about
// it. With a credential that is no longer valid Jira answers some searches as
// for a visitor: empty, without an error. So an empty answer counts only if
// this one follows it. A token that may not ask this proves nothing.
func (c *Connector) vouch(ctx context.Context) error {
	raw, err := c.call(ctx, "mypermissions", http.MethodGet, "mypermissions?permissions=BROWSE_PROJECTS", nil)
	if err != nil {
		if mayNotAsk(err) {
			c.vouched = time.Now()
			return nil
		}
		return err
	}
	var answer struct {
		Permissions map[string]struct {
			Have *bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("decode mypermissions: %w", err)
	}
	switch have := answer.Permissions["BROWSE_PROJECTS"].Have; {
	case have == nil:
		return errors.New("decode mypermissions: the permission that was asked for is missing")
	case !*have:
		return fmt.Errorf("read mypermissions: %w", &connectors.StatusError{
			Endpoint: "mypermissions", Status: http.StatusUnauthorized,
			Message: "the account may not browse any project: its credential is no longer valid, or its permissions were taken away",
		})
	}
	c.vouched = time.Now()
	return nil
}

func mayNotAsk(err error) bool {
	bad, ok := errors.AsType[*connectors.StatusError](err)
	return ok && (bad.Status == http.StatusForbidden || bad.Status == http.StatusNotFound ||
		strings.Contains(bad.Message, "scope does not match"))
}

// disowned returns an error for an answer that was given to a visitor although
// a credential came with the request. Where a project is public, visitors find
// tickets and may browse, so neither a full answer nor vouch tells.
func disowned(resp *http.Response) error {
	reason := resp.Header.Get("X-Seraph-LoginReason")
	switch {
	case resp.StatusCode/100 != 2:
		return nil
	case reason == "AUTHENTICATED_FAILED" || reason == "AUTHENTICATION_DENIED":
		return forVisitors(reason)
	case resp.Header.Get("X-AUsername") == "anonymous": // Data Center
		return forVisitors("anonymous")
	}
	return nil
}

// recognised is disowned for the Cloud where it gives no reason. Its answers
// name the account: one that does not, of an endpoint that did before, is an
// answer for visitors. Who is named is not kept.
func (c *Connector) recognised(endpoint string, h http.Header) error {
	named := h.Get("X-AAccountId") != ""
	if !named && c.naming[endpoint] {
		return fmt.Errorf("read %s: %w", endpoint, forVisitors("the account is no longer named"))
	}
	if named {
		c.naming[endpoint] = true
	}
	return nil
}

func forVisitors(reason string) error {
	return &connectors.StatusError{
		Endpoint: "jira", Status: http.StatusUnauthorized,
		Message: "the answer is one for visitors: the credential was not accepted (" + reason + ")",
	}
}
