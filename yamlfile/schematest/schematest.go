// Package schematest keeps the JSON Schemas for editors, the Go types that
// yamlfile reads files into, and sample files in step. It is for tests only.
package schematest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// draft is what the YAML language server supports in full.
const draft = "http://json-schema.org/draft-07/schema#"

// Golden compares the schema in the file at path with the one generated from
// the type of v. With the flag -update it writes the file instead.
//
// Keys come from yaml tags, descriptions from the comments of the fields, and
// everything else a schema can say from comment lines of the form
//
//	//schema:json {"pattern": "^[a-z]+$"}
//
// above a field or a type. On a list of values they apply to each value.
func Golden(t *testing.T, path, title string, v any) {
	t.Helper()
	got := generate(t, title, v)
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the types say; run the test with -update (-file +types):\n%s", path, diff)
	}
}

// Schema holds files against a schema, as an editor does.
type Schema struct{ compiled *jsonschema.Schema }

// Compile reads a schema, which must be right by the rules of draft 7.
func Compile(t testing.TB, text string) *Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	if declared := doc.(map[string]any)["$schema"]; declared != draft {
		t.Errorf("the schema declares %v, want %s", declared, draft)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return &Schema{compiled}
}

// Check returns what an editor would underline in a YAML file, nil if nothing.
func (s *Schema) Check(file []byte) error {
	value, err := plain(file)
	if err != nil {
		return err
	}
	return s.compiled.Validate(value)
}

func encode(t *testing.T, schema any) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
