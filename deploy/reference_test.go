package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"alignd/config"
	"alignd/mapping"
	"alignd/metrics"
)

// TestReferences keeps two pages of docs/ as the code has it.
func TestReferences(t *testing.T) {
	for file, want := range map[string]string{
		"../docs/reference-metrics.md": metricReference(t),
		"../docs/reference-config.md":  configReference(t),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, read(t, file)); diff != "" {
			t.Errorf("%s is not what the code says; run the tests with -update (-want +got):\n%s", file, diff)
		}
	}
}

// described is a registerer that keeps what it is given.
type described struct {
	prometheus.Registerer
	kinds map[string]string // by description
}

func (d *described) Register(c prometheus.Collector) error {
	all := make(chan *prometheus.Desc)
	go func() { c.Describe(all); close(all) }()
	for desc := range all {
		d.kinds[desc.String()] = kind(c, desc.String())
	}
	return nil
}

func (d *described) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		_ = d.Register(c) // it has no way to fail
	}
}

func kind(c prometheus.Collector, desc string) string {
	switch c.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	}
	if strings.Contains(desc, `_total", `) {
		return "counter"
	}
	return "gauge"
}

var descPattern = regexp.MustCompile(`^Desc\{fqName: "(\w+)", help: "(.*)", constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

func metricReference(t *testing.T) string {
	t.Helper()
	d := &described{kinds: map[string]string{}}
	metrics.NewProcess(d)
	d.MustRegister(metrics.NewCollector())
	rows := map[string]string{}
	for text, kind := range d.kinds {
		m := descPattern.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("what is %s?", text)
		}
		labels := strings.Join(slices.Concat(find(`(\w+)=`, m[3]), strings.FieldsFunc(m[4], func(r rune) bool { return r == ',' })), ", ")
		rows[m[1]] = fmt.Sprintf("| `%s` | %s | %s | %s |\n", m[1], kind, labels, strings.ReplaceAll(m[2], `\"`, `"`))
	}
	for _, name := range find(`= "(alignd_\w+)"`, read(t, "../metrics/names.go")) {
		if rows[name] == "" {
			t.Errorf("%s is not in the reference", name)
		}
	}
	var out strings.Builder
	out.WriteString("# Metrics\n\nWritten from the code by `go test ./deploy -update`; what they mean is in [measures.md](measures.md) and, in short, in the\n" +
		"[README](../README.md#metrics). The Go runtime and the process add the usual `go_*` and `process_*`.\n\n" +
		"| name | type | labels | help |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		out.WriteString(rows[name])
	}
	return out.String()
}

// schema is what is read of a JSON Schema.
type schema struct {
	Description string
	Enum        []any
	Properties  map[string]*schema
	Items       *schema
	Additional  json.RawMessage `json:"additionalProperties"`
	AnyOf       []*schema
	OneOf       []*schema
}

func configReference(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("# Keys of both files\n\nWritten from the schemas of the code by `go test ./deploy -update`. `[]` stands for the entries of a list, `*` for names of your own.\n" +
		"[config/reference.yml](../config/reference.yml) and [product-ops.md](product-ops.md) show them in use.\n")
	for _, file := range []struct{ name, text string }{{"alignd.yml", config.Schema()}, {"mapping.yml", mapping.Schema()}} {
		var s schema
		if err := json.Unmarshal([]byte(file.text), &s); err != nil {
			t.Fatal(err)
		}
		rows := map[string]string{}
		s.walk("", rows)
		if len(rows) < 20 {
			t.Fatalf("%s has %d keys only", file.name, len(rows))
		}
		fmt.Fprintf(&out, "\n## %s\n\n| key | meaning |\n|---|---|\n", file.name)
		for _, path := range slices.Sorted(maps.Keys(rows)) {
			fmt.Fprintf(&out, "| `%s` | %s |\n", path, strings.ReplaceAll(rows[path], "|", `\|`))
		}
	}
	return out.String()
}

// walk notes the keys below s, which stands at path.
func (s *schema) walk(path string, rows map[string]string) {
	for name, p := range s.Properties {
		key := strings.TrimPrefix(path+"."+name, ".")
		text := p.Description
		if len(p.Enum) > 0 {
			text += fmt.Sprintf(" One of %v.", p.Enum)
		}
		if text != "" || rows[key] == "" { // an alternative need not say again what it is
			rows[key] = strings.Join(strings.Fields(text), " ")
		}
		p.walk(key, rows)
	}
	if s.Items != nil {
		s.Items.walk(path+"[]", rows)
	}
	var additional schema
	if json.Unmarshal(s.Additional, &additional) == nil {
		additional.walk(path+".*", rows)
	}
	for _, alternative := range slices.Concat(s.AnyOf, s.OneOf) {
		alternative.walk(path, rows)
	}
}
