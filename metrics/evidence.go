package metrics

import "alignd/alignment"

func (s *section) evidence(team *alignment.TeamResult) {
	e := team.Evidence
	if e == nil {
		return
	}
	s.gauge(descEvidenceSweeps, float64(e.Sweeps), team.ID)
	for u := range e.Units {
		w, unit := &e.Units[u], alignment.Units[u].String()
		if w.Total > 0 {
			for _, d := range alignment.Depths {
				s.gauge(descEvidence, float64(w.Depths[d])/float64(w.Total), team.ID, unit, d.String())
			}
			s.gauge(descEvidenceSwept, float64(w.Swept)/float64(w.Total), team.ID, unit)
		}
		if w.Completed > 0 {
			s.gauge(descEvidenceLate, float64(w.Late)/float64(w.Completed), team.ID, unit)
		}
	}
}
