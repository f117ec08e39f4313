package web

import (
	"math"
	"time"

	"alignd/alignment"
	"alignd/mapping"
)

// The types below are the JSON form of alignment.Snapshot. Amounts are exact
// integers: nanoseconds of team time, millionths of a ticket or point. Shares
// are from 0 to 1 and absent where they have no meaning.

type snapshotBody struct {
	ComputedAt  time.Time          `json:"computed_at"`
	Fingerprint string             `json:"fingerprint"`
	Strict      bool               `json:"strict"`
	Period      periodBody         `json:"period"`
	Company     teamBody           `json:"company"`
	Teams       []teamBody         `json:"teams"`
	Goals       []goalBody         `json:"goals"`
	Reasons     []reasonBody       `json:"reasons"`
	Tickets     []ticketCountBody  `json:"tickets"`
	Outside     map[string]int     `json:"tickets_outside"`
	Excluded    map[string]int     `json:"tickets_excluded"`
	Rules       []ruleBody         `json:"rules"`
	Conflicts   int                `json:"conflicts"`
	Review      *reviewBody        `json:"review,omitempty"` // absent until the history was looked at
	Scales      map[string]float64 `json:"amounts_per_unit"`
}

type periodBody struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"` // included
}

type teamBody struct {
	ID            string             `json:"id"`
	Known         bool               `json:"known"`
	Watermark     *time.Time         `json:"watermark,omitempty"`
	ActiveFresh   int                `json:"active_fresh"`
	ActiveStale   int                `json:"active_stale"`
	Targets       map[string]float64 `json:"targets,omitempty"`
	TargetAligned float64            `json:"target_aligned,omitempty"`
	PlannedSlack  *float64           `json:"planned_slack,omitempty"` // what the targets leave; absent without one
	Windows       []windowBody       `json:"windows"`
	Weeks         []windowBody       `json:"weeks"`
	Trends        []trendBody        `json:"trends"`  // over the weeks
	Starved       []string           `json:"starved"` // goals that get less than half of their target
	Evidence      *evidenceBody      `json:"evidence,omitempty"`
}

type windowBody struct {
	Name        string              `json:"name"`
	From        string              `json:"from"`
	To          string              `json:"to"` // excluded
	Capacity    int64               `json:"capacity_nanoseconds"`
	Idle        int64               `json:"idle_nanoseconds"`
	FreshShare  *float64            `json:"fresh_share,omitempty"`
	Unestimated int                 `json:"unestimated_tickets"`
	Units       map[string]workBody `json:"units"`
}

type workBody struct {
	Total            int64                `json:"total"`
	EffectiveTickets float64              `json:"effective_tickets"`
	Overdispersion   float64              `json:"overdispersion,omitempty"` // intervals are those of effective_tickets / overdispersion²; absent before the history was looked at
	Enough           bool                 `json:"enough_data"`              // otherwise its shares say next to nothing
	Distance         *distanceBody        `json:"distance,omitempty"`
	Bases            map[string]basisBody `json:"bases"`
}

type distanceBody struct {
	TotalVariation  float64  `json:"total_variation"`
	Floor           float64  `json:"floor"`
	Hellinger       float64  `json:"hellinger"`
	JensenShannon   float64  `json:"jensen_shannon_bits"`
	KullbackLeibler *float64 `json:"kullback_leibler_nats,omitempty"` // absent where infinite
	ChiSquare       *float64 `json:"chi_square,omitempty"`            // likewise
	G               *float64 `json:"g,omitempty"`                     // likewise
}

type basisBody struct {
	Cells  []cellBody           `json:"cells"`
	Shares map[string]shareBody `json:"shares"` // by class, absent without work
	Goals  map[string]shareBody `json:"goals"`  // aligned work on a goal, by id
}

type cellBody struct {
	Class  string `json:"class"`
	Goal   string `json:"goal,omitempty"`
	Reason string `json:"reason,omitempty"`
	Amount int64  `json:"amount"`
}

type shareBody struct {
	Value float64  `json:"value"`
	Lower *float64 `json:"lower,omitempty"` // of the interval; absent before the history was looked at
	Upper *float64 `json:"upper,omitempty"`
}

func newShareBody(s alignment.Share) shareBody {
	body := shareBody{Value: s.Value}
	if s.Limited {
		body.Lower, body.Upper = &s.Lower, &s.Upper
	}
	return body
}

type goalBody struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Why      string       `json:"why,omitempty"`
	DoneWhen string       `json:"done_when,omitempty"`
	Statuses []statusBody `json:"status"`
}

type statusBody struct {
	From string `json:"from"`
	Is   string `json:"is"`
	Why  string `json:"why,omitempty"`
}

type reasonBody struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type ticketCountBody struct {
	Connector string `json:"connector"`
	Team      string `json:"team,omitempty"`
	State     string `json:"state"`
	Count     int    `json:"count"`
}

type ruleBody struct {
	Rule    string `json:"rule"`
	Tickets int    `json:"tickets"`
}

func newSnapshotBody(s *alignment.Snapshot) snapshotBody {
	body := snapshotBody{
		ComputedAt: s.ComputedAt.UTC(), Fingerprint: s.Fingerprint, Strict: s.Strict,
		Period:  periodBody{s.Period.Name, s.Period.From.String(), s.Period.To.String()},
		Company: newTeamBody(s, &s.Company), Teams: []teamBody{},
		Goals: []goalBody{}, Reasons: []reasonBody{}, Tickets: []ticketCountBody{}, Rules: []ruleBody{},
		Outside: s.Outside, Excluded: s.Excluded, Conflicts: s.Conflicts,
		Review: newReviewBody(s.Review),
		Scales: map[string]float64{},
	}
	for _, u := range alignment.Units {
		body.Scales[u.String()] = u.Scale()
	}
	for i := range s.Teams {
		body.Teams = append(body.Teams, newTeamBody(s, &s.Teams[i]))
	}
	for i := range s.Goals {
		body.Goals = append(body.Goals, newGoalBody(&s.Goals[i]))
	}
	for _, r := range s.Reasons {
		body.Reasons = append(body.Reasons, reasonBody(r))
	}
	for _, c := range s.Tickets {
		body.Tickets = append(body.Tickets, ticketCountBody(c))
	}
	for _, r := range s.Rules {
		body.Rules = append(body.Rules, ruleBody(r))
	}
	return body
}

func newGoalBody(g *mapping.Goal) goalBody {
	body := goalBody{ID: g.ID, Name: g.Name, Why: g.Why, DoneWhen: g.DoneWhen, Statuses: []statusBody{}}
	for _, s := range g.Statuses {
		from := s.From.Date.String()
		if !s.From.Instant.IsZero() {
			from = s.From.Instant.Format(time.RFC3339)
		}
		body.Statuses = append(body.Statuses, statusBody{from, s.Is.String(), s.Why})
	}
	return body
}

func newTeamBody(s *alignment.Snapshot, t *alignment.TeamResult) teamBody {
	body := teamBody{
		ID: t.ID, Known: t.Known, ActiveFresh: t.ActiveFresh, ActiveStale: t.ActiveStale,
		Targets: t.Targets, TargetAligned: t.TargetAligned,
		Windows: windowBodies(s, t.Windows), Weeks: windowBodies(s, t.Weeks),
		Trends: newTrendBodies(t.Trends), Starved: orEmpty(s.Starved(t)), Evidence: newEvidenceBody(t.Evidence),
	}
	if slack, ok := t.PlannedSlack(); ok {
		body.PlannedSlack = &slack
	}
	if t.Known {
		at := t.Watermark.UTC()
		body.Watermark = &at
	}
	return body
}

func windowBodies(s *alignment.Snapshot, windows []alignment.Window) []windowBody {
	bodies := make([]windowBody, 0, len(windows))
	for i := range windows {
		w := &windows[i]
		body := windowBody{
			Name: w.Name, From: w.From.String(), To: w.To.String(),
			Capacity: w.Capacity, Idle: w.Idle, Unestimated: w.Unestimated,
			Units: map[string]workBody{},
		}
		if fresh, ok := w.FreshShare(); ok {
			body.FreshShare = &fresh
		}
		for _, u := range alignment.Units {
			body.Units[u.String()] = newWorkBody(s, &w.Units[u])
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func newWorkBody(s *alignment.Snapshot, w *alignment.Work) workBody {
	body := workBody{Total: w.Total, EffectiveTickets: w.EffectiveTickets, Overdispersion: w.Overdispersion, Enough: w.EffectiveTickets >= minEffective, Bases: map[string]basisBody{}}
	if d := w.Distance; d != nil {
		body.Distance = &distanceBody{
			TotalVariation: d.TotalVariation, Floor: d.Floor, Hellinger: d.Hellinger, JensenShannon: d.JensenShannon,
			KullbackLeibler: finite(d.KullbackLeibler), ChiSquare: finite(d.ChiSquare), G: finite(d.G),
		}
	}
	for _, b := range alignment.Bases {
		body.Bases[b.String()] = newBasisBody(s, w, b)
	}
	return body
}

func newBasisBody(s *alignment.Snapshot, w *alignment.Work, b alignment.Basis) basisBody {
	body := basisBody{Cells: []cellBody{}, Shares: map[string]shareBody{}, Goals: map[string]shareBody{}}
	for _, c := range w.Cells[b] {
		body.Cells = append(body.Cells, cellBody{c.Cell.Class.String(), c.Cell.Goal, c.Cell.Reason, c.Amount})
	}
	for _, class := range alignment.Classes {
		if share, ok := w.ClassShare(b, class); ok {
			body.Shares[class.String()] = newShareBody(share)
		}
	}
	for i := range s.Goals {
		if share, ok := w.GoalShare(b, s.Goals[i].ID); ok {
			body.Goals[s.Goals[i].ID] = newShareBody(share)
		}
	}
	return body
}

// finite returns nil for what JSON cannot hold.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}
