package deploy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alignd/sandbox/ports"
)

// mayBeEmpty are queries that find nothing on the demo, and why that is right.
var mayBeEmpty = map[string]string{
	"alignd_api_daily_requests":                        "the demo has no requests_per_day",
	"alignd_api_removal_timestamp_seconds":             "the sandbox removes no endpoint",
	"alignd_webhook_deliveries_total":                  "the demo has no webhook: nobody calls it",
	"alignd_drift_episode_onset_timestamp_seconds":     "only while an episode is open, which depends on the day",
	"alignd_drift_episode_raised_timestamp_seconds":    "only while an episode is open, which depends on the day",
	"max by (goal) (alignd_trend_slope_ratio_per_week": "shown where the trend is clear; other panels show every slope",
}

// TestQueries runs every query of every dashboard against a Prometheus that has
// scraped the demo.
func TestQueries(t *testing.T) {
	prometheus := program(t, "prometheus")
	alignd := buildAlignd(t)
	address, folder := startDemo(t, alignd)
	prom := startPrometheus(t, prometheus, address)
	prom.waitFor(`count(alignd_sync_completeness_ratio) == 2`)
	prom.waitFor(`min(count_over_time(alignd_sync_completeness_ratio[5m])) > 10`)
	prom.waitFor(`count(alignd_work_watermark_timestamp_seconds{team="all"}) == 1`)
	changeMapping(t, folder, address)
	prom.waitFor(`count(alignd_drift_evaluable{team="all"}) > 0`)
	prom.waitFor(`count(alignd_index_observations{team="all"}) > 0`)

	for file, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				prom.variable(t, file, v)
			}
		}
		for _, a := range d.Annotations.List {
			prom.ask(t, file, a.Name, substitute(a.Expr, "payments"), true)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				prom.ask(t, file, p.Title, substitute(q.Expr, teamOf(file)), q.Instant)
			}
		}
	}
	for _, rules := range []string{"alignd.rules.yml", "alignd.alerts.yml"} {
		prom.rulesAreWell(t, rules)
	}
}

// teamOf is what the variable "team" begins with.
func teamOf(file string) string {
	if file == "alignd-team.json" {
		return "payments"
	}
	return "all"
}

func substitute(expr, team string) string {
	return strings.NewReplacer(
		"$job", "alignd", "$team", team, "$window", "28d", "$unit", "time", "$basis", "then",
		"$members", ".+", "$connector", ".+", "$__rate_interval", "1m",
	).Replace(expr)
}

func buildAlignd(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alignd")
	run(t, "..", "go", "build", "-o", path, "./cmd/alignd")
	return path
}

// start starts a program that lives as long as the test.
func start(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// startDemo returns the address of a demo, and the folder of its files.
func startDemo(t *testing.T, alignd string) (address, folder string) {
	t.Helper()
	address, folder = ports.Address(t), t.TempDir()
	t.Setenv("TMPDIR", folder)
	start(t, alignd, "demo", "--web.listen-address="+address)
	waitUntilReady(t, "http://"+address+"/-/ready")
	return address, folder
}

// changeMapping declares another target. The past is looked back on for each
// mapping; without a new one that happens every five minutes, and the first
// time may have been before the second tracker was read.
func changeMapping(t *testing.T, folder, address string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "alignd-demo-*", "mapping.yml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the mapping of the demo is %v: %v", files, err)
	}
	text := read(t, files[0])
	changed := strings.Replace(text, "target: 35%", "target: 34%", 1)
	if changed == text {
		t.Fatal("the mapping of the demo has no target to change")
	}
	if err := os.WriteFile(files[0], []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+address+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s", answer.Status)
	}
}

func waitUntilReady(t *testing.T, address string) {
	t.Helper()
	for t.Context().Err() == nil {
		answer, err := http.Get(address)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

type promServer struct{ url string }

// startPrometheus starts it with the configuration that is delivered, but on
// free ports and faster.
func startPrometheus(t *testing.T, path, target string) *promServer {
	t.Helper()
	dir := t.TempDir()
	for _, file := range []string{"prometheus.yml", "alignd.rules.yml", "alignd.alerts.yml"} {
		text := strings.NewReplacer("localhost:8642", target, "_interval: 1m", "_interval: 1s").Replace(read(t, "prometheus/"+file))
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := ports.Address(t)
	start(t, path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	waitUntilReady(t, "http://"+address+"/-/ready")
	return &promServer{"http://" + address}
}

// get decodes an answer of Prometheus' API into v.
func (p *promServer) get(path string, parameters url.Values, v any) error {
	answer, err := http.Get(p.url + path + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		Error string
		Data  json.RawMessage
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return err
	}
	if body.Error != "" {
		return fmt.Errorf("prometheus: %s", body.Error)
	}
	return json.Unmarshal(body.Data, v)
}

// series returns how many series a query finds, now or in the last minute.
func (p *promServer) series(query string, instant bool) (int, error) {
	now := time.Now()
	path, parameters := "/api/v1/query", url.Values{"query": {query}}
	if !instant {
		path = "/api/v1/query_range"
		parameters = url.Values{"query": {query}, "start": {fmt.Sprint(now.Add(-time.Minute).Unix())}, "end": {fmt.Sprint(now.Unix())}, "step": {"5"}}
	}
	var data struct{ Result []json.RawMessage }
	err := p.get(path, parameters, &data)
	return len(data.Result), err
}

func (p *promServer) waitFor(query string) {
	for {
		if n, err := p.series(query, true); err == nil && n > 0 {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (p *promServer) ask(t *testing.T, file, title, query string, instant bool) {
	t.Helper()
	n, err := p.series(query, instant)
	if err != nil {
		t.Errorf("%s: %q: %v\n%s", file, title, err, query)
	}
	if n > 0 {
		return
	}
	for part, why := range mayBeEmpty {
		if strings.Contains(query, part) {
			t.Logf("%s: %q is empty: %s", file, title, why)
			return
		}
	}
	t.Errorf("%s: %q finds nothing:\n%s", file, title, query)
}

// variable asks for the values of a variable as Grafana does.
func (p *promServer) variable(t *testing.T, file string, v variable) {
	t.Helper()
	var query struct{ Query string }
	if err := json.Unmarshal(v.Query, &query); err != nil {
		t.Errorf("%s: variable %s: %v", file, v.Name, err)
		return
	}
	selector, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(query.Query, "label_values("), ")"), ", ")
	if !ok {
		t.Errorf("%s: variable %s: unknown query %s", file, v.Name, query.Query)
		return
	}
	var values []string
	if err := p.get("/api/v1/label/"+label+"/values", url.Values{"match[]": {substitute(selector, "")}}, &values); err != nil || len(values) == 0 {
		t.Errorf("%s: variable %s finds %v: %v", file, v.Name, values, err)
	}
	if team := teamOf(file); v.Name == "team" && !slices.Contains(values, team) {
		t.Errorf("%s: variable team has %v, without %s", file, values, team)
	}
}

// rulesAreWell fails if Prometheus could not evaluate a rule.
func (p *promServer) rulesAreWell(t *testing.T, file string) {
	t.Helper()
	var data struct {
		Groups []struct {
			File  string
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.get("/api/v1/rules", nil, &data); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, group := range data.Groups {
		if filepath.Base(group.File) != file {
			continue
		}
		for _, r := range group.Rules {
			seen++
			if r.Health != "ok" {
				t.Errorf("%s: %s is %s: %s", file, r.Name, r.Health, r.LastError)
			}
		}
	}
	if seen == 0 {
		t.Errorf("Prometheus has no rule of %s", file)
	}
}
