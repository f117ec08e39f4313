package alignment

// IndexItem is one item of the alignment index of a team over the last 91
// days (measures: 4). There is no composite, and nothing below team level.
type IndexItem struct {
	Dimension string // surprise, flow, correction, safety or pivot
	Item      string
	// Observations is the number of cases behind the item. It is 0 and the
	// item has no value where something could have been observed and was not.
	Observations int
	// Ratio is set for items that are a part of cases, with its Wilson
	// interval over them; Seconds for items that are a working time or, for
	// the dimension correction, as its documentation says. Both are nil where
	// the item is not measurable.
	Ratio   *Share
	Seconds *float64
}
