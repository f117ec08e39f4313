package linear_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
	"alignd/connectors/connectortest"
	"alignd/connectors/linear"
	"alignd/sandbox"
)

func newConnector(t *testing.T, cfg linear.Config) connectors.Connector {
	t.Helper()
	conn, err := linear.New(cfg, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Whichever request of a walk fails, the page may be asked for again, and the
// walk delivers what it would have: parents in other teams, present and former,
// and long histories too.
func TestPagesMayBeAskedForAgain(t *testing.T) {
	company := sandbox.NewCompany(1, time.Now())
	world := company.World.Linear
	world.AddTeam("ELSE", "Elsewhere", "UTC")
	at := time.Now().Add(-30 * time.Minute)
	for i, key := range world.Identifiers()[:60] {
		for _, title := range []string{"Former", "Present"} {
			world.SetParent(at.Add(time.Duration(i)*time.Second), key, world.CreateIssue(at, sandbox.NewLinearIssue{Team: "ELSE", Title: title}))
		}
	}
	server, err := sandbox.Start(company.World, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	cfg := linear.Config{
		Common: connectors.Common{Name: "acme", RequestsPerSecond: 1e6}.WithDefaults(), URL: server.LinearURL,
		Auth: linear.Auth{APIKeyFile: secretFile(t, sandbox.LinearAPIKey)}, Teams: sandbox.CompanyTeams()[:1],
	}
	want, _ := connectortest.WalkOn(t, newConnector(t, cfg), time.Time{}, nil)
	total := 0
	for _, n := range server.Requests() {
		total += n
	}
	step := 3 // one after the other takes long
	if testing.Short() {
		step = 10
	}
	again, asked := 0, 0
	for n := 0; n < total; n += step {
		server.SetFaults(sandbox.Faults{HTTP: []sandbox.Fault{{Kind: sandbox.ServerError, After: n, Times: 1}}})
		got, failed := connectortest.WalkOn(t, newConnector(t, cfg), time.Time{}, nil)
		again, asked = again+failed, asked+1
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("request %d of %d failed (-want +got):\n%.2000s", n+1, total, diff)
		}
	}
	t.Logf("%d tickets, %d requests, %d failed pages", len(want), total, again)
	if again != asked {
		t.Errorf("%d of %d requests failed a page", again, asked)
	}
}
