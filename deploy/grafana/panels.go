package main

import (
	"fmt"
	"strconv"
)

// Colours tell things apart and judge nothing: no red, no green.
const (
	blue   = "#4477aa"
	violet = "#8866aa"
	sand   = "#b8a25a"
	grey   = "#8e8e8e"
	cyan   = "#5aa7b8"
)

var classColours = []struct{ class, colour string }{
	{"aligned", blue}, {"not_now", violet}, {"off_plan", sand}, {"unmapped", grey},
}

const notEnough = "not enough data"

// query is a PromQL expression with its legend.
type query struct{ expr, legend string }

func newPanel(kind, title, description, unit string, w int, instant bool, queries []query) *panel {
	p := &panel{
		Type: kind, Title: title, Description: description, Datasource: source, GridPos: grid{H: 8, W: w},
		FieldConfig: fieldConfig{
			Defaults: defaults{
				Unit: unit, NoValue: notEnough, Color: object{"mode": "shades", "fixedColor": blue}, Mappings: []object{},
				Thresholds: object{"mode": "absolute", "steps": []object{{"color": blue, "value": nil}}},
			},
			Overrides: []override{},
		},
		Options: object{},
	}
	format := "time_series"
	if kind == "table" {
		format = "table"
	}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + i)), Datasource: source, Expr: q.expr, LegendFormat: q.legend,
			Instant: instant, Range: !instant, Format: format,
		})
	}
	return p
}

func graph(title, description, unit string, w int, queries ...query) *panel {
	p := newPanel("timeseries", title, description, unit, w, false, queries)
	p.FieldConfig.Defaults.Custom = object{"lineWidth": 2, "fillOpacity": 0, "showPoints": "never", "spanNulls": false}
	p.Options = object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true},
		"tooltip": object{"mode": "multi", "sort": "none"},
	}
	return p
}

func stat(title, description, unit string, w int, queries ...query) *panel {
	p := newPanel("stat", title, description, unit, w, true, queries)
	p.Options = object{
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "none", "graphMode": "none", "textMode": "auto", "orientation": "auto", "justifyMode": "auto",
	}
	return p
}

// table joins instant queries over their common labels. Columns are named by
// the legends of the queries, in that order; labels come first.
func table(title, description, unit string, w int, queries ...query) *panel {
	p := newPanel("table", title, description, unit, w, true, queries)
	p.Options = object{"showHeader": true, "cellHeight": "sm", "footer": object{"show": false}}
	rename := object{}
	for i, q := range queries {
		rename["Value #"+p.Targets[i].RefID] = q.legend
		rename["Value"] = queries[0].legend
	}
	p.Transformations = []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{"excludeByName": object{"Time": true}, "indexByName": object{}, "renameByName": rename}},
	}
	return p
}

// text is a panel without data.
func text(title, description, markdown string, w, h int) *panel {
	p := newPanel("text", title, description, "none", w, false, nil)
	p.Datasource, p.GridPos.H = nil, h
	p.Options = object{"mode": "markdown", "content": markdown}
	return p
}

func (p *panel) height(h int) *panel { p.GridPos.H = h; return p }

func (p *panel) override(matcher, name string, properties ...any) *panel {
	o := override{Matcher: object{"id": matcher, "options": name}}
	for i := 0; i < len(properties); i += 2 {
		o.Properties = append(o.Properties, object{"id": properties[i], "value": properties[i+1]})
	}
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, o)
	return p
}

func (p *panel) named(name string, properties ...any) *panel {
	return p.override("byName", name, properties...)
}

func (p *panel) colour(name, colour string) *panel {
	return p.named(name, "color", object{"mode": "fixed", "fixedColor": colour})
}

func (p *panel) classColours() *panel {
	for _, c := range classColours {
		p.colour(c.class, c.colour)
	}
	return p
}

func (p *panel) stacked() *panel {
	p.FieldConfig.Defaults.Custom["stacking"] = object{"mode": "normal", "group": "A"}
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 60
	p.FieldConfig.Defaults.Custom["lineWidth"] = 0
	return p
}

// share fixes the axis of a share to 0 to 1, so that small changes look small.
func (p *panel) share() *panel {
	zero, one := 0.0, 1.0
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &zero, &one
	return p
}

// band draws the interval between the lines lower and upper.
func (p *panel) band(lower, upper string) *panel {
	thin := object{"mode": "fixed", "fixedColor": grey}
	p.named(lower, "custom.lineWidth", 0, "color", thin, "custom.hideFrom", object{"legend": true, "tooltip": false, "viz": false})
	return p.named(upper, "custom.lineWidth", 0, "color", thin, "custom.fillBelowTo", lower, "custom.fillOpacity", 20)
}

func (p *panel) dashed(name string) *panel {
	return p.named(name, "custom.lineStyle", object{"fill": "dash", "dash": []int{8, 6}}, "color", object{"mode": "fixed", "fixedColor": grey})
}

func (p *panel) thin(name string) *panel {
	return p.named(name, "custom.lineWidth", 1, "color", object{"mode": "fixed", "fixedColor": cyan})
}

// says replaces values by words.
func (p *panel) says(words map[float64]string) *panel {
	options := object{}
	for value, word := range words {
		options[strconv.FormatFloat(value, 'g', -1, 64)] = object{"text": word}
	}
	p.FieldConfig.Defaults.Mappings = append(p.FieldConfig.Defaults.Mappings, object{"type": "value", "options": options})
	return p
}

// empty is what is shown where the query finds nothing.
func (p *panel) empty(word string) *panel { p.FieldConfig.Defaults.NoValue = word; return p }

// enough is true of team, unit and window if something can be said of them.
func enough(team string) string {
	return fmt.Sprintf(`(max by (job) (alignd_share_effective_tickets{job="$job", team=%q, unit="$unit", window="$window"}) >= 5)`, team)
}

// classShare is one of the families of shares by class. Replicas show the same
// numbers; exported history has a sample an hour, hence the look back.
func classShare(family, team, matchers string) string {
	return fmt.Sprintf(`max by (class) (last_over_time(%s{job="$job", team=%q, unit="$unit", window="$window"%s}[2h]))`, family, team, matchers)
}

// interval is a graph of the share of one class with its interval.
func interval(title, description, class, team string, w int) *panel {
	of := fmt.Sprintf(`, class=%q, basis="$basis"`, class)
	return graph(title, description, "percentunit", w,
		query{classShare("alignd_share_ratio", team, of), class},
		query{classShare("alignd_share_lower_ratio", team, of), "lower limit"},
		query{classShare("alignd_share_upper_ratio", team, of), "95 % interval"},
	).share().classColours().band("lower limit", "95 % interval")
}

// samples says how much the shares of a team rest on.
func samples(team string, w int) *panel {
	return stat("Effective tickets behind the shares",
		"How many independent tickets of equal size would say as much. Below 5 a share says next to nothing and is not shown.",
		"none", w,
		query{fmt.Sprintf(`max by (job) (alignd_share_effective_tickets{job="$job", team=%q, unit="$unit", window="$window"})`, team), "effective tickets"},
	).decimals(0).empty("no work").height(4)
}

// sure says in words whether there is enough data.
func sure(team string, w int) *panel {
	return stat("Is it enough?", "Whether at least 5 effective tickets stand behind the shares.", "none", w,
		query{fmt.Sprintf(`max by (job) (alignd_share_effective_tickets{job="$job", team=%q, unit="$unit", window="$window"}) >= bool 5`, team), "data"},
	).says(map[float64]string{0: notEnough, 1: "enough to look at"}).empty("no work").height(4)
}

func (p *panel) decimals(n int) *panel { p.FieldConfig.Defaults.Decimals = &n; return p }

// dataUntil says up to when everything is in the numbers.
func dataUntil(team string, w int) *panel {
	return stat("Read up to", "Everything up to here is in the numbers. More than a day behind, shares disappear rather than grow old.", "dateTimeFromNow", w,
		query{fmt.Sprintf(`1000 * max by (job) (alignd_work_watermark_timestamp_seconds{job="$job", team=%q})`, team), "read up to"},
	).empty("never").height(4)
}

// classTable has the classes with their intervals, if there is enough data.
func classTable(team string, w int) *panel {
	column := func(family string) string {
		return classShare(family, team, `, basis="$basis"`) + " and on () " + enough(team)
	}
	return table("Where the work goes", "The four classes with their 95 % intervals. The interval says how far so few tickets pin the habit down. Unmapped means that no rule says anything, not that the work is off-plan.",
		"percentunit", w,
		query{column("alignd_share_ratio"), "share"},
		query{column("alignd_share_lower_ratio"), "at least"},
		query{column("alignd_share_upper_ratio"), "at most"},
	).decimals(0)
}

// episodes lists what is open now.
func episodes(team string, w int) *panel {
	column := func(family string) string {
		return fmt.Sprintf(`1000 * max by (team, goal, direction, unit) (%s{job="$job", team=~%q})`, family, team)
	}
	return table("Open episodes of drift", "Shares that have moved for weeks by more than chance explains. A question about priorities, not a finding about people. Without a goal it is a team's aligned share.",
		"dateTimeAsIso", w,
		query{column("alignd_drift_episode_onset_timestamp_seconds"), "probably since"},
		query{column("alignd_drift_episode_raised_timestamp_seconds"), "noticed"},
	).empty("none is open")
}
