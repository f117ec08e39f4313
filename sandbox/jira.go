package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// jiraHandler answers as a Jira Cloud site, or as Jira Data Center.
type jiraHandler struct {
	site  *Site
	quota quota

	mu    sync.Mutex
	walks walks
	walk  int           // the latest on Data Center, whose pages carry no token
	found *searchResult // the newest search, so that its pages need no second one
}

// walks counts the searches that were begun: those for tickets and those for
// nothing but ids, each in its own row.
type walks struct{ tickets, ids int }

func (w *walks) begin(fields []string) int {
	if len(fields) == 1 && (fields[0] == "id" || fields[0] == "key") {
		w.ids++
		return w.ids
	}
	w.tickets++
	return w.tickets
}

// jiraCall is a call of the REST API by a known or anonymous caller.
type jiraCall struct {
	*call
	base      string // for links
	version   string // "2" or "3"
	anonymous bool
	server    bool   // Data Center
	param     string // the part of the path that varies
}

type jiraEndpoint struct {
	name, method string
	path         *regexp.Regexp
	serve        func(*jiraHandler, *jiraCall) answer
}

func on(name, method, path string, serve func(*jiraHandler, *jiraCall) answer) jiraEndpoint {
	return jiraEndpoint{name, method, regexp.MustCompile("^" + path + "$"), serve}
}

var jiraEndpoints = []jiraEndpoint{
	on("search", http.MethodGet, "search/jql", (*jiraHandler).search),
	on("search", http.MethodPost, "search/jql", (*jiraHandler).search),
	on("search_removed", http.MethodGet, "search", (*jiraHandler).removed),
	on("search_removed", http.MethodPost, "search", (*jiraHandler).removed),
	on("count", http.MethodPost, "search/approximate-count", (*jiraHandler).count),
	on("bulkfetch", http.MethodPost, "issue/bulkfetch", (*jiraHandler).bulkFetch),
	on("changelog", http.MethodPost, "changelog/bulkfetch", (*jiraHandler).bulkChangelogs),
	on("issue_changelog", http.MethodGet, "issue/([^/]+)/changelog", (*jiraHandler).issueChangelog),
	on("issue", http.MethodGet, "issue/([^/]+)", (*jiraHandler).issue),
	on("field", http.MethodGet, "field", (*jiraHandler).fields),
	on("status", http.MethodGet, "status", (*jiraHandler).statuses),
	on("project", http.MethodGet, "project/search", (*jiraHandler).projects),
	on("server_info", http.MethodGet, "serverInfo", (*jiraHandler).serverInfo),
	on("myself", http.MethodGet, "myself", (*jiraHandler).myself),
	on("permissions", http.MethodGet, "mypermissions", (*jiraHandler).permissions),
}

var restPath = regexp.MustCompile(`^(/ex/jira/` + CloudID + `)?/rest/api/(2|3|latest)/(.*)$`)

func (h *jiraHandler) route(r *http.Request) (string, func(*call) answer) {
	if r.URL.Path == "/_edge/tenant_info" && r.Method == http.MethodGet {
		return "tenant_info", func(*call) answer { return ok(map[string]any{"cloudId": CloudID}) }
	}
	m := restPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return "unknown", func(*call) answer { return refuse(http.StatusNotFound, "dead link") }
	}
	for _, e := range jiraEndpoints {
		if p := e.path.FindStringSubmatch(m[3]); p != nil && e.method == r.Method {
			return e.name, func(c *call) answer {
				jc := &jiraCall{call: c, base: "http://" + r.Host + m[1], version: m[2], param: p[len(p)-1]}
				return h.admit(jc, m[1] != "", e)
			}
		}
	}
	return "unknown", func(*call) answer { return refuse(http.StatusNotFound, "No endpoint "+r.Method+" "+m[3]+".") }
}

// admit checks the credential. A wrong one is refused; none at all makes an
// anonymous caller, who may ask a lot and sees public projects only.
func (h *jiraHandler) admit(c *jiraCall, gateway bool, e jiraEndpoint) answer {
	known, given := jiraCredential(c.Request, gateway)
	if given && !known {
		a := refuse(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
		a.header = http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED"}, "Www-Authenticate": {`OAuth realm="sandbox"`}}
		return a
	}
	c.anonymous = !known || c.faults.Jira.Anonymous
	h.site.w.mu.RLock()
	defer h.site.w.mu.RUnlock()
	a := h.withinQuota(c, func() answer { return e.serve(h, c) })
	if !c.anonymous {
		if a.header == nil {
			a.header = http.Header{}
		}
		a.header.Set("X-Aaccountid", bot.accountID)
	}
	return a
}

func jiraCredential(r *http.Request, gateway bool) (known, given bool) {
	if email, token, ok := r.BasicAuth(); ok {
		want := JiraToken
		if gateway {
			want = JiraScopedToken
		}
		return email == JiraEmail && token == want, true
	}
	header := r.Header.Get("Authorization")
	return header == "Bearer "+JiraBearer, header != ""
}

// removed is what is left of the old search.
func (h *jiraHandler) removed(*jiraCall) answer {
	return refuse(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "+
		"A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046")
}

// decode reads a JSON body and refuses unknown properties, as Jira does.
func decode(c *jiraCall, into any) (answer, bool) {
	if !strings.HasPrefix(c.Header.Get("Content-Type"), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "Unsupported Media Type"), false
	}
	d := json.NewDecoder(strings.NewReader(string(c.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again."), false
	}
	return answer{}, true
}

// visible reports whether the caller may see the issue.
func (c *jiraCall) visible(is *jiraIssue) bool {
	return is.visible() && (!c.anonymous || is.project.public)
}

// issue reads one issue by id, key or former key. Not found and not visible
// look the same.
func (h *jiraHandler) issue(c *jiraCall) answer {
	is := h.site.find(strings.ToUpper(c.param))
	if is == nil || !c.visible(is) {
		return refuse(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
	}
	fields := splitList(c.URL.Query()["fields"])
	if len(fields) == 0 {
		fields = []string{"*all"}
	}
	d := h.documents(c, fields, strings.Contains(c.URL.Query().Get("expand"), "changelog"))
	d.historyCap = 100
	if c.server {
		d.historyCap = -1
	}
	return answer{status: http.StatusOK, body: d.append(nil, is)}
}

// maxBulk is how many issues one bulk fetch may name.
const maxBulk = 100

// bulkFetch reads issues by ids or keys, in order of their ids. What is not
// found or not visible is left out without a word.
func (h *jiraHandler) bulkFetch(c *jiraCall) answer {
	var in struct {
		Expand         []string `json:"expand"`
		Fields         []string `json:"fields"`
		FieldsByKeys   bool     `json:"fieldsByKeys"`
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		Properties     []string `json:"properties"`
	}
	if a, ok := decode(c, &in); !ok {
		return a
	}
	if n := len(in.IssueIDsOrKeys); n == 0 || n > maxBulk {
		return refuse(http.StatusBadRequest, "The number of issues must be between 1 and 100.")
	}
	if len(in.Fields) == 0 {
		in.Fields = []string{"*navigable"}
	}
	d := h.documents(c, in.Fields, contains(in.Expand, "changelog"))
	body := append([]byte(`{"issues":`), d.list(h.named(c, in.IssueIDsOrKeys))...)
	return answer{status: http.StatusOK, body: append(body, `,"issueErrors":[]}`...)}
}
