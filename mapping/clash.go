package mapping

// Clashes returns each two rules, by index and in file order, that match f by
// itself and lead to different goals.
func (rs *RuleSet) Clashes(f *Facts) [][2]int { return rs.clashesOf(rs.matching(f)) }

// clashesOf does so for the rules that match.
func (rs *RuleSet) clashesOf(hits []int32) [][2]int {
	if !rs.conflict(hits) {
		return nil
	}
	var pairs [][2]int
	for i, a := range hits {
		for _, b := range hits[i+1:] {
			if rs.conflict([]int32{a, b}) {
				pairs = append(pairs, [2]int{int(a), int(b)})
			}
		}
	}
	return pairs
}

// GoalsOf returns the ids of the goals that a rule leads to, nil if it leads to
// none. A rule is meant by its index.
func (rs *RuleSet) GoalsOf(rule int) []string {
	var ids []string
	for _, g := range rs.rules[rule].goals {
		ids = append(ids, rs.goals[g.Goal].ID)
	}
	return ids
}
