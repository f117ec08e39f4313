package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// searchRequest is the request of the enhanced search, from query or body.
type searchRequest struct {
	JQL             string   `json:"jql"`
	NextPageToken   string   `json:"nextPageToken"`
	MaxResults      *int     `json:"maxResults"`
	Fields          []string `json:"fields"`
	Expand          string   `json:"expand"`
	Properties      []string `json:"properties"`
	FieldsByKeys    bool     `json:"fieldsByKeys"`
	ReconcileIssues []int64  `json:"reconcileIssues"`
}

// pageToken continues a search: after the last issue of the page before, with
// the same idea of now. It belongs to one query and lives for seven days.
type pageToken struct {
	Query string  `json:"q"`
	Now   int64   `json:"n"` // unix milliseconds
	Walk  int     `json:"w"`
	After []int64 `json:"a"` // sort key of the last issue; nil before the first page
	Empty bool    `json:"e"` // an empty page has just been given
}

const tokenLife = 7 * 24 * time.Hour

// Page sizes of the enhanced search.
const (
	defaultPage = 50
	fieldsPage  = 100  // with real fields
	idsPage     = 5000 // with id or key only
)

func (h *jiraHandler) search(c *jiraCall) answer {
	in, a, good := readSearch(c)
	if !good {
		return a
	}
	q, err := parseJQL(in.JQL)
	if err == nil && !c.anonymous {
		err = q.where.bind(h.site)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	token, a, good := h.token(c, in)
	if !good {
		return a
	}
	d := h.documents(c, in.Fields, strings.Contains(in.Expand, "changelog"))
	size, a, good := pageSize(c, in, d)
	if !good {
		return a
	}
	if c.faults.Jira.EmptyPages && !token.Empty {
		token.Empty = true
		return searchPage(c, d, nil, token.encode())
	}
	token.Empty = false
	page, more := h.find(c, q, in, token).after(token.After, size)
	next := ""
	if more {
		token.After = q.sortKey(page[len(page)-1])
		next = token.encode()
		if c.faults.Jira.RepeatToken && in.NextPageToken != "" {
			next = in.NextPageToken
		}
	}
	return searchPage(c, d, page, next)
}

func readSearch(c *jiraCall) (in searchRequest, a answer, good bool) {
	if c.Method == http.MethodPost {
		a, good = decode(c, &in)
	} else {
		a, good = in.fromQuery(c)
	}
	if !good {
		return in, a, false
	}
	if len(in.Properties) > 5 || len(in.ReconcileIssues) > 50 {
		return in, refuse(http.StatusBadRequest, "Too many properties or reconcileIssues."), false
	}
	if len(in.Fields) == 0 {
		in.Fields = []string{"id"}
	}
	return in, a, true
}

func (in *searchRequest) fromQuery(c *jiraCall) (answer, bool) {
	v := c.URL.Query()
	in.JQL, in.NextPageToken, in.Expand = v.Get("jql"), v.Get("nextPageToken"), v.Get("expand")
	in.Fields, in.Properties = splitList(v["fields"]), splitList(v["properties"])
	if text := v.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return refuse(http.StatusBadRequest, "maxResults is not a number."), false
		}
		in.MaxResults = &n
	}
	for _, text := range v["reconcileIssues"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return refuse(http.StatusBadRequest, "reconcileIssues must be ids."), false
		}
		in.ReconcileIssues = append(in.ReconcileIssues, id)
	}
	return answer{}, true
}

// pageSize lowers what was asked for to what the server is willing to give.
func pageSize(c *jiraCall, in searchRequest, d *documents) (int, answer, bool) {
	size := defaultPage
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if size < 1 {
		return 0, refuse(http.StatusBadRequest, "maxResults must be positive."), false
	}
	limit := idsPage
	if len(d.fields) > 0 || d.history {
		limit = fieldsPage
	}
	size = min(size, limit)
	if c.faults.Jira.ShortPages {
		size = max(1, size/3)
	}
	return size, answer{}, true
}

// token reads the page token, or makes the one a new walk starts with.
func (h *jiraHandler) token(c *jiraCall, in searchRequest) (t pageToken, a answer, good bool) {
	sum := sha256.Sum256([]byte(in.JQL))
	query := hex.EncodeToString(sum[:8])
	if in.NextPageToken == "" {
		h.mu.Lock()
		defer h.mu.Unlock()
		return pageToken{Query: query, Now: c.now.UnixMilli(), Walk: h.walks.begin(in.Fields)}, a, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(in.NextPageToken)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil || t.Query != query || c.now.Sub(time.UnixMilli(t.Now)) > tokenLife {
		return t, refuse(http.StatusBadRequest, "The provided next page token is invalid or expired."), false
	}
	return t, a, true
}

func (t pageToken) encode() string { return base64.RawURLEncoding.EncodeToString(toJSON(t)) }

func searchPage(c *jiraCall, d *documents, page []*jiraIssue, next string) answer {
	body := append([]byte(`{"issues":`), d.list(page)...)
	switch {
	case next != "":
		body = append(append(append(body, `,"nextPageToken":"`...), next...), `","isLast":false}`...)
	case c.faults.Jira.NullToken:
		body = append(body, `,"nextPageToken":null,"isLast":true}`...)
	default:
		body = append(body, `,"isLast":true}`...)
	}
	return answer{status: http.StatusOK, body: body}
}

// searchResult is what a query finds, in its order.
type searchResult struct {
	query   string // what was asked, as one text
	version uint64
	order   *jql
	issues  []*jiraIssue
}

// find evaluates a query. The result of the newest one is kept, so that the
// pages of a long walk cost no more than the first.
func (h *jiraHandler) find(c *jiraCall, q *jql, in searchRequest, t pageToken) *searchResult {
	f := c.faults.Jira
	name := string(toJSON([]any{in.JQL, t.Now, t.Walk, f.IndexLag, f.Flicker, in.ReconcileIssues, c.anonymous}))
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.found; r != nil && r.query == name && r.version == h.site.w.version {
		return r
	}
	view := &jqlView{site: h.site, now: time.UnixMilli(t.Now), lag: f.IndexLag, consistent: map[int64]bool{}}
	if f.IndexLag > 0 {
		view.now = c.now
	}
	for _, id := range in.ReconcileIssues {
		view.consistent[id] = true
	}
	r := &searchResult{query: name, version: h.site.w.version, order: q}
	for _, is := range h.site.issues {
		flickers := f.Flicker && (is.id+int64(t.Walk))%10 == 0 && !view.consistent[is.id]
		if c.visible(is) && !is.project.archived && !flickers && view.indexed(is) && q.where.match(view, is) {
			r.issues = append(r.issues, is)
		}
	}
	slices.SortFunc(r.issues, func(a, b *jiraIssue) int { return slices.Compare(q.sortKey(a), q.sortKey(b)) })
	h.found = r
	return r
}

// after returns the page that follows a sort key. An issue whose key has
// changed since is met again or missed, as it happens with real cursors.
func (r *searchResult) after(key []int64, size int) (page []*jiraIssue, more bool) {
	from := 0
	if key != nil {
		from, _ = slices.BinarySearchFunc(r.issues, key, func(is *jiraIssue, key []int64) int {
			return cmp.Or(slices.Compare(r.order.sortKey(is), key), -1)
		})
	}
	rest := r.issues[from:]
	if len(rest) <= size {
		return rest, false
	}
	return rest[:size], true
}

// sortKey is the issue's place in the order of the query; the id breaks ties.
func (q *jql) sortKey(is *jiraIssue) []int64 {
	order := q.order
	if len(order) == 0 {
		order = []jqlOrder{{"created", true}}
	}
	key := make([]int64, 0, len(order)+1)
	for _, o := range order {
		var v int64
		switch o.field {
		case "created":
			v = is.created.UnixMilli()
		case "updated":
			v = is.updated.UnixMilli()
		default:
			v = is.project.id<<32 + int64(is.number)
		}
		if o.desc {
			v = -v
		}
		key = append(key, v)
	}
	return append(key, is.id)
}

// count estimates; this one happens to be right.
func (h *jiraHandler) count(c *jiraCall) answer {
	var in struct {
		JQL string `json:"jql"`
	}
	if a, ok := decode(c, &in); !ok {
		return a
	}
	q, err := parseJQL(in.JQL)
	if err == nil && !c.anonymous {
		err = q.where.bind(h.site)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	r := h.find(c, q, searchRequest{JQL: in.JQL}, pageToken{Now: c.now.UnixMilli()})
	return ok(map[string]any{"count": len(r.issues)})
}
