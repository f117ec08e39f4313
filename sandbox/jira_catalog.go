package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// fieldCatalog describes the fields of the site: id, name, and the type and
// custom type of the schema.
var fieldCatalog = [][4]string{
	{"summary", "Summary", "string", ""},
	{"description", "Description", "string", ""},
	{"issuetype", "Issue Type", "issuetype", ""},
	{"project", "Project", "project", ""},
	{"status", "Status", "status", ""},
	{"statuscategorychangedate", "Status Category Changed", "datetime", ""},
	{"labels", "Labels", "array", ""},
	{"components", "Components", "array", ""},
	{"fixVersions", "Fix versions", "array", ""},
	{"parent", "Parent", "", ""},
	{"priority", "Priority", "priority", ""},
	{"resolution", "Resolution", "resolution", ""},
	{"resolutiondate", "Resolved", "datetime", ""},
	{"created", "Created", "datetime", ""},
	{"updated", "Updated", "datetime", ""},
	{"duedate", "Due date", "date", ""},
	{"creator", "Creator", "user", ""},
	{"reporter", "Reporter", "user", ""},
	{"assignee", "Assignee", "user", ""},
	{fieldEpicLink, "Epic Link", "any", "com.pyxis.greenhopper.jira:gh-epic-link"},
	{fieldStoryPointEstimate, "Story point estimate", "number", "com.pyxis.greenhopper.jira:jsw-story-points"},
	{fieldSprint, "Sprint", "array", "com.pyxis.greenhopper.jira:gh-sprint"},
	{"customfield_10019", "Rank", "any", "com.pyxis.greenhopper.jira:gh-lexo-rank"},
	{fieldStoryPoints, "Story Points", "number", "com.atlassian.jira.plugin.system.customfieldtypes:float"},
}

func (h *jiraHandler) fields(c *jiraCall) answer {
	docs := []any{}
	catalog := fieldCatalog
	if c.server {
		catalog = serverFields()
	}
	for _, f := range catalog {
		id, name := f[0], f[1]
		number, custom := strings.CutPrefix(id, "customfield_")
		doc := map[string]any{
			"id": id, "key": id, "name": name, "custom": custom, "orderable": true, "navigable": true, "searchable": true,
			"clauseNames": []string{strings.ToLower(name)},
		}
		schema := map[string]any{"type": f[2]}
		if custom {
			n, _ := strconv.Atoi(number)
			schema["custom"], schema["customId"] = f[3], n
			doc["clauseNames"] = []string{"cf[" + number + "]", name}
		} else {
			schema["system"] = id
		}
		if f[2] == "array" {
			schema["items"] = "string"
		}
		if f[2] != "" {
			doc["schema"] = schema
		}
		docs = append(docs, doc)
	}
	return ok(docs)
}

func (h *jiraHandler) statuses(c *jiraCall) answer {
	docs := []any{}
	for _, st := range h.site.statuses {
		docs = append(docs, st.document(c.base))
	}
	return ok(docs)
}

// projects is the paged list of the projects the caller may browse.
func (h *jiraHandler) projects(c *jiraCall) answer {
	v := c.URL.Query()
	start, size, good := offsets(c, 100)
	if !good {
		return refuse(http.StatusBadRequest, "startAt and maxResults must be numbers.")
	}
	if v.Get("maxResults") == "" {
		size = 50
	}
	keys, ids, query := splitList(v["keys"]), splitList(v["id"]), strings.ToLower(v.Get("query"))
	var found []*jiraProject
	for _, p := range h.site.projects {
		wanted := (len(keys) == 0 || slices.Contains(keys, p.key)) &&
			(len(ids) == 0 || slices.Contains(ids, strconv.FormatInt(p.id, 10))) &&
			(strings.Contains(strings.ToLower(p.key), query) || strings.Contains(strings.ToLower(p.name), query))
		if wanted && !p.hidden && !p.archived && (!c.anonymous || p.public) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *jiraProject) int { return strings.Compare(a.key, b.key) })
	from := min(start, len(found))
	to := min(from+size, len(found))
	out := map[string]any{
		"self": c.base + c.URL.RequestURI(), "startAt": start, "maxResults": size, "total": len(found), "isLast": to == len(found),
	}
	docs := []any{}
	for _, p := range found[from:to] {
		doc := p.document(c.base)
		doc["isPrivate"], doc["style"] = false, "classic"
		if p.team {
			doc["style"] = "next-gen"
		}
		docs = append(docs, doc)
	}
	out["values"] = docs
	if to < len(found) {
		next := url.Values{"startAt": {strconv.Itoa(to)}, "maxResults": {strconv.Itoa(size)}}
		out["nextPage"] = c.base + c.URL.Path + "?" + next.Encode()
	}
	return ok(out)
}

// serverInfo may be asked by anybody.
func (h *jiraHandler) serverInfo(c *jiraCall) answer {
	if c.server {
		return ok(map[string]any{
			"baseUrl": c.base, "version": "10.3.2", "versionNumbers": []int{10, 3, 2}, "deploymentType": "Server", "buildNumber": 10030002,
			"buildDate": h.site.time(c.now.AddDate(0, 0, -1)), "serverTime": h.site.time(c.now), "serverTitle": "Acme",
		})
	}
	return ok(map[string]any{
		"baseUrl": c.base, "displayUrl": c.base, "version": "1001.0.0-SNAPSHOT", "versionNumbers": []int{1001, 0, 0},
		"deploymentType": "Cloud", "buildNumber": 100287, "buildDate": h.site.time(c.now.AddDate(0, 0, -1)),
		"serverTime": h.site.time(c.now), "serverTimeZone": h.site.zone.String(), "serverTitle": "Acme",
	})
}

func (h *jiraHandler) myself(c *jiraCall) answer {
	if c.anonymous {
		return refuse(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
	}
	me := c.user(&bot)
	me["timeZone"], me["locale"] = h.site.userZone.String(), "en_US"
	return ok(me)
}

func (h *jiraHandler) permissions(c *jiraCall) answer {
	v := c.URL.Query()
	wanted := splitList(v["permissions"])
	if len(wanted) == 0 {
		return refuse(http.StatusBadRequest, "The 'permissions' query parameter is required.")
	}
	have := !c.anonymous || slices.ContainsFunc(h.site.projects, func(p *jiraProject) bool { return p.public && !p.hidden })
	if key := v.Get("projectKey"); key != "" {
		i := slices.IndexFunc(h.site.projects, func(p *jiraProject) bool { return p.key == key && !p.hidden })
		if i < 0 {
			return refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
		}
	}
	out := map[string]any{}
	for i, key := range wanted {
		out[key] = map[string]any{
			"id": strconv.Itoa(10 + i), "key": key, "name": key, "type": "PROJECT", "description": "",
			"havePermission": have && key == "BROWSE_PROJECTS",
		}
	}
	return ok(map[string]any{"permissions": out})
}
