package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	workLabels   = []string{labelTeam, labelClass, labelGoal, labelReason, labelWindow}
	windowLabels = []string{labelTeam, labelWindow}
	shareLabels  = []string{labelTeam, labelClass, labelUnit, labelWindow, labelBasis}
	goalLabels   = []string{labelTeam, labelGoal, labelUnit, labelWindow, labelBasis}
	unitLabels   = []string{labelTeam, labelUnit, labelWindow}
)

// Windows overlap, which is why the families over them say so.
const overlap = " Windows overlap: pick one, never add them up."

// descs lists every family of the Collector, for Describe.
var descs []*prometheus.Desc

func family(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(name, help, labels, nil)
	descs = append(descs, d)
	return d
}

var (
	descWorkSeconds = family(nameWorkSeconds, "Team time by class, goal and reason: working time, split equally over the team's active tickets."+overlap, workLabels...)
	descWorkTickets = family(nameWorkTickets, "Completed tickets by class, goal and reason, in fractions where a ticket serves several goals."+overlap, workLabels...)
	descWorkPoints  = family(nameWorkPoints, "Completed points by class, goal and reason. Scales differ: never add them over teams."+overlap, workLabels...)

	descWorkCapacity    = family(nameWorkCapacity, "Working time of the team up to its watermark, times its capacity."+overlap, windowLabels...)
	descWorkIdle        = family(nameWorkIdle, "Working time of the team in which no ticket was active and fresh."+overlap, windowLabels...)
	descWorkUnestimated = family(nameWorkUnestimated, "Completed tickets without an estimate."+overlap, windowLabels...)
	descWorkWatermark   = family(nameWorkWatermark, "Everything up to here is in the team's numbers.", labelTeam)
	descActiveFresh     = family(nameActiveFresh, "Share of the active tickets that were fresh; below 0.8 team time is unreliable."+overlap, windowLabels...)
	descActiveTickets   = family(nameActiveTickets, "Active tickets at the watermark, by freshness: fresh or stale.", labelTeam, labelFreshness)

	descShare          = family(nameShare, "Share of a class in all work."+overlap, shareLabels...)
	descShareLower     = family(nameShareLower, "Lower limit of the 95 % interval of the share of a class.", shareLabels...)
	descShareUpper     = family(nameShareUpper, "Upper limit of the 95 % interval of the share of a class.", shareLabels...)
	descShareEffective = family(nameShareEffective, "Effective number of tickets behind the shares; little can be said below 5.", unitLabels...)
	descGoalShare      = family(nameGoalShare, "Share of the aligned work on a goal in all work."+overlap, goalLabels...)
	descGoalShareLower = family(nameGoalShareLower, "Lower limit of the 95 % interval of the share of a goal.", goalLabels...)
	descGoalShareUpper = family(nameGoalShareUpper, "Upper limit of the 95 % interval of the share of a goal.", goalLabels...)

	descTarget         = family(nameTarget, "Declared target share of a goal at the watermark; 0 while the goal is not active.", labelTeam, labelGoal)
	descTargetAligned  = family(nameTargetAligned, "Sum of the declared target shares at the watermark.", labelTeam)
	descTargetDistance = family(nameTargetDistance, "Share of the work that would have to move to meet the targets (total variation)."+overlap, unitLabels...)
	descTargetFloor    = family(nameTargetFloor, "Distance that a team right on target shows by chance; only what lies above it means anything."+overlap, unitLabels...)

	descGoalInfo   = family(nameGoalInfo, "Configured goals with their titles; the value is always 1.", labelGoal, labelTitle)
	descGoalStatus = family(nameGoalStatus, "Status of a goal: 1 for the one in force, 0 for the others. Dates are read in UTC.", labelGoal, labelStatus)

	descTickets         = family(nameTickets, "Known tickets by state; team is empty for those outside every team.", labelConnector, labelTeam, labelState)
	descTicketsOutside  = family(nameTicketsOutside, "Known tickets that belong to no team.", labelConnector)
	descTicketsExcluded = family(nameTicketsExcluded, "Tickets with work or a completion in the days looked at that a rule takes out of all numbers.", labelConnector)
	descTicketsConflict = family(nameTicketsConflict, "Tickets of the last 28 days that match more than one goal.")
	descRules           = family(nameRules, "Rules in force.")
	descRuleTickets     = family(nameRuleTickets, "Tickets of the last 28 days that a rule matches; 0 means that it may be dead.", labelRule)

	descConfigInfo        = family(nameConfigInfo, "Meaning of the mapping in force, and whether basis then fills back (backfill) or not (strict); the value is always 1.", labelHash, labelThen)
	descSnapshotTimestamp = family(nameSnapshotTimestamp, "When the numbers were computed.")
	descSeriesDropped     = family(nameSeriesDropped, "Series left out of scrapes because there were too many.")
)
