// Package deploy_test holds what is delivered beside the binary to what the
// binary does.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/yamlfile"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func decode(t *testing.T, file string, v any) {
	t.Helper()
	if err := yamlfile.Decode(file, []byte(read(t, file)), v).Err(); err != nil {
		t.Fatal(err)
	}
}

// slow leaves out what other programs do when tests run with -short, as they
// do with the race detector, which sees nothing of it.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs another program: left out with -short")
	}
}

// program finds a program that a test needs. Where it is missing the test is
// skipped, but not in CI.
func program(t *testing.T, name string) string {
	t.Helper()
	slow(t)
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	if err != nil {
		t.Skipf("%s is not installed: this test is skipped", name)
	}
	return path
}

// optional finds a program that cannot be had everywhere, CI included.
func optional(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: this test is skipped", name)
	}
	return path
}

// run runs a program in dir and returns what it writes.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

func find(pattern, text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

type ruleFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alerts(t *testing.T) map[string]rule {
	t.Helper()
	var file ruleFile
	decode(t, "prometheus/alignd.alerts.yml", &file)
	all := map[string]rule{}
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			all[r.Alert] = r
		}
	}
	if len(all) < 20 {
		t.Fatalf("there are %d alerts only", len(all))
	}
	return all
}

func TestRules(t *testing.T) {
	promtool := program(t, "promtool")
	run(t, "prometheus", promtool, "check", "config", "prometheus.yml")
	run(t, "prometheus", promtool, "test", "rules", "alignd.test.yml")
}

type alertTest struct {
	Name    string `yaml:"alertname"`
	At      string `yaml:"eval_time"`
	Expects []struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	} `yaml:"exp_alerts"`
}

func TestEveryAlertIsTested(t *testing.T) {
	var file struct {
		RuleFiles []string `yaml:"rule_files"`
		Interval  string   `yaml:"evaluation_interval"`
		Tests     []struct {
			Name     string `yaml:"name"`
			Interval string `yaml:"interval"`
			Series   []struct {
				Series string `yaml:"series"`
				Values string `yaml:"values"`
			} `yaml:"input_series"`
			Alerts []alertTest `yaml:"alert_rule_test"`
			PromQL []struct {
				Expr    string `yaml:"expr"`
				At      string `yaml:"eval_time"`
				Samples []struct {
					Labels string  `yaml:"labels"`
					Value  float64 `yaml:"value"`
				} `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		} `yaml:"tests"`
	}
	decode(t, "prometheus/alignd.test.yml", &file)
	type cases struct{ Firing, Quiet bool }
	tested, recorded := map[string]cases{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			c := tested[a.Name]
			c.Firing = c.Firing || len(a.Expects) > 0
			c.Quiet = c.Quiet || len(a.Expects) == 0
			tested[a.Name] = c
		}
		for _, p := range test.PromQL {
			name, _, _ := strings.Cut(p.Expr, "{")
			recorded[name] = len(p.Samples) > 0
		}
	}
	want := map[string]cases{}
	for name := range alerts(t) {
		want[name] = cases{Firing: true, Quiet: true}
	}
	if diff := cmp.Diff(want, tested); diff != "" {
		t.Errorf("alerts and their tests differ (-want +got):\n%s", diff)
	}
	var rules ruleFile
	decode(t, "prometheus/alignd.rules.yml", &rules)
	for _, r := range rules.Groups[0].Rules {
		if !recorded[r.Record] {
			t.Errorf("the recording rule %s has no test", r.Record)
		}
	}
}

func TestAlertTexts(t *testing.T) {
	for name, a := range alerts(t) {
		if !slices.Contains([]string{"info", "warning"}, a.Labels["severity"]) {
			t.Errorf("%s: severity is %q; nothing of alignd should wake anybody", name, a.Labels["severity"])
		}
		if a.Annotations["summary"] == "" || !strings.Contains(a.Annotations["description"], "?") {
			t.Errorf("%s needs a summary and a description that asks a question", name)
		}
		if got, want := a.Annotations["runbook_url"], "docs/runbooks/"+name+".md"; got != want {
			t.Errorf("%s: runbook_url is %q, want %q", name, got, want)
		}
		for _, word := range []string{"violat", "blame", " fault", "offender", "lazy"} {
			if strings.Contains(strings.ToLower(a.Annotations["summary"]+a.Annotations["description"]), word) {
				t.Errorf("%s blames: %q", name, word)
			}
		}
	}
}

func TestRunbooks(t *testing.T) {
	var want, got []string
	for name := range alerts(t) {
		want = append(want, name+".md")
	}
	files, err := filepath.Glob("../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		got = append(got, filepath.Base(file))
		text := read(t, file)
		for _, part := range []string{"# " + strings.TrimSuffix(filepath.Base(file), ".md") + "\n", "**What it means.**", "**Look at**", "**Do.**"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q", file, part)
			}
		}
		checkLinks(t, file, text)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts and runbooks differ (-want +got):\n%s", diff)
	}
}

// checkLinks follows links to files and to the headings in them.
func checkLinks(t *testing.T, file, text string) {
	t.Helper()
	for _, link := range find(`\]\(([^)]+)\)`, text) {
		path, anchor, _ := strings.Cut(link, "#")
		target := filepath.Join(filepath.Dir(file), filepath.FromSlash(path))
		data, err := os.ReadFile(target)
		if err != nil {
			t.Errorf("%s links to %s, which does not exist", file, link)
			continue
		}
		var anchors []string
		for _, heading := range find(`(?m)^#+ (.*)$`, string(data)) {
			plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), "")
			anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
		}
		if anchor != "" && !slices.Contains(anchors, anchor) {
			t.Errorf("%s links to %s, which has no such heading", file, link)
		}
	}
}

// TestMetricsExist finds names of metrics that alignd does not have.
func TestMetricsExist(t *testing.T) {
	known := find(`= "(alignd_\w+)"`, read(t, "../metrics/names.go"))
	for _, pattern := range []string{"prometheus/*.yml", "grafana/dashboards/*.json", "../docs/runbooks/*.md", "../docs/grafana.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			for _, name := range find(`(?:^|[^:\w])(alignd_\w+)`, read(t, file)) {
				base := regexp.MustCompile(`_(sum|count|bucket)$`).ReplaceAllString(name, "")
				if !slices.Contains(known, name) && !slices.Contains(known, base) && !strings.HasSuffix(name, "_") {
					t.Errorf("%s speaks of %s, which does not exist", file, name)
				}
			}
		}
	}
}
