package daemon

import (
	"fmt"
	"testing"
	"time"

	"alignd/store"
)

// latestChange returns when a ticket last changed, says the store.
func (s *shop) latestChange(t *testing.T, key string) (at time.Time) {
	t.Helper()
	err := s.store.View(t.Context(), func(v store.View) error {
		for tk := range v.Tickets() {
			if tk.Key == key {
				at = tk.Updated
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A tracker's clock that is set back dates what happens next before the
// watermark.
func TestClockSetBack(t *testing.T) {
	for _, kind := range []string{"jira", "linear"} {
		for _, away := range []time.Duration{0, 30 * time.Minute} { // without a walk, and restarted after
			t.Run(fmt.Sprintf("%s away %s", kind, away), func(t *testing.T) {
				s, step := newShop(t, kind, 40), time.Duration(0)
				s.world.SetClock(func() time.Time { return time.Now().Add(step) })
				s.poll(t)
				s.poll(t)
				_, watermark := (&rig{poller: s.poller}).stored(t)

				step = -time.Hour
				changed := time.Now().Add(step).Truncate(time.Second)
				s.change(changed, s.keys[0])
				if step += away; away > 0 {
					s.restart(t)
				}
				s.poll(t)
				s.poll(t)
				if got := s.latestChange(t, s.keys[0]); !got.Equal(changed) {
					t.Errorf("two polls later the ticket is known as of %s, it changed at %s", got, changed)
				}
				if _, now := (&rig{poller: s.poller}).stored(t); now.Before(watermark) {
					t.Errorf("the watermark went back from %s to %s", watermark, now)
				}

				step += 2 * time.Minute
				changed = time.Now().Add(step).Truncate(time.Second)
				s.change(changed, s.keys[1])
				if asked := s.poll(t); asked.requests > 20 {
					t.Errorf("a later poll took %d requests", asked.requests)
				}
				if got := s.latestChange(t, s.keys[1]); !got.Equal(changed) {
					t.Errorf("the next change arrived as of %s, want %s", got, changed)
				}

				step = 0
				changed = time.Now().Truncate(time.Second)
				s.change(changed, s.keys[2])
				s.poll(t)
				if got := s.latestChange(t, s.keys[2]); !got.Equal(changed) {
					t.Errorf("after the clock was right again the change arrived as of %s, want %s", got, changed)
				}
			})
		}
	}
}
