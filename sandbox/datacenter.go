package sandbox

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ContextPath is where Jira Data Center lives below its host.
const ContextPath = "/jira"

// serverEndpoints are those of Jira Data Center: the old search, histories
// inside of tickets, and none of what came with the Cloud.
var serverEndpoints = []jiraEndpoint{
	on("search", http.MethodGet, "search", (*jiraHandler).offsetSearch),
	on("search", http.MethodPost, "search", (*jiraHandler).offsetSearch),
	on("issue", http.MethodGet, "issue/([^/]+)", (*jiraHandler).issue),
	on("field", http.MethodGet, "field", (*jiraHandler).fields),
	on("status", http.MethodGet, "status", (*jiraHandler).statuses),
	on("server_info", http.MethodGet, "serverInfo", (*jiraHandler).serverInfo),
	on("myself", http.MethodGet, "myself", (*jiraHandler).myself),
	on("permissions", http.MethodGet, "mypermissions", (*jiraHandler).permissions),
}

var serverPath = regexp.MustCompile(`^` + ContextPath + `/rest/api/(2|latest)/(.*)$`)

// serverRoute is the route of Jira Data Center.
func (h *jiraHandler) serverRoute(r *http.Request) (string, func(*call) answer) {
	m := serverPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return "unknown", func(*call) answer { return refuse(http.StatusNotFound, "dead link") }
	}
	for _, e := range serverEndpoints {
		if p := e.path.FindStringSubmatch(m[2]); p != nil && e.method == r.Method {
			return e.name, func(c *call) answer {
				jc := &jiraCall{call: c, base: "http://" + r.Host + ContextPath, version: "2", param: p[len(p)-1], server: true}
				return h.serverAdmit(jc, e)
			}
		}
	}
	return "unknown", func(*call) answer { return refuse(http.StatusNotFound, "null for uri: "+r.URL.Path) }
}

func (h *jiraHandler) serverAdmit(c *jiraCall, e jiraEndpoint) answer {
	known, given := serverCredential(c.Request)
	if given && !known {
		a := refuse(http.StatusUnauthorized, "You do not have the permission to see the specified issue.", "Login Required")
		a.header = http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED"}}
		return a
	}
	c.anonymous = !known || c.faults.Jira.Anonymous
	h.site.w.mu.RLock()
	defer h.site.w.mu.RUnlock()
	a := e.serve(h, c)
	a.body = bytes.ReplaceAll(a.body, []byte(c.base+"/rest/api/3/"), []byte(c.base+"/rest/api/2/"))
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("X-Ausername", "anonymous")
	if !c.anonymous {
		a.header.Set("X-Ausername", bot.userName())
		for name, value := range map[string]string{"Limit": "1000", "Remaining": "999", "Interval-Seconds": "1", "Fillrate": "1000"} {
			a.header.Set("X-Ratelimit-"+name, value)
		}
	}
	return a
}

func serverCredential(r *http.Request) (known, given bool) {
	if user, password, ok := r.BasicAuth(); ok {
		return user == DataCenterUser && password == DataCenterPassword, true
	}
	header := r.Header.Get("Authorization")
	return header == "Bearer "+DataCenterToken, header != ""
}

// offsetRequest is the request of the old search, from query or body.
type offsetRequest struct {
	JQL           string   `json:"jql"`
	StartAt       int      `json:"startAt"`
	MaxResults    *int     `json:"maxResults"`
	ValidateQuery *bool    `json:"validateQuery"`
	Fields        []string `json:"fields"`
	Expand        []string `json:"expand"`
}

// Page sizes of the old search.
const (
	defaultServerPage = 50
	maxServerPage     = 1000 // jira.search.views.default.max
)

// offsetSearch is the search of Jira Data Center. Each page is a search of its
// own, so rows move between pages when tickets come and go.
func (h *jiraHandler) offsetSearch(c *jiraCall) answer {
	in, a, good := readOffsetSearch(c)
	if !good {
		return a
	}
	q, err := parseJQL(in.JQL)
	strict := in.ValidateQuery == nil || *in.ValidateQuery || c.faults.Jira.StrictQueries
	if err == nil && !c.anonymous && strict {
		err = q.where.bind(h.site)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	size := defaultServerPage
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	size = min(size, maxServerPage)
	if most := c.faults.Jira.MaxResults; most > 0 {
		size = min(size, most)
	}
	h.mu.Lock()
	if in.StartAt == 0 {
		h.walk = h.walks.begin(in.Fields)
	}
	walk := h.walk
	h.mu.Unlock()
	found := h.find(c, q, searchRequest{JQL: in.JQL}, pageToken{Now: c.now.UnixMilli(), Walk: walk}).issues
	from := min(in.StartAt, len(found))
	page := found[from:min(from+size, len(found))]
	d := h.documents(c, in.Fields, contains(in.Expand, "changelog"))
	d.historyCap = -1
	body := []byte(`{"expand":"names,schema","startAt":` + strconv.Itoa(in.StartAt) + `,"maxResults":` + strconv.Itoa(size) +
		`,"total":` + strconv.Itoa(len(found)) + `,"issues":`)
	return answer{status: http.StatusOK, body: append(append(body, d.list(page)...), '}')}
}

func readOffsetSearch(c *jiraCall) (in offsetRequest, a answer, good bool) {
	if c.Method == http.MethodPost {
		a, good = decode(c, &in)
	} else {
		a, good = in.fromQuery(c)
	}
	if good && (in.StartAt < 0 || in.MaxResults != nil && *in.MaxResults < 0) {
		return in, refuse(http.StatusBadRequest, "startAt and maxResults must not be negative."), false
	}
	if len(in.Fields) == 0 {
		in.Fields = []string{"*navigable"}
	}
	return in, a, good
}

func (in *offsetRequest) fromQuery(c *jiraCall) (answer, bool) {
	v := c.URL.Query()
	in.JQL, in.Fields, in.Expand = v.Get("jql"), splitList(v["fields"]), splitList(v["expand"])
	strict := v.Get("validateQuery") != "false"
	in.ValidateQuery = &strict
	start, size, good := offsets(c, maxServerPage)
	if !good {
		return refuse(http.StatusBadRequest, "startAt and maxResults must be numbers."), false
	}
	in.StartAt = start
	if v.Get("maxResults") != "" {
		in.MaxResults = &size
	}
	return answer{}, true
}

// serverOnly returns a field as Data Center gives it where it differs from the
// Cloud's; handled is false for all others.
func (d *documents) serverOnly(is *jiraIssue, name string) (v any, present, handled bool) {
	switch name {
	case "parent":
		if is.typ.level >= 0 {
			return nil, false, true
		}
		v, present = d.parent(is)
		return v, present, true
	case "statuscategorychangedate", "statusCategory":
		return nil, false, true
	case fieldEpicLink:
		return is.linkKey(is.typ.level == 0), true, true
	case fieldParentLink:
		return is.linkKey(is.typ.level >= 1), true, true
	case fieldEpicName:
		if is.typ.level == 1 {
			return is.title, true, true
		}
		return nil, true, true
	case fieldSprint:
		return d.sprintTexts(is), true, true
	}
	return nil, false, false
}

// linkKey is the key of the parent, if the field is the one that holds it.
func (is *jiraIssue) linkKey(here bool) any {
	if !here || is.parent == nil {
		return nil
	}
	return is.parent.key
}

// sprintTexts are what many versions send: the name of a Java object.
func (d *documents) sprintTexts(is *jiraIssue) any {
	if len(is.sprints) == 0 {
		return nil
	}
	var list []string
	for _, sp := range is.sprints {
		state, complete := strings.ToUpper(sp.state(d.c.now)), "<null>"
		if state == "CLOSED" {
			complete = d.timeText(sp.to)
		}
		list = append(list, "com.atlassian.greenhopper.service.sprint.Sprint@"+strconv.FormatInt(sp.id*7919, 16)+
			"[id="+strconv.FormatInt(sp.id, 10)+",rapidViewId=1,state="+state+",name="+sp.name+", part [1]=a"+
			",startDate="+d.timeText(sp.from)+",endDate="+d.timeText(sp.to)+",completeDate="+complete+
			",sequence="+strconv.FormatInt(sp.id, 10)+",goal=]")
	}
	return list
}

// timeText is a time inside of a text.
func (d *documents) timeText(at time.Time) string {
	if text, ok := d.h.site.time(at).(string); ok {
		return text
	}
	return "<null>"
}

// serverItem says a change as Data Center does: no field ids, and a parent is
// one of three fields.
func (it *item) serverItem(is *jiraIssue, doc map[string]any) {
	delete(doc, "fieldId")
	if it.field != "IssueParentAssociation" {
		return
	}
	switch {
	case is.typ.level < 0:
		doc["field"], doc["fieldtype"] = "Parent", "jira"
	case is.typ.level == 0:
		doc["field"], doc["fieldtype"] = "Epic Link", "custom"
	default:
		doc["field"], doc["fieldtype"] = "Parent Link", "custom"
	}
}

// serverFields are the fields of a Data Center in place of the Cloud's.
func serverFields() [][4]string {
	fields := slices.DeleteFunc(slices.Clone(fieldCatalog), func(f [4]string) bool {
		return f[0] == "statuscategorychangedate" || f[0] == "parent"
	})
	return append(fields,
		[4]string{fieldEpicName, "Epic Name", "string", "com.pyxis.greenhopper.jira:gh-epic-label"},
		[4]string{fieldParentLink, "Parent Link", "any", "com.atlassian.jpo:jpo-custom-field-parent"},
	)
}

// userName is how Data Center names an account.
func (p *person) userName() string {
	local, _, _ := strings.Cut(p.email, "@")
	return local
}

func (p *person) serverUser(base string) map[string]any {
	return map[string]any{
		"self": base + "/rest/api/2/user?username=" + p.userName(), "name": p.userName(), "key": p.userName(),
		"emailAddress": p.email, "displayName": p.name, "active": true, "timeZone": "Europe/Berlin",
		"avatarUrls": map[string]any{"48x48": base + "/secure/useravatar?ownerId=" + p.userName()},
	}
}

// user is a user object as the deployment sends it.
func (c *jiraCall) user(p *person) map[string]any {
	if c.server {
		return p.serverUser(c.base)
	}
	return p.jiraUser(c.base)
}
