package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/daemon"
	"alignd/mapping"
	"alignd/store"
	"alignd/yamlfile"
)

type checkFlags struct {
	askFlags
	mapping, format *string
	strict, store   *bool
}

func addCheck(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("check", "Say whether alignd.yml and the mapping it names are right, with every mistake and every warning at once. "+
		"A credential that is not here, or may not be read, is a warning, so that files can be checked anywhere. "+
		"While there are mistakes, warnings wait that depend on several parts of the mapping, such as rules that never count, and --store. "+
		"Exit code 1 if something is wrong, 2 with --strict if there are only warnings.")
	f := checkFlags{
		askFlags: addAskFlags(c),
		mapping:  c.Flag("mapping.file", "Check this mapping alone, without alignd.yml and its credentials; with --store and --url against the tickets of a running alignd.").PlaceHolder("FILE").String(),
		format:   c.Flag("format", "text, or json for machines.").Default("text").Enum("text", "json"),
		strict:   c.Flag("strict", "Let warnings count: exit code 2 if there are any.").Bool(),
		store:    c.Flag("store", "Compare the mapping with the tickets that were read, too, whether alignd is running or not. If it is not, the whole store is read, to say whether it is damaged.").Bool(),
	}
	return c, func(ctx context.Context, out io.Writer) error {
		found, err := f.check(ctx)
		if err != nil {
			return err
		}
		found.print(out, *f.format)
		return found.exit(*f.strict)
	}
}

// checked is what a check has found.
type checked struct {
	wrong, warnings yamlfile.Problems
	right           []string // what to say in the end if nothing is wrong
}

func (f checkFlags) check(ctx context.Context) (checked, error) {
	switch {
	case *f.mapping != "" && *f.store && *f.url == "":
		return checked{}, errors.New("--store needs alignd.yml, which names the store: leave --mapping.file out, or name a running alignd by --url")
	case *f.url != "" && !*f.store:
		return checked{}, errors.New("--url is for --store; without it nobody is asked")
	case *f.mapping != "":
		return f.checkMapping(ctx)
	}
	cfg, err := config.Check(*f.file, today())
	found := checked{wrong: yamlfile.AsProblems(err)}
	if cfg != nil {
		found.warnings = cfg.Warnings
		found.wrong = append(found.wrong, yamlfile.AsProblems(daemon.CheckWebFile(cfg))...)
	}
	if len(found.wrong) > 0 {
		return found, nil
	}
	found.right = []string{fmt.Sprintf("%s and %s are right: %s, %s.", *f.file, cfg.MappingFile, count(len(cfg.Accounts()), "connector"), contents(cfg.Rules))}
	if !*f.store {
		return found, nil
	}
	err = f.checkStore(ctx, cfg, &found)
	return found, err
}

func (f checkFlags) checkMapping(ctx context.Context) (checked, error) {
	path := *f.mapping
	data, err := os.ReadFile(path)
	if err != nil {
		return checked{wrong: yamlfile.AsProblems(fmt.Errorf("read mapping: %w", err))}, nil
	}
	rules, warnings, err := mapping.Check(path, data, today())
	if err != nil {
		return checked{wrong: yamlfile.AsProblems(err), warnings: warnings}, nil
	}
	found := checked{warnings: warnings, right: []string{fmt.Sprintf("%s is right: %s.", path, contents(rules))}}
	if !*f.store {
		return found, nil
	}
	err = f.compare(ctx, &config.Config{MappingFile: path, Rules: rules}, &found)
	return found, err
}

// today is the date on the clock of who asks.
func today() mapping.Date { return mapping.DateOf(time.Now()) }

func contents(rules *mapping.RuleSet) string {
	return fmt.Sprintf("%s, %s, %s", count(len(rules.Teams()), "team"), count(len(rules.Goals()), "goal"), count(len(rules.RuleNames()), "rule"))
}

// checkStore adds what is wrong with the store and, if nothing is, what is
// suspicious in the mapping in the light of the tickets in it.
func (f checkFlags) checkStore(ctx context.Context, cfg *config.Config, found *checked) error {
	if *f.url != "" {
		return f.compare(ctx, cfg, found)
	}
	report, err := f.checkWhole(ctx, cfg)
	switch {
	case errors.Is(err, store.ErrInUse):
		found.right = append(found.right, cfg.Store.String()+" is in use: whether it is damaged can be said of a stopped alignd, or of a backup.")
		return f.compare(ctx, cfg, found)
	case err != nil:
		return err
	}
	found.note(cfg, report)
	if len(found.wrong) > 0 {
		return nil
	}
	return f.compare(ctx, cfg, found)
}

// checkWhole reads a store of which no alignd has all in memory already.
func (f checkFlags) checkWhole(ctx context.Context, cfg *config.Config) (store.Report, error) {
	if cfg.Store.Redis != nil && f.listening(ctx, cfg) == nil {
		return store.Report{}, store.ErrInUse
	}
	return store.Check(ctx, cfg.Store)
}

// note adds what a whole store holds, or what is wrong with it.
func (found *checked) note(cfg *config.Config, report store.Report) {
	for _, c := range report.Connectors {
		complete := "never read to the end"
		if !c.Watermark.IsZero() {
			complete = "complete up to " + c.Watermark.Format(time.RFC3339)
		}
		found.right = append(found.right, fmt.Sprintf("%s: %s, %s", c.Name, count(c.Tickets, "ticket"), complete))
	}
	for _, problem := range report.Problems {
		found.wrong = append(found.wrong, yamlfile.Problem{File: cfg.Store.String(), Message: "damage: " + problem.Error()})
	}
	if len(found.wrong) > 0 {
		found.wrong = append(found.wrong, yamlfile.Problem{File: cfg.Store.String(), Message: "is damaged: put a backup in its place, or move it away to have everything read again"})
		return
	}
	found.right = append(found.right, cfg.Store.String()+" is whole.")
}

// compare holds the rules of the file against the tickets, since those in
// force may be older.
func (f checkFlags) compare(ctx context.Context, cfg *config.Config, found *checked) error {
	noticed, err := consult(ctx, f.askFlags, loaded(cfg), func(st store.Store, _ *config.Config) (yamlfile.Problems, error) {
		return daemon.Notice(ctx, st, cfg.Rules)
	}, func(running asked) (noticed yamlfile.Problems, err error) {
		text, err := os.ReadFile(cfg.MappingFile)
		if err != nil {
			return nil, fmt.Errorf("read mapping: %w", err)
		}
		err = running.answer(ctx, http.MethodPost, daemon.NoticePath, text, &noticed)
		for i := range noticed {
			noticed[i].File = cfg.MappingFile // there it has no name
		}
		return noticed, err
	})
	found.warnings = append(found.warnings, noticed...)
	return err
}

func (found *checked) print(out io.Writer, format string) {
	if format == "json" {
		found.printJSON(out)
		return
	}
	for _, p := range found.wrong {
		fmt.Fprintln(out, describe(p))
	}
	for _, w := range found.warnings {
		fmt.Fprintf(out, "warning: %s\n", describe(w))
	}
	if len(found.wrong) > 0 {
		return
	}
	for _, line := range found.right {
		fmt.Fprintln(out, line)
	}
}

// describe leaves out the file where there is none.
func describe(p yamlfile.Problem) string {
	if p.File == "" {
		return p.Message
	}
	return p.Error()
}

// finding is one element of the list under "problems" in the JSON of check.
// docs/product-ops.md describes it; keys are added, never changed.
type finding struct {
	File     string `json:"file"`     // as it was named; empty if it could not be read
	Line     int    `json:"line"`     // from 1; 0 if it has no place
	Column   int    `json:"column"`   // from 1; 0 if it has no place
	Path     string `json:"path"`     // such as rules[2].when.labels.any[0]
	Severity string `json:"severity"` // error or warning
	Message  string `json:"message"`
}

func (found *checked) printJSON(out io.Writer) {
	all := []finding{}
	add := func(severity string, problems yamlfile.Problems) {
		for _, p := range problems {
			all = append(all, finding{p.File, p.Line, p.Column, p.Path, severity, p.Message})
		}
	}
	add("error", found.wrong)
	add("warning", found.warnings)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(map[string]any{"problems": all}) // to a terminal or a file: there is nobody left to tell
}

func (found *checked) exit(strict bool) error {
	switch {
	case len(found.wrong) > 0:
		return errSilent
	case strict && len(found.warnings) > 0:
		return exitCode(2)
	}
	return nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
