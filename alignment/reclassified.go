package alignment

// Reclassified returns by team the time of closed days, in nanoseconds, that
// has another class or goal than in an earlier history under the same rules:
// what was labelled, moved or re-parented after the fact. It is 0 between
// different rules.
func (h *History) Reclassified(earlier *History) map[string]int64 {
	out := map[string]int64{}
	for _, p := range h.teams {
		if p == nil {
			continue
		}
		out[p.id] = 0
		if before := earlier.of(p.id); before != nil && h.rules.Fingerprint() == earlier.rules.Fingerprint() {
			out[p.id] = p.sheets[0].moved(before.sheets[0])
		}
	}
	return out
}

// moved sums, day by day, what left one cell and is found in another.
func (s *sheet) moved(before *sheet) int64 {
	var sum int64
	for d := max(s.view.first, before.view.first); d < min(s.view.today, before.view.today); d++ {
		was, is := before.timeOn(int(d-before.view.first)), s.timeOn(int(d-s.view.first))
		var came, went int64
		for cell, amount := range is {
			came += max(0, amount-was[cell])
		}
		for cell, amount := range was {
			went += max(0, amount-is[cell])
		}
		sum += min(came, went)
	}
	return sum
}

func (s *sheet) timeOn(day int) map[Cell]int64 {
	row := s.byDay[UnitTime][Then][day]
	if len(row) == 0 {
		return nil
	}
	sums := make(map[Cell]int64, len(row))
	for _, c := range row {
		sums[s.cells.cells[c.cell]] += c.amount
	}
	return sums
}
