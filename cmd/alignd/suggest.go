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
	"slices"
	"strings"

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
	mapping            *string
	team, window, unit *string
	limit              *int
	write              *bool
}

func addSuggest(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("suggest", "Propose rules for the tickets that no rule says anything of, ready to be pasted into mapping.yml. Works beside a running alignd and on the store of a stopped one.")
	f := suggestFlags{
		askFlags: addAskFlags(c),
		mapping:  c.Flag("mapping.file", "Propose rules for this mapping, in place of the one in alignd.yml. With --url nothing else is read here.").PlaceHolder("FILE").String(),
		team:     c.Flag("team", "Look at the tickets of this team only.").PlaceHolder("ID").String(),
		window:   c.Flag("window", "Which work counts: 7d, 28d, 91d, period, or a week such as 2026-W10.").Default("91d").String(),
		unit:     c.Flag("unit", "What work is measured by: time or tickets.").Default(alignment.UnitTime.String()).Enum(alignment.UnitTime.String(), alignment.UnitTickets.String()),
		limit:    c.Flag("limit", "How many rules to propose at most; 0 proposes all.").Default("5").Int(),
		write:    c.Flag("write", "Add the rules to the end of those in the file. The ones whose goal is not known become comments.").Bool(),
	}
	return c, func(ctx context.Context, out io.Writer) error {
		if *f.limit < 0 {
			return fmt.Errorf("--limit=%d is no number of rules; 0 proposes all", *f.limit)
		}
		file, err := readMapping(*f.mapping, *f.file)
		if err != nil {
			return err
		}
		if err := knownTeam(file.rules, *f.team); err != nil {
			return err
		}
		found, err := f.suggest(ctx, file)
		if err != nil {
			return err
		}
		printSuggestions(out, found)
		if len(found.Proposals) == 0 {
			return nil
		}
		if *f.write {
			return addRules(out, file, found)
		}
		fmt.Fprintf(out, "# Paste what is right at the end of the rules in %s, and put a goal in place of each %q.\n%s",
			file.path, mapping.Unfilled, found.block(mapping.RuleIndent(file.text), false))
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
func (f suggestFlags) suggest(ctx context.Context, file mappingFile) (suggestions, error) {
	opts := daemon.SuggestOptions{Team: *f.team, Window: *f.window, Limit: *f.limit}
	if *f.unit == alignment.UnitTickets.String() {
		opts.Unit = alignment.UnitTickets
	}
	found, err := consult(ctx, f.askFlags, config.LoadAlone, func(st store.Store, _ *config.Config) (daemon.Suggestions, error) {
		return daemon.Suggest(ctx, st, file.rules, opts)
	}, func(running asked) (found daemon.Suggestions, err error) {
		return found, running.answer(ctx, http.MethodPost, daemon.SuggestPath+"?"+opts.Query().Encode(), file.text, &found)
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
		lines = append(lines, "   "+printable(e.Key)+" "+oneLine(e.Title))
	}
	return lines
}

// addRules puts the proposals into the file, which stays right.
func addRules(out io.Writer, file mappingFile, s suggestions) error {
	all := len(s.Proposals)
	s.Proposals = slices.DeleteFunc(s.Proposals, file.holds)
	if len(s.Proposals) == 0 {
		fmt.Fprintf(out, "Nothing added: %s in %s already, as comments. Give them a goal, or see more with a higher --limit.\n", stand(all), file.path)
		return nil
	}
	block := s.block(mapping.RuleIndent(file.text), true)
	text, err := mapping.InsertRules(file.text, strings.TrimPrefix(block, "\n"))
	if err != nil {
		return fmt.Errorf("add rules to %s: %w", file.path, err)
	}
	if _, err := mapping.Parse(file.path, text); err != nil {
		return fmt.Errorf("add rules to %s: it stays as it is, since with them it would not be right (lines are counted with them):\n%w", file.path, err)
	}
	if err := replaceFile(file.path, text); err != nil {
		return fmt.Errorf("write mapping: %w", err)
	}
	comments := 0
	for _, p := range s.Proposals {
		if open(p) {
			comments++
		}
	}
	fmt.Fprintf(out, "%s added to %s", count(len(s.Proposals)-comments, "rule"), file.path)
	if comments > 0 {
		fmt.Fprintf(out, ", and %d as comments: they still need a goal", comments)
	}
	if known := all - len(s.Proposals); known > 0 {
		fmt.Fprintf(out, "; %s there already, as comments", stand(known))
	}
	fmt.Fprintln(out, ".")
	return nil
}

// holds reports whether the file has a rule of that name or with those
// conditions, if only as a comment.
func (file mappingFile) holds(p mapping.Proposal) bool {
	rule := strings.Split(p.YAML(""), "\n")
	name, when := strings.TrimSpace(rule[0]), strings.TrimSpace(rule[1])
	for line := range strings.Lines(string(file.text)) {
		line = strings.TrimSpace(strings.TrimLeft(line, " \t#"))
		if line == name || line == when {
			return true
		}
	}
	return false
}

func stand(n int) string {
	if n == 1 {
		return "1 proposal stands"
	}
	return fmt.Sprintf("%d proposals stand", n)
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
