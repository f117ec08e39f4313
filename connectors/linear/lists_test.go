package linear_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/linear"
	"alignd/ticket"
)

// large returns a fake with long lists. All of them were updated once, many at
// the same time.
func large() *fake {
	f := company()
	f.now = func() time.Time { return clock }
	add := func(list, kind string, n int, of func(i int) obj) {
		f.lists[list] = nil
		for i := range n {
			node := obj{
				"id": uid(kind, i), "name": fmt.Sprintf("%s %d", kind, i),
				"createdAt": stamp(at(1, 0).Add(time.Duration(i) * time.Minute)), "updatedAt": stamp(at(3, i/200)),
			}
			maps.Copy(node, of(i))
			f.lists[list] = append(f.lists[list], node)
		}
	}
	nothing := func(int) obj { return nil }
	add("teams", "team", 300, func(i int) obj { return obj{"key": fmt.Sprintf("T%d", i)} })
	add("workflowStates", "state", 600, func(int) obj { return obj{"type": "started"} })
	add("issueLabels", "label", 700, nothing)
	add("projectLabels", "plabel", 300, nothing)
	add("initiativeLabels", "ilabel", 300, nothing)
	add("projects", "project", 500, nothing)
	add("initiatives", "initiative", 100, func(int) obj { return obj{"status": "Active"} })
	add("initiativeToProjects", "link", 550, func(i int) obj {
		return obj{"project": obj{"id": uid("project", i%500)}, "initiative": obj{"id": uid("initiative", i%100)}}
	})
	return f
}

// Requests for the whole of the lists that large returns, and for the links.
const (
	wholeLists = 3 // 700 labels
	wholeLinks = 3
)

// workspace is a large workspace with a connector that has read it.
type workspace struct {
	*fake
	t *testing.T
	c *linear.Connector
}

func started(t *testing.T, f *fake) *workspace {
	t.Helper()
	w := &workspace{f, t, f.connect(t, nil, connectors.Options{})}
	w.pollFor(time.Time{}, wholeLists+1)
	return w
}

// pollFor walks, with that many requests at most.
func (w *workspace) pollFor(since time.Time, most int) connectors.Page {
	w.t.Helper()
	before := w.count()
	page := walk(w.t, w.c, since)[0]
	if got := w.count() - before; got > most {
		w.t.Errorf("%d requests, want at most %d", got, most)
	}
	return page
}

// later moves the tracker's clock.
func (w *workspace) later(d time.Duration) {
	now := w.now().Add(d)
	w.now = func() time.Time { return now }
}

// node returns an entry of a list, updated now.
func (w *workspace) node(list string, i int) obj {
	node := w.lists[list][i]
	node["updatedAt"] = stamp(w.now())
	return node
}

func (w *workspace) remove(list, id string) {
	w.lists[list] = slices.DeleteFunc(w.lists[list], func(n obj) bool { return n["id"] == id })
}

func container(page connectors.Page, id string) *ticket.Ticket {
	i := slices.IndexFunc(page.Tickets, func(tk ticket.Ticket) bool { return tk.ID.UID == id })
	if i < 0 {
		return nil
	}
	return &page.Tickets[i]
}

// fresh returns what a connector sees that has just started.
func (w *workspace) fresh() connectors.Page {
	w.t.Helper()
	return walk(w.t, w.connect(w.t, nil, connectors.Options{}), time.Time{})[0]
}

// wantFresh holds a page to what a fresh connector sees.
func (w *workspace) wantFresh(when string, got connectors.Page) {
	w.t.Helper()
	want := w.fresh()
	byID := func(a, b ticket.Ticket) int { return strings.Compare(a.ID.UID, b.ID.UID) }
	slices.SortFunc(want.Tickets, byID)
	slices.SortFunc(got.Tickets, byID)
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// However many teams, states, labels, projects and links there are, a poll that
// finds nothing new takes two requests, and knows all of them.
func TestLongListsCostNothing(t *testing.T) {
	w := started(t, large())
	for range 3 {
		w.later(time.Minute)
		w.wantFresh("idle poll", w.pollFor(at(20, 0), 2))
	}
}

// What was updated follows with the next poll.
func TestLongListsFollow(t *testing.T) {
	for list, most := range map[string]int{
		"teams": 2, "workflowStates": 2, "issueLabels": 2, "projectLabels": 2, "initiativeLabels": 2,
		"projects": 2 + wholeLinks, "initiatives": 2 + wholeLinks,
	} {
		t.Run(list, func(t *testing.T) {
			w := started(t, large())
			w.later(10 * time.Minute)
			renamed := []int{0, 50, len(w.lists[list]) - 1}
			for _, i := range renamed {
				node := w.node(list, i)
				node["name"], node["key"] = "renamed", fmt.Sprintf("RE%d", i)
			}
			page := w.pollFor(at(20, 0), most)
			w.wantFresh("renamed", page)
			for _, i := range renamed {
				node := w.lists[list][i]
				id, _ := node["id"].(string)
				if name, tk := page.Names[id], container(page, id); name != "renamed" && name != node["key"] && (tk == nil || tk.Title != "renamed") {
					t.Errorf("%s is called %q, the ticket is %v", id, name, tk)
				}
			}
			w.pollFor(at(20, 0), 2)
		})
	}
}

// Sweeping changes follow as well, whatever the tracker's clock says, with
// requests for what changed.
func TestLongListsFollowSweeps(t *testing.T) {
	for name, skew := range map[string]time.Duration{"right": 0, "fast": time.Hour, "slow": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			f := large()
			f.now = func() time.Time { return clock.Add(skew) }
			w := started(t, f)
			w.now = func() time.Time { return clock.Add(10 * time.Minute) }
			for i := range 600 {
				w.node("issueLabels", i*7/6)["name"] = fmt.Sprintf("renamed %d", i)
			}
			w.wantFresh("600 renamed", w.pollFor(at(20, 0), 2+600/240))
			w.later(time.Hour)
			w.pollFor(at(20, 0), 2+600/240)
			w.pollFor(at(20, 0), 2)
		})
	}
}

// What Linear shows only after a while, when something later was seen already,
// follows too.
func TestLongListsFollowWhatIsLate(t *testing.T) {
	w := started(t, large())
	w.later(time.Minute)
	w.node("issueLabels", 699)["name"] = "renamed in time"
	w.wantFresh("in time", w.pollFor(at(20, 0), 2))
	for i := range 600 {
		w.lists["issueLabels"][i]["name"] = fmt.Sprintf("renamed %d", i)
		w.lists["issueLabels"][i]["updatedAt"] = stamp(w.now().Add(-3 * time.Minute))
	}
	w.later(time.Minute)
	w.wantFresh("late", w.pollFor(at(20, 0), 2+601/240))
}

// A status has its name from the project that was updated last.
func TestLongListsNameStatuses(t *testing.T) {
	f := large()
	for _, p := range f.lists["projects"] {
		p["status"] = obj{"id": "status-1", "name": "Going", "type": "started"}
	}
	w := started(t, f)
	for _, p := range f.lists["projects"] {
		p["status"] = obj{"id": "status-1", "name": "Under way", "type": "started"}
	}
	if got := w.pollFor(at(20, 0), 2+wholeLinks).Names["status-1"]; got != "Under way" {
		t.Errorf("name of the status = %q", got)
	}
}

// Each walk sees what left a list of one page, and the next census what left a
// longer one.
func TestLongListsLose(t *testing.T) {
	w := started(t, large())
	w.remove("projects", "project-0003")
	w.remove("initiatives", "initiative-0003")
	w.later(time.Hour)
	page := w.pollFor(at(20, 0), 2)
	if container(page, "project-0003") == nil || container(page, "initiative-0003") != nil {
		t.Error("want the project, which shows in no page, and not the initiative, which is missing in one")
	}
	before := w.count()
	counted, err := w.c.Count(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(counted.UIDs, "project-0003") || len(counted.UIDs) != 499+99 {
		t.Errorf("the census has %d containers, want 598 and not the one that is gone", len(counted.UIDs))
	}
	if got := w.count() - before; got != wholeLists+1 {
		t.Errorf("%d requests of a census, want %d", got, wholeLists+1)
	}
	w.wantFresh("after the census", w.pollFor(at(20, 0), 2))

	w.lists["projects"] = w.lists["projects"][:200]
	w.wantFresh("shrunk to a page", w.pollFor(at(20, 0), 2+wholeLinks))
}

// A project that comes under another initiative, or is taken out of one, follows
// with the next poll if the link, the project or the initiative says so.
func TestLongListsRelink(t *testing.T) {
	w := started(t, large())
	w.later(10 * time.Minute)
	w.remove("initiativeToProjects", "link-0400")
	w.lists["initiativeToProjects"] = append(w.lists["initiativeToProjects"], obj{
		"id": "link-new", "createdAt": stamp(w.now()), "updatedAt": stamp(w.now()),
		"project": obj{"id": "project-0400"}, "initiative": obj{"id": "initiative-0007"},
	})
	page := w.pollFor(at(20, 0), 2+wholeLinks)
	w.wantFresh("moved", page)
	if diff := cmp.Diff([]string{"initiative-0007"}, container(page, "project-0400").Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	w.remove("initiativeToProjects", "link-0410")
	w.node("projects", 410)
	w.wantFresh("taken out, the project says so", w.pollFor(at(20, 0), 2+wholeLinks))
	w.remove("initiativeToProjects", "link-0420")
	w.node("initiatives", 0)
	w.wantFresh("taken out, the initiative says so", w.pollFor(at(20, 0), 2+wholeLinks))
	w.pollFor(at(20, 0), 2)
}

// A list that grows beyond a page by what is old, because the credential may
// see more than before, is read whole.
func TestShortListsGrow(t *testing.T) {
	f := large()
	all := maps.Clone(f.lists)
	w := started(t, f)
	f.lists = map[string][]obj{"issueLabels": all["issueLabels"][:240], "teams": all["teams"][:1]}
	w.wantFresh("little is visible", w.pollFor(at(20, 0), 2))
	f.lists = all
	w.wantFresh("all is visible", w.pollFor(at(20, 0), 2+wholeLists))
	w.pollFor(at(20, 0), 2)
}

// A reading that fails loses nothing of what it has found already.
func TestLongListsSurviveFailures(t *testing.T) {
	w := started(t, large())
	w.later(10 * time.Minute)
	for i := range 600 {
		w.node("issueLabels", i)["name"] = fmt.Sprintf("renamed %d", i)
	}
	w.node("projects", 3)["name"] = "renamed"
	w.remove("initiativeToProjects", "link-0003")
	for fails := range 2 + wholeLinks {
		from := w.count()
		w.answer = func(n int, rw http.ResponseWriter, _ string) bool {
			if n != from+1+fails {
				return false
			}
			_, _ = io.WriteString(rw, `{"errors":[{"message":"not now"}]}`)
			return true
		}
		if _, err := w.c.Page(t.Context(), connectors.Query{Since: at(20, 0)}); err == nil {
			t.Fatalf("request %d failed, and the walk did not", fails)
		}
		w.later(10 * time.Minute)
	}
	w.answer = nil
	w.wantFresh("after the failures", w.pollFor(at(20, 0), 4+wholeLinks))
}

// What is updated while lists are read whole jumps to no other page.
func TestLongListsDoNotDrift(t *testing.T) {
	f := large()
	start := f.count()
	w := &workspace{f, t, nil}
	f.answer = func(n int, _ http.ResponseWriter, _ string) bool {
		if n == start+2 { // between the first page and the second
			w.later(time.Second)
			w.node("projects", 0)["name"] = "renamed" // on the last page
			f.lists["projects"] = append(f.lists["projects"], obj{"id": "project-new", "name": "new", "createdAt": stamp(f.now()), "updatedAt": stamp(f.now())})
		}
		return false
	}
	w.c = f.connect(t, nil, connectors.Options{})
	if page := w.pollFor(time.Time{}, wholeLists+1); container(page, "project-0000") == nil {
		t.Error("a project is missing that was updated during the walk")
	}
	w.wantFresh("afterwards", w.pollFor(at(20, 0), 2+wholeLinks))
}

// An entry that jumps to a page that was read already, while the lists are read
// for what is new, is not taken for one that is gone.
func TestLongListsKeepWhatJumps(t *testing.T) {
	w := started(t, large())
	w.later(10 * time.Minute)
	for i := range w.lists["projectLabels"] {
		w.node("projectLabels", i)["name"] = fmt.Sprintf("renamed %d", i)
	}
	start := w.count()
	w.answer = func(n int, _ http.ResponseWriter, _ string) bool {
		if n == start+2 {
			w.later(time.Second)
			w.node("projectLabels", 299)
		}
		return false
	}
	page := w.pollFor(at(20, 0), 3)
	if page.Names["plabel-0299"] == "" {
		t.Error("the label that was updated during the walk has no name")
	}
	w.wantFresh("afterwards", w.pollFor(at(20, 0), 3))
}

// What cannot be understood is reported by each walk and each look, not only by
// the one that met it.
func TestLongListsReportPoison(t *testing.T) {
	f := large()
	f.lists["projects"][3]["name"] = 7
	w := started(t, f)
	page, err := w.c.Look(t.Context(), []string{"project-0003"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for what, skipped := range map[string][]connectors.Skipped{"walk": w.pollFor(at(20, 0), 2).Skipped, "look": page.Skipped} {
		if len(skipped) != 1 || skipped[0].UID != "project-0003" {
			t.Errorf("skipped by a %s: %v", what, skipped)
		}
	}
}
