package sandbox_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/connectors"
	"alignd/connectors/jira"
	"alignd/connectors/linear"
	"alignd/mapping"
	"alignd/sandbox"
	"alignd/store"
)

func TestZZ(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		now := time.Now()
		c := sandbox.NewCompany(seed, now)
		s, err := sandbox.Start(c.World, sandbox.Options{LinearSchema: "../../shared/contracts/linear-schema.graphql"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("JT", sandbox.JiraToken)
		t.Setenv("LT", sandbox.LinearAPIKey)
		st, err := store.Open(context.Background(), store.Config{Path: filepath.Join(t.TempDir(), "x.db")})
		if err != nil {
			t.Fatal(err)
		}
		var jc jira.Config
		jc.Name, jc.URL, jc.Projects, jc.RequestsPerSecond = "acme", s.JiraURL, sandbox.CompanyProjects(), 1000
		jc.Auth.Email, jc.Auth.TokenEnv = sandbox.JiraEmail, "JT"
		var lc linear.Config
		lc.Name, lc.URL, lc.Teams, lc.RequestsPerSecond = "acme-linear", s.LinearURL, sandbox.CompanyTeams(), 1000
		lc.Auth.APIKeyEnv = "LT"
		j, err := jira.New(jc, connectors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := linear.New(lc, connectors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		marks := map[string]time.Time{}
		for _, conn := range []connectors.Connector{j, l} {
			start := time.Now()
			q := connectors.Query{}
			n := 0
			for {
				p, err := conn.Page(context.Background(), q)
				if err != nil {
					t.Fatal(conn.Name(), err)
				}
				for _, sk := range p.Skipped {
					t.Log(sk)
				}
				n += len(p.Tickets)
				if marks[conn.Name()].IsZero() {
					marks[conn.Name()] = p.Clock
				}
				b := store.Batch{Connector: conn.Name(), Tickets: p.Tickets, Names: p.Names}
				if p.Next == "" {
					b.Watermark = marks[conn.Name()]
				}
				if _, err := st.Apply(context.Background(), b); err != nil {
					t.Fatal(err)
				}
				if p.Next == "" {
					break
				}
				q.Token = p.Next
			}
			fmt.Println(conn.Name(), n, time.Since(start), s.Requests())
		}
		rules, err := mapping.Parse("mapping.yml", []byte(c.Mapping()))
		if err != nil {
			t.Fatal(err)
		}
		err = st.View(context.Background(), func(v store.View) error {
			snap := alignment.Compute(alignment.Input{Tickets: v, Rules: rules, Watermarks: marks, Now: now})
			for _, tm := range append(snap.Teams, snap.Company) {
				fmt.Println(tm.ID, tm.Known, "fresh", tm.ActiveFresh, "stale", tm.ActiveStale)
				for _, w := range tm.Windows {
					fmt.Printf("   %-7s idle %.0f%%", w.Name, 100*float64(w.Idle)/float64(w.Capacity))
					fmt.Printf(" %+v\n", shares(w))
				}
				fmt.Print("   weeks unmapped:")
				for _, w := range tm.Weeks {
					fmt.Printf(" %.0f", 100*shares(w)["unmapped"])
				}
				fmt.Println()
			}
			fmt.Println(snap.Outside, snap.Excluded, snap.Conflicts)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		st.Close()
		s.Close()
	}
}

func shares(w alignment.Window) map[string]float64 {
	m := map[string]float64{}
	for _, c := range alignment.Classes {
		sh, _ := w.Units[alignment.UnitTime].ClassShare(alignment.Then, c)
		m[c.String()] = float64(int(100*sh.Value+.5)) / 100
	}
	return m
}
