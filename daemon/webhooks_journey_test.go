package daemon_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"alignd/daemon"
	"alignd/sandbox"
)

const hookAddress = "webhooks: {listen_address: \"127.0.0.1:0\"}\n"

// hooked returns connectors of which Jira has a webhook, and which are hardly
// ever polled.
func (h *house) hooked() string {
	h.write("hook", "a long and random secret")
	config := strings.ReplaceAll(h.config("[PAY]"), "poll_interval: 1s", "poll_interval: 24h")
	return strings.Replace(config, "{name: acme,", "{name: acme, webhook: {path: /hooks/acme, secret_file: hook},", 1)
}

// deliver calls Jira's webhook with a signature.
func (r *running) deliver(key string) int {
	r.t.Helper()
	body := `{"webhookEvent":"jira:issue_created"}`
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	req, err := http.NewRequest(http.MethodPost, "http://"+r.WebhookAddr()+"/hooks/acme", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// A tracker has neither the password nor a certificate: its signature is the
// lock of the webhook's own address, where nothing else is served.
func TestWebhooksBesideALock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ours := newAuthority(t)
	server := ours.issue(t)
	h.write("web.yml", "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"+passwords)
	h.write("server.pem", encode("CERTIFICATE", server.Certificate[0]))
	h.write("server.key", privateKey(t, server))
	h.write("alignd.yml", hookAddress+h.hooked())
	r := h.start(func(o *daemon.Options) { o.WebConfigFile, o.EnablePprof = h.file("web.yml"), true })
	if status := r.deliver("a guess"); status != http.StatusUnauthorized {
		t.Errorf("a forged delivery: status %d", status)
	}
	if status := r.deliver("a long and random secret"); status != http.StatusOK {
		t.Errorf("a delivery: status %d", status)
	}
	for _, client := range []*http.Client{http.DefaultClient, withPassword(&http.Client{Transport: http.DefaultTransport}, "open sesame")} {
		for _, knocks := range []map[string]knock{technical, ofPage} {
			for pattern, k := range knocks {
				if status, body, err := k.ask(t, client, "http://"+r.WebhookAddr(), pattern); err != nil || status != http.StatusNotFound || body != notServed {
					t.Errorf("%s where webhooks arrive: %d %v %s", pattern, status, err, body)
				}
			}
		}
	}
}

// A webhook makes a ticket show up long before the next poll.
func TestWebhookIsAHint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	config := h.hooked()
	h.write("alignd.yml", hookAddress+config)
	r := h.start(nil)
	r.until("/metrics", both)

	h.world.Jira.CreateIssue(time.Now(), sandbox.NewIssue{Project: "PAY", Title: "Nobody would look for a day"})
	if status := r.deliver("a guess"); status != http.StatusUnauthorized {
		t.Errorf("a forged delivery: status %d", status)
	}
	if status := r.deliver("a long and random secret"); status != http.StatusOK {
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
