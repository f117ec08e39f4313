package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/store"
	"alignd/web"
)

// TryQuery writes a made-up ticket as the parameters of TryPath.
func TryQuery(m alignment.MadeUp) url.Values {
	return url.Values{
		"connector": {m.Connector}, "project": {m.Project}, "type": {m.Type}, "title": {m.Title}, "status": {m.Status},
		"priority": {m.Priority}, "parent": {m.Parent}, "label": m.Labels, "component": m.Components,
	}
}

func madeUp(query url.Values) alignment.MadeUp {
	return alignment.MadeUp{
		Connector: query.Get("connector"), Project: query.Get("project"), Type: query.Get("type"), Title: query.Get("title"),
		Status: query.Get("status"), Priority: query.Get("priority"), Parent: query.Get("parent"),
		Labels: query["label"], Components: query["component"],
	}
}

// Try says what rules make of a made-up ticket below one of a store, see
// alignment.Try.
func Try(ctx context.Context, st store.Store, rules *mapping.RuleSet, m alignment.MadeUp) (e alignment.Explanation, err error) {
	var asked error
	err = st.View(ctx, func(v store.View) error {
		e, asked = alignment.Try(input(v, rules), m)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("read store: %w", err)
	}
	return e, errors.Join(err, asked)
}

func (d *Daemon) try(ctx context.Context, query url.Values, rules *mapping.RuleSet) (any, error) {
	e, err := Try(ctx, d.store, rules, madeUp(query))
	if err != nil {
		return nil, err
	}
	return web.NewExplanation(e), nil
}
