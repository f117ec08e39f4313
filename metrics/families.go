package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	workLabels   = []string{labelTeam, labelClass, labelGoal, labelReason, labelWindow}
	windowLabels = []string{labelTeam, labelWindow}
	shareLabels  = []string{labelTeam, labelClass, labelUnit, labelWindow, labelBasis}
	goalLabels   = []string{labelTeam, labelGoal, labelUnit, labelWindow, labelBasis}
	unitLabels   = []string{labelTeam, labelUnit, labelWindow}
	seriesLabels = []string{labelTeam, labelGoal, labelUnit}
	movingLabels = []string{labelTeam, labelGoal, labelUnit, labelDirection}
	indexLabels  = []string{labelTeam, labelDimension, labelItem}
)

// Windows overlap, which is why the families over them say so.
const overlap = " Windows overlap: pick one, never add them up."

// Which share a family about movement speaks of.
const which = " An empty goal is the team's aligned share; team all, the share of a goal."

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

	descTrendSlope        = family(nameTrendSlope, "Theil-Sen slope of the weekly share over the last 13 closed weeks; absent below 8 weeks with work."+which, seriesLabels...)
	descTrendObservations = family(nameTrendObservations, "Closed weeks with work that the slope can be drawn through."+which, seriesLabels...)
	descTrendP            = family(nameTrendP, "Two-sided p-value of Mann-Kendall's test of the slope; absent where weeks depend on each other."+which, seriesLabels...)

	descDriftCUSUM     = family(nameDriftCUSUM, "Cumulative sum of the drift chart in standard deviations, 0 while an episode is open; absent where too little data came lately."+which, movingLabels...)
	descDriftEWMA      = family(nameDriftEWMA, "Moving average of the weekly distances from the reference (EWMA, weight 0.2) in standard deviations. To look at, no alarm: on target it seldom leaves -1 to 1. Absent where too little data came lately."+which, seriesLabels...)
	descDriftThreshold = family(nameDriftThreshold, "Cumulative sum above which an episode is raised."+which, seriesLabels...)
	descDriftEvaluable = family(nameDriftEvaluable, "Whether the last four settled weeks had enough data to be charted."+which, seriesLabels...)
	descOverdispersion = family(nameOverdispersion, "How much more the aligned share moves from week to week than so few tickets explain: intervals are those of the effective tickets divided by its square. 1 before eight weeks; absent before the history was looked at.", labelTeam)
	descDriftWeek      = family(nameDriftWeek, "End of the last week that is closed and settled, up to which drift is judged.", labelTeam)
	descEpisode        = family(nameEpisode, "Whether an episode of drift is open."+which, movingLabels...)
	descEpisodeOnset   = family(nameEpisodeOnset, "Beginning of the week in which the change is estimated to have begun, while the episode is open."+which, movingLabels...)
	descEpisodeRaised  = family(nameEpisodeRaised, "End of the week that raised the episode, while it is open."+which, movingLabels...)
	descEpisodes       = family(nameEpisodes, "Episodes of drift on record."+which, movingLabels...)

	descIndexRatio        = family(nameIndexRatio, "Items of the alignment index that are a part of cases, over 91 days; absent where not measurable. Read them with 5 observations or more only. Never add or average them.", indexLabels...)
	descIndexSeconds      = family(nameIndexSeconds, "Items of the alignment index that are a duration, over 91 days; absent where not measurable. Read them with 5 observations or more only. Never add or average them.", indexLabels...)
	descIndexObservations = family(nameIndexObservations, "Cases behind an item of the alignment index; below 5 it says too little to be read.", indexLabels...)

	descEvidence       = family(nameEvidence, "Share of the work of 91 days by what its class rests on: several, own, parent, ancestor, conflict or none.", labelTeam, labelUnit, labelDepth)
	descEvidenceLate   = family(nameEvidenceLate, "Share of the work on tickets completed in 91 days whose goal or class was decided after their completion.", labelTeam, labelUnit)
	descEvidenceSwept  = family(nameEvidenceSwept, "Share of the work of 91 days on tickets that got their goal in a sweep: with nine others or more, within an hour, days after their creation.", labelTeam, labelUnit)
	descEvidenceSweeps = family(nameEvidenceSweeps, "Sweeps of 91 days in which a ticket of the team got its goal. One may touch several teams.", labelTeam)

	descHistoryOldest = family(nameHistoryOldest, "Beginning of the history that is computed.")

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
