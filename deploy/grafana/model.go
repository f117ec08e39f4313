package main

// The parts of Grafana's dashboard JSON that are used here.

type object = map[string]any

type dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	SchemaVersion int        `json:"schemaVersion"`
	Version       int        `json:"version"`
	Editable      bool       `json:"editable"`
	GraphTooltip  int        `json:"graphTooltip"`
	Refresh       string     `json:"refresh"`
	Timezone      string     `json:"timezone"`
	Time          timeRange  `json:"time"`
	Links         []object   `json:"links"`
	Annotations   listOf     `json:"annotations"`
	Templating    listOf     `json:"templating"`
	Panels        []*panel   `json:"panels"`
	rows          [][]*panel // laid out by finish
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type listOf struct {
	List []object `json:"list"`
}

type panel struct {
	ID              int         `json:"id"`
	Type            string      `json:"type"`
	Title           string      `json:"title"`
	Description     string      `json:"description"`
	Datasource      object      `json:"datasource,omitempty"`
	GridPos         grid        `json:"gridPos"`
	Targets         []target    `json:"targets,omitempty"`
	FieldConfig     fieldConfig `json:"fieldConfig"`
	Options         object      `json:"options"`
	Transformations []object    `json:"transformations,omitempty"`
}

type grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type target struct {
	RefID        string `json:"refId"`
	Datasource   object `json:"datasource"`
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
	Instant      bool   `json:"instant"`
	Range        bool   `json:"range"`
	Format       string `json:"format"`
}

type fieldConfig struct {
	Defaults  defaults   `json:"defaults"`
	Overrides []override `json:"overrides"`
}

type defaults struct {
	Unit       string   `json:"unit"`
	NoValue    string   `json:"noValue"`
	Decimals   *int     `json:"decimals,omitempty"`
	Min        *float64 `json:"min,omitempty"`
	Max        *float64 `json:"max,omitempty"`
	Color      object   `json:"color"`
	Thresholds object   `json:"thresholds"`
	Mappings   []object `json:"mappings"`
	Custom     object   `json:"custom,omitempty"`
}

type override struct {
	Matcher    object   `json:"matcher"`
	Properties []object `json:"properties"`
}

var source = object{"type": "prometheus", "uid": "${datasource}"}

// finish numbers the panels and lays them out: rows of eight units of height,
// 24 units wide, each panel as wide as it asked for.
func (d *dashboard) finish() *dashboard {
	y := 0
	for _, row := range d.rows {
		x, h := 0, 0
		for _, p := range row {
			p.ID = len(d.Panels) + 1
			p.GridPos.X, p.GridPos.Y = x, y
			x += p.GridPos.W
			h = max(h, p.GridPos.H)
			d.Panels = append(d.Panels, p)
		}
		y += h
	}
	return d
}

func newDashboard(uid, title, description, from string, variables ...object) *dashboard {
	return &dashboard{
		UID: uid, Title: title, Description: description, Tags: []string{"alignd"},
		SchemaVersion: 39, Version: 1, Editable: true, GraphTooltip: 1, Refresh: "5m", Timezone: "browser",
		Time:        timeRange{from, "now"},
		Links:       []object{{"type": "dashboards", "title": "alignd", "tags": []string{"alignd"}, "asDropdown": false, "includeVars": true, "keepTime": true}},
		Annotations: listOf{annotations()},
		Templating:  listOf{append([]object{sourceVariable(), jobVariable()}, variables...)},
	}
}
