package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/sandbox"
	"alignd/store"
	"alignd/ticket"
)

// newBilled returns a rig whose tracker has 40 tickets of PAY and 10 each of
// BILL (1000 on) and OPS (2000 on), all of them read and counted.
func newBilled(t *testing.T) (*rig, *tracker) {
	t.Helper()
	r, tr := newTracked(t, 40)
	for n := range 10 {
		for first, project := range map[int]string{1000: "BILL", 2000: "OPS"} {
			tk := someTicket(first + n)
			tk.Project = project
			tr.tickets[tk.ID.UID] = tk
		}
	}
	r.set(jira.Config{Projects: []string{"PAY", "BILL", "OPS"}})
	r.walk(t)
	r.take(t)
	return r, tr
}

// set gives the account other settings, as a reload does.
func (r *rig) set(settings any) {
	r.account.Settings = settings
	switch s := settings.(type) {
	case jira.Config:
		r.account.Common = s.WithDefaults()
	case linear.Config:
		r.account.Common = s.WithDefaults()
	}
	r.account.Name = "acme"
	r.memory = newMemory()
}

// lose makes tickets invisible, and returns what gives them back.
func (tr *tracker) lose(leaves func(tk ticket.Ticket) bool) (restore func()) {
	all := maps.Clone(tr.tickets)
	maps.DeleteFunc(tr.tickets, func(_ string, tk ticket.Ticket) bool { return leaves(tk) })
	return func() { tr.tickets = all }
}

// leaveOut puts tickets out of scope by a changed query.
func (tr *tracker) leaveOut(leaves func(tk ticket.Ticket) bool) {
	for uid, tk := range tr.tickets {
		if leaves(tk) {
			tk.Outside = true
			tr.tickets[uid] = tk
		}
	}
}

func in(project string) func(ticket.Ticket) bool {
	return func(tk ticket.Ticket) bool { return tk.Project == project }
}

// a third of PAY.
func aThird(tk ticket.Ticket) bool {
	return tk.Project == "PAY" && strings.ContainsAny(tk.ID.UID[len(tk.ID.UID)-1:], "036")
}

func uidsOf(tr *tracker, keep func(tk ticket.Ticket) bool) (uids []string) {
	for uid, tk := range tr.tickets {
		if keep(tk) {
			uids = append(uids, uid)
		}
	}
	return uids
}

func anything(ticket.Ticket) bool { return true }

// accepted has the next census believed.
func (r *rig) accepted(t *testing.T) {
	t.Helper()
	if !r.accept() {
		t.Error("there was nothing to accept")
	}
	if err := r.censusIfDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
}

// Settings that do not say which tickets are asked for let none leave.
func TestOtherSettingsKeepTheGuard(t *testing.T) {
	for name, change := range map[string]func(*jira.Config){
		"story_points_field": func(c *jira.Config) { c.StoryPointsField = "Points" },
		"canceled_statuses":  func(c *jira.Config) { c.CanceledStatuses = []string{"Dropped"} },
		"ignore_labels":      func(c *jira.Config) { c.IgnoreLabels = []string{"team-*"} },
		"url":                func(c *jira.Config) { c.URL = "https://jira.acme.example" },
		"cloud_id":           func(c *jira.Config) { c.CloudID = "abc-123" },
		"deployment":         func(c *jira.Config) { c.Deployment = jira.Cloud },
		"order of projects":  func(c *jira.Config) { slices.Reverse(c.Projects) },
		"one project more":   func(c *jira.Config) { c.Projects = append(c.Projects, "GOAL") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, lost := range []func(ticket.Ticket) bool{aThird, in("BILL")} {
				for _, before := range []bool{true, false} { // the change
					r, tr := newBilled(t)
					all := uidsOf(tr, anything)
					restore := func() {}
					if before {
						restore = tr.lose(lost)
						r.take(t)
						r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
					}
					settings := jira.Config{Projects: []string{"PAY", "BILL", "OPS"}}
					change(&settings)
					r.set(settings)
					if !before {
						restore = tr.lose(lost)
					}
					r.walk(t)
					for range 3 {
						if err := r.censusIfDue(t.Context()); err != nil {
							t.Fatal(err)
						}
						r.census = schedule{}
						r.take(t)
					}
					r.wantStored(t, "after the change", all...)
					r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
					r.wantMissing(t, 0, 0, len(all)-len(tr.tickets))
					if n := strings.Count(r.log.String(), "The scope shrank"); n != 1 || strings.Contains(r.log.String(), "no longer held") {
						t.Errorf("said %d times that the scope shrank:\n%s", n, r.log)
					}
					if len(tr.looks) > 0 {
						t.Errorf("looked at %v", tr.looks)
					}
					left := uidsOf(tr, anything)
					if before {
						r.accepted(t)
						r.wantStored(t, "after it was accepted", left...)
						r.wantRemoved(t, len(all)-len(left), 0, 0)
						continue
					}
					restore()
					r.take(t)
					r.wantStored(t, "after they came back", all...)
					r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
				}
			}
		})
	}
}

// What is left of a project that is no longer listed leaves at once, though
// nobody can see it, and nothing else does.
func TestDroppedProject(t *testing.T) {
	for name, test := range map[string]struct {
		lost func(ticket.Ticket) bool // besides, and held
		also func(*jira.Config)
	}{
		"alone":                      {nil, func(*jira.Config) {}},
		"and another one lost":       {in("BILL"), func(*jira.Config) {}},
		"and a share lost":           {aThird, func(*jira.Config) {}},
		"with another setting":       {aThird, func(c *jira.Config) { c.CloudID = "abc-123" }},
		"with another query":         {in("BILL"), func(c *jira.Config) { c.JQL = "type = Bug" }},
		"with a query and a setting": {in("BILL"), func(c *jira.Config) { c.JQL, c.StoryPointsField = "type = Bug", "Points" }},
	} {
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, held before %t", name, held), func(t *testing.T) {
				r, tr := newBilled(t)
				keep := uidsOf(tr, func(tk ticket.Ticket) bool { return tk.Project != "OPS" })
				if held {
					tr.lose(in("OPS"))
				}
				if held && test.lost != nil {
					tr.lose(test.lost)
				}
				r.take(t)
				settings := jira.Config{Projects: []string{"PAY", "BILL"}}
				test.also(&settings)
				r.set(settings)
				tr.lose(in("OPS"))
				if test.lost != nil {
					tr.lose(test.lost)
				}
				r.walk(t)
				if err := r.censusIfDue(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.wantRemoved(t, 0, 0, 10)
				if test.lost == nil {
					r.wantStored(t, "after the change", keep...)
					r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
					return
				}
				for range 2 {
					var outside []string // and forgotten when nothing is held any more
					for n := range 10 {
						outside = append(outside, fmt.Sprintf("%d-", 2000+n))
					}
					r.wantStored(t, "after the change", append(outside, keep...)...)
					r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
					r.wantMissing(t, 0, 0, len(keep)-len(tr.tickets))
					if got, err := r.outside(t.Context()); err != nil || len(got) != 10 {
						t.Errorf("told of %q, %v", got, err)
					}
					r.take(t)
				}
				left := uidsOf(tr, anything)
				r.accepted(t)
				for range 2 { // what stood outside is missed twice as well
					r.take(t)
				}
				r.wantStored(t, "after it was accepted", left...)
				r.wantRemoved(t, len(keep)-len(left), 0, 10)
			})
		}
	}
}

// A changed query is asked of each ticket that is missing. What cannot be seen
// is not left out by it.
func TestChangedQuery(t *testing.T) {
	settings := jira.Config{Projects: []string{"PAY", "BILL", "OPS"}, JQL: "type = Bug"}
	member := func(tk ticket.Ticket) bool { return !tk.Outside }

	r, tr := newBilled(t)
	r.set(settings)
	tr.leaveOut(aThird)
	tr.leaveOut(in("OPS"))
	tr.hidden["1"] = true // by the index
	delete(tr.tickets, "2")
	r.walk(t)
	c := r.take(t)
	r.wantStored(t, "after the change", append(uidsOf(tr, member), "2")...)
	r.wantRemoved(t, 0, 0, 22)
	r.wantGauge(t, "alignd_sync_scope_shrunk", 0)
	if len(c.Missing) != 2 || len(tr.looks) != 1 {
		t.Errorf("missing are %v, after looking at %v", c.Missing, tr.looks)
	}
	r.take(t)
	r.wantStored(t, "after the next count", uidsOf(tr, member)...)
	r.wantRemoved(t, 1, 0, 22)

	r, tr = newBilled(t)
	r.set(settings)
	tr.leaveOut(aThird)
	tr.lose(in("BILL"))
	r.walk(t)
	r.take(t)
	r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
	r.wantMissing(t, 0, 0, 10)
	r.wantRemoved(t, 0, 0, 12)
	r.accepted(t)
	r.wantStored(t, "after it was accepted", uidsOf(tr, member)...)
	r.wantRemoved(t, 10, 0, 12)

	// What was missing before is not so for the change: an archived project
	// can be read and never be found.
	r, tr = newBilled(t)
	all := uidsOf(tr, anything)
	tr.leaveOut(in("BILL"))
	r.take(t)
	r.set(settings)
	r.walk(t)
	r.take(t)
	r.wantStored(t, "held before", all...)
	r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
	r.accepted(t)
	r.wantStored(t, "after it was accepted", uidsOf(tr, member)...)
	r.wantRemoved(t, 0, 10, 0)
}

// What the settings leave out does not make the rest look like much.
func TestGuardMeasuresWhatIsStillAskedFor(t *testing.T) {
	number := func(tk ticket.Ticket) (n int) {
		_, _ = fmt.Sscan(tk.ID.UID, &n)
		return n
	}
	for name, test := range map[string]struct{ left, lost func(tk ticket.Ticket) bool }{
		"a share": {
			func(tk ticket.Ticket) bool { return number(tk) <= 100 },
			func(tk ticket.Ticket) bool { return number(tk) > 239 },
		},
		"a whole project": {
			func(tk ticket.Ticket) bool { return tk.Project == "BILL" && number(tk) > 1002 },
			func(tk ticket.Ticket) bool { return tk.Project == "BILL" && number(tk) <= 1002 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, tr := newTracked(t, 250)
			if name == "a whole project" {
				for n := range 10 {
					tk := someTicket(1001 + n)
					tk.Project = "BILL"
					tr.tickets[tk.ID.UID] = tk
				}
				r.take(t)
			}
			r.set(jira.Config{Projects: []string{"PAY"}, JQL: "type = Bug"})
			tr.leaveOut(test.left)
			left := len(uidsOf(tr, test.left))
			lost := len(uidsOf(tr, test.lost))
			tr.lose(test.lost)
			r.take(t)
			r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
			r.wantMissing(t, 0, 0, lost)
			r.wantRemoved(t, 0, 0, left)
		})
	}
}

// A project that is listed by its new name or its id has not left, even where
// a part of it cannot be seen.
func TestProjectByAnotherName(t *testing.T) {
	for _, projects := range [][]string{{"MONEY", "BILL", "OPS"}, {"10001", "BILL", "OPS"}} {
		r, tr := newBilled(t)
		all := uidsOf(tr, anything)
		tr.lose(aThird)
		r.take(t)
		r.set(jira.Config{Projects: projects})
		r.walk(t)
		r.take(t)
		r.wantStored(t, fmt.Sprint(projects), all...)
		r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
	}
	// Listed twice, it is still read by its id.
	r, tr := newBilled(t)
	all := uidsOf(tr, anything)
	r.set(jira.Config{Projects: []string{"PAY", "10001", "BILL", "OPS"}})
	r.walk(t)
	tr.lose(aThird)
	r.take(t)
	r.set(jira.Config{Projects: []string{"10001", "BILL", "OPS"}})
	r.walk(t)
	r.take(t)
	r.wantStored(t, "listed twice", all...)
	r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
}

// A census of another version may not say what was asked for. Then nothing
// leaves without the guard.
func TestUnknownScope(t *testing.T) {
	r, tr := newBilled(t)
	all := uidsOf(tr, anything)
	c, err := r.lastCensus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Scope = "jira 0011223344556677"
	if _, err := r.store.Apply(t.Context(), store.Batch{Connector: "acme", Census: &c}); err != nil {
		t.Fatal(err)
	}
	r.set(jira.Config{Projects: []string{"PAY", "BILL"}})
	tr.lose(in("OPS"))
	r.walk(t)
	if err := r.censusIfDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantStored(t, "after the change", all...)
	r.wantGauge(t, "alignd_sync_scope_shrunk", 1)
	r.accepted(t)
	r.wantStored(t, "after it was accepted", uidsOf(tr, anything)...)
}

// The same with the trackers themselves: projects and teams that are dropped or
// not asked for leave, and those that were hidden meanwhile are held.
func TestChangedScopeWhileMuchIsHidden(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	for n := range 20 {
		for _, project := range []string{"PAY", "BILL", "GOAL"} {
			labels := []string{[]string{"core", "edge"}[n%2]}
			j.CreateIssue(w.past, sandbox.NewIssue{Project: project, Title: fmt.Sprint(n), Labels: labels})
		}
		for _, team := range []string{"PLT", "APP"} {
			l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: team, Title: fmt.Sprint(n)})
		}
	}
	w.jira.Projects, w.jira.JQL, w.linear.Teams = nil, "labels in (core, edge)", nil
	w.use(w.acme, w.jira)
	w.use(w.plt, w.linear)
	census := func() {
		t.Helper()
		w.poll()
		w.acme.take(t)
		w.plt.take(t)
	}
	census()

	// Another field, and the new account may not see BILL.
	j.HideProject("BILL", true)
	w.jira.CanceledStatuses = []string{"Dropped"}
	w.use(w.acme, w.jira)
	census()
	w.acme.wantMissing(t, 0, 0, 20)
	w.acme.wantRemoved(t, 0, 0, 0)

	// Half of everything, but of BILL nobody knows; and one team of two.
	w.jira.JQL, w.linear.Teams = "labels = core", []string{"PLT"}
	w.use(w.acme, w.jira)
	w.use(w.plt, w.linear)
	census()
	w.acme.wantMissing(t, 0, 0, 20)
	w.acme.wantRemoved(t, 0, 0, 20)
	w.plt.wantMissing(t, 0, 0, 0)
	w.plt.wantRemoved(t, 0, 0, 20)

	// BILL is back, and its half leaves as any ticket that is not in scope.
	j.HideProject("BILL", false)
	census()
	census()
	w.acme.wantMissing(t, 0, 0, 0)
	w.wantFresh("at the end")
}
