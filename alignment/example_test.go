package alignment_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/ticket"
)

// list is a Source over tickets in memory.
type list []ticket.Ticket

func (l list) Tickets() iter.Seq[*ticket.Ticket] {
	return func(yield func(*ticket.Ticket) bool) {
		for i := range l {
			if !yield(&l[i]) {
				return
			}
		}
	}
}

func (l list) Ticket(id ticket.ID) (ticket.Ticket, bool) {
	for i := range l {
		if l[i].ID == id {
			return l[i].Clone(), true
		}
	}
	return ticket.Ticket{}, false
}

// The shape of the worked example, see its own "how_to_read".
type (
	example struct {
		Scenarios map[string]*scenario `json:"scenarios"`
	}
	scenario struct {
		Watermark time.Time `json:"watermark"`
		Window    struct{ From, To string }
		Teams     []struct {
			ID       string
			Owns     map[string][]string
			TimeZone string `json:"time_zone"`
			Capacity string
			Calendar struct{ Holidays []string }
		}
		Goals []struct {
			ID     string
			Status []struct {
				From time.Time
				Is   string
			}
		}
		Targets []map[string]string
		Reasons []struct{ ID string }
		Rules   []json.RawMessage
		Tickets []exampleTicket

		Expected struct {
			WorkHours struct {
				Capacity, Total, Idle  map[string]string
				PerTicket              map[string]cells `json:"per_ticket"`
				Then, Strict, Now      map[string]cells
				ThenBeforeLastDelivery map[string]cells            `json:"then_before_last_delivery"`
				ThenPerDay             map[string]map[string]cells `json:"then_per_day"`
			} `json:"work_hours"`
			FreshShare map[string]string `json:"fresh_share"`
			Tickets    struct {
				Total                  map[string]string
				Days                   map[string]string
				Then, Strict, Now      map[string]cells
				ThenFirstCompletion    map[string]cells `json:"then_first_completion"`
				ThenBeforeLastDelivery map[string]cells `json:"then_before_last_delivery"`
			}
			Points struct {
				Total, Unestimated map[string]string
				Then, Now          map[string]cells
			}
			SharesThen map[string]map[string]cells      `json:"shares_then"`
			SharesNow  map[string]map[string]cells      `json:"shares_now"`
			NEff       map[string]cells                 `json:"n_eff"`
			Wilson     map[string]map[string][2]float64 `json:"wilson95_aligned_then"`
			Distance   map[string]map[string]any        `json:"distance_to_target_time_then"`
			Wrong      map[string]struct {
				Hours   map[string]cells
				Tickets map[string]string
				Points  map[string]string
				NEff    map[string]string `json:"n_eff_time"`
			} `json:"wrong_answers"`
		}
	}
	// cells maps a cell, ticket or class to an exact rational.
	cells         map[string]string
	exampleTicket struct {
		ID, Connector, Level string
		Events               []exampleEvent
	}
	exampleEvent struct {
		At       time.Time
		Field    string
		Project  string
		State    string
		Parent   *string
		Labels   []string
		Estimate *float64
		To       any
		Deliver  string
	}
)

// readExample loads the optional shared test data.
func readExample(t *testing.T) (e example) {
	t.Helper()
	readShared(t, "example.json", &e)
	return e
}

func readShared(t *testing.T, name string, v any) {
	t.Helper()
	path := "../../shared/worked-example/" + name
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is required in CI", path)
		}
		t.Skipf("optional shared test data %s is absent", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

var states = map[string]ticket.State{
	"todo": ticket.StateTodo, "active": ticket.StateActive, "done": ticket.StateDone, "canceled": ticket.StateCanceled,
}

func points(v *float64) ticket.Points {
	if v == nil {
		return ticket.Points{}
	}
	return ticket.Points{Set: true, Micros: int64(*v * 1e6)}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ticket replays the example's events into the facts a connector would hand
// over.
func (x exampleTicket) ticket(skip func(exampleEvent) bool) ticket.Ticket {
	var tk ticket.Ticket
	for _, e := range x.Events {
		if skip != nil && skip(e) {
			continue
		}
		tk.Updated = e.At
		c := ticket.Change{At: e.At}
		to, _ := e.To.(string)
		switch e.Field {
		case "created":
			tk = ticket.Ticket{
				ID: ticket.ID{Connector: x.Connector, UID: x.ID}, Key: x.ID, Container: x.Level == "epic", Type: "Task",
				Project: e.Project, Status: e.State, State: states[e.State], Parent: text(e.Parent),
				Labels: slices.Clone(e.Labels), Estimate: points(e.Estimate), Created: e.At, Updated: e.At,
			}
			continue
		case "state":
			c.Field, c.From, c.To, c.FromState, c.ToState = ticket.FieldState, tk.Status, to, tk.State, states[to]
			tk.Status, tk.State = to, states[to]
		case "label+":
			c.Field, c.To = ticket.FieldLabel, to
			tk.Labels = append(tk.Labels, to)
		case "label-":
			c.Field, c.From = ticket.FieldLabel, to
			tk.Labels = slices.DeleteFunc(tk.Labels, func(l string) bool { return l == to })
		case "project":
			c.Field, c.From, c.To = ticket.FieldProject, tk.Project, to
			tk.Project = to
		case "parent":
			c.Field, c.From, c.To = ticket.FieldParent, tk.Parent, to
			tk.Parent = to
		case "estimate":
			v := e.To.(float64)
			c.Field, c.FromPoints, c.ToPoints = ticket.FieldEstimate, tk.Estimate, points(&v)
			tk.Estimate = points(&v)
		case "touch":
			c.Field = ticket.FieldTouch
		default:
			panic("unknown field " + e.Field)
		}
		tk.Changes = append(tk.Changes, c)
	}
	return tk
}

func (s *scenario) tickets(skip func(exampleEvent) bool) list {
	out := make(list, len(s.Tickets))
	for i, x := range s.Tickets {
		out[i] = x.ticket(skip)
	}
	return out
}

// mapping writes the scenario as product ops would, with extra top-level lines.
func (s *scenario) mapping(t *testing.T, extra ...string) *mapping.RuleSet {
	t.Helper()
	doc := map[string]any{}
	var teams, goals, reasons []any
	for _, tm := range s.Teams {
		teams = append(teams, map[string]any{
			"id": tm.ID, "owns": tm.Owns, "time_zone": tm.TimeZone, "capacity": json.Number(tm.Capacity),
			"calendar": map[string]any{"holidays": append([]string{}, tm.Calendar.Holidays...)},
		})
	}
	for _, g := range s.Goals {
		goal := map[string]any{"id": g.ID, "name": g.ID}
		var status, target []any
		for _, st := range g.Status {
			status = append(status, map[string]any{"from": st.From.Format(time.RFC3339), "is": st.Is})
		}
		for _, q := range s.Targets {
			target = append(target, map[string]any{"from": q["from"], "share": json.Number(rational(q[g.ID]).FloatString(4))})
		}
		goal["status"] = status
		if target != nil {
			goal["target"] = target
		}
		goals = append(goals, goal)
	}
	for _, r := range s.Reasons {
		reasons = append(reasons, map[string]any{"id": r.ID, "name": r.ID})
	}
	doc["period"] = map[string]any{"name": "example", "from": s.Window.From, "to": s.Window.To}
	doc["teams"], doc["goals"], doc["rules"] = teams, goals, s.Rules
	if reasons != nil {
		doc["reasons"] = reasons
	}
	data, err := json.Marshal(doc) // YAML is a superset of JSON
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range extra {
		data = []byte(strings.Replace(string(data), "{", "{"+line+",", 1))
	}
	rules, err := mapping.Parse("example.yml", data)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func (s *scenario) input(tks list, rules *mapping.RuleSet) alignment.Input {
	marks := map[string]time.Time{}
	for _, tm := range rules.Teams() {
		for _, c := range tm.Connectors() {
			marks[c] = s.Watermark
		}
	}
	return alignment.Input{Tickets: tks, Rules: rules, Watermarks: marks, Now: s.Watermark}
}

func rational(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a rational: " + s)
	}
	return r
}

func cellName(c alignment.Cell) string {
	name := c.Class.String()
	if c.Goal != "" {
		name += "/" + c.Goal
	}
	if c.Reason != "" {
		name += "/" + c.Reason
	}
	return name
}

// amounts compares integer amounts with exact rationals. Amounts may be off by
// the rounding the arithmetic allows: a nanosecond (or millionth) per interval.
func amounts(t *testing.T, what string, got map[string]int64, want cells, scale int64) {
	t.Helper()
	const slack = 64
	for _, name := range slices.Sorted(maps.Keys(union(got, want))) {
		exact := new(big.Rat)
		if s, ok := want[name]; ok {
			exact = rational(s)
		}
		exact.Mul(exact, new(big.Rat).SetInt64(scale))
		f, _ := exact.Float64()
		if math.Abs(float64(got[name])-f) > slack {
			t.Errorf("%s: %s is %.6f, want %s", what, name, float64(got[name])/float64(scale), want[name])
		}
	}
}

func union(got map[string]int64, want cells) map[string]bool {
	out := map[string]bool{}
	for k := range got {
		out[k] = true
	}
	for k := range want {
		out[k] = true
	}
	return out
}

const hour = int64(time.Hour)

// view is one computed scenario, looked at by window.
type view struct {
	t        *testing.T
	s        *scenario
	in       alignment.Input
	bookings []alignment.Booking
	from, to mapping.Date
}

func (s *scenario) compute(t *testing.T, tks list, rules *mapping.RuleSet) *view {
	t.Helper()
	v := &view{t: t, s: s, in: s.input(tks, rules)}
	v.bookings = alignment.Bookings(v.in)
	v.from, v.to = date(t, s.Window.From), date(t, s.Window.To)
	return v
}

func date(t *testing.T, s string) mapping.Date {
	t.Helper()
	d, err := mapping.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sum adds up bookings of the window by any name.
func (v *view) sum(team string, u alignment.Unit, b alignment.Basis, name func(alignment.Booking) string) map[string]int64 {
	out := map[string]int64{}
	for _, k := range v.bookings {
		if k.Team == team && k.Unit == u && k.Basis == b && k.Day >= v.from && k.Day < v.to {
			out[name(k)] += k.Amount
		}
	}
	return out
}

func byCell(k alignment.Booking) string   { return cellName(k.Cell) }
func byTicket(k alignment.Booking) string { return k.Ticket.UID }
func byDay(k alignment.Booking) string    { return k.Day.String() }

func (v *view) cells(u alignment.Unit, b alignment.Basis, want map[string]cells, label string) {
	v.t.Helper()
	scale := hour
	if u != alignment.UnitTime {
		scale = 1_000_000
	}
	for team, c := range want {
		amounts(v.t, fmt.Sprintf("%s %s %s", team, u, label), v.sum(team, u, b, byCell), c, scale)
	}
}

func TestWorkedExample(t *testing.T) {
	for name, s := range readExample(t).Scenarios {
		t.Run(name, func(t *testing.T) {
			v := s.compute(t, s.tickets(nil), s.mapping(t))
			strict := s.compute(t, s.tickets(nil), s.mapping(t, `"basis_then": "strict"`))
			x := &s.Expected
			v.cells(alignment.UnitTime, alignment.Then, x.WorkHours.Then, "then")
			v.cells(alignment.UnitTime, alignment.Now, x.WorkHours.Now, "now")
			strict.cells(alignment.UnitTime, alignment.Then, x.WorkHours.Strict, "strict")
			v.cells(alignment.UnitTickets, alignment.Then, x.Tickets.Then, "then")
			v.cells(alignment.UnitTickets, alignment.Now, x.Tickets.Now, "now")
			strict.cells(alignment.UnitTickets, alignment.Then, x.Tickets.Strict, "strict")
			v.cells(alignment.UnitPoints, alignment.Then, x.Points.Then, "then")
			v.cells(alignment.UnitPoints, alignment.Now, x.Points.Now, "now")
			for team, want := range x.WorkHours.PerTicket {
				amounts(t, team+" per ticket", v.sum(team, alignment.UnitTime, alignment.Then, byTicket), want, hour)
			}
			for team, days := range x.WorkHours.ThenPerDay {
				v.checkDays(team, days)
			}
			v.checkTotals()
			v.checkCompletionDays()
			v.checkWindows()
			v.checkWrongAnswers()
		})
	}
}

func (v *view) checkDays(team string, days map[string]cells) {
	v.t.Helper()
	got := map[string]map[string]int64{}
	for _, k := range v.bookings {
		if k.Team == team && k.Unit == alignment.UnitTime && k.Basis == alignment.Then && k.Day >= v.from && k.Day < v.to {
			day := byDay(k)
			if got[day] == nil {
				got[day] = map[string]int64{}
			}
			got[day][byCell(k)] += k.Amount
		}
	}
	for day := range got {
		amounts(v.t, team+" on "+day, got[day], days[day], hour)
	}
	for day := range days {
		amounts(v.t, team+" on "+day, got[day], days[day], hour)
	}
}

// checkTotals compares totals, which must be exact to the last nanosecond.
func (v *view) checkTotals() {
	v.t.Helper()
	x := &v.s.Expected
	exact := func(what string, got int64, want string, scale int64) {
		v.t.Helper()
		if r := new(big.Rat).Mul(rational(want), new(big.Rat).SetInt64(scale)); r.Cmp(new(big.Rat).SetInt64(got)) != 0 {
			v.t.Errorf("%s is %d, want %s x %d", what, got, want, scale)
		}
	}
	for team := range x.WorkHours.Total {
		w := alignment.NewWindow(v.in, team, v.from, v.to)
		exact(team+" capacity", w.Capacity, x.WorkHours.Capacity[team], hour)
		exact(team+" idle", w.Idle, x.WorkHours.Idle[team], hour)
		exact(team+" work", w.Units[alignment.UnitTime].Total, x.WorkHours.Total[team], hour)
		exact(team+" tickets", w.Units[alignment.UnitTickets].Total, x.Tickets.Total[team], 1_000_000)
		exact(team+" points", w.Units[alignment.UnitPoints].Total, x.Points.Total[team], 1_000_000)
		exact(team+" unestimated", int64(w.Unestimated), x.Points.Unestimated[team], 1)
	}
	for team, want := range x.FreshShare {
		w := alignment.NewWindow(v.in, team, v.from, v.to)
		if got := big.NewRat(w.FreshTime, w.ActiveTime); got.Cmp(rational(want)) != 0 {
			v.t.Errorf("%s fresh share is %s, want %s", team, got, want)
		}
	}
}

func (v *view) checkCompletionDays() {
	v.t.Helper()
	got := map[string]string{}
	for _, k := range v.bookings {
		if k.Unit == alignment.UnitTickets && k.Day >= v.from && k.Day < v.to {
			got[k.Ticket.UID] = k.Day.String()
		}
	}
	if diff := cmp.Diff(v.s.Expected.Tickets.Days, got); diff != "" {
		v.t.Errorf("days of completion (-want +got):\n%s", diff)
	}
}

// checkWindows compares shares, sample sizes, intervals and distances.
func (v *view) checkWindows() {
	v.t.Helper()
	x := &v.s.Expected
	review, _ := alignment.Judge(v.in, alignment.LookBack(v.in), alignment.Log{})
	for _, u := range alignment.Units {
		for team, want := range x.SharesThen[u.String()] {
			v.checkShares(team, u, alignment.Then, want)
		}
		for team, want := range x.SharesNow[u.String()] {
			v.checkShares(team, u, alignment.Now, want)
		}
		for team, want := range x.NEff[u.String()] {
			w := alignment.NewWindow(v.in, team, v.from, v.to)
			near(v.t, team+" n_eff "+u.String(), w.Units[u].EffectiveTickets, want, 1e-9)
		}
		for team, want := range x.Wilson[u.String()] {
			w := alignment.NewWindow(v.in, team, v.from, v.to)
			w.Units[u].Overdispersion = review.Overdispersion[team].Latest()
			share, _ := w.Units[u].ClassShare(alignment.Then, alignment.Aligned)
			near(v.t, team+" lower "+u.String(), share.Lower, want[0], 5e-7)
			near(v.t, team+" upper "+u.String(), share.Upper, want[1], 5e-7)
		}
	}
	for team, want := range x.Distance {
		d := alignment.NewWindow(v.in, team, v.from, v.to).Units[alignment.UnitTime].Distance
		got := map[string]float64{
			"total_variation": d.TotalVariation, "kl_nats": d.KullbackLeibler, "js_bits": d.JensenShannon,
			"chi2_divergence": d.ChiSquare, "hellinger": d.Hellinger, "G_statistic": d.G, "floor": d.Floor,
		}
		for name, value := range want {
			near(v.t, team+" "+name, got[name], value, 5e-7)
		}
	}
}

func (v *view) checkShares(team string, u alignment.Unit, b alignment.Basis, want cells) {
	v.t.Helper()
	w := alignment.NewWindow(v.in, team, v.from, v.to)
	for _, c := range alignment.Classes {
		s, ok := w.Units[u].ClassShare(b, c)
		if !ok {
			v.t.Errorf("%s has no %s share in %s", team, c, u)
		}
		expected := "0"
		if r, ok := want[c.String()]; ok {
			expected = r
		}
		near(v.t, fmt.Sprintf("%s %s share of %s, %s", team, c, u, b), s.Value, expected, 1e-12)
	}
}

// near compares with a number or an exact rational.
func near(t *testing.T, what string, got float64, want any, tolerance float64) {
	t.Helper()
	var w float64
	switch x := want.(type) {
	case string:
		w, _ = rational(x).Float64()
	case float64:
		w = x
	}
	if math.Abs(got-w) > tolerance || math.IsNaN(got) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// checkWrongAnswers makes sure that none of the named mistakes is ours.
func (v *view) checkWrongAnswers() {
	v.t.Helper()
	for mistake, wrong := range v.s.Expected.Wrong {
		for team, want := range wrong.Hours {
			if same(v.sum(team, alignment.UnitTime, alignment.Then, byTicket), want) {
				v.t.Errorf("%s: hours are those of the mistake %q", team, mistake)
			}
		}
		w := func(team string) alignment.Window { return alignment.NewWindow(v.in, team, v.from, v.to) }
		for team, n := range wrong.Tickets {
			if f, _ := rational(n).Float64(); float64(w(team).Units[alignment.UnitTickets].Total) == f*1e6 {
				v.t.Errorf("%s: tickets are those of the mistake %q", team, mistake)
			}
		}
		for team, n := range wrong.Points {
			if f, _ := rational(n).Float64(); float64(w(team).Units[alignment.UnitPoints].Total) == f*1e6 {
				v.t.Errorf("%s: points are those of the mistake %q", team, mistake)
			}
		}
		for team, n := range wrong.NEff {
			if f, _ := rational(n).Float64(); math.Abs(w(team).Units[alignment.UnitTime].EffectiveTickets-f) < 1e-6 {
				v.t.Errorf("%s: n_eff is that of the mistake %q", team, mistake)
			}
		}
	}
}

func same(got map[string]int64, wrong cells) bool {
	for name := range union(got, wrong) {
		w := 0.0
		if s, ok := wrong[name]; ok {
			w, _ = rational(s).Float64()
		}
		if math.Abs(float64(got[name])-w*float64(hour)) > 64 {
			return false
		}
	}
	return true
}

func TestWorkedExampleVariants(t *testing.T) {
	s := readExample(t).Scenarios["week"]
	late := s.compute(t, s.tickets(func(e exampleEvent) bool { return e.Deliver == "last" }), s.mapping(t))
	late.cells(alignment.UnitTime, alignment.Then, s.Expected.WorkHours.ThenBeforeLastDelivery, "before the late change")
	late.cells(alignment.UnitTickets, alignment.Then, s.Expected.Tickets.ThenBeforeLastDelivery, "before the late change")
	first := s.compute(t, s.tickets(nil), s.mapping(t, `"completion": "first"`))
	first.cells(alignment.UnitTickets, alignment.Then, s.Expected.Tickets.ThenFirstCompletion, "policy first")
}
