package jira_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/jira"
	"alignd/ticket"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// document is a golden test's input: what Jira answers about one ticket.
type document struct {
	Config struct {
		IgnoreLabels, CanceledStatuses, CanceledResolutions []string
		StoryPointsField                                    string
		Deployment                                          jira.Deployment
		Keys                                                map[string]string // ids by key, as Data Center would tell
	}
	Fields, Statuses json.RawMessage
	Issue            json.RawMessage
	Histories        []json.RawMessage
}

func readDocument(t testing.TB, file string) document {
	t.Helper()
	var doc, common document
	for name, v := range map[string]*document{file: &doc, "testdata/site.json": &common} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	doc.Fields, doc.Statuses = common.Fields, common.Statuses
	return doc
}

func (d document) config() jira.Config {
	return jira.Config{
		Common:              connectors.Common{Name: "acme", IgnoreLabels: d.Config.IgnoreLabels},
		CanceledStatuses:    d.Config.CanceledStatuses,
		CanceledResolutions: d.Config.CanceledResolutions,
		StoryPointsField:    d.Config.StoryPointsField,
		Deployment:          d.Config.Deployment,
	}
}

func TestConvertGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("golden inputs: %v, %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "site.json" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			doc := readDocument(t, file)
			tk, err := jira.Convert(doc.config(), doc.Config.Keys, doc.Fields, doc.Statuses, doc.Issue, doc.Histories)
			got := render(tk)
			if err != nil {
				got = []byte("error: " + err.Error() + "\n")
			}
			noPerson(t, string(got))
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("ticket (-want +got):\n%s", diff)
			}
		})
	}
}

func noPerson(t *testing.T, text string) {
	t.Helper()
	for _, s := range []string{connectortest.Person.ID, connectortest.Person.Name, connectortest.Person.Email} {
		if strings.Contains(text, s) {
			t.Errorf("result holds %q", s)
		}
	}
}

// render writes a ticket as JSON for people: states and fields by name, and
// nothing that is empty.
func render(tk ticket.Ticket) []byte {
	type change struct {
		At                 time.Time
		Field              string
		From, To           string `json:",omitempty"`
		FromState, ToState string `json:",omitempty"`
		Points             string `json:",omitempty"`
	}
	type view struct {
		ticket.Ticket
		State, Estimate string
		Changes         []change
	}
	v := view{Ticket: tk, State: tk.State.String(), Estimate: points(tk.Estimate)}
	for _, c := range tk.Changes {
		out := change{At: c.At, Field: c.Field.String(), From: c.From, To: c.To}
		switch c.Field {
		case ticket.FieldState:
			out.FromState, out.ToState = c.FromState.String(), c.ToState.String()
		case ticket.FieldEstimate:
			out.Points = points(c.FromPoints) + " -> " + points(c.ToPoints)
		}
		v.Changes = append(v.Changes, out)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return []byte(err.Error())
	}
	return b.Bytes()
}

func points(p ticket.Points) string {
	if !p.Set {
		return "none"
	}
	text, _ := json.Marshal(float64(p.Micros) / 1e6)
	return string(text)
}

func TestConvertRefuses(t *testing.T) {
	doc := readDocument(t, "testdata/plain.json")
	convert, err := jira.Converter(doc.config(), nil, doc.Fields, doc.Statuses)
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(is, fields object){
		"no id":                  func(is, _ object) { delete(is, "id") },
		"id is not a number":     func(is, _ object) { is["id"] = "PAY-1" },
		"id with leading zero":   func(is, _ object) { is["id"] = "0101" },
		"no key":                 func(is, _ object) { is["key"] = "" },
		"no fields":              func(is, _ object) { delete(is, "fields") },
		"no project":             func(_, f object) { f["project"] = nil },
		"no type":                func(_, f object) { delete(f, "issuetype") },
		"no status":              func(_, f object) { f["status"] = nil },
		"no created":             func(_, f object) { f["created"] = nil },
		"updated is empty":       func(_, f object) { f["updated"] = "" },
		"updated in year 9999":   func(_, f object) { f["updated"] = "9999-01-01T00:00:00.000+0000" },
		"updated is huge":        func(_, f object) { f["updated"] = 1e300 },
		"labels are a text":      func(_, f object) { f["labels"] = "a b" },
		"parent without id":      func(_, f object) { f["parent"] = object{"key": "PAY-1"} },
		"estimate is a text":     func(_, f object) { f["customfield_10031"] = "XL" },
		"summary is an object":   func(_, f object) { f["summary"] = object{} },
		"components are a text":  func(_, f object) { f["components"] = []any{"api"} },
		"hierarchy level is odd": func(_, f object) { f["issuetype"] = object{"name": "Epic", "hierarchyLevel": 1.5} },
	} {
		t.Run(name, func(t *testing.T) {
			var is object
			if err := json.Unmarshal(doc.Issue, &is); err != nil {
				t.Fatal(err)
			}
			edit(is, is["fields"].(object))
			raw, err := json.Marshal(is)
			if err != nil {
				t.Fatal(err)
			}
			if tk, err := convert(raw, nil); err == nil {
				t.Errorf("converted to %+v, want an error", tk)
			}
		})
	}
}

func TestHistoryRefuses(t *testing.T) {
	doc := readDocument(t, "testdata/plain.json")
	for name, text := range map[string]string{
		"no id":       `{"created":1767225600,"items":[]}`,
		"odd id":      `{"id":"x","created":1767225600,"items":[]}`,
		"no date":     `{"id":"1","items":[]}`,
		"odd date":    `{"id":"1","created":"yesterday","items":[]}`,
		"odd items":   `{"id":"1","created":1767225600,"items":{}}`,
		"not decoded": `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jira.Convert(doc.config(), nil, doc.Fields, doc.Statuses, doc.Issue, []json.RawMessage{json.RawMessage(text)})
			if err == nil {
				t.Error("converted, want an error")
			}
		})
	}
}
