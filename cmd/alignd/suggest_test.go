package main

import (
	"path/filepath"
	"testing"
	"time"

	"alignd/alignment"
	"alignd/config"
	"alignd/sandbox"
	"alignd/store"
)

// TestSuggestSeesWhatIsUnmapped compares the unmapped work that suggest starts
// from with the exported number, in both units, for each team and all.
func TestSuggestSeesWhatIsUnmapped(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	company := sandbox.NewCompany(5, now)
	company.World.SetClock(func() time.Time { return now })
	server, err := sandbox.Start(company.World, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	dir := install(t, server, company)
	p := startProcess(t, dir)
	p.business()
	p.kill()
	configFile := filepath.Join(dir, "alignd.yml")
	cfg, err := config.Load(configFile)
	if err != nil {
		t.Fatal(err)
	}

	teams := []string{""}
	for i := range cfg.Rules.Teams() {
		teams = append(teams, cfg.Rules.Teams()[i].ID)
	}
	for _, team := range teams {
		for _, unit := range []alignment.Unit{alignment.UnitTime, alignment.UnitTickets} {
			none, window, limit, word := "", "91d", 3, unit.String()
			f := suggestFlags{askFlags: askFlags{file: &configFile, url: &none, http: &none}, team: &team, window: &window, unit: &word, limit: &limit}
			found, err := f.suggest(t.Context(), mappingFile{rules: cfg.Rules})
			if err != nil {
				t.Fatal(err)
			}
			want := unmapped(t, cfg, team, unit)
			if want == 0 || found.Even || found.Unmapped.Work != want {
				t.Errorf("team %q: suggest starts from %d unmapped in %s (even: %t), exported is %d", team, found.Unmapped.Work, unit, found.Even, want)
			}
		}
	}
}

func unmapped(t *testing.T, cfg *config.Config, team string, unit alignment.Unit) int64 {
	t.Helper()
	st, err := store.OpenReadOnly(t.Context(), cfg.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	var snap *alignment.Snapshot
	err = st.View(t.Context(), func(v store.View) error {
		snap = alignment.Compute(alignment.Input{Tickets: v, Rules: cfg.Rules, Watermarks: v.Watermarks(), Now: time.Now()})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if team == "" {
		team = alignment.AllTeams
	}
	for _, result := range append(snap.Teams, snap.Company) {
		for _, w := range result.Windows {
			if result.ID != team || w.Name != "91d" {
				continue
			}
			for _, c := range w.Units[unit].Cells[alignment.Now] {
				if c.Cell.Class == alignment.Unmapped {
					return c.Amount
				}
			}
		}
	}
	return 0
}
