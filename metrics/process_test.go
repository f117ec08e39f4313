package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"alignd/connectors"
	"alignd/metrics"
	"alignd/store"
	"alignd/ticket"
)

func exercise(p *metrics.Process) {
	now := time.Now()
	p.ConfigLoaded()
	p.SyncStarted("acme")
	p.Request("acme", "search", 200, 300*time.Millisecond)
	p.Request("acme", "search", 429, 20*time.Millisecond)
	p.Request("acme", "bulkfetch", 0, 30*time.Second)
	p.Request("acme", "bulkfetch", 99999, time.Second)
	p.RateLimit("acme", "requests", 1500, 1499, now.Add(time.Hour))
	p.RateLimit("acme", "points", math.NaN(), 12, time.Time{})
	p.RateLimit("acme", "burst", -1, -1, time.Time{})
	p.Throttled("acme", 1500*time.Millisecond)
	p.DailyRequests("acme", 501, 1000)
	p.Removal("acme", "search", now.Add(30*24*time.Hour))
	p.Removal("acme", "bulkfetch", time.Time{})
	p.Webhook("acme", "accepted")
	p.BatchApplied("acme", store.Applied{Created: 3, Gone: 1, Changes: []ticket.Change{
		{Field: ticket.FieldState, FromState: ticket.StateTodo, ToState: ticket.StateDone},
		{Field: ticket.FieldState, FromState: ticket.StateDone, ToState: ticket.StateActive},
		{Field: ticket.FieldState, FromState: ticket.StateDone, ToState: ticket.StateDone},
		{Field: ticket.FieldLabel},
		{Field: ticket.FieldProject},
		{Field: ticket.FieldParent},
		{Field: ticket.FieldGroup},
		{Field: ticket.FieldEstimate},
		{Field: ticket.FieldPlan},
		{Field: ticket.FieldDue},
		{Field: ticket.FieldTouch},
		{Field: 200},
	}})
	p.LateChanges("acme", 2)
	p.CensusTaken("acme", store.Census{At: now, Found: 8, Unread: 2, Held: true, Missing: map[string]store.Miss{"1": {Times: 1}, "2": {Times: 2}}})
	p.TicketsRemoved("acme", "moved", 3)
	p.TicketSkipped("acme")
	p.SyncFinished("acme", "full", 40*time.Second, nil)
	p.SyncWatermark("acme", now.Add(-2*time.Minute))
	p.StoreSize(4096)
	p.StoreError()
	p.SnapshotComputed(70 * time.Millisecond)
	p.Leads("acme", true)
	p.Replicas(3)
	p.Revision("0123456789abcdef", time.Now())
	p.Revision("3f2a9c0d00aa11bb", time.Now().Add(-time.Hour))
}

func TestProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		p := metrics.NewProcess(reg)
		golden(t, reg, "process_start.prom", "alignd_build_info")
		exercise(p)
		golden(t, reg, "process.prom", "alignd_build_info")
		p.ForgetConnector("acme")
		if got := exposition(t, reg); strings.Contains(got, "acme") {
			t.Errorf("series of a forgotten connector:\n%s", got)
		}
		p.ConfigRejected()
		got := exposition(t, reg)
		for _, want := range []string{"\nalignd_leader 0\n", "\nalignd_config_last_reload_successful 0\n", "\nalignd_build_info{"} {
			if !strings.Contains(got, want) {
				t.Errorf("want %q in:\n%s", want, got)
			}
		}
	})
}

// TestMissing: every ticket that is missing has one cause, and each cause is
// there, if with 0.
func TestMissing(t *testing.T) {
	missing := map[string]store.Miss{"1": {Times: 1}, "2": {Times: 2}, "3": {Times: 1}, "4": {Times: 7}, "5": {Times: 1}}
	for name, c := range map[string]struct {
		census store.Census
		want   string
	}{
		"nothing":  {store.Census{}, "held 0, unproven 0, unreadable 0"},
		"some":     {store.Census{Missing: missing}, "held 0, unproven 3, unreadable 2"},
		"too many": {store.Census{Missing: missing, Held: true}, "held 5, unproven 0, unreadable 0"},
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewPedanticRegistry()
			metrics.NewProcess(reg).CensusTaken("acme", c.census)
			var got []string
			for _, m := range regexp.MustCompile(`alignd_tickets_missing\{cause="(\w+)",connector="acme"\} (\d+)`).FindAllStringSubmatch(exposition(t, reg), -1) {
				got = append(got, m[1]+" "+m[2])
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProcessLint(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	exercise(metrics.NewProcess(reg))
	lint(t, reg)
}

func TestFailureReasons(t *testing.T) {
	status := func(code int) error { return &connectors.StatusError{Status: code} }
	for want, errs := range map[string][]error{
		"auth":       {status(401), status(403)},
		"rate_limit": {status(429), &connectors.StatusError{Status: 400, Throttled: true}},
		"request":    {status(400), status(404), status(410)},
		"server":     {status(500), status(503)},
		"network":    {&net.OpError{Op: "dial", Err: errors.New("refused")}, &net.OpError{Op: "read", Err: syscall.ECONNRESET}, context.DeadlineExceeded},
		"other":      {errors.New("odd"), status(200), status(302), syscall.ENOSPC, &fs.PathError{Op: "write", Path: "alignd.db", Err: syscall.ENOSPC}},
	} {
		for _, err := range errs {
			reg := prometheus.NewPedanticRegistry()
			p := metrics.NewProcess(reg)
			p.SyncStarted("acme")
			p.SyncFinished("acme", "incremental", time.Second, fmt.Errorf("read page 1: %w", err))
			line := fmt.Sprintf("\nalignd_sync_failures_total{connector=\"acme\",reason=%q} 1\n", want)
			got := exposition(t, reg)
			if !strings.Contains(got, line) || strings.Count(got, "alignd_sync_failures_total{") != 7 {
				t.Errorf("%v: want %q and six others in:\n%s", err, line, got)
			}
			if strings.Contains(got, "alignd_sync_last_success_timestamp_seconds{") {
				t.Errorf("%v: counts as a success", err)
			}
		}
	}
}

// TestFailedByStore: the store's failures have a reason of their own, whatever
// they look like, and count as the store's.
func TestFailedByStore(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	p := metrics.NewProcess(reg)
	p.SyncStarted("acme")
	p.SyncFailedByStore("acme", "incremental", time.Second)
	got := exposition(t, reg)
	for _, want := range []string{
		`alignd_sync_failures_total{connector="acme",reason="store"} 1`, `alignd_sync_failures_total{connector="acme",reason="network"} 0`,
		`alignd_sync_runs_total{connector="acme"} 1`, `alignd_sync_duration_seconds_count{connector="acme",kind="incremental"} 1`, `alignd_store_errors_total 1`,
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "alignd_sync_last_success_timestamp_seconds{") {
		t.Error("counts as a success")
	}
}
