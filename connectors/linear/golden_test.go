package linear_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/contracttest"
	"alignd/connectors/linear"
	"alignd/ticket"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each testdata/*.json is an answer to the issues query, beside the golden
// file of what it becomes; catalogs.json answers the query for the catalogs.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/issues-*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.json") {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			page, err := linear.ConvertPage(read(t, "testdata/catalogs.json"), read(t, file), "*-ignored")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, page)
		})
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden compares a page with testdata/name.golden.json.
func golden(t *testing.T, name string, page connectors.Page) {
	t.Helper()
	got, err := json.MarshalIndent(readable(page), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, file)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// readable leaves zero values out, and writes states and fields as words.
func readable(page connectors.Page) any {
	var tickets []any
	for _, tk := range page.Tickets {
		out := obj{
			"uid": tk.ID.UID, "key": tk.Key, "title": tk.Title, "container": tk.Container, "type": tk.Type, "priority": tk.Priority,
			"labels": tk.Labels, "project": tk.Project, "status": tk.Status, "state": tk.State.String(),
			"parent": tk.Parent, "groups": tk.Groups, "created": tk.Created, "updated": tk.Updated,
			"due": tk.Due,
		}
		if tk.Estimate.Set {
			out["estimate_micros"] = tk.Estimate.Micros
		}
		var spans []string
		for _, s := range tk.Spans {
			spans = append(spans, s.From.Format(time.RFC3339)+" to "+s.To.Format(time.RFC3339))
		}
		out["spans"] = spans
		var changes []any
		for _, c := range tk.Changes {
			changes = append(changes, readableChange(c))
		}
		out["changes"] = changes
		tickets = append(tickets, compact(out))
	}
	var skipped []string
	for _, s := range page.Skipped {
		skipped = append(skipped, s.UID+": "+s.Err.Error())
	}
	return compact(obj{"tickets": tickets, "gone": page.Gone, "names": page.Names, "skipped": skipped})
}

func readableChange(c ticket.Change) obj {
	out := obj{"at": c.At, "field": c.Field.String(), "from": c.From, "to": c.To}
	if c.Field == ticket.FieldState {
		out["from_state"], out["to_state"] = c.FromState.String(), c.ToState.String()
	}
	if c.FromPoints.Set {
		out["from_micros"] = c.FromPoints.Micros
	}
	if c.ToPoints.Set {
		out["to_micros"] = c.ToPoints.Micros
	}
	return compact(out)
}

func compact(out obj) obj {
	for key, v := range out {
		text, err := json.Marshal(v)
		if err != nil {
			continue
		}
		switch string(text) {
		case `""`, `null`, `[]`, `{}`, `false`:
			delete(out, key)
		}
	}
	return out
}

// recording is an HTTP answer of the optional shared test data.
type recording struct {
	StatusCode int
	Headers    map[string]string
	Data       string
}

func recorded(t testing.TB, name string) recording {
	t.Helper()
	file, err := os.Open(contracttest.Shared(t, "data/linear-recorded/responses.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Path string
			Doc  recording
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(line.Path) == name {
			return line.Doc
		}
	}
	t.Fatalf("no recording of %s: %v", name, lines.Err())
	return recording{}
}
