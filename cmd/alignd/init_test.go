package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/mapping"
)

// TestFirstMappingLooksAhead: whatever the day, a goal made from the sample is
// to be looked at again later.
func TestFirstMappingLooksAhead(t *testing.T) {
	review := regexp.MustCompile(`review: (\S+)`)
	for day := range 366 {
		now := time.Date(2028, 1, 1+day, 23, 30, 0, 0, time.UTC)
		found := review.FindStringSubmatch(mappingText(nil, now, ""))
		if found == nil {
			t.Fatal("the sample has no review")
		}
		date, err := mapping.ParseDate(found[1])
		if err != nil {
			t.Fatal(err)
		}
		if today := mapping.DateOf(now); date < today+28 || date > today+92 {
			t.Errorf("on %s the sample says %s", today, date)
		}
	}
}

// TestRefused: what a tracker answers is not printed where the flags tell what
// to check.
func TestRefused(t *testing.T) {
	status := func(code int) error {
		return fmt.Errorf("search: %w", &connectors.StatusError{Endpoint: "search", Status: code, Message: `{"errorMessages":["raw"]}`})
	}
	busy := &connectors.StatusError{Endpoint: "search", Status: http.StatusForbidden, Throttled: true, Message: "slow down, raw"}
	email := jira.Config{URL: "https://acme.atlassian.net", Auth: jira.Auth{Email: "bot@acme.example", TokenFile: "t"}}
	scoped := email
	scoped.CloudID = "42"
	password := jira.Config{URL: "https://jira.acme.example", Auth: jira.Auth{Username: "bot", PasswordEnv: "P"}}
	bearer := jira.Config{CloudID: "42", Auth: jira.Auth{BearerFile: "b"}}
	const complete = "Check that it is complete and has not expired or been revoked"
	for name, tc := range map[string]struct {
		jira jira.Config // empty: Linear
		err  error
		want string // empty: as it is
	}{
		"token": {
			email, status(401), "https://acme.atlassian.net does not accept the credential (HTTP 401): --jira.email --jira.token-file=t. " + complete +
				", that it is a token of the account of --jira.email, and that this account may browse projects; a scoped token needs --jira.cloud-id",
		},
		"scoped token": {
			scoped, status(403), "https://acme.atlassian.net does not let the account look (HTTP 403): --jira.email --jira.token-file=t. " +
				"Check what the account and the credential are allowed to read, that it is a token of the account of --jira.email, and that this account may browse projects",
		},
		"password": {
			password, status(401), "https://jira.acme.example does not accept the credential (HTTP 401): --jira.username --jira.password-env=P. " + complete +
				", that it is the password of the account of --jira.username, and that this account may browse projects; after several failures Jira wants a login in a browser first",
		},
		"bearer": {bearer, status(401), "the site 42 does not accept the credential (HTTP 401): --jira.bearer-file=b. " + complete + ", and that the account may browse projects"},
		"linear": {err: status(401), want: "https://api.linear.app/graphql does not accept the credential (HTTP 401): --linear.api-key-file=k. " + complete + "; it needs the permission Read"},
		"gone":   {email, status(404), ""},
		"busy":   {email, busy, ""},
		"down":   {email, io.ErrUnexpectedEOF, ""},
	} {
		f := &initFlags{jira: tc.jira, linear: linear.Config{Auth: linear.Auth{APIKeyFile: "k"}}}
		kind := "jira"
		if tc.jira.Auth == (jira.Auth{}) {
			kind = "linear"
		}
		got := f.refused(&tracker{name: "acme", kind: kind}, tc.err)
		if tc.want == "" {
			if !errors.Is(got, tc.err) {
				t.Errorf("%s: %v became %v", name, tc.err, got)
			}
			continue
		}
		if got.Error() != tc.want || strings.Contains(got.Error(), "raw") {
			t.Errorf("%s:\n%v, want\n%s", name, got, tc.want)
		}
	}
}
