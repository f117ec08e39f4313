package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
)

// csvTable is an answer for spreadsheets, names of the columns first.
type csvTable [][]string

func writeCSV(w http.ResponseWriter, name string, table csvTable) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	noStore(w.Header())
	_ = csv.NewWriter(w).WriteAll(table)
}

// harmless keeps a spreadsheet from taking foreign text, which a reason may be,
// for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
