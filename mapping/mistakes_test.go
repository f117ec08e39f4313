package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alignd/mapping"
	"alignd/yamlfile"
	"alignd/yamlfile/schematest"
)

func replace(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in the text", old)
	}
	return strings.Replace(text, old, new, 1)
}

// good is a mapping without mistakes and warnings.
const good = `period: {name: p, from: 2026-10-01, to: 2026-12-31}
teams:
  - id: payments
    owns: {acme: [PAY, BILL]}
goals:
  - id: checkout
    target: 40%
    status: [{from: 2026-10-01, is: active}]
reasons:
  - id: escalation
rules:
  - name: by label
    when: {labels: {any: [checkout]}}
    goal: checkout
  - name: incidents
    when: {type: Bug}
    reason: escalation
`

// ofMeaning are the mistakes that no schema can know: they lie between parts
// of the file, or in what a text means.
var ofMeaning = map[string]bool{
	"period backwards": true, "same id": true, "project of two teams": true, "project twice": true,
	"time zone": true, "capacity decimals": true, "targets add up": true, "targets add up always": true,
	"date and instant of the same day": true, "rule names": true, "same id in place of another": true, "unknown goal": true, "unknown reason": true,
	"unknown team": true, "title": true, "many goals": true, "no such day": true,
	"no such day of an instant": true, "no such day of a dated list": true,
}

func TestMistakes(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"period gone", "period: {name: p, from: 2026-10-01, to: 2026-12-31}", "split: first", `
mapping.yml:1:1: period.name: is missing; call the period something such as 2026-Q4
mapping.yml:1:1: period.from: is missing; write the first day such as 2026-10-01
mapping.yml:1:1: period.to: is missing; write the last day such as 2026-12-31`},
		{"period backwards", "to: 2026-12-31", "to: 2026-01-31", "mapping.yml:1:37: period.to: 2026-01-31 is before the first day 2026-10-01"},
		{"no date", "to: 2026-12-31", "to: 31.12.2026", `mapping.yml:1:37: period.to: must be a date such as 2026-10-01; found "31.12.2026"`},
		{"no such day", "2026-12-31}", "2026-11-31}", `mapping.yml:1:37: period.to: there is no day 2026-11-31`},
		{"no such month", "2026-12-31}", "2026-13-01}", `mapping.yml:1:37: period.to: there is no day 2026-13-01`},
		{"no such day of an instant", "[{from: 2026-10-01,", "[{from: 2026-02-30T09:30:00Z,", `mapping.yml:8:15: goals[0].status[0].from: there is no day 2026-02-30`},
		{"no such day of a dated list", "[{from: 2026-10-01,", "[{from: 2026-02-30,", `mapping.yml:8:15: goals[0].status[0].from: there is no day 2026-02-30`},
		{"longer than a date", "2026-12-31}", "2026-12-310}", `mapping.yml:1:37: period.to: must be a date such as 2026-10-01; found "2026-12-310"`},
		{"mistyped year", "2026-10-01, to", "0226-10-01, to", `mapping.yml:1:19: period.from: must be a date such as 2026-10-01; found "0226-10-01"`},
		{"settings", "period", "split: primary\nbasis_then: now\ncompletion: middle\nperiod", `
mapping.yml:1:1: split: must be equal or first; found "primary"
mapping.yml:2:1: basis_then: must be backfilled or strict; found "now"
mapping.yml:3:1: completion: must be last or first; found "middle"`},
		{"unknown top key", "reasons:", "reason:", `mapping.yml:9:1: reason: unknown key reason; did you mean reasons? allowed: period, split, basis_then, completion, slack, drift, teams, goals, reasons, rules, index, surveys
mapping.yml:17:5: rules[1].reason: unknown reason "escalation"; no reason is declared`},

		{"team id", "id: payments", "id: Payments Team", `mapping.yml:3:5: teams[0].id: must be 1 to 40 of the characters a-z, 0-9, _ and -; found "Payments Team"`},
		{"reserved id", "id: payments", "id: all", "mapping.yml:3:5: teams[0].id: all is reserved; choose another name than all, none, other, retired"},
		{"id missing", "- id: payments\n    owns", "- owns", "mapping.yml:3:5: teams[0].id: is missing; give the team a short name such as team-1"},
		{"same id", "  - id: escalation\n", "  - id: escalation\n  - id: escalation\n", "mapping.yml:11:5: reasons[1].id: escalation is the id of the reason on line 10 already; ids must differ"},
		{"owns nothing", "    owns: {acme: [PAY, BILL]}\n", "", "mapping.yml:3:5: teams[0].owns: is missing; name the projects or Linear teams that belong to the team, such as {acme: [PAY]}"},
		{"team without values", "goals:", "    name: ~\n    time_zone:\n    capacity:\n    waiting_statuses:\n    calendar: {days: , hours: , holidays: }\n  - id: billing\n    owns: {acme: }\n    calendar:\ngoals:", `
mapping.yml:5:5: teams[0].name: has no value, which is what ~ stands for; write a text or remove the key (if the word is meant, put it in quotes)
mapping.yml:6:5: teams[0].time_zone: has no value; write a text or remove the key
mapping.yml:7:5: teams[0].capacity: has no value; write one value or remove the key
mapping.yml:8:5: teams[0].waiting_statuses: has no value; write one value or remove the key
mapping.yml:9:16: teams[0].calendar.days: has no value; write one value or remove the key
mapping.yml:9:24: teams[0].calendar.hours: has no value; write one value or remove the key
mapping.yml:9:33: teams[0].calendar.holidays: has no value; write one value or remove the key
mapping.yml:11:12: teams[1].owns.acme: has no value; write one value or remove the key
mapping.yml:12:5: teams[1].calendar: has no value; write lines of "key: value" or remove the key`},
		{"owns no project", "[PAY, BILL]", "[]", "mapping.yml:4:12: teams[0].owns.acme: names no project or Linear team"},
		{"project of two teams", "goals:", "  - id: billing\n    owns: {acme: [bill]}\ngoals:", "mapping.yml:6:19: teams[1].owns.acme[0]: bill of acme belongs to team payments already; a project can belong to one team only, here it would belong to billing too"},
		{"project twice", "[PAY, BILL]", "[PAY, PAY]", "mapping.yml:4:24: teams[0].owns.acme[1]: PAY is listed twice"},
		{"time zone", "goals:", "    time_zone: Berlin\ngoals:", `mapping.yml:5:5: teams[0].time_zone: unknown time zone "Berlin"; write one such as Europe/Berlin, America/New_York or UTC`},
		{"capacity", "goals:", "    capacity: 0\ngoals:", `mapping.yml:5:5: teams[0].capacity: must be a number of people above 0 and up to 10000, such as 6 or 4.5; found "0"`},
		{"capacity decimals", "goals:", "    capacity: 2.0005\ngoals:", `mapping.yml:5:5: teams[0].capacity: must be a number of people above 0 and up to 10000, such as 6 or 4.5; found "2.0005", which has more than 3 decimals`},
		{"calendar", "goals:", "    calendar: {days: [mon, tuesday, wedn], hours: 17:00-09:00, holidays: [Christmas]}\ngoals:", `
mapping.yml:5:37: teams[0].calendar.days[2]: must be one of mon, tue, wed, thu, fri, sat, sun; found "wedn"
mapping.yml:5:44: teams[0].calendar.hours: must begin before they end, on the same day; found "17:00-09:00"
mapping.yml:5:75: teams[0].calendar.holidays[0]: must be a date such as 2026-10-01; found "Christmas"`},
		{"hours", "goals:", "    calendar: {hours: nine to five}\ngoals:", `mapping.yml:5:16: teams[0].calendar.hours: must be hours such as 09:00-17:00; found "nine to five"`},
		{"no teams", "teams:\n  - id: payments\n    owns: {acme: [PAY, BILL]}\n", "", "mapping.yml:1:1: teams: is missing; declare at least one team, because only the work of teams is counted"},

		{"target as a number", "40%", "40", "mapping.yml:7:5: goals[0].target: write 40% or 0.4; 40 alone could mean either"},
		{"target above all", "40%", "140%", "mapping.yml:7:5: goals[0].target: must be at most 100%; found 140%"},
		{"target with a comma", "40%", `"12,5%"`, `mapping.yml:7:5: goals[0].target: must be a share such as 40% or 0.4; found "12,5%"`},
		{"dated target", "40%", "[{share: 40}, {from: 2026-10-01, shaer: 30%}, {from: 2026-09-01, share: 20%}]", `
mapping.yml:7:14: goals[0].target[0].from: is missing; write the first day it holds, such as 2026-10-01
mapping.yml:7:15: goals[0].target[0].share: write 40% or 0.4; 40 alone could mean either
mapping.yml:7:27: goals[0].target[1].share: is missing; write a share such as 40%
mapping.yml:7:46: goals[0].target[1].shaer: unknown key shaer; did you mean share? allowed: from, share, why
mapping.yml:7:60: goals[0].target[2].from: 2026-09-01 must be later than 2026-10-01 above; list the oldest first`},
		{"targets add up", "reasons:", "  - {id: mobile, target: [{from: 2026-11-01, share: 60.5%}]}\nreasons:", "mapping.yml:5:1: goals: the targets of active goals add up to 100.5% from 2026-11-01 on (checkout 40%, mobile 60.5%); they share 100% of the work"},
		{"targets add up always", "reasons:", "  - {id: mobile, target: 70%}\n  - {id: search, target: 35%}\nreasons:", `
mapping.yml:5:1: goals: the targets of active goals add up to 105% (mobile 70%, search 35%); they share 100% of the work
mapping.yml:5:1: goals: the targets of active goals add up to 145% from 2026-10-01 on (checkout 40%, mobile 70%, search 35%); they share 100% of the work`},
		{"status as a word", "[{from: 2026-10-01, is: active}]", "active", `mapping.yml:8:5: goals[0].status: must be a list, one element per line beginning with "- "; found the text "active"`},
		{"no status and no target", "40%\n    status: [{from: 2026-10-01, is: active}]", "\n    status:\n    review:", `
mapping.yml:7:5: goals[0].target: has no value; write one value or remove the key
mapping.yml:8:5: goals[0].status: has no value; write a list or remove the key
mapping.yml:9:5: goals[0].review: has no value; write one value or remove the key`},
		{"status order", "is: active}]", "is: active}, {from: 2026-10-01, is: stopped}, {is: paused}, {from: soon, is: pasued}]", `
mapping.yml:8:47: goals[0].status[1].from: 2026-10-01 must be later than 2026-10-01 above; list the oldest first
mapping.yml:8:65: goals[0].status[1].is: unknown status "stopped"; allowed: planned, active, paused, done, retired
mapping.yml:8:79: goals[0].status[2].from: is missing; write the first day it holds, such as 2026-10-01
mapping.yml:8:94: goals[0].status[3].from: must be a date such as 2026-10-01 or an instant such as 2026-10-01T09:30:00+02:00; found "soon"
mapping.yml:8:106: goals[0].status[3].is: unknown status "pasued"; did you mean paused? allowed: planned, active, paused, done, retired`},
		{"date and instant of the same day", "is: active}]", "is: active}, {from: 2026-10-01T00:00:00Z, is: paused}]", "mapping.yml:8:47: goals[0].status[1].from: 2026-10-01T00:00:00Z must be later than 2026-10-01 above; list the oldest first"},

		{"rule without a name", "- name: by label\n    when", "- when", "mapping.yml:12:5: rules[0].name: is missing; a name is how explanations call the rule"},
		{"rule names", "name: incidents", "name: by label", `mapping.yml:15:5: rules[1].name: "by label" is the name of the rule on line 12 already; names must differ`},
		{"leads nowhere", "    goal: checkout\n", "", "mapping.yml:12:5: rules[0]: leads nowhere; add one of goal, goals, reason, off_plan: true, reason_from_label, exclude: true"},
		{"leads to two places", "    goal: checkout\n", "    goal: checkout\n    off_plan: true\n", "mapping.yml:12:5: rules[0]: leads to goal and off_plan at once; keep one of goal, goals, reason, off_plan: true, reason_from_label, exclude: true"},
		{"unknown goal", "goal: checkout", "goal: chekout", `mapping.yml:14:5: rules[0].goal: unknown goal "chekout"; did you mean checkout? declared: checkout`},
		{"unknown goals", "goal: checkout", "goals: {checkout: 0, mobile: 2}", `
mapping.yml:14:13: rules[0].goals.checkout: a weight is a whole number from 1 to 1000; found 0
mapping.yml:14:26: rules[0].goals.mobile: unknown goal "mobile"; declared: checkout`},
		{"fractions as weights", "goal: checkout", "goals: {checkout: 0.7}", "mapping.yml:14:13: rules[0].goals.checkout: must be a whole number; found 0.7"},
		{"unknown reason", "reason: escalation", "reason: incident", `mapping.yml:17:5: rules[1].reason: unknown reason "incident"; declared: escalation`},
		{"unknown team", "{type: Bug}", "{team: [payment]}", `mapping.yml:16:19: rules[1].when.team[0]: unknown team "payment"; did you mean payments? declared: payments`},
		{"override on a goal", "goal: checkout", "goal: checkout\n    override: true", "mapping.yml:15:5: rules[0].override: belongs to rules with reason, off_plan or reason_from_label only: it lets them win over goals"},
		{"weight on a reason", "reason: escalation", "reason: escalation\n    weight: 2", "mapping.yml:18:5: rules[1].weight: belongs to rules with goal only; goals has weights of its own"},
		{"no condition", "{type: Bug}", "{}", "mapping.yml:16:5: rules[1].when: has no condition, so every ticket would match; add one such as labels: {any: [checkout]}"},
		{"no when", "    when: {type: Bug}\n", "", "mapping.yml:15:5: rules[1].when: has no condition, so every ticket would match; add one such as labels: {any: [checkout]}"},
		{"condition without a value", "{type: Bug}", "{type: , team: ~, labels: {none: }, component: [app]}", `
mapping.yml:16:12: rules[1].when.type: has no value; write one value or remove the key
mapping.yml:16:20: rules[1].when.team: has no value, which is what ~ stands for; write one value or remove the key (if the word is meant, put it in quotes)
mapping.yml:16:38: rules[1].when.labels.none: has no value; write one value or remove the key`},
		{"labels without a value", "{type: Bug}", "{type: Bug, labels: }", `mapping.yml:16:23: rules[1].when.labels: has no value; write lines of "key: value" or remove the key`},
		{"labels without a list", "{type: Bug}", "{type: Bug, labels: {}}", "mapping.yml:16:23: rules[1].when.labels: lists nothing; write labels under any, all or none, or remove the key"},
		{"when without a value", "{type: Bug}", "", `mapping.yml:16:5: rules[1].when: has no value; write lines of "key: value" or remove the key`},
		{"nothing beside something", "{type: Bug}", "{type: [Bug, null]}", "mapping.yml:16:24: rules[1].when.type[1]: has no value, which is what null stands for; write a text or remove the key (if the word is meant, put it in quotes)"},
		{"outcome without a value", "goal: checkout", "goals:\n    weight:", `
mapping.yml:14:5: rules[0].goals: has no value; write lines of "key: value" or remove the key
mapping.yml:15:5: rules[0].weight: has no value; write a whole number or remove the key`},
		{"goals as a list", "goal: checkout", "goals: [checkout, mobile]", `mapping.yml:14:5: rules[0].goals: must be lines of "key: value", such as {checkout: 2, mobile: 1}; found a list`},
		{"owns as a list", "{acme: [PAY, BILL]}", "[PAY]", `mapping.yml:4:5: teams[0].owns: must be lines of "key: value", such as {acme: [PAY]}; found a list`},
		{"rule that is nothing", "rules:", "rules:\n  -", `
mapping.yml:12:4: rules[0].name: is missing; a name is how explanations call the rule
mapping.yml:12:4: rules[0]: leads nowhere; add one of goal, goals, reason, off_plan: true, reason_from_label, exclude: true
mapping.yml:12:4: rules[0].when: has no condition, so every ticket would match; add one such as labels: {any: [checkout]}`},
		{"slack and signals without a value", "period", "slack:\nindex: {signal_labels: }\nperiod", `
mapping.yml:1:1: slack: has no value; write one value or remove the key
mapping.yml:2:9: index.signal_labels: has no value; write one value or remove the key`},
		{"goal without an id", "  - id: checkout\n", "  - id: checkout\n  - name: Mobile\n  - {id: search}\n  - name: x\n", `
mapping.yml:7:5: goals[1].id: is missing; give the goal a short name such as goal-1
mapping.yml:9:5: goals[3].id: is missing; give the goal a short name such as goal-1`},
		{"ids beside one that is missing", "goals:\n  - id: checkout\n", "goals:\n  - id: checkuot\n  - name: Mobile\n", `
mapping.yml:7:5: goals[1].id: is missing; give the goal a short name such as goal-1
mapping.yml:15:5: rules[0].goal: unknown goal "checkout"; did you mean checkuot? declared: checkuot`},
		{"empty list", "{type: Bug}", "{type: []}", "mapping.yml:16:12: rules[1].when.type: lists nothing; write a value or remove the key"},
		{"empty value", "{type: Bug}", `{type: ["", Bug]}`, "mapping.yml:16:19: rules[1].when.type[0]: is empty; no ticket has an empty value"},
		{"misspelt condition", "labels: {any: [checkout]}", "lables: {any: [checkout]}", "mapping.yml:13:12: rules[0].when.lables: unknown key lables; did you mean labels? allowed: labels, connector, project, team, type, component, status, priority, parent, linear_project, initiative, title, case_sensitive"},
		{"misspelt at every level", "labels: {any: [checkout]}", "labels: {ayn: [checkout]}", "mapping.yml:13:21: rules[0].when.labels.ayn: unknown key ayn; did you mean any? allowed: any, all, none"},
		{"labels as a list", "labels: {any: [checkout]}", "labels: [checkout]", `mapping.yml:13:12: rules[0].when.labels: must be lines of "key: value" (any, all, none); found a list`},
		{"star where it is none", "{type: Bug}", `{type: ["B*"]}`, `mapping.yml:16:19: rules[1].when.type[0]: * stands for any text in labels, component, linear_project and initiative only; found "B*"`},
		{"star without quotes", "any: [checkout]", "any: [*-checkout]", `mapping.yml:13:5: a text that begins with * or & must be in quotes, such as "*-checkout"`},
		{"title", "{type: Bug}", `{title: ["(", "(?=x)"]}`, "mapping.yml:16:20: rules[1].when.title[0]: is no regular expression (RE2): missing closing ): `(`\nmapping.yml:16:25: rules[1].when.title[1]: is no regular expression (RE2): invalid or unsupported Perl syntax: `(?=`"},
		{"person", "{type: Bug}", "{assignee: jane, Reporter: joe, e-mail: x, account_id: y}", `
mapping.yml:16:12: rules[1].when.assignee: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead
mapping.yml:16:28: rules[1].when.Reporter: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead
mapping.yml:16:43: rules[1].when.e-mail: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead
mapping.yml:16:54: rules[1].when.account_id: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead`},
		{"person elsewhere", "    owns", "    lead: jane\n    owns", "mapping.yml:4:5: teams[0].lead: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead"},
		{"person in a goal", "    target", "    owner: jane\n    target", "mapping.yml:7:5: goals[0].owner: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead"},
		{"empty texts", "[PAY, BILL]}", "[\"\"], \"\": [X]}\n    waiting_statuses: [\" \", \"a\\nb\"]\n    calendar: {days: []}", `
mapping.yml:4:19: teams[0].owns.acme[0]: is empty; write the key of a project or Linear team
mapping.yml:4:24: teams[0].owns[""]: must be the name of a connector
mapping.yml:5:24: teams[0].waiting_statuses[0]: is empty; write the name of a status
mapping.yml:5:29: teams[0].waiting_statuses[1]: must be one line
mapping.yml:6:16: teams[0].calendar.days: names no working day`},
		{"empty lists", "40%\n    status: [{from: 2026-10-01, is: active}]", "[]\n    status: []", `
mapping.yml:7:5: goals[0].target: lists nothing; write a share such as 40% or remove the key
mapping.yml:8:5: goals[0].status: lists nothing; write a status such as {from: 2026-10-01, is: active} or remove the key`},
		{"status without a word", "is: active", "why: because", "mapping.yml:8:14: goals[0].status[0].is: is missing; write one of planned, active, paused, done, retired"},
		{"no goals in goals", "goal: checkout", "goals: {}", "mapping.yml:14:5: rules[0].goals: lists nothing; write goals with their weights, such as {checkout: 2, mobile: 1}"},
		{"empty titles", "{type: Bug}", `{title: [""]}`, "mapping.yml:16:20: rules[1].when.title[0]: is empty, so every title would match"},
		{"no titles", "{type: Bug}", "{title: []}", "mapping.yml:16:12: rules[1].when.title: lists nothing; write a regular expression or remove the key"},
		{"many goals", "  - id: checkout\n", manyGoals(25), `mapping.yml:38:5: rules[0].goal: unknown goal "checkout"; declared: g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, g10, g11, g12, g13, g14, g15, g16, g17, g18, g19, ...`},
		{"large numbers", "40%", "9999999999999999999.5%", `mapping.yml:7:5: goals[0].target: must be a share such as 40% or 0.4; found "9999999999999999999.5%"`},
		{"same id in place of another", "reasons:\n  - id: escalation\nrules:", "  - id: checkout\nreasons:\n  - id: escalation\nrules:\n  - {name: m, when: {type: Story}, goal: mobile}", `
mapping.yml:9:5: goals[1].id: checkout is the id of the goal on line 6 already; ids must differ
mapping.yml:13:36: rules[0].goal: unknown goal "mobile"; declared: checkout`},
		{"several mistakes", "goal: checkout", "goal: chekout\n    wieght: 2", `
mapping.yml:14:5: rules[0].goal: unknown goal "chekout"; did you mean checkout? declared: checkout
mapping.yml:15:5: rules[0].wieght: unknown key wieght; did you mean weight? allowed: name, when, goal, weight, goals, reason, off_plan, reason_from_label, override, exclude`},
		{"reason from any label", "reason: escalation\n", "reason_from_label: why\n", `mapping.yml:17:5: rules[1].reason_from_label: must be a label with one * where the reason stands, such as why-*; found "why"`},
		{"signal label empty", "rules:", "index: {signal_labels: [' ']}\nrules:", "mapping.yml:11:25: index.signal_labels[0]: is empty; no ticket has an empty label"},
		{"survey says nothing", "rules:", "surveys: [{team: mobile}]\nrules:", `
mapping.yml:11:11: surveys[0].date: is missing; write the last day of the survey such as 2026-10-01
mapping.yml:11:11: surveys[0].mean: is missing; write the mean of all answers, from 1 to 7
mapping.yml:11:11: surveys[0].answers: is missing; write how many people answered
mapping.yml:11:12: surveys[0].team: unknown team "mobile"; declared: payments`},
		{"survey values", "rules:", "surveys: [{team: payments, date: 2026-10-01, mean: 7.1, answers: 0}]\nrules:", `
mapping.yml:11:46: surveys[0].mean: must be a mean from 1 to 7 such as 5.4; found "7.1"
mapping.yml:11:57: surveys[0].answers: must be 1 or more; found 0`},
		{"survey of a person", "rules:", "surveys: [{team: payments, date: 2026-10-01, mean: 7, answers: 9, person: x}]\nrules:", `
mapping.yml:11:67: surveys[0].person: alignd holds no data about persons, so nothing can depend on them; map by labels, team, project, type, component or parent instead`},
		{"empty", good, "", "mapping.yml: the file is empty"},
	}
	schema := schematest.Compile(t, mapping.Schema())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := replace(t, good, tt.old, tt.new)
			if underlined := schema.Check([]byte(text)); (underlined != nil) == ofMeaning[tt.name] {
				t.Errorf("a mistake of meaning = %t, and the editor says %v", ofMeaning[tt.name], underlined)
			}
			rs, err := mapping.Parse("mapping.yml", []byte(text))
			if err == nil || rs != nil {
				t.Fatalf("a mapping = %t, error = %v, want an error only", rs != nil, err)
			}
			if diff := cmp.Diff(strings.TrimSpace(tt.want), err.Error()); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

// manyGoals declares n goals.
func manyGoals(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - id: g%d\n", i)
	}
	return b.String()
}

// whole says of the goal of good all that a goal should say.
const whole = "    why: carts are abandoned\n    done_when: they are not\n    review: 2026-11-15\n"

func TestWarnings(t *testing.T) {
	const overlapping = "mapping.yml:21:5: rules[2]: "
	tests := []struct{ name, old, new, want string }{
		{"none", "split", "split", ""},
		{"small team", "goals:", "    capacity: 2\ngoals:", "mapping.yml:5:5: teams[0].capacity: numbers about a team of one or two are numbers about a person; join the team with another one"},
		{"capacity of some", "goals:", "    capacity: 5\n  - id: billing\n    owns: {acme: [X]}\ngoals:", "mapping.yml:6:5: teams[1]: team billing has no capacity while others have one, so it counts as one person in the numbers of the whole company; declare it for all teams or for none"},
		{"unused", "reasons:", "  - {id: mobile, why: w, done_when: d, review: 2026-12-01}\n  - {id: old, status: [{from: 2020-01-01, is: retired}]}\nreasons:\n  - id: debt", `
mapping.yml:12:5: goals[1]: no rule leads to goal mobile, so no work will ever count for it
mapping.yml:15:5: reasons[0]: no rule leads to reason debt, so no work will ever count for it`},
		{"reason last", "  - name: incidents", "  - {name: other, when: {labels: {any: unplanned}}, off_plan: true}\n  - name: incidents", `mapping.yml:18:5: rules[1]: rule "other" gives no reason but stands before rules that do, and the first that matches wins; move it to the end`},
		{"only none", "{any: [checkout]}", "{none: [checkout]}", `mapping.yml:16:5: rules[0].when: rule "by label" matches every ticket that lacks some labels, so hardly any ticket inherits from its parent any more; add a condition that must be true`},
		{"goal that says little", "    why: carts are abandoned\n    done_when: they are not\n", "", "mapping.yml:6:5: goals[0]: goal checkout has no why, no done_when; a goal needs a reason, a way to tell that it is reached, and a date to look at it again"},
		{"no room", "target: 40%", "target: 100%", "mapping.yml:5:1: goals: from 2026-10-01 on the targets add up to 100% (checkout 100%), which leaves nothing for incidents, customers and debt; leave some room, or write slack: 0% if that is meant"},
		{"no room is meant", "target: 40%", "target: 100%\n# split", ""},
		{"slack", "# split", "slack: 60%", ""},
		{"wrong slack", "# split", "slack: 20%", "mapping.yml:5:1: goals: from 2026-10-01 on the targets add up to 40% (checkout 40%) and slack is 20%, which makes 60% and not 100%; change the targets or the slack"},
		{"slack after a pause", "is: active}]", "is: active}, {from: 2026-11-02, is: paused}, {from: 2026-11-09, is: active}, {from: 2027-01-01, is: paused}]\nslack: 61%", "mapping.yml:5:1: goals: from 2026-10-01 on the targets add up to 40% (checkout 40%) and slack is 61%, which makes 101% and not 100%; change the targets or the slack"},

		{"same rule", "# split", "  - {name: r, when: {labels: {any: Checkout}}, goal: checkout}", overlapping + `rule "r" never counts: every ticket it matches also matches rule "by label", which leads to the same; remove one of the two`},
		{"narrower off-plan rule", "# split", "  - {name: r, when: {type: [bug], labels: {any: x}}, reason: escalation}", overlapping + `rule "r" never counts: every ticket it matches also matches rule "incidents", which stands first; remove one of the two`},
		{"wider off-plan rule", "# split", "  - {name: r, when: {type: [bug, task]}, reason: escalation}", ""},
		{"off-plan below a goal", "# split", "  - {name: r, when: {labels: {all: [x, checkout]}}, reason: escalation}", overlapping + `rule "r" never counts: every ticket it matches also matches rule "by label", and goals win over off-plan rules without override; remove one of the two`},
		{"override above a goal", "# split", "  - {name: r, when: {labels: {all: [x, checkout]}}, reason: escalation, override: true}", ""},
		{"goal below an override", "# split", "  - {name: r, when: {labels: {any: [\"*\"]}}, off_plan: true, override: true}", `mapping.yml:15:5: rules[0]: rule "by label" never counts: every ticket it matches also matches rule "r", which wins by override; remove one of the two`},
		{"excluded", "# split", "  - {name: r, when: {type: Bug}, exclude: true}", `mapping.yml:18:5: rules[1]: rule "incidents" never counts: every ticket it matches also matches rule "r", which excludes it; remove one of the two`},
		{"case counts", "# split", "  - {name: r, when: {labels: {any: checkout}, case_sensitive: true}, goal: checkout}", overlapping + `rule "r" never counts: every ticket it matches also matches rule "by label", which leads to the same; remove one of the two`},
		{"quotes of a document", "# split", "  - {name: r, when: {labels: {any: [“mobile”], none: ['‘later’', it’s]}, component: „app}, off_plan: true}\n  - {name: s, when: {title: [crash»]}, off_plan: true}", `
mapping.yml:21:37: rules[2].when.labels.any[0]: the quotes of “mobile” are part of the text that a ticket must have, since they are curly; if they are not meant, write "mobile"
mapping.yml:21:55: rules[2].when.labels.none[0]: the quotes of ‘later’ are part of the text that a ticket must have, since they are curly; if they are not meant, write "later"
mapping.yml:21:74: rules[2].when.component[0]: the quotes of „app are part of the text that a ticket must have, since they are curly; if they are not meant, write "app"
mapping.yml:22:30: rules[3].when.title[0]: the quotes of crash» are part of the text that a ticket must have, since they are curly; if they are not meant, write "crash"`},
		{"more goals", "reasons:", "  - {id: mobile, why: w, done_when: d, review: 2026-12-01}\nreasons:", "mapping.yml:12:5: goals[1]: no rule leads to goal mobile, so no work will ever count for it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(good, "    status", whole+"    status", 1) + "# split"
			if tt.name == "no room is meant" {
				text += "\nslack: 0%"
			}
			rs := parse(t, replace(t, text, tt.old, tt.new))
			if diff := cmp.Diff(strings.TrimSpace(tt.want), warnings(rs)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCheck: beside mistakes, what can be told of the rest is told.
func TestCheck(t *testing.T) {
	const (
		goal     = "mapping.yml:6:5: goals[0]: goal checkout has no why, no done_when, no review; a goal needs a reason, a way to tell that it is reached, and a date to look at it again"
		over     = "mapping.yml:1:37: period.to: the period p ended on 2026-12-31; write the one that is on now"
		quotes   = `mapping.yml:13:27: rules[0].when.labels.any[0]: the quotes of “checkout” are part of the text that a ticket must have, since they are curly; if they are not meant, write "checkout"`
		everyone = `mapping.yml:16:5: rules[1].when: rule "incidents" matches every ticket that lacks some labels, so hardly any ticket inherits from its parent any more; add a condition that must be true`
		unused   = "mapping.yml:10:5: reasons[0]: no rule leads to reason escalation, so no work will ever count for it"
		reason   = `mapping.yml:17:5: rules[1].reason: unknown reason "x"; declared: escalation`
	)
	curly := strings.Replace(good, "[checkout]", "[“checkout”]", 1)
	for _, tc := range []struct{ name, text, old, new, warnings, mistakes string }{
		{"no mistake", curly, "reason: escalation", "off_plan: true", goal + "\n" + unused + "\n" + quotes, ""},
		{"mistake elsewhere", curly, "reason: escalation", "reason: x", goal + "\n" + quotes, reason},
		{"mistake in the goal", curly, "    target: 40%", "    done-when: it is", quotes, "mapping.yml:7:5: goals[0].done-when: unknown key done-when; did you mean done_when? allowed: id, name, why, done_when, review, target, status"},
		{"mistake in the condition", curly, "“checkout”]", "“checkout”], nne: [x]", goal + "\n" + quotes, "mapping.yml:13:40: rules[0].when.labels.nne: unknown key nne; did you mean none? allowed: any, all, none"},
		{"no condition left", good, "when: {type: Bug}", "when: {tipe: Bug}", goal, "mapping.yml:16:12: rules[1].when.tipe: unknown key tipe; did you mean type? allowed: labels, connector, project, team, type, component, status, priority, parent, linear_project, initiative, title, case_sensitive"},
		{"hardly a condition", good, "when: {type: Bug}\n    reason: escalation", "when: {labels: {none: [x]}}\n    reason: x", goal + "\n" + everyone, reason},
		{"no date", good, "to: 2026-12-31", "to: soon", goal, `mapping.yml:1:37: period.to: must be a date such as 2026-10-01; found "soon"`},
		{"no capacity", good, "goals:", "    capacity: 0\ngoals:", strings.Replace(goal, "6:5", "7:5", 1), `mapping.yml:5:5: teams[0].capacity: must be a number of people above 0 and up to 10000, such as 6 or 4.5; found "0"`},
		{"no YAML", good, "goals:", "goals: [", "", "mapping.yml:5:1: a value is missing here, or begins with a character that needs quotes"},
		{"another day", good, "reason: escalation", "reason: x", over + "\n" + goal, reason},
	} {
		t.Run(tc.name, func(t *testing.T) {
			today := "2026-11-01"
			if tc.name == "another day" {
				today = "2027-01-01"
			}
			rs, found, err := mapping.Check("mapping.yml", []byte(replace(t, tc.text, tc.old, tc.new)), date(t, today))
			if diff := cmp.Diff(tc.warnings, lines(found)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.mistakes, lines(yamlfile.AsProblems(err))); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
			if (rs == nil) != (err != nil) {
				t.Errorf("a mapping = %t beside %v", rs != nil, err)
			}
		})
	}
}

func TestToday(t *testing.T) {
	const (
		period = "mapping.yml:1:37: period.to: the period p ended on 2026-12-31; write the one that is on now"
		early  = "mapping.yml:1:19: period.from: the period p begins on 2026-10-01 only; until then there are no numbers of the window \"period\""
		review = "mapping.yml:10:5: goals[0].review: goal checkout was to be looked at again on 2026-11-15; do so and write the next date"
	)
	text := strings.Replace(good, "    status", whole+"    status", 1)
	for _, tc := range []struct{ name, text, today, want string }{
		{"early", text, "2026-09-30", early},
		{"first day", text, "2026-10-01", ""},
		{"in time", text, "2026-11-15", ""},
		{"review", text, "2026-11-16", review},
		{"last day", text, "2026-12-31", review},
		{"all", text, "2027-01-01", period + "\n" + review},
		{"goal that is over", strings.Replace(text, "is: active}]", "is: active}, {from: 2026-11-01, is: retired}]", 1), "2026-11-16", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			today, err := mapping.ParseDate(tc.today)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(parse(t, tc.text).Today(today))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func warnings(rs *mapping.RuleSet) string { return lines(rs.Warnings()) }

func lines(problems []yamlfile.Problem) string {
	var got []string
	for _, w := range problems {
		got = append(got, fmt.Sprint(w))
	}
	return strings.Join(got, "\n")
}
