package daemon_test

import (
	"encoding/json"
	"fmt"
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
	"alignd/sandbox/ports"
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
	for _, window := range []string{"7d", "28d", "91d"} {
		for _, unit := range []string{"time", "tickets"} {
			for _, basis := range []string{"then", "now"} {
				q := url.Values{
					"team": {"payments"}, "window": {window}, "unit": {unit}, "basis": {basis}, "step": {"day"},
					"from": {(last - 20).String()}, "to": {(last - 1).String()},
				}
				compared += compareHistory(t, r, prom, q)
			}
		}
	}
	if compared < 300 {
		t.Errorf("compared %d values only", compared)
	}
}

// compareHistory holds what a range query returns against the rows of the API
// and returns how many shares were the same.
func compareHistory(t *testing.T, r *running, prom *promServer, q url.Values) (same int) {
	t.Helper()
	code, text := r.get("/api/v1/history?" + q.Encode())
	var rows []struct {
		End         time.Time
		Kind, Class string
		Share       *float64
	}
	if err := json.Unmarshal([]byte(text), &rows); code != http.StatusOK || err != nil || len(rows) == 0 {
		t.Fatalf("history %s: %d, %d rows, %v", q.Encode(), code, len(rows), err)
	}
	// The export has a sample at each full hour. The day ends somewhere before.
	const later = 90 * time.Minute
	series := map[string]map[int64]float64{}
	for _, class := range alignment.Classes {
		query := fmt.Sprintf(`last_over_time(alignd_share_ratio{job="alignd", team="payments", unit=%q, window=%q, basis=%q, class=%q}[2h])`,
			q.Get("unit"), q.Get("window"), q.Get("basis"), class)
		series[class.String()] = prom.series(query, rows[0].End.Add(later), rows[len(rows)-1].End.Add(later), 30*time.Minute)
	}
	for _, row := range rows {
		if row.Kind != "class" {
			continue
		}
		got, found := series[row.Class][row.End.Add(later).Unix()]
		if found != (row.Share != nil) || found && got != *row.Share {
			t.Errorf("%s, %s at %s is %v (%t) in Prometheus, and the API says %v", q.Encode(), row.Class, row.End, got, found, row.Share)
			continue
		}
		if found {
			same++
		}
	}
	return same
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
	address := ports.Address(t)
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

// series returns what a range query for one series says, by Unix time.
func (p *promServer) series(query string, from, to time.Time, step time.Duration) map[int64]float64 {
	p.t.Helper()
	unix := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	answer, err := http.Get(p.url + "/api/v1/query_range?" + url.Values{
		"query": {query}, "start": {unix(from)}, "end": {unix(to)}, "step": {step.String()},
	}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		Error string
		Data  struct {
			Result []struct{ Values [][2]any }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.Error != "" {
		p.t.Fatalf("query %s: %v %s", query, err, body.Error)
	}
	out := map[int64]float64{}
	for _, result := range body.Data.Result {
		for _, sample := range result.Values {
			v, err := strconv.ParseFloat(sample[1].(string), 64)
			if err != nil {
				p.t.Fatal(err)
			}
			out[int64(sample[0].(float64))] = v
		}
	}
	if len(body.Data.Result) > 1 {
		p.t.Errorf("query %s answers with %d series", query, len(body.Data.Result))
	}
	return out
}
