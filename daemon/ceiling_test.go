package daemon_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	dailySeries    = regexp.MustCompile(`alignd_api_daily_requests\{connector="acme"\} (\d+)`)
	requestsSeries = regexp.MustCompile(`alignd_api_requests_total\{.*connector="acme",.*\} (\d+)`)
)

// counted returns the requests that acme counts today, and all it sent, once a
// poll is over that asks for this ceiling.
func (r *running) counted(ceiling string) (daily, all int) {
	r.t.Helper()
	r.until("/metrics", `alignd_api_daily_limit\{connector="acme"\} `+regexp.QuoteMeta(ceiling))
	r.until("/-/ready", "is ready")
	body := r.until("/metrics", dailySeries.String())
	sum := func(series *regexp.Regexp) (total int) {
		for _, found := range series.FindAllStringSubmatch(body, -1) {
			n, err := strconv.Atoi(found[1])
			if err != nil {
				r.t.Fatal(err)
			}
			total += n
		}
		return total
	}
	return sum(dailySeries), sum(requestsSeries)
}

// A connector that is changed goes on counting the requests of the day, unless
// it is their ceiling that is changed.
func TestDailyCountSurvivesReloads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	configure := func(ceiling, interval string) {
		h.write("alignd.yml", strings.NewReplacer("projects: [PAY]", "requests_per_day: "+ceiling+", projects: [PAY]",
			"poll_interval: 1s", "poll_interval: "+interval).Replace(h.config("[PAY]")))
	}
	configure("1000000", "1h")
	r := h.start(nil)
	_, first := r.counted("1e+06")
	reload := func() {
		t.Helper()
		walks := strings.Count(r.log.String(), `msg="Read the tracker" component=poll connector=acme `)
		if status, body := r.do("POST", "/-/reload"); status != 200 {
			t.Fatalf("reload: %d %s", status, body)
		}
		for strings.Count(r.log.String(), `msg="Read the tracker" component=poll connector=acme `) == walks {
			r.get("/metrics")
		}
	}

	configure("1000000", "2h")
	reload()
	daily, all := r.counted("1e+06")
	if daily < all-1 || all == first { // one may be in between
		t.Errorf("%d requests count today, %d were sent, %d of them before the reload", daily, all, first)
	}

	configure("2000000", "2h")
	reload()
	if daily, all := r.counted("2e+06"); daily > all/2+2 {
		t.Errorf("after a new ceiling %d requests count today, of %d", daily, all)
	}
}
