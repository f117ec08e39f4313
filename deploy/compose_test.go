package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type service struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	User        string            `yaml:"user"`
	Restart     string            `yaml:"restart"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	Security    []string          `yaml:"security_opt"`
	Profiles    []string          `yaml:"profiles"`
	Command     []string          `yaml:"command"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Tmpfs       []string          `yaml:"tmpfs"`
	MemLimit    string            `yaml:"mem_limit"`
	Environment map[string]string `yaml:"environment"`
	DependsOn   map[string]need   `yaml:"depends_on"`
	Health      *struct {
		Test        []string `yaml:"test"`
		Interval    string   `yaml:"interval"`
		Timeout     string   `yaml:"timeout"`
		Retries     int      `yaml:"retries"`
		StartPeriod string   `yaml:"start_period"`
	} `yaml:"healthcheck"`
}

type need struct {
	Condition string `yaml:"condition"`
}

type composeFile struct {
	Name     string              `yaml:"name"`
	Services map[string]service  `yaml:"services"`
	Volumes  map[string]struct{} `yaml:"volumes"`
}

func TestCompose(t *testing.T) {
	var file composeFile
	decode(t, "compose/compose.yml", &file)
	for _, name := range []string{"demo", "redis", "prometheus", "grafana"} {
		if _, ok := file.Services[name]; !ok {
			t.Errorf("there is no service %s", name)
		}
	}
	taken := map[string]string{}
	for name, s := range file.Services {
		checkHardened(t, name, s)
		checkVolumes(t, name, s, file)
		for needed, how := range s.DependsOn {
			if file.Services[needed].Health == nil || how.Condition != "service_healthy" {
				t.Errorf("%s waits for %s, which has no health check, or not for its health", name, needed)
			}
		}
		for _, port := range s.Ports {
			if !regexp.MustCompile(`^127\.0\.0\.1:\d+:\d+$`).MatchString(port) || taken[port] != "" {
				t.Errorf("%s: port %s must be of this machine only, and of no other service", name, port)
			}
			taken[port] = name
		}
	}
}

func checkHardened(t *testing.T, name string, s service) {
	t.Helper()
	pinned := regexp.MustCompile(`^[a-z/]+:v?\d+\.\d+\.\d+(-[a-z0-9.]+)?$`).MatchString(s.Image)
	if !pinned && s.Build == "" {
		t.Errorf("%s: the image %s is not pinned to a version", name, s.Image)
	}
	if _, err := os.Stat(filepath.Join("compose", s.Build, "Dockerfile")); s.Build != "" && err != nil {
		t.Errorf("%s is built from nothing: %v", name, err)
	}
	if !s.ReadOnly || !slices.Contains(s.Security, "no-new-privileges:true") || !slices.Contains(s.CapDrop, "ALL") ||
		s.User == "" || strings.HasPrefix(s.User, "0") || s.Health == nil || len(s.Health.Test) == 0 {
		t.Errorf("%s must be read-only, without privileges, of a user, and have a health check", name)
	}
}

func checkVolumes(t *testing.T, name string, s service, file composeFile) {
	t.Helper()
	for _, v := range s.Volumes {
		from, _, ok := strings.Cut(v, ":")
		if !ok {
			t.Errorf("%s: volume %s has no place", name, v)
		}
		if !strings.HasPrefix(from, ".") {
			if _, ok := file.Volumes[from]; !ok {
				t.Errorf("%s: volume %s is not declared", name, from)
			}
			continue
		}
		if !strings.HasSuffix(v, ":ro") {
			t.Errorf("%s may write to %s", name, from)
		}
		if len(s.Profiles) > 0 {
			continue // files that users bring themselves
		}
		if _, err := os.Stat(filepath.Join("compose", filepath.FromSlash(from))); err != nil {
			t.Errorf("%s mounts %s, which does not exist", name, from)
		}
	}
}

// TestComposeFitsTogether: Prometheus finds alignd and its rules, Grafana finds
// Prometheus and the dashboards.
func TestComposeFitsTogether(t *testing.T) {
	var file composeFile
	decode(t, "compose/compose.yml", &file)
	prometheus, grafana := file.Services["prometheus"], file.Services["grafana"]
	for _, rules := range find(`- (alignd\.\w+\.yml)`, read(t, "compose/prometheus.yml")) {
		if !strings.Contains(strings.Join(prometheus.Volumes, "\n"), "/etc/prometheus/"+rules+":ro") {
			t.Errorf("Prometheus has no %s", rules)
		}
	}
	for _, target := range find(`(?:targets|names): \[(\w+)(?::8642)?\]`, read(t, "compose/prometheus.yml")) {
		if _, ok := file.Services[target]; !ok {
			t.Errorf("Prometheus scrapes %s, which is not there", target)
		}
	}
	provisioning := read(t, "compose/grafana/provisioning/dashboards/alignd.yml")
	if !strings.Contains(provisioning, "path: /var/lib/dashboards") || !slices.Contains(grafana.Volumes, "../grafana/dashboards:/var/lib/dashboards:ro") {
		t.Error("Grafana does not get the dashboards")
	}
	home := filepath.Base(grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
	if _, err := os.Stat("grafana/dashboards/" + home); err != nil {
		t.Error(err)
	}
	if source := read(t, "compose/grafana/provisioning/datasources/prometheus.yml"); !strings.Contains(source, "url: http://prometheus:9090") {
		t.Error("Grafana does not find Prometheus")
	}
	run(t, "..", program(t, "promtool"), "check", "config", "--syntax-only", "deploy/compose/prometheus.yml")
}
