package daemon_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/daemon"
	"alignd/metrics"
)

// TestBackfill gives the exported history to the real Prometheus and asks it
// for what the API says.
func TestBackfill(t *testing.T) {
	promtool, prometheus := program(t, "promtool"), program(t, "prometheus")
	r := newHouse(t).start(nil)
	for r.History() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	_, last, ok := r.History().Range("payments")
	if !ok {
		t.Fatal("there is no history")
	}

	to := time.Now().UTC().Add(-4 * time.Hour).Truncate(time.Hour)
	opts := metrics.HistoryOptions{From: to.AddDate(0, 0, -30), To: to, Step: time.Hour, Labels: map[string]string{"job": "alignd"}}
	code, text := r.get(daemon.ExportPath + "?" + daemon.ExportQuery(opts).Encode())
	if code != http.StatusOK {
		t.Fatalf("export: %d %s", code, text)
	}
	dir := t.TempDir()
	file, blocks := filepath.Join(dir, "history.om"), filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=504h", file, blocks).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	prom := startPrometheus(t, prometheus, dir, blocks)

	compared := 0
	for day := last - 20; day < last; day++ {
		window := r.History().Window("payments", day, 28)
		for _, class := range alignment.Classes {
			share, ok := window.Units[alignment.UnitTime].ClassShare(alignment.Then, class)
			query := fmt.Sprintf(`last_over_time(alignd_share_ratio{job="alignd", team="payments", unit="time", window="28d", basis="then", class=%q}[2h])`, class)
			at := r.History().End("payments", day).Add(90 * time.Minute)
			got, found := prom.value(query, at)
			if found != ok || ok && math.Abs(got-share.Value) > 1e-12 {
				t.Errorf("%s at %s is %v (%t) in Prometheus, %v (%t) in the history", class, at, got, found, share.Value, ok)
			}
			if ok {
				compared++
			}
		}
	}
	if compared < 30 {
		t.Errorf("compared %d values only", compared)
	}
}

// program finds a program that a test needs. Where it is missing the test is
// skipped, but not in CI.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	if err != nil {
		t.Skipf("%s is not installed: this test is skipped", name)
	}
	return path
}

// promServer is a running Prometheus.
type promServer struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, path, dir, data string) *promServer {
	t.Helper()
	conf := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(conf, []byte("global: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.CommandContext(t.Context(), path, "--config.file="+conf, "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=10y", "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p := &promServer{t, "http://" + address}
	for {
		answer, err := http.Get(p.url + "/-/ready")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return p
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (p *promServer) value(query string, at time.Time) (float64, bool) {
	p.t.Helper()
	answer, err := http.Get(p.url + "/api/v1/query?" + url.Values{"query": {query}, "time": {strconv.FormatInt(at.Unix(), 10)}}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		Error string
		Data  struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.Error != "" {
		p.t.Fatalf("query %s: %v %s", query, err, body.Error)
	}
	if len(body.Data.Result) != 1 {
		return 0, false
	}
	v, err := strconv.ParseFloat(body.Data.Result[0].Value[1].(string), 64)
	return v, err == nil
}
