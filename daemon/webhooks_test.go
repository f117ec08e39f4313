package daemon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/metrics"
	"alignd/secret"
)

var hookKey = secret.New("a long and random secret")

func signed(body string) string {
	mac := hmac.New(sha256.New, []byte(hookKey.Reveal()))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func bell(path string, verify connectors.Verify) doorbell {
	return doorbell{path, verify, hookKey, make(chan struct{}, 1)}
}

// hints runs the poller and rings it at the given times. It returns when it
// asked the tracker.
func (r *rig) hints(t *testing.T, d time.Duration, at ...time.Duration) []time.Duration {
	t.Helper()
	r.bell = bell("/acme", jira.VerifyWebhook)
	start := time.Now()
	for _, a := range at {
		time.AfterFunc(a, r.bell.ring)
	}
	r.runFor(t, d)
	var asked []time.Duration
	for _, x := range r.connector.times {
		asked = append(asked, x.Sub(start))
	}
	return asked
}

func TestHintMakesPollSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(connectors.Query) (connectors.Page, error) { return connectors.Page{Clock: time.Now()}, nil })
		second := time.Second
		// A burst of hints makes one walk, and one shortly before the next walk
		// does not put it off.
		got := r.hints(t, 105*second, 20*second, 21*second, 22*second, 29*second, 60*second)
		if diff := cmp.Diff([]time.Duration{0, 30 * second, 70 * second}, got); diff != "" {
			t.Errorf("walks (-want +got):\n%s", diff)
		}
	})
}

func TestFloodOfHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(connectors.Query) (connectors.Page, error) { return connectors.Page{Clock: time.Now()}, nil })
		var flood []time.Duration
		for i := range 36_000 {
			flood = append(flood, time.Duration(i)*100*time.Millisecond)
		}
		got := r.hints(t, time.Hour, flood...)
		if n := len(got); n < 300 || n > 361 {
			t.Errorf("%d walks in an hour, want about one in 10 s", n)
		}
	})
}

// While a tracker is in trouble it is left alone, whatever it asks for.
func TestHintsDoNotShortenBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(connectors.Query) (connectors.Page, error) {
			return connectors.Page{}, &connectors.StatusError{Status: 429, RetryAfter: time.Hour}
		})
		if got := r.hints(t, 50*time.Minute, time.Minute, 2*time.Minute); len(got) != 1 {
			t.Errorf("walks at %v, want one", got)
		}
	})
}

func TestPauseByKindOfFailure(t *testing.T) {
	r := newRig(t, nil)
	for name, tc := range map[string]struct {
		err      error
		failures int
		low, top time.Duration
	}{
		"refused credential":        {fmt.Errorf("read page 1: %w", &connectors.StatusError{Status: 401}), 1, 7 * time.Minute, 13 * time.Minute},
		"refused credential, later": {&connectors.StatusError{Status: 401}, 9, 10 * time.Minute, 20 * time.Minute},
		"revoked scope":             {&connectors.StatusError{Status: 403}, 1, 3 * time.Second, 7 * time.Second},
		"full disk":                 {&storeError{errors.New("no space")}, 1, 3 * time.Second, 7 * time.Second},
		"full disk, later":          {&storeError{errors.New("no space")}, 100, 84 * time.Second, 156 * time.Second},
	} {
		if got := r.pause(tc.err, tc.failures); got < tc.low || got > tc.top {
			t.Errorf("%s: %s, want %s to %s", name, got, tc.low, tc.top)
		}
	}
}

// receiver is a daemon with one connector of each kind, of which only what
// takes webhooks exists.
func receiver(t testing.TB) (*Daemon, *prometheus.Registry, http.Handler) {
	t.Helper()
	reg := prometheus.NewRegistry()
	counts := metrics.NewProcess(reg)
	d := &Daemon{}
	for _, b := range []doorbell{bell("/hooks/jira", jira.VerifyWebhook), bell("/hooks/linear", linear.VerifyWebhook), {}} {
		p := &poller{bell: b, counts: counts, logger: slog.New(slog.DiscardHandler)}
		p.account.Name = strings.TrimPrefix(b.path, "/hooks/")
		d.pollers = append(d.pollers, p)
	}
	return d, reg, d.webhookHandler()
}

func (p *poller) rung() bool { return len(p.bell.hint) > 0 }

func TestDeliveries(t *testing.T) {
	now := fmt.Sprintf(`{"type":"Issue","webhookTimestamp":%d}`, time.Now().UnixMilli())
	const old = `{"type":"Issue","webhookTimestamp":1}`
	large := strings.Repeat("x", maxDelivery+1)
	for name, tc := range map[string]struct {
		method, path, body string
		header             [2]string
		status             int
		result             string
		rings              bool
	}{
		"jira":                 {"POST", "/hooks/jira", "{}", [2]string{"X-Hub-Signature", "sha256=" + signed("{}")}, 200, "accepted", true},
		"linear":               {"POST", "/hooks/linear", now, [2]string{"Linear-Signature", signed(now)}, 200, "accepted", true},
		"linear, too late":     {"POST", "/hooks/linear", old, [2]string{"Linear-Signature", signed(old)}, 200, "stale", false},
		"linear, not a hook":   {"POST", "/hooks/linear", "{}", [2]string{"Linear-Signature", signed("{}")}, 400, "bad_request", false},
		"linear, unsigned":     {"POST", "/hooks/linear", now, [2]string{"X", "Y"}, 401, "bad_signature", false},
		"jira, wrong":          {"POST", "/hooks/jira", "{}", [2]string{"X-Hub-Signature", "sha256=" + signed("[]")}, 401, "bad_signature", false},
		"jira, unsigned":       {"POST", "/hooks/jira", "{}", [2]string{"X", "Y"}, 401, "bad_signature", false},
		"at the wrong door":    {"POST", "/hooks/jira", now, [2]string{"Linear-Signature", signed(now)}, 401, "bad_signature", false},
		"GET":                  {"GET", "/hooks/jira", "", [2]string{"X-Hub-Signature", "sha256=" + signed("")}, 405, "bad_request", false},
		"too large":            {"POST", "/hooks/jira", large, [2]string{"X-Hub-Signature", "sha256=" + signed(large)}, 413, "too_large", false},
		"no such door":         {"POST", "/hooks", "{}", [2]string{"X-Hub-Signature", "sha256=" + signed("{}")}, 404, "", false},
		"where nobody opens":   {"POST", "/", "{}", [2]string{"X-Hub-Signature", "sha256=" + signed("{}")}, 404, "", false},
		"metrics are not here": {"GET", "/metrics", "", [2]string{"X", "Y"}, 404, "", false},
	} {
		d, reg, handler := receiver(t)
		r := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
		r.Header.Set(tc.header[0], tc.header[1])
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tc.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, tc.status)
		}
		if got := d.pollers[0].rung() || d.pollers[1].rung(); got != tc.rings {
			t.Errorf("%s: rings = %t", name, got)
		}
		want := ""
		if tc.result != "" {
			want = fmt.Sprintf(`
# HELP alignd_webhook_deliveries_total Webhook deliveries from the tracker, by what came of them.
# TYPE alignd_webhook_deliveries_total counter
alignd_webhook_deliveries_total{connector=%q,result=%q} 1
`, strings.TrimPrefix(tc.path, "/hooks/"), tc.result)
		}
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "alignd_webhook_deliveries_total"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever does not know the secret makes nobody poll, and whatever comes is
// answered with one of a few statuses.
func FuzzDelivery(f *testing.F) {
	f.Add("POST", "/hooks/jira", "X-Hub-Signature", "sha256=00", []byte("{}"))
	f.Add("POST", "/hooks/jira", "X-Hub-Signature", "sha256="+signed("{}"), []byte("{}"))
	f.Add("POST", "/hooks/linear", "Linear-Signature", signed(`{"webhookTimestamp":1}`), []byte(`{"webhookTimestamp":1}`))
	f.Add("PUT", "/hooks//jira", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, method, path, header, value string, body []byte) {
		d, _, handler := receiver(t)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.Method, r.URL.Path = method, path
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		knows := strings.EqualFold(strings.TrimPrefix(value, "sha256="), signed(string(body)))
		if rung := d.pollers[0].rung() || d.pollers[1].rung(); rung && (!knows || w.Code != 200) {
			t.Errorf("%s %s rang: status %d", method, path, w.Code)
		}
		switch w.Code {
		case 200, 400, 401, 404, 405, 413:
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}
