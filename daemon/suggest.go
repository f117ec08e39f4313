package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"alignd/alignment"
	"alignd/mapping"
	"alignd/store"
	"alignd/ticket"
	"alignd/yamlfile"
)

// SuggestOptions say what Suggest is to look for.
type SuggestOptions struct {
	Team   string         // id; empty for all
	Window string         // see alignment.Question
	Unit   alignment.Unit // never points
	Limit  int            // how many rules at most; 0 for all
}

// Query writes options as the parameters of SuggestPath.
func (o SuggestOptions) Query() url.Values {
	return url.Values{"team": {o.Team}, "window": {o.Window}, "unit": {o.Unit.String()}, "limit": {strconv.Itoa(o.Limit)}}
}

func suggestOptions(query url.Values) (o SuggestOptions, err error) {
	o.Team, o.Window = query.Get("team"), query.Get("window")
	limit, limitErr := strconv.Atoi(query.Get("limit"))
	if limitErr == nil && limit < 0 {
		limitErr = fmt.Errorf("limit %d is no number of rules; 0 is all", limit)
	}
	o.Limit = limit
	return o, errors.Join(limitErr, o.Unit.UnmarshalText([]byte(query.Get("unit"))))
}

// Suggestions are proposals for rules, and the days of the work that they are
// about.
type Suggestions struct {
	mapping.Suggestions
	From, To mapping.Date // local days, To excluded
}

// Suggest proposes rules for the work of a store that no rule says anything
// of, by today's labels.
func Suggest(ctx context.Context, st store.Store, rules *mapping.RuleSet, opts SuggestOptions) (found Suggestions, err error) {
	err = st.View(ctx, func(v store.View) error {
		unmapped, err := alignment.Behind(input(v, rules), alignment.Question{
			Team: cmp.Or(opts.Team, alignment.AllTeams), Window: opts.Window, Unit: opts.Unit, Basis: alignment.Now,
		})
		if err != nil {
			return err
		}
		work := map[ticket.ID]int64{}
		for _, t := range unmapped.Tickets {
			work[t.ID] += t.Amount
		}
		found.From, found.To = unmapped.From, unmapped.To
		found.Suggestions = rules.Suggest(samples(v, rules, work), mapping.SuggestOptions{Team: opts.Team, Limit: opts.Limit})
		return nil
	})
	return found, err
}

func (d *Daemon) suggest(ctx context.Context, query url.Values, rules *mapping.RuleSet) (any, error) {
	opts, err := suggestOptions(query)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParameters, err)
	}
	return Suggest(ctx, d.store, rules, opts)
}

// Notice returns what is suspicious in a mapping in the light of the tickets of
// a store, see mapping.RuleSet.Notice.
func Notice(ctx context.Context, st store.Store, rules *mapping.RuleSet) (found yamlfile.Problems, err error) {
	err = st.View(ctx, func(v store.View) error {
		removed, err := removedGoals(v, rules, time.Now())
		found = append(rules.Notice(samples(v, rules, nil)), removed...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return found, nil
}

func (d *Daemon) notice(ctx context.Context, _ url.Values, rules *mapping.RuleSet) (any, error) {
	return Notice(ctx, d.store, rules)
}
