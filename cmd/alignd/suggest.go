package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/alecthomas/kingpin/v2"

	"alignd/alignment"
	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/store"
	"alignd/yamlfile"
)

type suggestFlags struct {
	askFlags
	team, window, unit *string
	limit              *int
	write              *bool
}

func addSuggest(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("suggest", "Propose rules for the tickets that no rule says anything of, ready to be pasted into mapping.yml. Works beside a running alignd and on the store of a stopped one.")
	f := suggestFlags{
		askFlags: addAskFlags(c),
		team:     c.Flag("team", "Look at the tickets of this team only.").PlaceHolder("ID").String(),
		window:   c.Flag("window", "Which work counts: 7d, 28d, 91d, period, or a week such as 2026-W10.").Default("91d").String(),
		unit:     c.Flag("unit", "What work is measured by: time or tickets.").Default(alignment.UnitTime.String()).Enum(alignment.UnitTime.String(), alignment.UnitTickets.String()),
		limit:    c.Flag("limit", "How many rules to propose at most.").Default("5").Int(),
		write:    c.Flag("write", "Add the rules to the end of those in the file. The ones whose goal is not known become comments.").Bool(),
	}
	return c, func(ctx context.Context, out io.Writer) error {
		cfg, err := config.Load(*f.file)
		if err != nil {
			return fmt.Errorf("the configuration is not right:\n%w", err)
		}
		if err := knownTeam(cfg.Rules, *f.team); err != nil {
			return err
		}
		found, err := f.suggest(ctx, cfg)
		if err != nil {
			return err
		}
		printSuggestions(out, found)
		if len(found.Proposals) == 0 {
			return nil
		}
		if *f.write {
			return addRules(out, cfg.MappingFile, found)
		}
		file, err := os.ReadFile(cfg.MappingFile)
		if err != nil {
			return fmt.Errorf("read mapping: %w", err)
		}
		fmt.Fprintf(out, "# Paste what is right at the end of the rules in %s, and put a goal in place of each %q.\n%s",
			cfg.MappingFile, mapping.Unfilled, found.block(mapping.RuleIndent(file), false))
		return nil
	}
}

func knownTeam(rules *mapping.RuleSet, id string) error {
	var known []string
	for i := range rules.Teams() {
		known = append(known, rules.Teams()[i].ID)
		if id == known[i] || id == "" {
			return nil
		}
	}
	return fmt.Errorf("unknown team %q; %sdeclared: %s", id, yamlfile.DidYouMean(id, known), strings.Join(known, ", "))
}

// suggestions are proposals with the unit of their work.
type suggestions struct {
	daemon.Suggestions
	unit alignment.Unit
}

// suggest holds the rules of the file against the tickets, since those in
// force may be older.
func (f suggestFlags) suggest(ctx context.Context, cfg *config.Config) (suggestions, error) {
	opts := daemon.SuggestOptions{Team: *f.team, Window: *f.window, Limit: *f.limit}
	if *f.unit == alignment.UnitTickets.String() {
		opts.Unit = alignment.UnitTickets
	}
	found, err := consult(ctx, f.askFlags, loaded(cfg), func(st store.Store, _ *config.Config) (daemon.Suggestions, error) {
		return daemon.Suggest(ctx, st, cfg.Rules, opts)
	}, func(running asked) (found daemon.Suggestions, err error) {
		text, err := os.ReadFile(cfg.MappingFile)
		if err != nil {
			return found, fmt.Errorf("read mapping: %w", err)
		}
		return found, running.answer(ctx, http.MethodPost, daemon.SuggestPath+"?"+opts.Query().Encode(), text, &found)
	})
	return suggestions{found, opts.Unit}, err
}

// measure names what work is.
func (s suggestions) measure() string {
	days := fmt.Sprintf("from %s to %s", s.From, s.To-1)
	switch {
	case s.Even:
		return "tickets; nothing was done on the unmapped ones " + days
	case s.unit == alignment.UnitTickets:
		return "tickets completed " + days
	}
	return "team time " + days
}

func printSuggestions(out io.Writer, s suggestions) {
	fmt.Fprintf(out, "# No rule says anything of %d of %s: %s of the %s.\n",
		s.Unmapped.Tickets, count(s.Total.Tickets, "ticket"), percent(s.Unmapped.Work, s.Total.Work), s.measure())
	if len(s.Proposals) == 0 {
		fmt.Fprintln(out, "# There is nothing to propose: no label, epic, component, project, type or word of titles singles out enough of them.")
	}
}

func percent(part, of int64) string {
	if of == 0 {
		return "0%"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(of))
}

// block returns the proposals as elements of a list of rules. Those without a
// goal are comments if open ones are to be hidden.
func (s suggestions) block(indent string, hide bool) string {
	var b strings.Builder
	for i, p := range s.Proposals {
		b.WriteString("\n")
		for _, line := range s.about(i, p) {
			fmt.Fprintf(&b, "%s# %s\n", indent, line)
		}
		rule := p.YAML(indent)
		if hide && open(p) {
			rule = indent + "# " + strings.ReplaceAll(strings.TrimSuffix(p.YAML(""), "\n"), "\n", "\n"+indent+"# ") + "\n"
		}
		b.WriteString(rule)
	}
	return b.String()
}

func open(p mapping.Proposal) bool { return p.Goal == "" && p.Reason == "" }

// about says what a proposal would do, and names a few of the tickets.
func (s suggestions) about(i int, p mapping.Proposal) []string {
	words := fmt.Sprintf("%d. %s, %s of the unmapped work", i+1, count(p.Covers.Tickets, "ticket"), percent(p.Covers.Work, s.Unmapped.Work))
	if p.Touches.Tickets > 0 {
		words += fmt.Sprintf("; would also change %s that other rules map", count(p.Touches.Tickets, "ticket"))
	}
	lines := []string{words + ". Such as:"}
	for _, e := range p.Examples {
		lines = append(lines, "   "+e.Key+" "+oneLine(e.Title))
	}
	return lines
}

// oneLine makes a title fit for a comment.
func oneLine(title string) string {
	const most = 90
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, title)
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most]) + "…"
	}
	return clean
}

// addRules puts the proposals into the file, which stays right.
func addRules(out io.Writer, path string, s suggestions) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read mapping: %w", err)
	}
	block := s.block(mapping.RuleIndent(file), true)
	text, err := mapping.InsertRules(file, strings.TrimPrefix(block, "\n"))
	if err == nil {
		_, err = mapping.Parse(path, text)
	}
	if err != nil {
		return fmt.Errorf("add rules to %s: %w", path, err)
	}
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("write mapping: %w", err)
	}
	comments := 0
	for _, p := range s.Proposals {
		if open(p) {
			comments++
		}
	}
	fmt.Fprintf(out, "%s added to %s", count(len(s.Proposals)-comments, "rule"), path)
	if comments > 0 {
		fmt.Fprintf(out, ", and %d as comments: they still need a goal", comments)
	}
	fmt.Fprintln(out, ".")
	return nil
}

// replaceFile writes a file in one go, so that nobody reads half of it.
func replaceFile(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	was, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".alignd-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	err = errors.Join(err, f.Chmod(was.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
