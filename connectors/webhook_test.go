package connectors_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/secret"
)

func signature(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func TestSigned(t *testing.T) {
	key := secret.New("It's a Secret to Everybody")
	d := connectors.Delivery{Body: []byte("Hello World!")}
	// The example of Atlassian's documentation.
	const good = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
	if err := d.Signed(key, good); err != nil {
		t.Errorf("the documented example: %v", err)
	}
	for name, bad := range map[string]string{
		"none": "", "odd": good[1:], "cut off": good[2:], "longer": good + "00", "not hex": "zz" + good[2:],
		"other body": signature(key.Reveal(), []byte("Hello World?")), "other key": signature("another", d.Body),
	} {
		if err := d.Signed(key, bad); !errors.Is(err, connectors.ErrSignature) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if err := d.Signed(secret.Value{}, signature("", d.Body)); err == nil {
		t.Error("an empty secret signs nothing")
	}
}

func TestWebhookConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		hook connectors.Webhook
		want []string
	}{
		"none":         {},
		"file":         {hook: connectors.Webhook{Path: "/webhooks/acme", SecretFile: "secrets/hook"}},
		"env":          {hook: connectors.Webhook{Path: "/acme", SecretEnv: "HOOK"}},
		"no path":      {connectors.Webhook{SecretEnv: "HOOK"}, []string{`c.webhook.path is "", but must be a path such as /webhooks/acme`}},
		"pattern":      {connectors.Webhook{Path: "/{x}", SecretEnv: "HOOK"}, []string{`c.webhook.path is "/{x}", but must be a path such as /webhooks/acme`}},
		"no secret":    {connectors.Webhook{Path: "/acme"}, []string{"c.webhook needs secret_file or secret_env: a delivery without a signature could come from anybody"}},
		"both secrets": {connectors.Webhook{Path: "/acme", SecretEnv: "HOOK", SecretFile: "hook"}, []string{"c.webhook.secret_env must not stand beside secret_file"}},
	} {
		var got []string
		connectors.Common{Name: "acme", Webhook: tc.hook}.Validate("c", func(path, format string, args ...any) {
			got = append(got, path+" "+fmt.Sprintf(format, args...))
		})
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
