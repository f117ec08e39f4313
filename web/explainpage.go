package web

import (
	"errors"
	"fmt"
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
	Carries []carriedRow
	Tried   []trialTable
}

// carriedRow is what a ticket carries in one window.
type carriedRow struct{ Window, Time, Tickets, Points string }

// trialTable is the rules held against one ticket.
type trialTable struct {
	Summary string
	Rows    []RuleStep
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
	for _, w := range e.Work {
		t.Carries = append(t.Carries, carriedRow{
			windowWords[w.Window], w.words(alignment.UnitTime), w.words(alignment.UnitTickets), w.words(alignment.UnitPoints),
		})
	}
	for i := range e.Trials {
		t.Tried = append(t.Tried, trialTable{capital(e.Trials[i].Summary(i > 0)), e.Trials[i].Rules})
	}
	return t
}

// words says how much work it is in one unit.
func (w *WorkIn) words(u alignment.Unit) string {
	if w.Units[u.String()] == 0 {
		return "–"
	}
	return amount(u, w.Units[u.String()])
}

// Text says how much work it is in all units that have any.
func (w *WorkIn) Text() string {
	var words []string
	for _, u := range alignment.Units {
		if w.Units[u.String()] != 0 {
			words = append(words, w.words(u))
		}
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// Summary says in words what the rules were held against, and what came of it.
func (t *Trial) Summary(above bool) string {
	whom := "the ticket itself"
	if above {
		whom = "what is above it, " + strings.TrimSpace(t.Type+" "+t.Key)
		if t.Title != "" && t.Title != t.Key {
			whom += " “" + t.Title + "”"
		}
	}
	matched := 0
	for _, r := range t.Rules {
		if r.Matched {
			matched++
		}
	}
	return fmt.Sprintf("%s: %s of %s", whom, matchWords(matched), counted(float64(len(t.Rules)), "rule", "rules"))
}

func matchWords(n int) string {
	if n == 0 {
		return "it matches none"
	}
	return fmt.Sprintf("it matches %d", n)
}

// Outcome says in words what became of the rule.
func (r RuleStep) Outcome() string {
	switch {
	case r.Decides:
		return "matches, and decides"
	case r.Matched:
		return "matches, but another rule wins"
	}
	return r.Failed
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
