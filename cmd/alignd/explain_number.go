package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/alecthomas/kingpin/v2"

	"alignd/alignment"
	"alignd/config"
	"alignd/daemon"
	"alignd/store"
	"alignd/web"
)

// numberFlags name a number. Empty ones take everything, or the default.
type numberFlags struct {
	team, class, goal, reason, window, unit, basis string
	limit                                          int
}

func (f *explainFlags) addNumber(c *kingpin.CmdClause) {
	flag := func(name, help string) *kingpin.FlagClause { return f.note(c, aboutNumber, name, "Number: "+help) }
	n := &f.number
	flag("team", "id of the team; the whole company by default.").PlaceHolder("ID").StringVar(&n.team)
	flag("class", "aligned, not_now, off_plan or unmapped; all work by default.").PlaceHolder("CLASS").EnumVar(&n.class, "aligned", "not_now", "off_plan", "unmapped")
	flag("goal", "id of a goal, active or not unless --class says it.").PlaceHolder("ID").StringVar(&n.goal)
	flag("reason", "id of a reason of off-plan work; none for work without one, other for reasons that are not declared.").PlaceHolder("ID").StringVar(&n.reason)
	flag("window", "7d, 28d (the default), 91d, period, or a closed week such as 2026-W10.").PlaceHolder("WINDOW").StringVar(&n.window)
	flag("unit", "what work is counted in: time (the default), tickets or points.").PlaceHolder("UNIT").EnumVar(&n.unit, "time", "tickets", "points")
	flag("basis", "then, as it was known at the time (the default), or now, by today's labels.").PlaceHolder("BASIS").EnumVar(&n.basis, "then", "now")
	flag("limit", "how many tickets to list; 0 lists all.").Default("20").IntVar(&n.limit)
}

func (n *numberFlags) question() (q alignment.Question, err error) {
	q = alignment.Question{Team: cmp.Or(n.team, alignment.AllTeams), Window: cmp.Or(n.window, "28d")}
	if n.limit < 0 {
		return q, fmt.Errorf("--limit=%d is no number of tickets", n.limit)
	}
	if err = q.Unit.UnmarshalText([]byte(cmp.Or(n.unit, alignment.UnitTime.String()))); err != nil {
		return q, err
	}
	if err = q.Basis.UnmarshalText([]byte(cmp.Or(n.basis, alignment.Then.String()))); err != nil {
		return q, err
	}
	if n.class != "" {
		q.Class = new(alignment.Class)
		err = q.Class.UnmarshalText([]byte(n.class))
	}
	if n.goal != "" {
		q.Goal = &n.goal
	}
	switch n.reason {
	case "":
	case web.NoReason:
		q.Reason = new("")
	default:
		q.Reason = &n.reason
	}
	return q, err
}

func (f *explainFlags) explainNumber(ctx context.Context, out io.Writer) error {
	q, err := f.number.question()
	if err != nil {
		return err
	}
	body, err := consult(ctx, f.askFlags, config.Review, func(st store.Store, cfg *config.Config) (web.BehindBody, error) {
		a, err := daemon.Behind(ctx, st, cfg.Rules, q)
		return web.NewBehindBody(q, a, f.number.limit), err
	}, func(running asked) (body web.BehindBody, err error) {
		query := web.BehindQuery(q)
		query.Set("limit", fmt.Sprint(f.number.limit))
		return body, running.answer(ctx, http.MethodGet, web.BehindPath+"?"+query.Encode(), nil, &body)
	})
	if err != nil {
		return err
	}
	if *f.format == "json" {
		return printJSON(out, body)
	}
	return printNumber(out, &body)
}

func printNumber(out io.Writer, b *web.BehindBody) error {
	same := func(id string) string { return id }
	fmt.Fprintf(out, "%s\n  %s\n", b.Headline(same), b.Place(same))
	if b.Share != nil {
		fmt.Fprintf(out, "  %s of all work: %s; as of %s\n\n", web.SmallPercent(*b.Share), b.Words(), when(b.Watermark))
	} else {
		fmt.Fprintf(out, "  nothing; as of %s\n", when(b.Watermark))
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range b.Tickets {
		t := &b.Tickets[i]
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", printable(t.Key), b.AmountText(t.Amount), web.SmallPercent(t.Share), oneLine(t.Title))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := b.MoreWords(); more != "" {
		fmt.Fprintf(out, "  %s\n", more)
	}
	return nil
}
