package connectortest

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
)

func twoPages(s *story) {
	got := s.read(time.Time{})
	s.wantTitles(got, map[string]string{"101": "Charge twice", "102": "Ship the form", "103": "Fix the total"})
	if s.lists != 2 {
		s.Errorf("%d requests for tickets, want 2", s.lists)
	}
	for _, tk := range got {
		if tk.ID.Connector != Name || tk.Key == "" || tk.Created.IsZero() || tk.Updated.Location() != time.UTC {
			s.Errorf("ticket is not whole: %+v", tk)
		}
		if !tk.Updated.Equal(s.site.Issues[slices.IndexFunc(s.site.Issues, func(is Issue) bool { return is.UID == tk.ID.UID })].Updated) {
			s.Errorf("ticket %s was updated %v", tk.ID, tk.Updated)
		}
		if len(tk.Labels) != 1 {
			s.Errorf("ticket %s has labels %q, want one", tk.ID, tk.Labels)
		}
	}
}

// A ticket that moves between pages while they are read comes twice. The last
// reading is the truth.
func duplicate(s *story) {
	again := s.site.Issues[0]
	again.Title, again.Updated = "Charge once", s.site.Now()
	s.site.Issues = append(s.site.Issues, again)
	got := s.read(time.Time{})
	s.wantTitles(got, map[string]string{"101": "Charge once", "102": "Ship the form", "103": "Fix the total"})
}

func empty(s *story) {
	s.site.Issues = nil
	s.wantTitles(s.read(time.Time{}), map[string]string{})
}

// Retry-After is a lower bound of the wait.
func throttled(s *story) {
	s.fault = func(list int) http.HandlerFunc {
		if list != 2 {
			return nil
		}
		return answer(http.StatusTooManyRequests, map[string]string{"Retry-After": "30", "Content-Type": "text/html"}, "<html>")
	}
	start := time.Now()
	if got := s.read(time.Time{}); len(got) != 3 {
		s.Errorf("%d tickets, want 3", len(got))
	}
	if took := time.Since(start); took < 30*time.Second || took > 2*time.Minute {
		s.Errorf("walk took %v, want a little more than 30s", took)
	}
	if s.waited < 30*time.Second {
		s.Errorf("%v reported as waited, want at least 30s", s.waited)
	}
}

// A long one is the caller's to wait.
func throttledLong(s *story) {
	s.fault = func(int) http.HandlerFunc {
		return answer(http.StatusTooManyRequests, map[string]string{"Retry-After": "3600"}, "")
	}
	start := time.Now()
	_, err := s.walk(time.Time{})
	bad := s.wantStatus(err, http.StatusTooManyRequests)
	if bad.RetryAfter != time.Hour || !bad.Throttled {
		s.Errorf("error is %+v, want throttled for 1h", bad)
	}
	if took := time.Since(start); took > time.Minute {
		s.Errorf("it took %v to give up", took)
	}
}

// A refused credential is not tried again, and not shown even if the tracker
// repeats it.
func unauthorized(s *story) {
	s.fault = func(int) http.HandlerFunc {
		return answer(http.StatusUnauthorized, map[string]string{"Content-Type": "application/json"},
			`{"errorMessages":["bad token `+Credential+`"],"errors":[{"message":"bad token `+Credential+`"}]}`)
	}
	_, err := s.walk(time.Time{})
	_ = s.wantStatus(err, http.StatusUnauthorized)
	if s.lists != 1 {
		s.Errorf("%d requests, want 1", s.lists)
	}
}

func brokenInTheMiddle(s *story) {
	s.fault = func(list int) http.HandlerFunc {
		if list != 2 {
			return nil
		}
		return answer(http.StatusInternalServerError, nil, "boom")
	}
	pages, err := s.walk(time.Time{})
	_ = s.wantStatus(err, http.StatusInternalServerError)
	for _, p := range pages {
		if p.Next == "" {
			s.Error("a page before the failure looked like the last")
		}
	}
	s.fault = nil
	if got := s.read(time.Time{}); len(got) != 3 {
		s.Errorf("%d tickets in the walk after, want 3", len(got))
	}
}

// A page that failed may be asked for again, and the walk goes on as if nothing
// had happened, whichever of its pages it was.
func askedAgain(s *story) {
	for bad := 1; bad <= 3; bad++ {
		s.conn, s.lists = nil, 0
		s.fault = func(list int) http.HandlerFunc {
			if list != bad {
				return nil
			}
			return answer(http.StatusInternalServerError, nil, "boom")
		}
		s.connect()
		var titles []string
		for q, failed := (connectors.Query{}), 0; ; {
			page, err := s.conn.Page(s.ctx, q)
			if err != nil {
				if failed++; failed > 1 || !connectors.Resumable(err) {
					s.Fatalf("request %d failed: %v", bad, err)
				}
				time.Sleep(time.Hour)
				continue
			}
			for _, tk := range page.Tickets {
				titles = append(titles, tk.Title)
			}
			if q.Token = page.Next; q.Token == "" {
				break
			}
		}
		slices.Sort(titles)
		if diff := cmp.Diff([]string{"Charge twice", "Fix the total", "Ship the form"}, slices.Compact(titles)); diff != "" {
			s.Errorf("request %d failed (-want +got):\n%s", bad, diff)
		}
	}
}

func loginPage(s *story) {
	s.fault = func(int) http.HandlerFunc {
		return answer(http.StatusOK, map[string]string{"Content-Type": "text/html; charset=utf-8"}, "<html>Log in</html>")
	}
	_, err := s.walk(time.Time{})
	if bad := s.wantStatus(err, http.StatusOK); !strings.Contains(bad.Message, "JSON") {
		s.Errorf("message is %q", bad.Message)
	}
}

func cancelled(s *story) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.ctx = ctx
	s.fault = func(list int) http.HandlerFunc {
		if list == 2 {
			cancel()
		}
		return nil
	}
	if _, err := s.walk(time.Time{}); !errors.Is(err, context.Canceled) {
		s.Errorf("error is %v, want context.Canceled", err)
	}
	if s.lists != 2 {
		s.Errorf("%d requests for tickets, want 2", s.lists)
	}
}

// A ticket that cannot be understood costs only itself.
func poison(s *story) {
	s.site.Issues[1].Poison = true
	pages, err := s.walk(time.Time{})
	if err != nil {
		s.Fatal(err)
	}
	var read, skipped []string
	for _, p := range pages {
		for _, tk := range p.Tickets {
			read = append(read, tk.ID.UID)
		}
		for _, sk := range p.Skipped {
			skipped = append(skipped, sk.UID)
			if sk.Err == nil {
				s.Error("skipped without a reason")
			} else {
				s.wantNo("reasons", sk.Err.Error())
			}
		}
	}
	if diff := cmp.Diff([]string{"101", "103"}, read); diff != "" {
		s.Errorf("read (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"102"}, skipped); diff != "" {
		s.Errorf("skipped (-want +got):\n%s", diff)
	}
}

var personWords = regexp.MustCompile(`(?i)\b(assignee|reporter|creator|author|actor|subscribers?|email|emailAddress|displayName|accountId)\b`)

func noPersons(s *story) {
	pages, err := s.walk(time.Time{})
	if err != nil {
		s.Fatal(err)
	}
	s.wantNo("pages", marshal(pages))
	sent := strings.Join(s.requests, "\n")
	s.wantNo("requests", sent)
	if word := personWords.FindString(sent); word != "" {
		s.Errorf("requests ask for %q:\n%s", word, sent)
	}
}

func since(s *story) {
	now := s.site.Now()
	bound := now.Add(-time.Hour).Truncate(time.Second)
	s.site.Issues[0].Updated = now.Add(-240 * time.Hour)
	s.site.Issues[1].Updated = bound
	s.site.Issues[2].Updated = now
	if diff := cmp.Diff([]string{"102", "103"}, uids(s.read(bound))); diff != "" {
		s.Errorf("read (-want +got):\n%s", diff)
	}
}

// A connector is good for many walks.
func secondWalk(s *story) {
	s.read(time.Time{})
	time.Sleep(10 * time.Minute)
	before := s.lists
	got := s.read(s.site.Now().Add(-15 * time.Minute))
	if len(got) != 0 {
		s.Errorf("%d tickets, want none", len(got))
	}
	if n := s.lists - before; n != 1 {
		s.Errorf("%d requests for tickets, want 1", n)
	}
}

func redirect(s *story) {
	s.fault = func(int) http.HandlerFunc {
		return answer(http.StatusFound, map[string]string{"Location": "https://login.example/sso?ticket=1"}, "")
	}
	_, err := s.walk(time.Time{})
	_ = s.wantStatus(err, http.StatusFound)
	if strings.Contains(err.Error(), "sso") {
		s.Errorf("error repeats the address: %v", err)
	}
	if slices.Contains(s.hosts, "login.example") {
		s.Error("the other host was asked")
	}
}
