package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"alignd/alignment"
	"alignd/mapping"
)

// annotationBody is an episode in the form of Grafana's annotations, with what
// is known about it besides. Times are milliseconds since 1970.
type annotationBody struct {
	Time    int64    `json:"time"`    // beginning of the week in which the change is estimated to have begun
	TimeEnd int64    `json:"timeEnd"` // when it was cleared; of an open one, up to when was looked at
	Title   string   `json:"title"`
	Text    string   `json:"text"`
	Tags    []string `json:"tags"`
	seriesBody
	episodeBody
}

func (h *handler) episodesJSON(r *http.Request) (any, error) {
	p := params{values: r.URL.Query()}
	if err := p.finish(); err != nil {
		return nil, err
	}
	snap := h.source.Snapshot()
	if snap == nil {
		return nil, errNotReady()
	}
	if snap.Review == nil {
		return nil, failure(http.StatusServiceUnavailable, "not_ready", "drift is being judged for the first time; try again in a minute")
	}
	names := newNames(snap, h.source.Status())
	out := []annotationBody{}
	for i := range snap.Review.Drifts {
		d := &snap.Review.Drifts[i]
		for e := range d.Episodes {
			out = append(out, newAnnotation(&d.Episodes[e], snap.Review, names))
		}
	}
	slices.SortStableFunc(out, func(x, y annotationBody) int { return cmp.Compare(x.Time, y.Time) })
	return out, nil
}

func newAnnotation(e *alignment.Episode, review *alignment.Review, n names) annotationBody {
	end, state := e.ClearedAt, "cleared"
	if e.How == alignment.StillOpen {
		end, state = e.RaisedAt, "open"
		if settled := review.Settled[e.Series.Team]; settled.After(end) {
			end = settled
		}
	}
	tags := []string{"alignd", "drift", e.Direction.String(), state, "team:" + e.Series.Team}
	if e.Series.Goal != "" {
		tags = append(tags, "goal:"+e.Series.Goal)
	}
	return annotationBody{
		Time: e.OnsetAt.UnixMilli(), TimeEnd: end.UnixMilli(), Title: "Noticed: " + n.episode(e), Text: annotationText(e), Tags: tags,
		seriesBody: newSeriesBody(e.Series), episodeBody: newEpisodeBody(e),
	}
}

// episode says in a few words what has moved: "less work on active goals in
// Payments".
func (n names) episode(e *alignment.Episode) string {
	if e.Direction == alignment.Up {
		return "more work on " + n.series(e.Series)
	}
	return "less work on " + n.series(e.Series)
}

func (n names) series(s alignment.Series) string {
	if s.Goal == "" {
		return "active goals in " + n.team(s.Team)
	}
	return n.goal(s.Goal)
}

// sinceWords says since when and by how much.
func sinceWords(e *alignment.Episode) string {
	side, reference := "above", "declared"
	if e.Direction == alignment.Down {
		side = "below"
	}
	if e.Estimated {
		reference = "usual"
	}
	return fmt.Sprintf("From about the week of %s on, the share was an estimated %s %s the %s %s. In the weeks that raised this, up to %s, it was %s.",
		day(e.Onset), percentagePoints(e.Shift), side, reference, percent(e.Reference), day(e.Week+6), percent(e.Share))
}

// question asks what only people can know.
func question(e *alignment.Episode) string {
	switch {
	case e.Series.Goal == "" && e.Direction == alignment.Down:
		return "Was that decided? What needs the work instead?"
	case e.Series.Goal == "":
		return "Was that decided? Is what was planned outside the goals still looked after?"
	case e.Direction == alignment.Down:
		return "Was that decided? Does the goal still matter as much as before?"
	default:
		return "Was that decided? Does the goal need more than was thought, and what gives way to it?"
	}
}

// endingWords says how an episode ended, empty while it is open.
func endingWords(e *alignment.Episode) string {
	switch {
	case e.How == alignment.ByData:
		return "It ended with the week of " + day(e.LastWeek) + ": the share was back."
	case e.How == alignment.NewReference:
		return "It ended with the week of " + day(e.LastWeek) + ": a target changed, a goal was paused, or other rules came into force."
	case e.How == alignment.Acknowledged && e.Note != "":
		return "Somebody took note of it on " + day(mapping.DateOf(e.ClearedAt.UTC())) + ": “" + e.Note + "”"
	case e.How == alignment.Acknowledged:
		return "Somebody took note of it on " + day(mapping.DateOf(e.ClearedAt.UTC())) + "."
	}
	return ""
}

const doubtWords = "With what became known later, it would not have been noticed."

// annotationText is all of it in a row.
func annotationText(e *alignment.Episode) string {
	text := sinceWords(e) + " " + question(e)
	if ending := endingWords(e); ending != "" {
		text = sinceWords(e) + " " + ending
	}
	if e.Doubted {
		text += " " + doubtWords
	}
	return text
}
