package linear

import (
	"encoding/json"
	"fmt"

	"alignd/connectors"
)

// ConvertPage converts the data of an answer to the issues query as a walk
// does, with the catalogs of another answer.
func ConvertPage(catalogs, issues []byte, ignore ...string) (connectors.Page, error) {
	r := newReading(catalogRoots)
	if err := r.take(catalogRoots, catalogs, byCreation, toTheEnd); err != nil {
		return connectors.Page{}, fmt.Errorf("catalogs: %w", err)
	}
	l := lists{}
	l.keep(r)
	cat := l.catalog()
	ignored := cat.ignored(connectors.NewLabelFilter(ignore))
	page := connectors.Page{Names: cat.names(ignored), Skipped: cat.skipped}
	w := &walk{converter: converter{"acme-linear", cat, ignored}}
	w.containers(&page)
	err := w.convert(issues, &page)
	return page, err
}

func (w *walk) convert(data json.RawMessage, page *connectors.Page) error {
	list, err := decodeIssues(data)
	if err != nil {
		return err
	}
	found, skipped := decodeEach[wireIssue](list.Nodes)
	page.Skipped = append(page.Skipped, skipped...)
	w.add(found, page)
	return nil
}
