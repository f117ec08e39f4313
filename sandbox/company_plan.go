package sandbox

// The kinds of work: goals, reasons for work off the plan, and unmapped.
const (
	checkout    = "checkout"
	reliability = "reliability"
	onboarding  = "onboarding"
	tablet      = "tablet"
	marketplace = "marketplace"
	incident    = "incident"
	escalation  = "escalation"
	debt        = "debt"
	unplanned   = "unplanned"
	unmapped    = "unmapped"
)

// How people tag the kinds of work, and what else they tag.
var (
	jiraLabels = map[string]string{
		checkout: "goal-checkout", reliability: "goal-reliability", onboarding: "goal-onboarding", tablet: "goal-tablet",
		marketplace: "goal-marketplace", incident: "incident", escalation: "escalation", debt: "tech-debt", unplanned: "unplanned",
	}
	linearLabels = map[string]string{
		checkout: "Goal/Checkout", reliability: "Goal/Reliability", onboarding: "Goal/Onboarding", tablet: "Goal/Tablet",
		marketplace: "Goal/Marketplace", incident: "Reason/Incident", escalation: "Reason/Escalation", debt: "Reason/Debt", unplanned: "unplanned",
	}
	noise = []string{"frontend", "backend", "ios", "iOS", "quick-win", "needs-design", "flaky", "customer-voice"}
)

func isGoal(kind string) bool {
	switch kind {
	case checkout, reliability, onboarding, tablet, marketplace:
		return true
	}
	return false
}

// crewPlan says who a team is and what it works on.
type crewPlan struct {
	id, zone  string
	places    []string // Jira projects and Linear teams
	wip       int      // tickets it works on at a time
	estimates bool
	drifts    bool      // towards unmapped work
	mix       []portion // of its new work
	topics    []string  // what its tickets are about
}

type portion struct {
	kind   string
	weight float64
}

var companyCrews = []crewPlan{
	{
		id: "payments", zone: "Europe/Berlin", places: []string{"PAY", "BILL"}, wip: 9, estimates: true, drifts: true,
		mix:    []portion{{checkout, 46}, {reliability, 16}, {marketplace, 10}, {incident, 8}, {escalation, 6}, {debt, 6}, {unplanned, 2}, {unmapped, 8}},
		topics: []string{"card form", "3-D Secure step", "refund job", "invoice PDF", "SEPA mandate", "payment retry", "currency rounding", "dunning mail"},
	},
	{
		id: "operations", zone: "America/New_York", places: []string{"OPS"}, wip: 5,
		mix:    []portion{{reliability, 46}, {onboarding, 14}, {marketplace, 11}, {incident, 15}, {escalation, 7}, {debt, 5}, {unplanned, 3}, {unmapped, 10}},
		topics: []string{"pager rotation", "backup restore", "alert noise", "certificate renewal", "cluster upgrade", "log retention", "runbook"},
	},
	{
		id: "growth", zone: "Europe/London", places: []string{"WEB", "GRO"}, wip: 7, estimates: true,
		mix:    []portion{{checkout, 28}, {onboarding, 36}, {tablet, 12}, {marketplace, 7}, {incident, 4}, {escalation, 5}, {debt, 4}, {unplanned, 2}, {unmapped, 12}},
		topics: []string{"signup page", "welcome mail", "cart banner", "shop import", "pricing page", "first-order tour", "referral link"},
	},
	{
		id: "platform", zone: "Europe/Berlin", places: []string{"PLT"}, wip: 8, estimates: true,
		mix:    []portion{{reliability, 44}, {checkout, 20}, {tablet, 10}, {marketplace, 8}, {incident, 9}, {escalation, 2}, {debt, 10}, {unplanned, 2}, {unmapped, 9}},
		topics: []string{"event bus", "session store", "rate limiter", "deploy pipeline", "schema migration", "cache layer", "health checks"},
	},
	{
		id: "mobile", zone: "Asia/Kolkata", places: []string{"MOB"}, wip: 5, estimates: true,
		mix:    []portion{{checkout, 38}, {tablet, 28}, {marketplace, 6}, {onboarding, 8}, {incident, 6}, {escalation, 5}, {debt, 6}, {unplanned, 2}, {unmapped, 9}},
		topics: []string{"wallet screen", "split view", "push consent", "offline cart", "deep links", "crash on resume", "biometric login"},
	},
}

var verbs = []string{"Add", "Fix", "Rework", "Speed up", "Simplify", "Measure", "Document", "Retire", "Translate", "Test"}

var companyProjects = []NewProject{
	{Key: "GOAL", Name: "Goals", Category: "Strategy"},
	{Key: "PAY", Name: "Payments", Category: "Product"},
	{Key: "BILL", Name: "Billing", Category: "Product"},
	{Key: "OPS", Name: "Operations", Category: "Internal"},
	{Key: "WEB", Name: "Web shop", Category: "Product", TeamManaged: true},
}

// companyTeams are key, name and zone of the Linear teams.
var companyTeams = [][3]string{
	{"PLT", "Platform", "Europe/Berlin"}, {"MOB", "Mobile", "Asia/Kolkata"}, {"GRO", "Growth", "Europe/London"},
}

// companyEpics hand their goal down. Some carry its label, some stand under an
// initiative in GOAL that does.
var companyEpics = []struct {
	project, typ, title, kind string
	labels                    []string
	parent                    string
}{
	{"GOAL", "Initiative", "Checkout in under a minute", checkout, []string{"goal-checkout"}, ""},
	{"GOAL", "Initiative", "Four nines", reliability, []string{"goal-reliability"}, ""},
	{"GOAL", "Initiative", "A new shop is live within a day", onboarding, []string{"goal-onboarding"}, ""},
	{"PAY", "Epic", "One-page checkout", checkout, []string{"goal-checkout"}, ""},
	{"PAY", "Epic", "No payment is lost", reliability, nil, "GOAL-2"},
	{"PAY", "Epic", "Split payouts", marketplace, []string{"goal-marketplace"}, ""},
	{"BILL", "Epic", "Invoice at once", checkout, nil, "GOAL-1"},
	{"BILL", "Epic", "No invoice is lost", reliability, []string{"goal-reliability"}, ""},
	{"OPS", "Epic", "A runbook for every alert", reliability, nil, "GOAL-2"},
	{"OPS", "Epic", "Shops set themselves up", onboarding, []string{"goal-onboarding"}, ""},
	{"OPS", "Epic", "Seller accounts", marketplace, []string{"goal-marketplace"}, ""},
	{"WEB", "Epic", "Shorter cart", checkout, nil, "GOAL-1"},
	{"WEB", "Epic", "Self-service set-up", onboarding, nil, "GOAL-3"},
	{"WEB", "Epic", "Shop on a tablet", tablet, []string{"goal-tablet"}, ""},
}

var companyInitiatives = []NewInitiative{
	{Name: "Better shop"},
	{Name: "Checkout in under a minute", Parent: "Better shop"},
	{Name: "Four nines"},
	{Name: "Onboarding", Parent: "Better shop"},
	{Name: "Tablet app", Parent: "Better shop"},
}

// companyLinearProjects hand the goal of their initiative down. Native wallet
// stands under two.
var companyLinearProjects = []struct {
	team, kind string
	NewLinearProject
}{
	{"PLT", reliability, NewLinearProject{Name: "Failover", Teams: []string{"PLT"}, Initiatives: []string{"Four nines"}}},
	{"PLT", checkout, NewLinearProject{Name: "Checkout API", Teams: []string{"PLT", "MOB"}, Initiatives: []string{"Checkout in under a minute"}}},
	{"PLT", tablet, NewLinearProject{Name: "Sync for tablets", Teams: []string{"PLT"}, Initiatives: []string{"Tablet app"}}},
	{"MOB", checkout, NewLinearProject{Name: "Native wallet", Teams: []string{"MOB"}, Initiatives: []string{"Checkout in under a minute", "Onboarding"}}},
	{"MOB", tablet, NewLinearProject{Name: "Tablet layout", Teams: []string{"MOB"}, Initiatives: []string{"Tablet app"}}},
	{"GRO", onboarding, NewLinearProject{Name: "First hour", Teams: []string{"GRO"}, Initiatives: []string{"Onboarding"}}},
	{"GRO", checkout, NewLinearProject{Name: "Cart reminders", Teams: []string{"GRO"}, Initiatives: []string{"Checkout in under a minute"}}},
}
