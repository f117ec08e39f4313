package mapping

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"alignd/yamlfile"
)

// The values of split, basis_then, completion and drift.unit, defaults first.
const (
	splitEqual      = "equal"
	splitFirst      = "first"
	basisBackfilled = "backfilled"
	basisStrict     = "strict"
	completionLast  = "last"
	completionFirst = "first"
	driftTickets    = "tickets"
	driftTime       = "time"
)

// Compile gives a mapping, which must come from ReadConfig, its meaning. The error is of type yamlfile.Problems
// and holds all mistakes, those of ReadConfig included.
func Compile(cfg *Config) (*RuleSet, error) {
	rs := compile(cfg)
	if err := cfg.doc.Err(); err != nil {
		return nil, err
	}
	return rs, nil
}

// compile returns what is of use only if cfg.doc has no mistakes, except for
// the warnings.
func compile(cfg *Config) *RuleSet {
	c := &compiler{
		cfg: cfg, doc: cfg.doc, rs: &RuleSet{doc: cfg.doc, text: cfg.text},
		teamIDs: newIDs("team"), goalIDs: newIDs("goal"), reasonIDs: newIDs("reason"),
	}
	c.settings()
	c.period()
	c.teams()
	c.reasons()
	c.goals()
	c.rules()
	c.indexSettings()
	c.targets()
	c.warn()
	if c.doc.Err() == nil {
		c.connectors()
		c.rs.index = newIndex(c.rs.rules)
		c.rs.fingerprint, c.rs.classFingerprint = fingerprint(c.rs), classFingerprint(c.rs)
	}
	return c.rs
}

// compiler builds a RuleSet and notes mistakes in the document. It goes on
// after each of them, so what it builds is of use only if there were none.
type compiler struct {
	cfg *Config
	doc *yamlfile.Document
	rs  *RuleSet

	teamIDs, goalIDs, reasonIDs ids
}

// ids are the ids of one list, with the place of each.
type ids struct {
	what  string // "team"
	order []string
	index map[string]int
}

var (
	slug     = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)
	reserved = []string{"all", "none", "other", "retired"}
)

func newIDs(what string) ids { return ids{what: what, index: map[string]int{}} }

// declare notes the next id of a list.
func (c *compiler) declare(known *ids, path, id string) {
	n := len(known.order)
	known.order = append(known.order, id)
	switch first, twice := known.index[id]; {
	case id == "":
		c.doc.Problemf(path+".id", "is missing; give the %s a short name such as %s-1", known.what, known.what)
	case !slug.MatchString(id):
		c.doc.Problemf(path+".id", "must be 1 to 40 of the characters a-z, 0-9, _ and -; found %q", id)
	case slices.Contains(reserved, id):
		c.doc.Problemf(path+".id", "%s is reserved; choose another name than %s", id, strings.Join(reserved, ", "))
	case twice:
		c.doc.Problemf(path+".id", "%s is the id of the %s on line %d already; ids must differ", id, known.what, c.doc.At(at(known.what+"s", first)+".id", "").Line)
		return
	}
	known.index[id] = n
}

// lookup returns the place of a declared id.
func (c *compiler) lookup(known *ids, path, id string) (int, bool) {
	i, ok := known.index[id]
	if id == Unfilled {
		c.doc.Problemf(path, "is still to be filled in: write the id of a %s here; %s", known.what, known.list())
		return 0, false
	}
	if !ok || id == "" {
		c.doc.Problemf(path, "unknown %s %q; %s%s", known.what, id, yamlfile.DidYouMean(id, known.order), known.list())
		return 0, false
	}
	return i, true
}

func (k *ids) list() string {
	const most = 20
	var declared []string
	for i, id := range k.order {
		if k.index[id] == i && id != "" { // not the second one of a name
			declared = append(declared, id)
		}
	}
	switch n := len(declared); {
	case n == 0:
		return "no " + k.what + " is declared"
	case n > most:
		return "declared: " + strings.Join(declared[:most], ", ") + ", ..."
	default:
		return "declared: " + strings.Join(declared, ", ")
	}
}

func (c *compiler) settings() {
	c.oneOf("split", c.cfg.Split, splitEqual, splitFirst)
	c.oneOf("basis_then", c.cfg.BasisThen, basisBackfilled, basisStrict)
	c.oneOf("completion", c.cfg.Completion, completionLast, completionFirst)
	c.oneOf("drift.unit", c.cfg.Drift.Unit, driftTickets, driftTime)
	c.rs.slack = c.cfg.Slack
	c.rs.firstGoal = c.cfg.Split == splitFirst
	c.rs.strict = c.cfg.BasisThen == basisStrict
	c.rs.firstCompletion = c.cfg.Completion == completionFirst
	c.rs.driftInTime = c.cfg.Drift.Unit == driftTime
}

func (c *compiler) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.doc.Problemf(path, "must be %s; found %q", strings.Join(allowed, " or "), value)
	}
}

func (c *compiler) period() {
	p := c.cfg.Period
	if p.Name == "" {
		c.doc.Problemf("period.name", "is missing; call the period something such as 2026-Q4")
	}
	if p.From == nil {
		c.doc.Problemf("period.from", "is missing; write the first day such as 2026-10-01")
	}
	if p.To == nil {
		c.doc.Problemf("period.to", "is missing; write the last day such as 2026-12-31")
	}
	if p.From == nil || p.To == nil {
		return
	}
	if *p.To < *p.From {
		c.doc.Problemf("period.to", "%s is before the first day %s", p.To, p.From)
	}
	c.rs.period = Period{p.Name, *p.From, *p.To}
}

func (c *compiler) reasons() {
	for i, r := range c.cfg.Reasons {
		c.declare(&c.reasonIDs, at("reasons", i), r.ID)
		c.rs.reasons = append(c.rs.reasons, Reason{r.ID, orID(r.Name, r.ID)})
	}
}

// zones returns the time zones in which dates are read.
func (c *compiler) zones() []*time.Location {
	zones := []*time.Location{time.UTC}
	for i := range c.rs.teams {
		zones = append(zones, c.rs.teams[i].Location)
	}
	return zones
}

func orID(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
