package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"alignd/connectors"
	"alignd/connectors/linear"
)

// refused says, in place of what a tracker answers, whose credential it does
// not accept or whose account it does not let look, and what to check. Other
// errors stay as they are.
func (f *initFlags) refused(t *tracker, err error) error {
	status, ok := errors.AsType[*connectors.StatusError](err)
	if !ok || status.Throttled {
		return err
	}
	address, credential, hint := f.account(t)
	switch status.Status {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s does not accept the credential (HTTP 401): %s. Check that it is complete and has not expired or been revoked%s", address, credential, hint)
	case http.StatusForbidden:
		return fmt.Errorf("%s does not let the account look (HTTP 403): %s. Check what the account and the credential are allowed to read%s", address, credential, hint)
	}
	return err
}

// account says where the tracker is, which flags give the credential, and what
// else is often wrong with such a one.
func (f *initFlags) account(t *tracker) (address, credential, hint string) {
	auth := authOf(f.linear.Auth)
	address, hint = cmp.Or(f.linear.URL, linear.DefaultURL), "; it needs the permission Read"
	if t.kind == "jira" {
		auth = authOf(f.jira.Auth)
		address = cmp.Or(f.jira.URL, "the site "+f.jira.CloudID)
		hint = ", and that the account may browse projects"
		switch {
		case f.jira.Auth.Email != "":
			hint = ", that it is a token of the account of --jira.email, and that this account may browse projects"
			if f.jira.CloudID == "" {
				hint += "; a scoped token needs --jira.cloud-id"
			}
		case f.jira.Auth.Username != "":
			hint = ", that it is the password of the account of --jira.username, and that this account may browse projects; after several failures Jira wants a login in a browser first"
		}
	}
	var given []string
	for _, a := range auth {
		flag := fmt.Sprintf("--%s.%s", t.kind, strings.ReplaceAll(a.key, "_", "-"))
		switch {
		case a.value == "":
		case a.key == "email" || a.key == "username": // names somebody
			given = append(given, flag)
		default:
			given = append(given, flag+"="+a.value)
		}
	}
	return address, strings.Join(given, " "), hint
}
