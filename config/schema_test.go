package config_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"alignd/config"
	"alignd/yamlfile/schematest"
)

func TestSchemaIsWhatTheTypesSay(t *testing.T) {
	schematest.Golden(t, "alignd.schema.json", "The configuration of alignd (alignd.yml)", config.Config{})
}

var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// samples returns every configuration that users are shown whole.
func samples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"reference.yml": read(t, "reference.yml")}
	for _, file := range []string{"../README.md", "../docs/ops.md"} {
		for _, block := range fenced.FindAllStringSubmatch(read(t, file), -1) {
			if strings.Contains(block[1], "connectors:\n") && !strings.Contains(block[1], "# ...\n") { // excerpts are not whole
				all[file+": "+block[1]] = block[1]
			}
		}
	}
	return all
}

func TestSchemaAcceptsTheSamples(t *testing.T) {
	schema := schematest.Compile(t, config.Schema())
	all := samples(t)
	all["small"] = smallConfig
	for name, text := range all {
		if err := schema.Check([]byte(text)); err != nil {
			t.Errorf("the editor underlines something in %s: %v", name, err)
		}
	}
}

// Editors complete and check a file only if its first lines name the schema.
func TestSamplesNameTheSchema(t *testing.T) {
	for name, text := range samples(t) {
		if !strings.HasPrefix(text, "# yaml-language-server: $schema=./alignd.schema.json\n") {
			t.Errorf("%s does not begin with the name of the schema", name)
		}
	}
}

// ofMeaning are the bad files whose mistakes no schema can know: they lie in
// the mapping, between keys, or in a zero, of which a pattern knows nothing.
var ofMeaning = map[string]bool{"unknown_connectors": true, "addresses": true, "zeros": true}

func TestSchemaRefusesBadFiles(t *testing.T) {
	schema := schematest.Compile(t, config.Schema())
	inputs, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".yml")
		if underlined := schema.Check([]byte(read(t, input))); (underlined != nil) == ofMeaning[name] {
			t.Errorf("%s: a mistake of meaning = %t, and the editor says %v", name, ofMeaning[name], underlined)
		}
	}
}
