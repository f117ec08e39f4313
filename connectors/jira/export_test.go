package jira

import (
	"encoding/json"

	"alignd/ticket"
)

// Convert converts one document as a page would, given the answers of the
// field and status endpoints, and what keys mean on Data Center.
func Convert(cfg Config, keys map[string]string, fields, statuses, issue json.RawMessage, histories []json.RawMessage) (ticket.Ticket, error) {
	cat, err := newCatalog(cfg, fields, statuses)
	if err != nil {
		return ticket.Ticket{}, err
	}
	return convertOne(newRules(cfg), cat, ring(keys), issue, histories)
}

// Converter returns Convert for many documents.
func Converter(cfg Config, keys map[string]string, fields, statuses json.RawMessage) (func(json.RawMessage, []json.RawMessage) (ticket.Ticket, error), error) {
	cat, err := newCatalog(cfg, fields, statuses)
	return func(issue json.RawMessage, histories []json.RawMessage) (ticket.Ticket, error) {
		return convertOne(newRules(cfg), cat, ring(keys), issue, histories)
	}, err
}

func newCatalog(cfg Config, rawFields, rawStatuses json.RawMessage) (*catalog, error) {
	var fields []field
	var statuses []status
	if err := json.Unmarshal(rawFields, &fields); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(rawStatuses, &statuses); err != nil {
		return nil, err
	}
	points, err := pointsFields(fields, cfg.StoryPointsField)
	cat := &catalog{customFields: customFields{points: points, sprints: ofType(fields, sprintType)}, meanings: meanings(fields, points), statuses: map[string]ticket.State{}}
	if cfg.Deployment == DataCenter {
		cat.linkFields, cat.containers, cat.customs = newLinkFields(fields), map[string]bool{"epic": true}, customNames(fields)
	}
	for _, s := range statuses {
		cat.statuses[s.ID] = s.state()
	}
	return cat, err
}

func ring(keys map[string]string) keyring {
	k := keyring{}
	for key, id := range keys {
		k[key] = keyed{id: id}
	}
	return k
}

func convertOne(r rules, cat *catalog, keys keyring, raw json.RawMessage, histories []json.RawMessage) (ticket.Ticket, error) {
	is, err := parseIssue(raw, cat.customFields)
	if err != nil {
		return ticket.Ticket{}, err
	}
	if histories == nil {
		histories = is.Changelog.Histories
	}
	one := []issue{is}
	keys.settle(one)
	is = one[0]
	changes, err := parseHistories(histories)
	if err != nil {
		return ticket.Ticket{}, err
	}
	return r.convertIssue(document{issue: is, histories: changes}, cat), nil
}

// CheckJQL exposes the check of a configured query.
var CheckJQL = checkJQL

// Envelope exposes the cutting of a page.
func Envelope(raw []byte, list string) (items []json.RawMessage, token string, last bool, err error) {
	env, err := parseEnvelope(raw, list)
	return env.items, env.token, env.last, err
}
