package deploy_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/config"
)

// helm runs the Helm that tools/helm pins, which is built on first use.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	slow(t)
	args = append([]string{"tool", "-modfile=tools/helm/go.mod", "helm"}, args...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, "--kube-version=1.31.0")...)
	cmd.Dir = ".."
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var notes strings.Builder
	cmd.Stderr = &notes
	out, err := cmd.Output()
	if err != nil {
		return notes.String(), err
	}
	return string(out), nil
}

func TestChart(t *testing.T) {
	for _, values := range []string{"small", "full"} {
		file := "deploy/helm/testdata/" + values + ".yaml"
		if out, err := helm(t, "lint", "--strict", "deploy/helm/alignd", "--values="+file); err != nil {
			t.Fatalf("lint: %v\n%s", err, out)
		}
		out, err := helm(t, "template", "it", "deploy/helm/alignd", "--namespace=alignd", "--values="+file)
		if err != nil {
			t.Fatalf("template: %v\n%s", err, out)
		}
		golden := "helm/testdata/" + values + ".golden"
		got := withoutFiles(out)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(read(t, golden), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", values, diff)
		}
		if values == "full" {
			checkFiles(t, out)
		}
	}
}

// withoutFiles leaves out the rules and dashboards, which checkFiles looks at.
func withoutFiles(out string) string {
	out = regexp.MustCompile(`(?s)(\n  groups:\n).*?(\n---\n|$)`).ReplaceAllString(out, "$1    # ...$2")
	return regexp.MustCompile(`(?s)(\ndata:\n)  alignd-direction\.json: .*?(\n---\n|$)`).ReplaceAllString(out, "$1  # ...$2")
}

// checkFiles finds all that belongs to Prometheus and Grafana in the output.
func checkFiles(t *testing.T, out string) {
	t.Helper()
	for name := range alerts(t) {
		if !strings.Contains(out, "alert: "+name+"\n") || !strings.Contains(out, "runbook_url: https://git.example/alignd/docs/runbooks/"+name+".md\n") {
			t.Errorf("the chart has no alert %s, or no address of its runbook", name)
		}
	}
	for _, record := range find(`- record: (\S+)`, read(t, "prometheus/alignd.rules.yml")) {
		if !strings.Contains(out, "record: "+record+"\n") {
			t.Errorf("the chart has no %s", record)
		}
	}
	for file := range dashboards(t) {
		indented := strings.ReplaceAll(strings.TrimSpace(read(t, "grafana/dashboards/"+file)), "\n", "\n    ")
		if !strings.Contains(out, "  "+file+": |\n    "+indented+"\n") {
			t.Errorf("the chart has no %s, or changes it", file)
		}
	}
}

func TestChartRefuses(t *testing.T) {
	small := "--values=deploy/helm/testdata/small.yaml"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":                    {nil, "config.connectors: say which trackers to read"},
		"replicas without redis":     {[]string{small, "--set=replicas=2"}, "replicas: more than one needs store.kind redis"},
		"redis without an address":   {[]string{small, "--set=store.kind=redis"}, "store.redis.addrs: say where Redis is"},
		"two configurations":         {[]string{small, "--set=existingConfigMap=x"}, "existingConfigMap: takes the place of config and mapping"},
		"store inside config":        {[]string{small, "--set=config.store.path=x"}, "config.store: say it under store"},
		"two ways to scrape":         {[]string{small, "--set=serviceMonitor.basicAuth.username.name=a,serviceMonitor.authorization.type=Bearer"}, "serviceMonitor: takes basicAuth or authorization"},
		"other addresses":            {[]string{small, "--set=config.web.listen_addresses={:9000}"}, "config.web.listen_addresses: leave it out"},
		"page without a port":        {[]string{small, "--set=config.web.page_listen_address=:8644"}, "page.enabled: must be true"},
		"port without a page":        {[]string{small, "--set=page.enabled=true"}, `page.enabled: needs config.web.page_listen_address, such as ":8644"`},
		"page elsewhere":             {[]string{small, "--set=page.enabled=true,config.web.page_listen_address=:9644"}, `page.port: is 8644, but config.web.page_listen_address is ":9644"`},
		"webhooks without a port":    {[]string{small, "--set=config.webhooks.listen_address=:8643"}, "webhooks.enabled: must be true"},
		"port without webhooks":      {[]string{small, "--set=webhooks.enabled=true"}, `webhooks.enabled: needs config.webhooks.listen_address, such as ":8643"`},
		"webhooks elsewhere":         {[]string{small, "--set=webhooks.enabled=true,config.webhooks.listen_address=0.0.0.0:9643"}, `webhooks.port: is 8643, but config.webhooks.listen_address is "0.0.0.0:9643"`},
		"unknown key of Redis":       {[]string{small, "--set=store.kind=redis,store.redis.addrs={redis:6379},store.redis.adress=x"}, "additional properties 'adress' not allowed"},
		"unknown value":              {[]string{small, "--set=replica=2"}, "additional properties 'replica' not allowed"},
		"unknown kind of store":      {[]string{small, "--set=store.kind=etcd"}, "store"},
		"digest that is none":        {[]string{small, "--set=image.digest=latest"}, "digest"},
		"runbooks without an ending": {[]string{small, "--set=prometheusRule.runbookBase=https://git.example"}, "runbookBase"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, append([]string{"template", "it", "deploy/helm/alignd"}, c.args...)...)
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("got %v\n%s\nwant an error with %q", err, out, c.want)
			}
		})
	}
}

// TestChartSpread: replicas go to several nodes if they can, unless somebody
// says where they go.
func TestChartSpread(t *testing.T) {
	const own = "      topologySpreadConstraints:\n        - maxSkew: 1\n          topologyKey: kubernetes.io/hostname\n          whenUnsatisfiable: ScheduleAnyway\n" +
		"          labelSelector:\n            matchLabels:\n              app.kubernetes.io/name: alignd\n              app.kubernetes.io/instance: it\n"
	for name, c := range map[string]struct {
		set  string
		want string // empty: nothing
	}{
		"one replica":      {"replicas=1", ""},
		"three":            {"replicas=3", own},
		"three, affinity":  {"replicas=3,affinity.podAntiAffinity.x=y", ""},
		"three, as wanted": {"replicas=3,topologySpreadConstraints[0].maxSkew=2", "      topologySpreadConstraints:\n        - maxSkew: 2\n"},
		"both":             {"replicas=3,affinity.podAntiAffinity.x=y,topologySpreadConstraints[0].maxSkew=2", "      topologySpreadConstraints:\n        - maxSkew: 2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "template", "it", "deploy/helm/alignd", "--values=deploy/helm/testdata/small.yaml", "--show-only=templates/deployment.yaml",
				"--set=store.kind=redis,store.redis.addrs={redis:6379},"+c.set)
			if err != nil {
				t.Fatalf("template: %v\n%s", err, out)
			}
			got := regexp.MustCompile(`(?m)^      topologySpreadConstraints:\n(        .*\n)+`).FindString(out + "\n")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestChartSchema: the chart takes the keys of store.redis that alignd takes,
// with the same values.
func TestChartSchema(t *testing.T) {
	want := rulesOf(t, config.Schema(), "store", "redis")
	got := rulesOf(t, read(t, "helm/alignd/values.schema.json"), "store", "redis")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("store.redis of values.schema.json is not that of \"alignd schema config\" (-want +got):\n%s", diff)
	}
}

// rulesOf returns what the schema of a key demands. Descriptions and defaults
// demand nothing.
func rulesOf(t *testing.T, text string, path ...string) any {
	t.Helper()
	var schema any
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		t.Fatal(err)
	}
	for _, key := range path {
		object, _ := schema.(map[string]any)
		properties, _ := object["properties"].(map[string]any)
		if schema = properties[key]; schema == nil {
			t.Fatalf("a schema has no key %s", strings.Join(path, "."))
		}
	}
	return bare(schema)
}

func bare(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		maps.DeleteFunc(s, func(key string, value any) bool {
			_, isKey := value.(map[string]any) // of the file, which may have any name
			return !isKey && (key == "description" || key == "default")
		})
		for _, value := range s {
			bare(value)
		}
	case []any:
		for _, value := range s {
			bare(value)
		}
	}
	return schema
}

// TestChartConfigIsRight gives the files that the chart writes to alignd.
func TestChartConfigIsRight(t *testing.T) {
	for name, set := range map[string][]string{
		"small": nil,
		"redis": {
			"store.kind=redis", "store.redis.addrs={a:26379,b:26379}", "store.redis.master_name=it", "store.redis.password_file=/run/secrets/alignd/redis",
			"store.redis.lease=20s", "store.redis.tls.server_name=redis.example",
		},
		"ports": {
			"page.enabled=true", "config.web.page_listen_address=:8644", "webhooks.enabled=true", "config.webhooks.listen_address=:8643",
			"config.connectors.jira[0].webhook.path=/webhooks/acme", "config.connectors.jira[0].webhook.secret_file=/run/secrets/alignd/webhook",
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--show-only=templates/configmap.yaml"}
			for _, s := range set {
				args = append(args, "--set="+s)
			}
			checkConfig(t, args)
		})
	}
}

func checkConfig(t *testing.T, args []string) {
	t.Helper()
	out, err := helm(t, append([]string{"template", "it", "deploy/helm/alignd", "--values=deploy/helm/testdata/small.yaml"}, args...)...)
	if err != nil {
		t.Fatalf("template: %v\n%s", err, out)
	}
	dir := t.TempDir()
	for _, m := range regexp.MustCompile(`(?m)^  (\w+\.yml): \|\n((?:    .*\n)+)`).FindAllStringSubmatch(out+"\n", -1) {
		text := strings.ReplaceAll(regexp.MustCompile(`(?m)^    `).ReplaceAllString(m[2], ""), "/run/secrets/alignd", dir)
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, credential := range []string{"jira", "redis", "webhook"} {
		if err := os.WriteFile(filepath.Join(dir, credential), []byte("token"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "..", "go", "run", "./cmd/alignd", "check", "--config.file="+filepath.Join(dir, "alignd.yml"))
}
