package jira_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors/jira"
	"alignd/ticket"
)

// FuzzConvert feeds anything: it must not panic, and what it converts must be
// whole and in order.
func FuzzConvert(f *testing.F) {
	site := readDocument(f, "testdata/plain.json")
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		doc := readDocument(f, file)
		histories, err := json.Marshal(doc.Histories)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(doc.Issue), histories)
	}
	convert, err := jira.Converter(site.config(), nil, site.Fields, site.Statuses)
	if err != nil {
		f.Fatal(err)
	}
	cfg := site.config()
	cfg.Deployment = jira.DataCenter
	dataCenter, err := jira.Converter(cfg, map[string]string{"PAY-1": "10090"}, site.Fields, site.Statuses)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, issue, histories []byte) {
		var split []json.RawMessage
		if json.Unmarshal(histories, &split) != nil {
			return
		}
		for _, convert := range []func(json.RawMessage, []json.RawMessage) (ticket.Ticket, error){convert, dataCenter} {
			if tk, err := convert(issue, split); err == nil {
				checkWhole(t, tk)
			}
		}
	})
}

func checkWhole(t *testing.T, tk ticket.Ticket) {
	t.Helper()
	switch {
	case tk.ID.UID == "" || tk.Key == "" || tk.Project == "" || tk.Created.IsZero() || tk.Updated.IsZero():
		t.Errorf("half a ticket: %+v", tk)
	case tk.Estimate.Micros < 0 || slices.Contains(tk.Labels, ""):
		t.Errorf("impossible values: %+v", tk)
	case !slices.IsSortedFunc(tk.Changes, func(a, b ticket.Change) int { return a.At.Compare(b.At) }):
		t.Errorf("changes out of order: %+v", tk.Changes)
	}
}

// BenchmarkConvert decodes and converts a page of 100 tickets.
func BenchmarkConvert(b *testing.B) {
	for _, file := range []string{"plain", "history"} {
		doc := readDocument(b, "testdata/"+file+".json")
		b.Run(file, func(b *testing.B) {
			convert, err := jira.Converter(doc.config(), nil, doc.Fields, doc.Statuses)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				for range 100 {
					if _, err := convert(doc.Issue, doc.Histories); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// FuzzEnvelope holds the cutting of pages against encoding/json.
func FuzzEnvelope(f *testing.F) {
	for _, text := range []string{
		`{"issues":[{"a":"}\"]"},{"b":["\\"]}],"nextPageToken":"t","isLast":false}`,
		" {\n\"isLast\" : true , \"issues\" : [ 1 , \"x\" , null, [ ] , { } ] }\n", `{"issues":[]}`,
		`{}`, `[]`, `{"issues":[1,]}`, `{"issues":[}`, `{"issues":[{"a":1]}`, `{"issues":[1 2]}`, `{"issues":[1],}`, `{"issues"`, `{"issues":`, `{"issues":["`, `{"\"":1,"issues":[]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		items, token, last, err := jira.Envelope(raw, "issues")
		var whole map[string]json.RawMessage
		if json.Unmarshal(raw, &whole) != nil || whole["issues"] == nil || string(whole["issues"]) == "null" || bytes.Contains(raw, []byte(`\`)) || bytes.Count(raw, []byte(`"`)) > 20 {
			return // broken or too odd to compare, but no panic
		}
		for _, key := range []string{"startAt", "maxResults", "total"} {
			if bytes.Contains(raw, []byte(key)) {
				return
			}
		}
		for _, key := range []string{"issues", "nextPageToken", "isLast"} {
			if bytes.Count(raw, []byte(key)) > 1 {
				return
			}
		}
		var wantItems []json.RawMessage
		var wantToken string
		var wantLast bool
		wantErr := errors.Join(json.Unmarshal(whole["issues"], &wantItems), decodeIf(whole["nextPageToken"], &wantToken), decodeIf(whole["isLast"], &wantLast))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error is %v, want %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(texts(wantItems), texts(items)); diff != "" || token != wantToken || last != wantLast {
			t.Errorf("token %q, last %t, items (-want +got):\n%s", token, last, diff)
		}
	})
}

func decodeIf(raw json.RawMessage, v any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, v)
}

func texts(items []json.RawMessage) []string {
	var all []string
	for _, raw := range items {
		all = append(all, string(raw))
	}
	return all
}
