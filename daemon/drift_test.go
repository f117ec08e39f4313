package daemon_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/daemon"
	"alignd/sandbox"
)

// drifted is a house whose payments team did what was planned for 20 weeks,
// and something else for the last ten.
func drifted(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.write("mapping.yml", strings.Replace(mappingYAML, "target: 50%", "target: 70%", 1))
	for week := range 30 {
		at := time.Now().AddDate(0, 0, -7*(31-week))
		for i := range 16 {
			issue := sandbox.NewIssue{Project: "PAY", Title: fmt.Sprintf("Week %d, story %d", week, i)}
			if aligned := map[bool]int{true: 11, false: 3}[week < 20]; i < aligned {
				issue.Labels = []string{"goal-checkout"}
			}
			key := h.world.Jira.CreateIssue(at, issue)
			h.world.Jira.Transition(at.Add(time.Hour), key, "Done")
		}
	}
	return h
}

// reviewed waits for a review that fits.
func (r *running) reviewed(fits func(*alignment.Drift) bool) *alignment.Drift {
	r.t.Helper()
	for {
		if snap := r.Snapshot(); snap != nil && snap.Review != nil && len(snap.Review.Drifts) > 0 {
			if d := &snap.Review.Drifts[0]; fits(d) {
				return d
			}
		}
		select {
		case <-r.t.Context().Done():
			r.t.Fatal("no such review")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestEpisodeFromRaiseToAcknowledgement(t *testing.T) {
	h := drifted(t)
	r := h.start(func(o *daemon.Options) { o.EnableLifecycle = true })
	open := r.reviewed(func(d *alignment.Drift) bool { return d.Open() != nil }).Open()
	if open.Series.Team != "payments" || open.Direction != alignment.Down || open.Movement == nil || len(open.Movement.Tickets) == 0 {
		t.Fatalf("episode %+v, want one of payments, down, with what moved", open)
	}
	for _, test := range []struct {
		query string
		code  int
		want  string
	}{
		{"goal=chekout", http.StatusNotFound, `there is no goal "chekout"; did you mean checkout? there is `},
		{"team=paymnts", http.StatusNotFound, `there is no team "paymnts"; did you mean payments? there is `},
		{"team=platform", http.StatusNotFound, "Open are: --team payments, --goal checkout."},
		{"team=payments&note=" + strings.Repeat("x", 1001), http.StatusBadRequest, "The note has 1001 bytes, at most 1000 are kept."},
	} {
		if code, text := r.do(http.MethodPost, "/-/acknowledge?"+test.query); code != test.code || !strings.Contains(text, test.want) {
			t.Errorf("%.20s: %d %s, want %d and %q", test.query, code, text, test.code, test.want)
		}
	}

	// A restart reads the same episode from the log and records nothing again.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = h.start(func(o *daemon.Options) { o.EnableLifecycle = true })
	again := r.reviewed(func(d *alignment.Drift) bool { return d.Open() != nil })
	if len(again.Episodes) != 1 || again.Open().Week != open.Week {
		t.Errorf("episodes after a restart %+v, want the one of week %s", again.Episodes, open.Week)
	}

	r.acknowledgeAtOnce(4, "team=payments&note=the+migration+comes+first")
	closed := r.reviewed(func(d *alignment.Drift) bool { return d.Open() == nil })
	if e := closed.Episodes[0]; e.How != alignment.Acknowledged || e.Note != "the migration comes first" || closed.Down != 0 {
		t.Errorf("episode %+v with C⁻ %g, want it acknowledged and the chart at 0", e, closed.Down)
	}
	if code, text := r.do(http.MethodPost, "/-/acknowledge?team=payments"); code != http.StatusNotFound {
		t.Errorf("acknowledged again: %d %s, want 404", code, text)
	}
}

// acknowledgeAtOnce has several people take note of an episode. One of them is
// the first, and the others are told.
func (r *running) acknowledgeAtOnce(n int, query string) {
	r.t.Helper()
	answers := make(chan string, n)
	for range n {
		go func() {
			answer, err := http.Post(r.base+"/-/acknowledge?"+query, "", nil)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			answers <- fmt.Sprint(answer.StatusCode, " ", string(body), err)
		}()
	}
	accepted := 0
	for range n {
		switch text := <-answers; {
		case strings.HasPrefix(text, "200 Acknowledged: the episode ends"):
			accepted++
		case strings.HasPrefix(text, "409 It is acknowledged already, since 20"), strings.HasPrefix(text, "404 There is no open episode"):
		default:
			r.t.Errorf("acknowledge: %s", text)
		}
	}
	if accepted != 1 {
		r.t.Errorf("%d of %d were the first", accepted, n)
	}
}

// TestReviewOfLateTeam: what a tracker brings that is read later than another
// is looked back on at once, and does not wait for the next review.
func TestReviewOfLateTeam(t *testing.T) {
	h := newHouse(t)
	h.server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.ServerError, Tracker: "linear", Status: http.StatusBadGateway}}})
	r := h.start(nil)
	r.reviewed(func(*alignment.Drift) bool { return true })
	if _, _, known := r.History().Range("platform"); known {
		t.Fatal("platform has a history before its tracker was read")
	}
	h.server.SetFaults(sandbox.Faults{})
	for _, team := range []string{"platform", alignment.AllTeams} {
		r.reviewed(func(*alignment.Drift) bool { return len(r.Snapshot().Review.Index[team]) > 0 })
		if _, _, known := r.History().Range(team); !known {
			t.Errorf("%s has an index and no history", team)
		}
	}
}
