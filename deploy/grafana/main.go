// Command grafana writes the dashboards of deploy/grafana/dashboards: small Go
// where Grafana's JSON says everything ten times.
//
//	go run ./deploy/grafana deploy/grafana/dashboards
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: grafana FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(folder string) error {
	for _, d := range []*dashboard{direction(), offPlan(), team(), health()} {
		var data bytes.Buffer
		encoder := json.NewEncoder(&data)
		encoder.SetEscapeHTML(false) // queries are full of < and >
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d.finish()); err != nil {
			return fmt.Errorf("encode %s: %w", d.UID, err)
		}
		if err := os.WriteFile(filepath.Join(folder, d.UID+".json"), data.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write dashboard: %w", err)
		}
	}
	return nil
}
