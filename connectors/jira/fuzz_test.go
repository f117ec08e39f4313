package jira_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

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
	convert, err := jira.Converter(site.config(), site.Fields, site.Statuses)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, issue, histories []byte) {
		var split []json.RawMessage
		if json.Unmarshal(histories, &split) != nil {
			return
		}
		tk, err := convert(issue, split)
		if err != nil {
			return
		}
		switch {
		case tk.ID.UID == "" || tk.Key == "" || tk.Project == "" || tk.Created.IsZero() || tk.Updated.IsZero():
			t.Errorf("half a ticket: %+v", tk)
		case tk.Estimate.Micros < 0 || slices.Contains(tk.Labels, ""):
			t.Errorf("impossible values: %+v", tk)
		case !slices.IsSortedFunc(tk.Changes, func(a, b ticket.Change) int { return a.At.Compare(b.At) }):
			t.Errorf("changes out of order: %+v", tk.Changes)
		}
	})
}

// BenchmarkConvert decodes and converts a page of 100 tickets.
func BenchmarkConvert(b *testing.B) {
	for _, file := range []string{"plain", "history"} {
		doc := readDocument(b, "testdata/"+file+".json")
		b.Run(file, func(b *testing.B) {
			convert, err := jira.Converter(doc.config(), doc.Fields, doc.Statuses)
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
