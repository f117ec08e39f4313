package daemon_test

import (
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/daemon"
)

// knock is a request to a route, and the status of its answer if it is let in.
type knock struct {
	query, body string
	status      int
}

// technical and ofPage have a knock for each route there is. A new one has to
// be entered here, and is then known to be locked like the others.
var (
	technical = map[string]knock{
		"GET /metrics":             {status: 200},
		"GET /-/healthy":           {status: 200},
		"GET /-/ready":             {status: 200},
		"POST /-/reload":           {status: 200},
		"POST /-/accept":           {query: "connector=acme", status: 409},
		"POST /-/acknowledge":      {query: "team=payments", status: 404},
		"GET /debug/pprof/":        {status: 200},
		"GET /debug/pprof/cmdline": {status: 200},
		"GET /debug/pprof/profile": {query: "seconds=1", status: 200},
		"GET /debug/pprof/symbol":  {status: 200},
		"POST /debug/pprof/symbol": {status: 200},
		"GET /debug/pprof/trace":   {query: "seconds=0.1", status: 200},
	}
	ofPage = map[string]knock{
		"GET /{$}":                       {status: 200},
		"GET /drift":                     {status: 200},
		"GET /explain":                   {query: "key=PAY-1", status: 200},
		"GET /behind":                    {query: "team=payments", status: 200},
		"GET /revisions":                 {status: 200},
		"/api/":                          {status: 404},
		"/api/v1/snapshot":               {status: 200},
		"/api/v1/history":                {status: 200},
		"/api/v1/revisions":              {status: 200},
		"/api/v1/episodes":               {status: 200},
		"/api/v1/explain":                {query: "key=PAY-1", status: 200},
		"/api/v1/behind":                 {query: "team=payments", status: 200},
		"GET /api/v1/export/openmetrics": {query: "step=1h", status: 400},
		"POST /api/v1/plan":              {body: mappingYAML, status: 200},
		"POST /api/v1/suggest":           {query: "window=28d&unit=time&limit=3", body: mappingYAML, status: 200},
		"POST /api/v1/notice":            {body: mappingYAML, status: 200},
		"POST /api/v1/try":               {query: "project=PAY", body: mappingYAML, status: 200},
	}
)

// ask sends the knock of a route. The error is that of TLS.
func (k knock) ask(t *testing.T, client *http.Client, base, pattern string) (status int, body string, err error) {
	t.Helper()
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	req, err := http.NewRequest(method, base+strings.TrimSuffix(path, "{$}")+"?"+k.query, strings.NewReader(k.body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(said), nil
}

// What is not found here is not served there at all.
const notServed = "404 page not found\n"

func TestEverythingIsLocked(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	server, ops, stranger := ours.issue(t), ours.issue(t), foreign.issue(t)
	anybody := trusting(ours, nil)
	for name, tc := range map[string]struct {
		config string
		good   *http.Client
		bad    []*http.Client // are refused by TLS, or else by status 401
		byTLS  bool
	}{
		"password": {
			config: "tls_server_config: {cert_file: server.pem, key_file: server.key}\n" + passwords,
			good:   withPassword(anybody, "open sesame"), bad: []*http.Client{anybody, withPassword(anybody, "a guess")},
		},
		"client certificate": {
			config: "tls_server_config: {cert_file: server.pem, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n",
			good:   trusting(ours, ops), bad: []*http.Client{anybody, trusting(ours, stranger)}, byTLS: true,
		},
		"both": {
			config: "tls_server_config: {cert_file: server.pem, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n" + passwords,
			good:   withPassword(trusting(ours, ops), "open sesame"), bad: []*http.Client{trusting(ours, ops)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.write("web.yml", tc.config)
			h.write("ca.pem", ours.pem)
			h.write("server.pem", encode("CERTIFICATE", server.Certificate[0]))
			h.write("server.key", privateKey(t, server))
			h.write("alignd.yml", "web: {page_listen_address: \"127.0.0.1:0\"}\n"+h.config("[PAY]"))
			r := h.start(func(o *daemon.Options) { o.WebConfigFile, o.EnablePprof = h.file("web.yml"), true })
			t.Cleanup(tc.good.CloseIdleConnections)
			r.untilReady(tc.good)

			patterns := r.Patterns()
			for address, knocks := range map[string]map[string]knock{r.Addr(): technical, r.PageAddr(): ofPage} {
				if diff := cmp.Diff(slices.Sorted(maps.Keys(knocks)), slices.Sorted(slices.Values(patterns[address]))); diff != "" {
					t.Errorf("routes with a knock, and those that are served (-want +got):\n%s", diff)
				}
				elsewhere := r.PageAddr()
				if address == elsewhere {
					elsewhere = r.Addr()
				}
				for _, pattern := range patterns[address] {
					k := knocks[pattern]
					if status, body, err := k.ask(t, tc.good, "https://"+address, pattern); err != nil || status != k.status || body == notServed {
						t.Errorf("%s: %d %v %s", pattern, status, err, body)
					}
					if status, body, err := k.ask(t, tc.good, "https://"+elsewhere, pattern); err != nil || status != http.StatusNotFound || body != notServed {
						t.Errorf("%s at the other address: %d %v %s", pattern, status, err, body)
					}
					if status, body, err := k.ask(t, anybody, "http://"+address, pattern); err != nil || status != http.StatusBadRequest || !strings.Contains(body, "HTTPS") {
						t.Errorf("%s without TLS: %d %v %s", pattern, status, err, body)
					}
					for i, client := range tc.bad {
						status, body, err := k.ask(t, client, "https://"+address, pattern)
						if locked := turnedAway(err); tc.byTLS && !locked || !tc.byTLS && status != http.StatusUnauthorized {
							t.Errorf("%s is open to stranger %d: %d %v %s", pattern, i, status, err, body)
						}
					}
				}
			}
			if log := r.log.String(); !strings.Contains(log, "TLS handshake error") || strings.Contains(log, "level=WARN") {
				t.Errorf("strangers are no news, the log:\n%s", log)
			}
		})
	}
}

// turnedAway tells that the server was there and gave no answer. Why, it says
// with an alert, but it may hang up before that is heard, and then it depends
// on what the client was about to do. It is not that the client went away.
func turnedAway(err error) bool {
	refused, isOurs := errors.AsType[*net.OpError](err)
	_, isUntrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return err != nil && !isUntrusted && !(isOurs && refused.Op == "dial")
}

// With one address for all, everything is there; profiles only if they are
// asked for.
func TestOneAddress(t *testing.T) {
	for _, profiles := range []bool{false, true} {
		h := newHouse(t)
		r := h.start(func(o *daemon.Options) { o.EnablePprof = profiles })
		r.until("/-/ready", "is ready")
		for _, knocks := range []map[string]knock{technical, ofPage} {
			for pattern, k := range knocks {
				want := k.status
				if !profiles && strings.Contains(pattern, "pprof") {
					want = http.StatusNotFound
				}
				if status, body, err := k.ask(t, http.DefaultClient, r.base, pattern); err != nil || status != want {
					t.Errorf("profiles %t, %s: %d %v %s", profiles, pattern, status, err, body)
				}
			}
		}
		if status, body, _ := (knock{query: "limit=many", body: mappingYAML}).ask(t, http.DefaultClient, r.base, "POST /api/v1/suggest"); status != http.StatusBadRequest {
			t.Errorf("wrong parameters: %d %s", status, body)
		}
		if r.PageAddr() != r.Addr() {
			t.Errorf("the page is at %s", r.PageAddr())
		}
	}
}

// A browser sends the password along with what other pages have it send.
func TestOtherPagesChangeNothing(t *testing.T) {
	t.Parallel()
	r := newHouse(t).start(nil)
	r.until("/-/ready", "is ready")
	for _, path := range []string{"/-/reload", "/-/accept?connector=acme", "/-/acknowledge?team=payments"} {
		for origin, refused := range map[string]bool{"https://elsewhere.example": true, r.base: false, "": false} {
			req, err := http.NewRequest(http.MethodPost, r.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			answer, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if is := answer.StatusCode == http.StatusForbidden; is != refused {
				t.Errorf("%s from %q: %s", path, origin, answer.Status)
			}
			_ = answer.Body.Close()
		}
	}
}

// untilReady waits until there are numbers behind a lock.
func (r *running) untilReady(client *http.Client) {
	r.t.Helper()
	for {
		status, _, err := technical["GET /-/ready"].ask(r.t, client, "https://"+r.Addr(), "GET /-/ready")
		if err != nil {
			r.t.Fatal(err)
		}
		if status == http.StatusOK {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
