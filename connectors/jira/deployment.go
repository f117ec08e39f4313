package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"alignd/connectors"
)

// Deployment is the kind of Jira: they differ in search, histories, parents
// and levels.
type Deployment string

// The deployments. Data Center includes Jira Server.
const (
	Cloud      Deployment = "cloud"
	DataCenter Deployment = "datacenter"
)

// root is what stands before the path of an endpoint. Data Center has no
// version 3.
func (d Deployment) root() string {
	if d == DataCenter {
		return "rest/api/2/"
	}
	return "rest/api/3/"
}

// configured returns the deployment, or nothing if Jira has to be asked.
func (c Config) configured() Deployment {
	if c.CloudID != "" {
		return Cloud
	}
	return c.Deployment
}

// settle finds out what is talked to, once. Only the Cloud has one name for
// itself, so everything else is Data Center.
func (c *Connector) settle(ctx context.Context) error {
	if c.deployment != "" {
		return nil
	}
	const path = "rest/api/2/serverInfo" // exists everywhere
	raw, err := c.send(ctx, "server_info", http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	var info struct {
		Type    string `json:"deploymentType"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		return fmt.Errorf("decode server_info: %w", err)
	}
	switch {
	case strings.EqualFold(info.Type, "Cloud"):
		c.deployment = Cloud
	case info.Version == "":
		return fmt.Errorf("decode server_info: %w", errShape)
	default:
		c.deployment = DataCenter
	}
	c.logger.InfoContext(ctx, "Deployment of Jira found", "deployment", c.deployment, "version", info.Version)
	return nil
}

// histories returns the changelogs of tickets by id. Data Center has sent them
// with the tickets.
func (c *Connector) histories(ctx context.Context, issues []issue) (map[string][]json.RawMessage, error) {
	if c.deployment != DataCenter {
		return c.changelogs(ctx, idsOf(issues))
	}
	histories := make(map[string][]json.RawMessage, len(issues))
	for _, is := range issues {
		if is.Changelog.Histories != nil {
			histories[is.ID] = is.Changelog.Histories
		}
	}
	return histories, nil
}

// whole reports whether a ticket's history was delivered: Data Center sends an
// empty one with a ticket that has none.
func (c *Connector) whole(histories []json.RawMessage) bool {
	return c.deployment != DataCenter || histories != nil
}

var errNoHistory = errors.New("ticket without its history")

// fetch reads tickets by id. What does not exist or may not be seen is not
// among them; what Jira could not deliver although it is there comes back as
// skipped.
func (c *Connector) fetch(ctx context.Context, ids []string) ([]json.RawMessage, []connectors.Skipped, error) {
	if c.deployment != DataCenter {
		return c.bulkFetch(ctx, ids)
	}
	found, err := c.named(ctx, "id", ids, c.catalog.fields(), []string{expandHistories})
	if err != nil {
		return nil, nil, err
	}
	var raws []json.RawMessage
	for _, id := range ids {
		if raw, ok := found[id]; ok {
			raws = append(raws, raw)
		}
	}
	return raws, nil, nil
}
