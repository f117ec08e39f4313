// Package alignment turns facts about tickets and compiled rules into numbers:
// how work is shared out over goals, reasons and classes, and how far that is
// from what was declared. It is pure: no I/O, no clock, no Prometheus.
//
// The definitions are those of docs/measures.md. Amounts are integers, so
// results are exact, independent of the order of facts, and equal on every
// replica.
package alignment

import (
	"iter"
	"runtime"
	"sync"
	"time"

	"alignd/mapping"
	"alignd/ticket"
)

// weeksKept is the number of closed weeks a Snapshot holds.
const weeksKept = 13

// Source gives access to all known tickets; store.View is one.
type Source interface {
	// Tickets yields every ticket once. The pointer and its slices need only
	// be valid until the next iteration.
	Tickets() iter.Seq[*ticket.Ticket]
	// Ticket returns one ticket, free to keep.
	Ticket(id ticket.ID) (ticket.Ticket, bool)
}

// Input is everything a Snapshot depends on.
type Input struct {
	Tickets    Source
	Rules      *mapping.RuleSet
	Watermarks map[string]time.Time // by connector; absent until its first walk is complete
	Now        time.Time            // becomes Snapshot.ComputedAt, nothing else
}

// Compute returns the snapshot of the input. The same facts in any order give
// the same snapshot.
func Compute(in Input) *Snapshot {
	teams := newTeamViews(in.Rules, in.Watermarks)
	facts := gather(in.Tickets, in.Rules, teams)
	tallies := make([]*tally, len(teams))
	inParallel(len(teams), func(i int) {
		if teams[i].known {
			tallies[i] = newTally(in.Rules, &teams[i], facts)
		}
	})
	return assemble(in, teams, facts, tallies)
}

// inParallel runs fn for 0..n-1 on all processors and returns when all are
// done.
func inParallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// teamView is a team with the stretch of time that is looked at.
type teamView struct {
	index     int
	team      *mapping.Team
	known     bool
	watermark int64
	today     mapping.Date // local day of the watermark
	first     mapping.Date // first local day any window or week needs
	weeks     []mapping.Date
}

func newTeamViews(rules *mapping.RuleSet, watermarks map[string]time.Time) []teamView {
	teams := rules.Teams()
	views := make([]teamView, len(teams))
	for i := range teams {
		v := &views[i]
		v.index, v.team = i, &teams[i]
		v.watermark, v.known = teamWatermark(&teams[i], watermarks)
		if !v.known {
			continue
		}
		v.today = mapping.DateOf(time.UnixMicro(v.watermark).In(v.team.Location))
		v.weeks = closedWeeks(v.today)
		v.first = min(v.today-longestWindow+1, v.weeks[0])
		if p := rules.Period(); p.From <= v.today {
			v.first = min(v.first, p.From)
		}
	}
	return views
}

// teamWatermark returns A_T, the smallest watermark of the team's connectors.
func teamWatermark(team *mapping.Team, watermarks map[string]time.Time) (int64, bool) {
	lowest := int64(endOfTime)
	for _, connector := range team.Connectors() {
		w, ok := watermarks[connector]
		if !ok {
			return 0, false
		}
		lowest = min(lowest, w.UnixMicro())
	}
	return lowest, lowest != endOfTime
}

// closedWeeks returns the Mondays of the last closed ISO weeks before today,
// oldest first.
func closedWeeks(today mapping.Date) []mapping.Date {
	monday := mondayOf(today)
	weeks := make([]mapping.Date, weeksKept)
	for i := range weeks {
		weeks[i] = monday - mapping.Date(7*(weeksKept-i))
	}
	return weeks
}
