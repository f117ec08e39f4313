package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"alignd/alignment"
	"alignd/ticket"
)

// explainData is what the explain template prints.
type explainData struct {
	Version, Key, Problem string
	Tickets               []explainedTicket
}

type explainedTicket struct {
	Explanation
	Summary string
	Labels  string
	UpTo    string
	Now     verdictRow
	Then    []verdictRow
}

type verdictRow struct {
	From, Text, Because string
}

func (h *handler) explainPage(w http.ResponseWriter, r *http.Request) {
	data := explainData{Version: h.version, Key: strings.TrimSpace(r.URL.Query().Get("key"))}
	status := http.StatusOK
	found, err := h.explain(r, data.Key)
	if known := new(apiError); errors.As(err, &known) {
		status, data.Problem = known.status, known.detail.Message
	} else if err != nil {
		h.logger.Error("Explaining a ticket failed", "err", err)
		status, data.Problem = http.StatusInternalServerError, "the answer could not be computed; the log says why"
	}
	names := goalNames(h.source.Snapshot())
	for _, e := range found {
		data.Tickets = append(data.Tickets, newExplainedTicket(e, names, time.Now()))
	}
	h.render(w, status, "explain.html", data)
}

// goalNames maps ids of goals and reasons to what people call them.
func goalNames(snap *alignment.Snapshot) map[string]string {
	names := map[string]string{}
	if snap == nil {
		return names
	}
	for _, r := range snap.Reasons {
		names[r.ID] = r.Name
	}
	for i := range snap.Goals {
		names[snap.Goals[i].ID] = snap.Goals[i].Name
	}
	return names
}

func newExplainedTicket(e Explanation, names map[string]string, now time.Time) explainedTicket {
	t := explainedTicket{Explanation: e, Labels: strings.Join(e.Labels, ", "), Now: newVerdictRow(e.Now, names, now)}
	t.Summary = e.Type + ", " + e.State + " (" + e.Status + ")"
	if e.Container {
		t.Summary += "; it hands its labels down and carries no work itself"
	}
	if e.Outside {
		t.Summary += "; it is out of scope, and known only because tickets in scope inherit from it"
	}
	if e.State == ticket.StateUnknown.String() {
		t.Summary += "; the tracker does not say in which state it is, so it takes no work"
	}
	if e.Watermark != nil {
		t.UpTo = stamp(*e.Watermark, now)
	}
	for _, v := range e.Then {
		t.Then = append(t.Then, newVerdictRow(v, names, now))
	}
	return t
}

func newVerdictRow(v Verdict, names map[string]string, now time.Time) verdictRow {
	return verdictRow{From: stamp(v.From, now), Text: v.Text(names), Because: v.Because()}
}

// Text says in words where the work goes. Names may translate ids of goals
// and reasons.
func (v Verdict) Text(names map[string]string) string {
	if v.Excluded {
		return "taken out of all numbers"
	}
	parts := make([]string, 0, len(v.Cells))
	for _, c := range v.Cells {
		text := c.text(names)
		if len(v.Cells) > 1 {
			text = percent(c.Share) + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func (c Cell) text(names map[string]string) string {
	name := func(id string) string {
		if n := names[id]; n != "" {
			return n
		}
		return id
	}
	switch {
	case c.Class == alignment.Aligned.String():
		return "on the goal " + name(c.Goal)
	case c.Class == alignment.NotNow.String():
		return "on the goal " + name(c.Goal) + ", which is not now"
	case c.Class == alignment.Unmapped.String():
		return "not mapped"
	case c.Reason == alignment.Retired:
		return "off-plan: its goal is retired"
	case c.Reason == "":
		return "off-plan, no reason given"
	default:
		return "off-plan: " + name(c.Reason)
	}
}

// Because says which rules decided, and whose facts they looked at.
func (v Verdict) Because() string {
	if len(v.Rules) == 0 {
		return "no rule says anything of it or of what is above it"
	}
	text := "by the rule “" + strings.Join(v.Rules, "” and the rule “") + "”"
	if a := v.Inherited; a != nil {
		text += ", inherited from " + strings.TrimSpace(a.Type+" "+a.Key)
		if a.Title != "" && a.Title != a.Key {
			text += " “" + a.Title + "”"
		}
	}
	if v.Backfilled {
		text += "; it was known only later and fills the time before"
	}
	return text
}
