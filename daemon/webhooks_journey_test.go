package daemon_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"alignd/sandbox"
)

// A webhook makes a ticket show up long before the next poll.
func TestWebhookIsAHint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write("hook", "a long and random secret")
	config := strings.ReplaceAll(h.config("[PAY]"), "poll_interval: 1s", "poll_interval: 24h")
	config = strings.Replace(config, "{name: acme,", "{name: acme, webhook: {path: /hooks/acme, secret_file: hook},", 1)
	h.write("alignd.yml", "webhooks: {listen_address: \"127.0.0.1:0\"}\n"+config)
	r := h.start(nil)
	r.until("/metrics", both)

	h.world.Jira.CreateIssue(time.Now(), sandbox.NewIssue{Project: "PAY", Title: "Nobody would look for a day"})
	deliver := func(key string) int {
		body := `{"webhookEvent":"jira:issue_created"}`
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(body))
		req, err := http.NewRequest(http.MethodPost, "http://"+r.WebhookAddr()+"/hooks/acme", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	if status := deliver("a guess"); status != http.StatusUnauthorized {
		t.Errorf("a forged delivery: status %d", status)
	}
	if status := deliver("a long and random secret"); status != http.StatusOK {
		t.Errorf("a delivery: status %d", status)
	}
	r.until("/metrics", `alignd_tickets\{connector="acme",state="todo",team="payments"\} 1`)
	r.until("/metrics", `alignd_webhook_deliveries_total\{connector="acme",result="too_large"\} 0`)
	r.until("/metrics", `alignd_webhook_deliveries_total\{connector="acme",result="bad_signature"\} 1`)

	h.write("alignd.yml", strings.Replace(config, "webhook: {path: /hooks/acme, secret_file: hook},", "", 1))
	if status, body := r.do(http.MethodPost, "/-/reload"); status == http.StatusOK || !strings.Contains(body, "restart alignd") {
		t.Errorf("another address: %d %s", status, body)
	}
}
