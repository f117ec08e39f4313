package jira

import (
	"strings"
	"time"

	"alignd/connectors"
	"alignd/secret"
)

var _ connectors.Verify = VerifyWebhook

// VerifyWebhook is a connectors.Verify for the webhooks that an administrator
// sets up with a secret. Jira signs no time, so a delivery that somebody
// caught and sends again is taken for a new one: it makes us poll, no more.
func VerifyWebhook(key secret.Value, d connectors.Delivery, _ time.Time) error {
	signature, ok := strings.CutPrefix(d.Header.Get("X-Hub-Signature"), "sha256=")
	if !ok {
		return connectors.ErrSignature
	}
	return d.Signed(key, signature)
}
