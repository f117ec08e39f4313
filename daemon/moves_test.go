package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"alignd/config"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/sandbox"
	"alignd/store"
	"alignd/ticket"
)

// town is a company with both trackers, and a poller for each.
type town struct {
	t      *testing.T
	world  *sandbox.World
	server *sandbox.Server
	past   time.Time
	jira   jira.Config
	linear linear.Config
	acme   *rig // reads PAY and BILL
	plt    *rig // reads PLT
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, world: sandbox.NewWorld(nil), past: time.Now().Add(-30 * 24 * time.Hour)}
	for _, key := range []string{"PAY", "BILL", "GOAL"} {
		w.world.Jira.AddProject(sandbox.NewProject{Key: key, Name: key})
	}
	for _, key := range []string{"PLT", "APP"} {
		w.world.Linear.AddTeam(key, key, "UTC")
	}
	server, err := sandbox.Start(w.world, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.server = server
	t.Setenv("JIRA_TOKEN", sandbox.JiraToken)
	t.Setenv("LINEAR_KEY", sandbox.LinearAPIKey)
	w.jira = jira.Config{
		Common: connectors.Common{Name: "acme", RequestsPerSecond: 1e6}, URL: server.JiraURL, Deployment: jira.Cloud,
		Auth: jira.Auth{Email: sandbox.JiraEmail, TokenEnv: "JIRA_TOKEN"}, Projects: []string{"PAY", "BILL"},
	}
	w.linear = linear.Config{
		Common: connectors.Common{Name: "acme", RequestsPerSecond: 1e6}, URL: server.LinearURL,
		Auth: linear.Auth{APIKeyEnv: "LINEAR_KEY"}, Teams: []string{"PLT"},
	}
	w.acme, w.plt = w.rig(w.jira), w.rig(w.linear)
	return w
}

// rig returns a poller with an empty store.
func (w *town) rig(settings any) *rig {
	w.t.Helper()
	r := newRig(w.t, nil)
	w.use(r, settings)
	return r
}

// use gives a poller a new connector, as a restart does.
func (w *town) use(r *rig, settings any) {
	w.t.Helper()
	var err error
	r.account.Settings = settings
	r.memory = newMemory()
	switch s := settings.(type) {
	case jira.Config:
		r.poller.connector, err = jira.New(s, connectors.Options{})
		r.account.Common = s.WithDefaults()
	case linear.Config:
		r.poller.connector, err = linear.New(s, connectors.Options{})
		r.account.Common = s.WithDefaults()
	}
	r.account = config.Account{Common: r.account.Common, Settings: settings}
	if err != nil {
		w.t.Fatal(err)
	}
}

// restart lets both pollers forget what is not in the store.
func (w *town) restart() {
	w.use(w.acme, w.acme.account.Settings)
	w.use(w.plt, w.plt.account.Settings)
}

// poll reads both trackers once.
func (w *town) poll() {
	w.t.Helper()
	w.acme.walk(w.t)
	w.plt.walk(w.t)
}

// wantFresh compares a store with one that is filled by a first walk. What
// was seen of older stamps is known to the older store only.
func (w *town) wantFresh(when string) {
	w.t.Helper()
	for _, r := range []*rig{w.acme, w.plt} {
		fresh := w.rig(r.account.Settings)
		fresh.walk(w.t)
		if diff := gocmp.Diff(fresh.all(w.t), r.all(w.t), cmpopts.EquateEmpty()); diff != "" {
			w.t.Errorf("%s: %s (-fresh +known):\n%s", when, r.account.Name, diff)
		}
	}
}

func (r *rig) all(t *testing.T) (all []ticket.Ticket) {
	t.Helper()
	err := r.store.View(context.Background(), func(v store.View) error {
		for tk := range v.Tickets() {
			c := tk.Clone()
			c.Changes = slices.DeleteFunc(c.Changes, func(c ticket.Change) bool { return c.Field == ticket.FieldTouch })
			all = append(all, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// find returns the ticket with that key.
func (r *rig) find(t *testing.T, key string) ticket.Ticket {
	t.Helper()
	all := r.all(t)
	i := slices.IndexFunc(all, func(tk ticket.Ticket) bool { return cmp.Or(tk.Key, tk.Title) == key })
	if i < 0 {
		t.Fatalf("no ticket %s", key)
	}
	return all[i]
}

// A ticket that moves keeps its identity, its history and its old keys.
func TestMoveWithinTheScope(t *testing.T) {
	w := newTown(t)
	w.linear.Teams = nil
	w.use(w.plt, w.linear)
	key := w.world.Jira.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: "Pay"})
	w.world.Jira.Transition(w.past.Add(time.Hour), key, "In Progress")
	id := w.world.Linear.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: "Scale", State: "In Progress"})
	w.poll()
	before := []ticket.Ticket{w.acme.find(t, key), w.plt.find(t, id)}

	newKey, newID := w.world.Jira.Move(time.Now(), key, "BILL"), w.world.Linear.Move(time.Now(), id, "APP")
	w.poll()
	w.wantFresh("after the move")
	for i, after := range []ticket.Ticket{w.acme.find(t, newKey), w.plt.find(t, newID)} {
		if after.ID != before[i].ID || !slices.Equal(after.Former, []string{before[i].Key}) {
			t.Errorf("%s was %s, is %s of %v", before[i].ID, before[i].Key, after.ID, after.Former)
		}
		if len(after.Changes) <= len(before[i].Changes) {
			t.Errorf("history of %s: %v", after.Key, after.Changes)
		}
	}
}

// A ticket that leaves the scope, or is deleted, or hidden, is found by the
// census; one that comes in by the next poll.
func TestMoveOutOfTheScope(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	var keys, ids []string
	for n := range 6 {
		keys = append(keys, j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: fmt.Sprint(n)}))
		ids = append(ids, l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: fmt.Sprint(n)}))
	}
	w.poll()
	w.server.ResetRequests()
	now := time.Now()
	movedKey, movedID := j.Move(now, keys[0], "GOAL"), l.Move(now, ids[0], "APP")
	j.Delete(keys[1])
	l.Purge(ids[1])
	j.Hide(keys[2], true)
	l.Trash(now, ids[2])
	l.Archive(now, ids[3]) // stays in scope
	for range 2 {
		w.poll()
		w.acme.take(t)
		w.plt.take(t)
	}
	w.wantFresh("after two censuses")
	w.acme.wantRemoved(t, 2, 1, 0)
	w.plt.wantRemoved(t, 2, 1, 0)
	if got := len(w.acme.all(t)) + len(w.plt.all(t)); got != 6 {
		t.Errorf("%d tickets are left", got)
	}

	j.Move(time.Now(), movedKey, "PAY")
	l.Move(time.Now(), movedID, "PLT")
	w.poll()
	if got := len(w.acme.all(t)) + len(w.plt.all(t)); got != 8 {
		t.Errorf("%d tickets after two came back", got)
	}
	j.Hide(keys[2], false) // which moves no date
	l.Restore(time.Now(), ids[2])
	w.acme.take(t)
	w.poll()
	w.wantFresh("after all came back")
}

// Renames that touch no ticket follow with the next poll.
func TestRenamesOnLinear(t *testing.T) {
	w := newTown(t)
	l := w.world.Linear
	l.AddInitiative(w.past, sandbox.NewInitiative{Name: "Growth"})
	l.AddInitiative(w.past, sandbox.NewInitiative{Name: "Mobile"})
	l.AddProject(w.past, sandbox.NewLinearProject{Name: "SDK", Teams: []string{"PLT"}, Initiatives: []string{"Growth"}})
	id := l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: "Scale", Project: "SDK", Labels: []string{"goal-a"}})
	w.poll()
	growth := w.plt.find(t, "Growth").ID.UID
	if got := w.plt.find(t, "SDK").Groups; !slices.Equal(got, []string{growth}) {
		t.Fatalf("the project belongs to %v", got)
	}
	w.server.ResetRequests()
	l.RenameLabel(time.Now(), "goal-a", "goal-b")
	l.RenameProject(time.Now(), "SDK", "SDK 2")
	l.SetInitiatives(time.Now(), "SDK 2", "Mobile")
	w.plt.walk(t)
	if got := w.server.Requests()["linear graphql"]; got != 2 {
		t.Errorf("%d requests, want 2", got)
	}
	w.wantFresh("after the renames")
	if got := w.plt.find(t, id).Labels; !slices.Equal(got, []string{"goal-b"}) {
		t.Errorf("labels %v", got)
	}
	if got, mobile := w.plt.find(t, "SDK 2").Groups, w.plt.find(t, "Mobile").ID.UID; !slices.Equal(got, []string{mobile}) {
		t.Errorf("the project belongs to %v", got)
	}
}

// On Jira it takes a ticket or the catalog to show the new name; then all other
// tickets follow with the next poll.
func TestRenamesOnJira(t *testing.T) {
	w := newTown(t)
	j := w.world.Jira
	for n := range 3 {
		key := j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: fmt.Sprint(n), Components: []string{"web"}})
		j.Transition(w.past.Add(time.Hour), key, "In Review")
	}
	w.acme.walk(t)
	j.RenameComponent("PAY", "web", "shop")
	j.RenameStatus("In Review", "Reviewing")
	w.acme.walk(t)
	if tk := w.acme.find(t, "PAY-1"); tk.Components[0] != "web" {
		t.Errorf("components %v before anybody could know", tk.Components)
	}
	j.Touch(time.Now(), "PAY-2")
	w.acme.walk(t)
	w.acme.walk(t)
	w.wantFresh("after the renames")
	if tk := w.acme.find(t, "PAY-1"); tk.Components[0] != "shop" || tk.Status != "Reviewing" {
		t.Errorf("status %s, components %v", tk.Status, tk.Components)
	}
	for n, want := range []int{1, 1} {
		w.server.ResetRequests()
		w.acme.walk(t)
		if got := w.server.Requests()["jira search"]; got != want {
			t.Errorf("walk %d makes %d searches", n, got)
		}
	}
}

// Parents outside of the scope are followed without a word from their
// children, by one search and, on a change, one more, also after a restart.
func TestAncestorRelabelled(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	top := j.CreateIssue(w.past, sandbox.NewIssue{Project: "GOAL", Type: "Initiative", Title: "Top"})
	epic := j.CreateIssue(w.past, sandbox.NewIssue{Project: "GOAL", Type: "Epic", Title: "Epic", Parent: top})
	j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: "Child", Parent: epic})
	above := l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "APP", Title: "Above"})
	l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: "Below", Parent: above})
	w.poll()
	w.wantFresh("at first")
	for i := range 3 {
		if i == 1 {
			w.restart()
			w.poll()
		}
		j.AddLabel(time.Now(), top, fmt.Sprint("goal-", i))
		l.AddLabel(time.Now(), above, fmt.Sprint("goal-", i))
		w.server.ResetRequests()
		w.poll()
		w.wantFresh(fmt.Sprint("after change ", i))
		if tk := w.acme.find(t, top); !tk.Outside || len(tk.Labels) != i+1 {
			t.Errorf("the ancestor is %+v", tk)
		}
	}

	// It is deleted, which moves no date and says nothing.
	j.Delete(top)
	l.Purge(above)
	for range 2 {
		w.poll()
		w.acme.take(t)
		w.plt.take(t)
	}
	for _, r := range []*rig{w.acme, w.plt} {
		if slices.ContainsFunc(r.all(t), func(tk ticket.Ticket) bool { return tk.Key == top || tk.Key == above }) {
			t.Error("a deleted ancestor is still known")
		}
	}
	w.poll()
}

// A parent outside that somebody re-links away from is swept, unless the past
// still hangs on it.
func TestParentRelinked(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	var epics, above []string
	for range 2 {
		epics = append(epics, j.CreateIssue(w.past, sandbox.NewIssue{Project: "GOAL", Type: "Epic", Title: "Epic"}))
		above = append(above, l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "APP", Title: "Above"}))
	}
	key := j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: "Child", Parent: epics[0]})
	id := l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: "Below", Parent: above[0]})
	w.poll()
	j.SetParent(time.Now(), key, epics[1])
	l.SetParent(time.Now(), id, above[1])
	w.poll()
	w.wantFresh("after the new link")
	w.acme.take(t)
	w.plt.take(t)
	w.wantFresh("after a census")
	if n := len(w.acme.all(t)) + len(w.plt.all(t)); n != 6 {
		t.Errorf("%d tickets are known, want 6", n)
	}
}

func TestChangedScopeOfBoth(t *testing.T) {
	w := newTown(t)
	j, l := w.world.Jira, w.world.Linear
	epic := j.CreateIssue(w.past, sandbox.NewIssue{Project: "BILL", Type: "Epic", Title: "Epic"})
	j.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: "Child", Parent: epic})
	for n := range 30 {
		j.CreateIssue(w.past, sandbox.NewIssue{Project: "BILL", Title: fmt.Sprint(n)})
		j.CreateIssue(w.past, sandbox.NewIssue{Project: "GOAL", Title: fmt.Sprint(n)})
		l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: fmt.Sprint(n)})
		l.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "APP", Title: fmt.Sprint(n)})
	}
	w.poll()
	w.jira.Projects, w.linear.Teams = []string{"PAY", "GOAL"}, []string{"APP"}
	w.use(w.acme, w.jira)
	w.use(w.plt, w.linear)
	w.poll()
	for _, r := range []*rig{w.acme, w.plt} {
		if err := r.censusIfDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.wantFresh("after the change")
	w.acme.wantRemoved(t, 0, 0, 31)
	w.plt.wantRemoved(t, 0, 0, 30)
	if tk := w.acme.find(t, epic); !tk.Outside {
		t.Error("the epic is still in scope")
	}
}

func TestRequestsOfACensus(t *testing.T) {
	w := newTown(t)
	for n := range 600 {
		w.world.Linear.CreateIssue(w.past, sandbox.NewLinearIssue{Team: "PLT", Title: fmt.Sprint(n)})
		w.world.Jira.CreateIssue(w.past, sandbox.NewIssue{Project: "PAY", Title: fmt.Sprint(n)})
	}
	w.poll()
	w.server.ResetRequests()
	w.acme.take(t)
	w.plt.take(t)
	want := map[string]int{"jira search": 1, "linear graphql": 3}
	if diff := gocmp.Diff(want, w.server.Requests()); diff != "" {
		t.Errorf("requests of a census (-want +got):\n%s", diff)
	}
	w.server.ResetRequests()
	w.poll()
	for tracker, n := range w.server.Requests() {
		if n > 2 {
			t.Errorf("%d requests to %s of an idle poll", n, tracker)
		}
	}
}
