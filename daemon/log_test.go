package daemon_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"alignd/daemon"
	"alignd/sandbox"
)

// A daemon that polls, counts, reads again, answers and is reloaded says little
// at info, nothing of what is in tickets, and a secret at no level.
func TestLogIsShortAndSafe(t *testing.T) {
	t.Parallel()
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.write("alignd.yml", strings.ReplaceAll(h.config("[PAY]"), "poll_interval: 1s", "poll_interval: 1s, census_interval: 2s"))
			log := &syncBuffer{}
			r := h.start(func(o *daemon.Options) {
				o.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: level}))
			})
			r.until("/metrics", both)
			h.world.Jira.CreateIssue(time.Now(), sandbox.NewIssue{Project: "PAY", Title: "Story of a secret"})
			for path, method := range map[string]string{
				"/": http.MethodGet, "/api/v1/explain?key=PAY-1": http.MethodGet, "/behind?team=payments": http.MethodGet, "/-/reload": http.MethodPost,
			} {
				if status, body := r.do(method, path); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			for runs := 0; runs < 6; { // some seconds
				m := regexp.MustCompile(`alignd_sync_runs_total\{connector="acme"\} (\d+)`).FindStringSubmatch(r.until("/metrics", `alignd_sync_runs_total\{connector="acme"\}`))
				runs, _ = strconv.Atoi(m[1])
				time.Sleep(100 * time.Millisecond)
			}
			r.until("/metrics", `alignd_sync_last_census_timestamp_seconds\{connector="acme"\}`)
			r.until("/metrics", `alignd_tickets_reread_total\{connector="acme"\} [1-9]`)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			text := log.String()
			for _, secret := range []string{sandbox.JiraToken, sandbox.LinearAPIKey, sandbox.JiraEmail} {
				if strings.Contains(text, secret) {
					t.Errorf("the log has the secret %q:\n%s", secret, text)
				}
			}
			if level == slog.LevelDebug {
				return
			}
			if strings.Contains(text, "Story") || strings.Contains(text, "PAY-") || strings.Contains(text, "PLT-") {
				t.Errorf("the log speaks of tickets:\n%s", text)
			}
			if strings.Count(text, `"msg":"Stopped"`) != 1 || !strings.Contains(text[strings.LastIndex(strings.TrimSpace(text), "\n"):], "Stopped") {
				t.Errorf("the log does not end with the end:\n%s", text)
			}
			if n := strings.Count(text, "\n"); n == 0 || n > 12 {
				t.Errorf("%d lines at info:\n%s", n, text)
			}
		})
	}
}
