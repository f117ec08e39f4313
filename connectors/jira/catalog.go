package jira

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"alignd/ticket"
)

// catalogAge is how long fields and statuses are trusted. They change with
// the site's set-up, not with its work.
const catalogAge = time.Hour

// The fields asked for on each ticket. None of them holds a person.
var ticketFields = []string{
	"summary", "issuetype", "project", "status", "resolution", "priority",
	"labels", "components", "parent", "created", "updated",
	"resolutiondate", "statuscategorychangedate", "duedate",
}

// catalog is what the site says about itself.
type catalog struct {
	read time.Time
	customFields
	meanings map[string]ticket.Field // what a change of a field means, by field id
	statuses map[string]ticket.State // by status id
	absent   map[string]bool         // status ids that a fresh catalog did not know

	// On Data Center.
	customs    map[string]ticket.Field // what a change means, by the field's name in lower case
	containers map[string]bool         // names of types, folded
}

// fields returns the ids to ask for on each ticket.
func (cat *catalog) fields() []string {
	ids := slices.Clone(ticketFields)
	for _, f := range cat.all() {
		ids = append(ids, f.ID)
	}
	return ids
}

type field struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Schema struct {
		Type   string `json:"type"`
		Custom string `json:"custom"`
	} `json:"schema"`
}

type status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

// state maps the category, whose keys are the same on every site. Names and
// translations never decide.
func (s status) state() ticket.State {
	switch s.Category.Key {
	case "new":
		return ticket.StateTodo
	case "indeterminate":
		return ticket.StateActive
	case "done":
		return ticket.StateDone
	}
	return ticket.StateUnknown
}

// lookAround does what is due now and then, once in a walk and only if it
// finds tickets: a walk that finds none needs no catalog, and should cost next
// to nothing. It reports whether other fields than before must be asked for.
func (c *Connector) lookAround(ctx context.Context, found int) (changed bool, err error) {
	if found == 0 || c.walk.lookedAround {
		return false, nil
	}
	defer func() { c.walk.lookedAround = err == nil }()
	switch {
	case time.Since(c.catalog.read) >= catalogAge:
		before := c.catalog.fields()
		err = c.refreshCatalog(ctx)
		return !slices.Equal(before, c.catalog.fields()), err
	case time.Since(c.vouched) >= identityAge:
		err = c.vouch(ctx)
	}
	return false, err
}

// refreshCatalog reads fields and statuses.
func (c *Connector) refreshCatalog(ctx context.Context) error {
	var fields []field
	if err := c.get(ctx, "field", &fields); err != nil {
		return err
	}
	points, err := pointsFields(fields, c.cfg.StoryPointsField)
	if err != nil {
		return err
	}
	c.catalog.meanings, c.catalog.customs = meanings(fields, points), customNames(fields)
	if err := c.readStatuses(ctx); err != nil {
		return err
	}
	c.catalog.points, c.catalog.sprints = points, ofType(fields, sprintType)
	c.catalog.absent, c.catalog.read = map[string]bool{}, time.Now()
	if c.deployment != DataCenter {
		return nil
	}
	c.catalog.linkFields = newLinkFields(fields)
	if c.catalog.containers == nil {
		return c.learnTypes(ctx)
	}
	return nil
}

func (c *Connector) readStatuses(ctx context.Context) error {
	var list []status
	if err := c.get(ctx, "status", &list); err != nil {
		return err
	}
	c.catalog.statuses = make(map[string]ticket.State, len(list))
	for _, s := range list {
		c.catalog.statuses[s.ID] = s.state()
		c.names.meetStatus(s)
	}
	return nil
}

// learnStatuses reads the statuses again if histories name ids that are not
// known: a status made within the last hour. Ids of deleted statuses stay
// unknown and are asked for once an hour.
func (c *Connector) learnStatuses(ctx context.Context, docs []document) error {
	for i := range docs {
		now := docs[i].issue.Fields.Status
		c.catalog.statuses[now.ID] = now.state()
		c.names.meetTicket(&docs[i].issue)
	}
	fresh := false
	for _, id := range statusIDs(docs, &c.catalog) {
		if _, known := c.catalog.statuses[id]; known || id == "" || c.catalog.absent[id] {
			continue
		}
		if !fresh {
			if err := c.readStatuses(ctx); err != nil {
				return err
			}
			fresh = true
		}
		if _, known := c.catalog.statuses[id]; !known {
			c.catalog.absent[id] = true
		}
	}
	return nil
}

// Names Jira gives to the two fields of estimates, and the type of the newer.
const (
	storyPoints        = "Story Points"
	storyPointEstimate = "Story point estimate"
	storyPointType     = "com.pyxis.greenhopper.jira:jsw-story-points"
)

// pointsFields finds the number fields that hold estimates: the configured
// one, or all that Jira itself makes, since a site may use several. It is an
// error if the configured one does not exist.
func pointsFields(all []field, configured string) ([]field, error) {
	var found []field
	for _, f := range all {
		switch {
		case configured != "" && (f.ID == configured || f.Name == configured):
			if f.Schema.Type != "number" {
				return nil, fmt.Errorf("story_points_field %q is not a number field", configured)
			}
			found = append(found, f)
		case configured == "" && f.Schema.Type == "number" && pointsRank(f) > 0:
			found = append(found, f)
		}
	}
	if configured != "" && len(found) == 0 {
		return nil, fmt.Errorf("story_points_field %q does not exist, or the account may not see it", configured)
	}
	slices.SortFunc(found, func(a, b field) int {
		return cmp.Or(pointsRank(a)-pointsRank(b), strings.Compare(a.ID, b.ID))
	})
	return found, nil
}

// pointsRank orders the fields of estimates; 0 means another field.
func pointsRank(f field) int {
	switch {
	case f.Name == storyPoints:
		return 1
	case f.Schema.Custom == storyPointType:
		return 2
	case f.Name == storyPointEstimate:
		return 3
	}
	return 0
}
