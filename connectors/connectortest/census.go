package connectortest

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A census names every ticket in scope, after a walk and without one, and asks
// for nothing but ids.
func census(s *story) {
	for range 2 {
		before := len(s.requests)
		got, err := s.count()
		if err != nil {
			s.Fatal(err)
		}
		if diff := cmp.Diff([]string{"101", "102", "103"}, got); diff != "" {
			s.Errorf("counted (-want +got):\n%s", diff)
		}
		for _, asked := range s.requests[before:] {
			if strings.Contains(asked, "updated") && strings.Contains(asked, "summary") || strings.Contains(asked, "title") {
				s.Errorf("asked for more than ids: %s", asked)
			}
		}
		s.read(time.Time{})
	}
}

func brokenCensus(s *story) {
	s.connect()
	s.handler = answer(http.StatusServiceUnavailable, nil, "")
	_, err := s.count()
	_ = s.wantStatus(err, http.StatusServiceUnavailable)
}

// A direct look returns whole tickets, and no word of those that are not
// there.
func look(s *story) {
	want := s.read(time.Time{})
	page, err := s.conn.Look(s.ctx, []string{"103", "999", "101"}, false)
	if err != nil {
		s.Fatal(err)
	}
	delete(want, "102")
	for _, tk := range page.Tickets {
		if diff := cmp.Diff(want[tk.ID.UID], tk); diff != "" {
			s.Errorf("ticket %s (-as walked +as looked at):\n%s", tk.ID.UID, diff)
		}
		delete(want, tk.ID.UID)
	}
	if len(want) > 0 {
		s.Errorf("the look did not find %v", uids(want))
	}
	s.wantNo("pages", marshal(page))
	if pages := s.read(time.Time{}); len(pages) != 3 {
		s.Errorf("%d tickets in the walk after, want 3", len(pages))
	}
}

func lookAtNothing(s *story) {
	s.connect()
	page, err := s.conn.Look(s.ctx, []string{"999"}, false)
	if err != nil || len(page.Tickets)+len(page.Skipped) > 0 {
		s.Errorf("page %+v, error %v, want neither", page, err)
	}
}
