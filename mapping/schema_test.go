package mapping_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alignd/mapping"
	"alignd/sandbox"
	"alignd/yamlfile/schematest"
)

var _ = flag.Bool("update", false, "rewrite the golden files")

func TestSchemaIsWhatTheTypesSay(t *testing.T) {
	schematest.Golden(t, "mapping.schema.json", "The mapping of alignd (mapping.yml)", mapping.Config{})
}

var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// samples returns every mapping that users are shown.
func samples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{
		"good": good, "many rules": head + manyRules, "company": company(20),
		"demo": sandbox.NewCompany(1, time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)).Mapping(),
	}
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "reference.yml", "../README.md", "../docs/product-ops.md") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(file) == ".yml" {
			all[file] = string(data)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(data), -1) {
			if strings.Contains(block[1], "\nteams:") {
				all[file+": "+block[1]] = block[1]
			}
		}
	}
	return all
}

func TestSchemaAcceptsTheSamples(t *testing.T) {
	schema := schematest.Compile(t, mapping.Schema())
	for name, text := range samples(t) {
		if _, err := mapping.Parse("mapping.yml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := schema.Check([]byte(text)); err != nil {
			t.Errorf("the editor underlines something in %s: %v", name, err)
		}
	}
}

// Editors complete and check a file only if its first lines name the schema.
func TestSamplesNameTheSchema(t *testing.T) {
	ours := map[string]bool{"good": true, "many rules": true, "company": true} // nobody else sees them
	for name, text := range samples(t) {
		if !ours[name] && !strings.HasPrefix(text, "# yaml-language-server: $schema=./mapping.schema.json\n") {
			t.Errorf("%s does not begin with the name of the schema", name)
		}
	}
}

// TestEmptySections: what init writes, sections with comments only, is right.
func TestEmptySections(t *testing.T) {
	schema := schematest.Compile(t, mapping.Schema())
	for _, section := range []string{"goals", "reasons", "rules", "surveys", "drift", "index"} {
		for _, nothing := range []string{"", " ~", " null", "\n  # - a comment"} {
			text := []byte("period: {name: p, from: 2026-10-01, to: 2026-12-31}\nteams: [{id: payments, owns: {acme: PAY}}]\n" + section + ":" + nothing + "\n")
			if _, err := mapping.Parse("mapping.yml", text); err != nil {
				t.Errorf("%s:%s is refused: %v", section, nothing, err)
			}
			if err := schema.Check(text); err != nil {
				t.Errorf("%s:%s: the editor says %v", section, nothing, err)
			}
		}
	}
}

func TestSchemaAcceptsWhatCompiles(t *testing.T) {
	schema := schematest.Compile(t, mapping.Schema())
	rapid.Check(t, func(t *rapid.T) {
		rules := rapid.SliceOfN(rapid.Custom(drawRule), 0, 6).Draw(t, "rules")
		for i := range rules {
			rules[i]["name"] = string(rune('a' + i))
		}
		data, err := json.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		text := head + "rules: " + string(data) + "\n"
		if _, err := mapping.Parse("mapping.yml", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := schema.Check([]byte(text)); err != nil {
			t.Fatalf("the editor says %v of\n%s", err, text)
		}
	})
}

// Values, each in place of VALUE, with what the file reader says of them. The
// editor says the same, but for the last ones: it reads 1.0 as a whole number,
// and cannot tell that a month has no such day.
func TestSchemaOfValues(t *testing.T) {
	schema := schematest.Compile(t, mapping.Schema())

	capacity := strings.Replace(good, "    owns", "    capacity: VALUE\n    owns", 1)

	tests := []struct {
		text, value string
		read, drawn bool
	}{
		{"target", "40%", true, true},
		{"target", "40 %", true, true},
		{"target", `"40%"`, true, true},
		{"target", "0.4", true, true},
		{"target", `".4"`, true, true},
		{"target", "12.5%", true, true},
		{"target", "1", true, true},
		{"target", "0", true, true},
		{"target", "100%", true, true},
		{"target", "101%", false, false},
		{"target", "40", false, false},
		{"target", "1.01", false, false},
		{"target", "-1%", false, false},
		{"target", "", false, false},
		{"target", "[{from: 2026-10-01, share: 1}]", true, true},
		{"target", "[{from: 2026-10-01T08:00:00+02:00, share: 1%}]", true, true},
		{"target", "[{from: 2026-10-01}]", false, false},
		{"target", "{from: 2026-10-01, share: 1}", false, false},
		{"target", "[]", false, false},
		{"capacity", "6", true, true},
		{"capacity", "4.5", true, true},
		{"capacity", `"6"`, true, true},
		{"capacity", "", false, false},
		{"capacity", "10001", false, false},
		{"capacity", "six", false, false},
		{"review", "2026-11-15", true, true},
		{"review", "", false, false},
		{"review", "15.11.2026", false, false},
		{"review", "2026-13-01", false, false},
		{"owns", "{acme: PAY}", true, true},
		{"owns", "{acme: [PAY, 7]}", true, true},
		{"owns", "[PAY]", false, false},
		{"owns", "{acme: []}", false, false},
		{"owns", "{acme: }", false, false},
		{"owns", "{acme: ''}", false, false},
		{"owns", "{acme: [' ']}", false, false},
		{"owns", "{}", false, false},
		{"owns", "{acme: {PAY: BILL}}", false, false},
		{"label", "[checkout, 7, true]", true, true},
		{"label", "checkout", true, true},
		{"label", "[[checkout]]", false, false},
		{"label", "[]", false, false},
		{"label", "", false, false},
		{"label", "~", false, false},
		{"label", "[~]", false, false},
		{"label", "[checkout, null]", false, false},
		{"label", "[checkout, 'null']", true, true},
		{"weight", "2", true, true},
		{"weight", "0", false, false},
		{"weight", "two", false, false},
		{"weight", `"2"`, false, false},
		{"when", "{type: Bug}", true, true},
		{"when", "", false, false},
		{"when", "{case_sensitive: yes}", false, false},
		{"when", "{type: Bug, labels: {}}", false, false},
		{"when", "{type: [Bug, null]}", false, false},

		{"weight", "1.0", false, true},
		{"review", "2026-02-30", false, true},
	}
	files := map[string]string{
		"target": strings.Replace(good, "target: 40%", "target: VALUE", 1), "capacity": capacity,
		"review": strings.Replace(good, "target: 40%", "review: VALUE", 1),
		"owns":   strings.Replace(good, "{acme: [PAY, BILL]}", "VALUE", 1),
		"label":  strings.Replace(good, "[checkout]", "VALUE", 1),
		"weight": strings.Replace(good, "goal: checkout", "goal: checkout\n    weight: VALUE", 1),
		"when":   strings.Replace(good, "{labels: {any: [checkout]}}", "VALUE", 1),
	}
	for _, tt := range tests {
		text := []byte(strings.Replace(files[tt.text], "VALUE", tt.value, 1))
		if _, err := mapping.Parse("mapping.yml", text); (err == nil) != tt.read {
			t.Errorf("%s: %s is read as right = %t: %v", tt.text, tt.value, err == nil, err)
		}
		if err := schema.Check(text); (err == nil) != tt.drawn {
			t.Errorf("%s: %s is right in the editor = %t: %v", tt.text, tt.value, err == nil, err)
		}
	}
}
