package daemon

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"alignd/sandbox"
)

// A workspace with long lists around its tickets.
const (
	manyTeams       = 300 // with eight states each
	manyLabels      = 1000
	manyProjects    = 1000
	manyInitiatives = 100

	listPage   = 240
	longLinks  = (manyProjects + listPage - 1) / listPage
	wholeLists = (8*manyTeams + listPage - 1) / listPage
)

// newMetropolis is a town with long lists in its Linear.
func newMetropolis(t *testing.T, tickets int) *town {
	t.Helper()
	w := newTown(t)
	l := w.world.Linear
	for i := range manyTeams - 2 {
		l.AddTeam(fmt.Sprintf("T%03d", i), fmt.Sprintf("Team %d", i), "UTC")
	}
	for i := range manyLabels {
		l.AddLabelDefinition(label(i))
	}
	for i := range manyInitiatives {
		l.AddInitiative(w.past, sandbox.NewInitiative{Name: fmt.Sprintf("initiative %d", i)})
	}
	for i := range manyProjects {
		l.AddProject(w.past.Add(time.Duration(i)*time.Second), sandbox.NewLinearProject{
			Name: fmt.Sprintf("project %d", i), Initiatives: []string{fmt.Sprintf("initiative %d", i%manyInitiatives)},
		})
	}
	for i := range tickets {
		l.CreateIssue(w.past.Add(time.Duration(i)*time.Minute), sandbox.NewLinearIssue{
			Team: "PLT", Title: fmt.Sprint(i), Labels: []string{label(i * 7)}, Project: fmt.Sprintf("project %d", i),
		})
	}
	return w
}

func label(i int) string { return fmt.Sprintf("label %d", i) }

// asks runs a step and counts its requests to Linear.
func (w *town) asks(what string, most int, step func(t *testing.T)) {
	w.t.Helper()
	w.server.ResetRequests()
	step(w.t)
	got := w.server.Requests()["linear graphql"]
	w.t.Logf("%-24s %3d requests, at most %3d", what, got, most)
	if got > most {
		w.t.Errorf("%s: %d requests, want at most %d", what, got, most)
	}
}

// An idle poll takes two requests however many teams, states, labels, projects
// and initiatives there are, and all the same each poll follows what is renamed
// there.
func TestCostOfLargeWorkspace(t *testing.T) {
	const n = 120
	w := newMetropolis(t, n)
	l := w.world.Linear
	w.asks("first sync", ceil(n, 50)+wholeLists, w.plt.walk)
	w.asks("idle poll", 2, w.plt.walk)
	w.asks("idle poll", 2, w.plt.walk)

	l.RenameLabel(time.Now(), label(7), "goal-a")
	l.RenameState(time.Now(), "PLT", "Todo", "To do")
	w.asks("label and state renamed", 2, w.plt.walk)
	w.wantFresh("a label and a state were renamed")
	if tk := w.plt.find(t, "PLT-2"); !slices.Equal(tk.Labels, []string{"goal-a"}) || tk.Status != "To do" {
		t.Errorf("labels %v, status %q", tk.Labels, tk.Status)
	}

	l.RenameProject(time.Now(), "project 3", "SDK")
	l.RenameInitiative(time.Now(), "initiative 3", "Mobile")
	w.asks("project and initiative", 2+longLinks, w.plt.walk)
	l.SetInitiatives(time.Now(), "SDK", "initiative 50")
	w.asks("other initiative", 2+longLinks, w.plt.walk)
	w.wantFresh("a project moved")
	if got, want := w.plt.find(t, "SDK").Groups, []string{w.plt.find(t, "initiative 50").ID.UID}; !slices.Equal(got, want) {
		t.Errorf("the project belongs to %v, want %v", got, want)
	}
	w.asks("idle poll", 2, w.plt.walk)

	for i := range 600 {
		l.RenameLabel(time.Now(), label(i+100), fmt.Sprintf("theme %d", i))
	}
	w.asks("600 labels renamed", 2+ceil(600, listPage), w.plt.walk)
	w.wantFresh("600 labels were renamed")
}

// What is deleted from a long list leaves with the census, as from any other.
func TestLargeWorkspaceForgets(t *testing.T) {
	w := newMetropolis(t, 1)
	w.plt.walk(t)
	w.world.Linear.DeleteProject("project 500")
	w.asks("poll", 2, w.plt.walk)
	w.plt.find(t, "project 500") // no list of what is new shows that it is gone
	w.asks("census", wholeLists+1, func(t *testing.T) { w.plt.take(t) })
	w.plt.wantMissing(t, 1, 0, 0)
	w.plt.take(t)
	w.plt.wantRemoved(t, 1, 0, 0)
	w.plt.walk(t)
	w.wantFresh("after two censuses")
}
