package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"alignd/mapping"
)

// revisionBody is a revision of the mapping in the form of Grafana's
// annotations, with what is known about it besides.
type revisionBody struct {
	Time  int64    `json:"time"` // milliseconds since 1970
	Title string   `json:"title"`
	Note  string   `json:"text"`
	Tags  []string `json:"tags"`
	mapping.Revision
}

func (h *handler) revisionsJSON(r *http.Request) (any, error) {
	p := params{values: r.URL.Query()}
	full := p.choice("mapping", "false", "true") == "true"
	if err := p.finish(); err != nil {
		return nil, err
	}
	all, err := h.source.Revisions(r.Context())
	if err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	out := make([]revisionBody, len(all))
	for i, rev := range all {
		if !full {
			rev.Text = ""
		}
		out[i] = revisionBody{
			Time: rev.At.UnixMilli(), Title: "The rules changed: revision " + rev.Short(), Note: strings.Join(rev.Summary, " "),
			Tags: []string{"alignd", "revision"}, Revision: rev,
		}
	}
	return out, nil
}

// revisionsData is what the template of revisions prints.
type revisionsData struct {
	Version, Problem string
	Rows             []revisionRow
	Chosen           *revisionRow
	Diff, Text       string // of the chosen one: to the one before, and whole
}

type revisionRow struct {
	ID, Short, At string
	Summary       []string
	InForce       bool
}

func (h *handler) revisionsPage(w http.ResponseWriter, r *http.Request) {
	data, status := revisionsData{Version: h.version}, http.StatusOK
	all, err := h.source.Revisions(r.Context())
	if err == nil {
		err = data.fill(all, h.source.Status().Revision, r.URL.Query().Get("id"))
	}
	if known := new(apiError); errors.As(err, &known) {
		status, data.Problem = known.status, known.detail.Message
	} else if err != nil {
		h.logger.Error("Listing revisions failed", "err", err)
		status, data.Problem = http.StatusInternalServerError, "the revisions cannot be shown; the log says why"
	}
	h.render(w, status, "revisions.html", data)
}

// fill lists the newest first, or shows the chosen one.
func (d *revisionsData) fill(all []mapping.Revision, current *mapping.Revision, id string) error {
	if id == "" {
		for _, rev := range slices.Backward(all) {
			d.Rows = append(d.Rows, newRevisionRow(&rev, current))
		}
		return nil
	}
	at, err := mapping.FindRevision(all, id)
	if err != nil {
		return failure(http.StatusNotFound, "unknown_revision", err.Error())
	}
	row := newRevisionRow(&all[at], current)
	d.Chosen, d.Text = &row, all[at].Text
	if at > 0 {
		d.Diff = mapping.Diff(&all[at-1], &all[at])
	}
	return nil
}

func newRevisionRow(r, current *mapping.Revision) revisionRow {
	return revisionRow{ID: r.ID, Short: r.Short(), At: r.At.UTC().Format("2 January 2006, 15:04 UTC"), Summary: r.Summary, InForce: current != nil && current.ID == r.ID}
}
