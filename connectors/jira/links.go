package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// On Data Center the parent of an epic's child stands in the field Epic Link,
// that of an epic in the field Parent Link, both as a key; only sub-tasks name
// their parent as the Cloud does. No type has a level there: a type is one of
// containers if it is called Epic, if its tickets have an Epic Name, or if
// such a link leads to one of its tickets.

const (
	epicLinkType   = "com.pyxis.greenhopper.jira:gh-epic-link"
	parentLinkType = "com.atlassian.jpo:jpo-custom-field-parent"
	epicNameType   = "com.pyxis.greenhopper.jira:gh-epic-label"
)

// customFields are the fields of a site whose ids it has to be asked for.
type customFields struct {
	points  []field // with estimates, the best first
	sprints []field
	linkFields
}

// all returns them in the order in which parseIssue reads their values.
func (c customFields) all() []field { return slices.Concat(c.points, c.sprints, c.links, c.labels) }

// linkFields are the fields of a site that say what stands above what.
type linkFields struct {
	links  []field // Epic Link before Parent Link
	labels []field // Epic Name
}

func newLinkFields(all []field) linkFields {
	return linkFields{
		links:  slices.Concat(ofType(all, epicLinkType), ofType(all, parentLinkType)),
		labels: ofType(all, epicNameType),
	}
}

// link names a parent.
type link struct{ id, key string }

var keyForm = regexp.MustCompile(`^[\p{L}\p{N}_]{1,255}-[0-9]{1,10}$`)

// linkOf reads the value of a link field: a key, or an object with the ticket
// in it.
func linkOf(raw json.RawMessage) link {
	if key := text(raw); keyForm.MatchString(key) {
		return link{key: key}
	}
	var object struct {
		ID   json.RawMessage `json:"id"`
		Key  json.RawMessage `json:"key"`
		Data struct {
			ID  json.RawMessage `json:"id"`
			Key json.RawMessage `json:"key"`
		} `json:"data"`
	}
	if json.Unmarshal(raw, &object) != nil {
		return link{}
	}
	if object.ID == nil && object.Key == nil {
		object.ID, object.Key = object.Data.ID, object.Data.Key
	}
	found := link{key: text(object.Key)}
	if _, ok := numeric(text(object.ID)); ok {
		found.id = text(object.ID)
	}
	if !keyForm.MatchString(found.key) {
		found.key = ""
	}
	return found
}

// readLinks reads what Data Center says of a ticket's place.
func (is *issue) readLinks(fields linkFields, values []json.RawMessage) {
	links, labels := values[:len(fields.links)], values[len(fields.links):]
	for _, raw := range links {
		if found := linkOf(raw); found != (link{}) && is.Fields.Parent == nil {
			is.link = found
			break
		}
	}
	is.epic = slices.ContainsFunc(labels, func(raw json.RawMessage) bool {
		return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
	})
}

// keyring remembers which ticket a key means; an empty id means none that can
// be seen.
type keyring map[string]keyed

type keyed struct {
	id   string
	read time.Time
}

func (k keyring) knows(key string) bool {
	known, ok := k[key]
	return ok && (known.id != "" || time.Since(known.read) < ancestorAge)
}

// resolveLinks gives each ticket the id of the parent that it names by key.
func (c *Connector) resolveLinks(ctx context.Context, issues []issue) error {
	if c.deployment != DataCenter {
		return nil
	}
	var unknown []string
	for i := range issues {
		if is := &issues[i]; c.catalog.isContainer(is) {
			c.keys[is.Key] = keyed{id: is.ID}
		}
	}
	for i := range issues {
		if l := issues[i].link; l.id == "" && l.key != "" && !c.keys.knows(l.key) {
			unknown = append(unknown, l.key)
		}
	}
	slices.Sort(unknown)
	if err := c.learnKeys(ctx, slices.Compact(unknown)); err != nil {
		return err
	}
	c.keys.settle(issues)
	return nil
}

// settle gives the tickets their parents.
func (k keyring) settle(issues []issue) {
	for i := range issues {
		is := &issues[i]
		id := is.link.id
		if id == "" && is.link.key != "" {
			id = k[is.link.key].id
		}
		if id != "" {
			is.Fields.Parent = &parent{ID: id}
		}
	}
}

// learnKeys asks for the tickets that links lead to, and learns that their
// types are those of containers. One that was delivered before that was known
// is read again.
func (c *Connector) learnKeys(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	found, err := c.named(ctx, "key", keys, []string{"issuetype"}, nil)
	if err != nil {
		return err
	}
	for _, key := range keys {
		var is issue
		if raw, ok := found[key]; ok && json.Unmarshal(raw, &is) == nil {
			if id, ok := numeric(is.ID); ok && !c.catalog.isContainer(&is) {
				c.catalog.containers[fold(is.Fields.Type.Name)] = true
				delete(c.walk.climb.read, id)
				delete(c.ancestors, id)
			}
		}
		c.keys[key] = keyed{is.ID, time.Now()}
	}
	return nil
}

func (cat *catalog) isContainer(is *issue) bool {
	return is.Fields.Type.Level >= 1 || is.epic || cat.containers[fold(is.Fields.Type.Name)]
}

// learnTypes looks for the types above epics before the first walk, because a
// ticket does not show that its type is one. For each type that has a Parent
// Link some tickets tell where it leads.
func (c *Connector) learnTypes(ctx context.Context) error {
	c.catalog.containers = map[string]bool{"epic": true}
	for _, f := range c.catalog.linkFields.links {
		if f.Schema.Custom != parentLinkType {
			continue
		}
		var below []string
		for range maxHops {
			issues, err := c.sampleLinks(ctx, f, below)
			if err != nil || len(issues) == 0 {
				return err
			}
			for i := range issues {
				below = append(below, issues[i].Fields.Type.ID)
			}
			slices.Sort(below)
			below = slices.Compact(below)
			if err := c.resolveLinks(ctx, issues); err != nil {
				return err
			}
		}
	}
	return nil
}

// sampleLinks returns tickets with a Parent Link whose types are not below. A
// site that does not let the field be searched has none.
func (c *Connector) sampleLinks(ctx context.Context, f field, below []string) ([]issue, error) {
	number, ok := strings.CutPrefix(f.ID, "customfield_")
	if !ok {
		return nil, nil
	}
	jql := "cf[" + number + "] is not EMPTY"
	if len(below) > 0 {
		jql += " AND issuetype not in (" + strings.Join(below, ", ") + ")"
	}
	got, err := c.rows(ctx, offsetRequest{JQL: jql, MaxResults: searchSize, Fields: []string{"issuetype", f.ID}})
	if isStatus(err, http.StatusBadRequest) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var issues []issue
	for _, raw := range got.items {
		var is issue
		values, err := customValues(raw, []field{f})
		if err != nil || json.Unmarshal(raw, &is) != nil || is.Fields.Type.ID == "" {
			continue
		}
		is.link = linkOf(values[0])
		issues = append(issues, is)
	}
	return issues, nil
}
