package connectors_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"alignd/connectors"
)

// At the beginning of a bubble it is midnight UTC.
func TestDailyCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &tracker{steps: []step{reply(200, `{}`)}}
		client := tr.client(func(c *connectors.ClientConfig) { c.RequestsPerSecond, c.RequestsPerDay = 1000, 100 })
		for range 250 {
			if _, err := client.Get("https://tracker.example/api"); err != nil {
				t.Fatal(err)
			}
		}
		perDay, longest := map[int]int{}, time.Duration(0)
		for i, at := range tr.at {
			perDay[int(at/(24*time.Hour))]++
			if i > 0 {
				longest = max(longest, at-tr.at[i-1])
			}
		}
		if diff := cmp.Diff(map[int]int{0: 100, 1: 100, 2: 50}, perDay); diff != "" {
			t.Errorf("requests per day (-want +got):\n%s", diff)
		}
		if at := tr.at[49]; at > time.Second {
			t.Errorf("the first half took %s", at)
		}
		if want := 24 * time.Hour / 50; longest > want {
			t.Errorf("the longest wait was %s, want at most %s", longest, want)
		}
		if got := tr.daily[:3]; !cmp.Equal(got, []int{1, 2, 3}) || tr.daily[100] != 1 {
			t.Errorf("counts are %v and %d after midnight", got, tr.daily[100])
		}
	})
}

// What is saved in the first half of a day may be spent: requests that come
// slower than the ceiling allows do not wait.
func TestDailyCeilingLeavesSlowReadersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &tracker{steps: []step{reply(200, `{}`)}}
		client := tr.client(func(c *connectors.ClientConfig) { c.RequestsPerDay = 100 })
		for range 99 {
			time.Sleep(15 * time.Minute)
			if _, err := client.Get("https://tracker.example/api"); err != nil {
				t.Fatal(err)
			}
		}
		if tr.throttled > 0 {
			t.Errorf("requests waited for %s", tr.throttled)
		}
	})
}

// A client that follows another one goes on with its count.
func TestDailyCeilingOfSuccessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, day := &tracker{steps: []step{reply(200, `{}`)}}, &connectors.Daily{}
		for range 5 {
			client := tr.client(func(c *connectors.ClientConfig) { c.RequestsPerDay, c.Daily = 100, day })
			for range 20 {
				if _, err := client.Get("https://tracker.example/api"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := tr.daily[len(tr.daily)-1]; got != 100 {
			t.Errorf("the last of 100 requests was counted as %d", got)
		}
		if took := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); took < 20*time.Hour {
			t.Errorf("100 requests of a hundred a day took %s", took)
		}
	})
}
