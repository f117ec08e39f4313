package jira_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"testing"
	"time"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/secret"
)

var hookKey = secret.New("a long and random secret")

func hookSignature(body []byte) string {
	mac := hmac.New(sha256.New, []byte(hookKey.Reveal()))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestVerifyWebhook(t *testing.T) {
	body := []byte(`{"webhookEvent":"jira:issue_updated"}`)
	for name, tc := range map[string]struct {
		signature string
		want      error
	}{
		"right":         {hookSignature(body), nil},
		"none":          {"", connectors.ErrSignature},
		"bare":          {hookSignature(body)[len("sha256="):], connectors.ErrSignature},
		"other method":  {"sha1=" + hookSignature(body)[len("sha256="):], connectors.ErrSignature},
		"of other body": {hookSignature(nil), connectors.ErrSignature},
	} {
		d := connectors.Delivery{Header: http.Header{"X-Hub-Signature": {tc.signature}}, Body: body}
		if err := jira.VerifyWebhook(hookKey, d, time.Now()); !errors.Is(err, tc.want) {
			t.Errorf("%s: error is %v, want %v", name, err, tc.want)
		}
	}
}

// Nobody without the secret makes us poll, whatever he sends.
func FuzzVerifyWebhook(f *testing.F) {
	f.Add("sha256="+hex.EncodeToString(make([]byte, sha256.Size)), []byte("{}"))
	f.Add(hookSignature([]byte("{}")), []byte("{}"))
	f.Add("sha256=", []byte(nil))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		d := connectors.Delivery{Header: http.Header{"X-Hub-Signature": {signature}}, Body: body}
		right, _ := hex.DecodeString(hookSignature(body)[len("sha256="):])
		given, err := hex.DecodeString(signature[min(len(signature), len("sha256=")):])
		same := err == nil && hmac.Equal(right, given) && signature[:len("sha256=")] == "sha256="
		if got := jira.VerifyWebhook(hookKey, d, time.Now()); (got == nil) != same {
			t.Errorf("signature %q of %q: error is %v", signature, body, got)
		}
	})
}
