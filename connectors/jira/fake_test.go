package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"alignd/connectors/connectortest"
)

type object = map[string]any

// fakeJira is a small Jira Cloud site, no more faithful than the tests need.
type fakeJira struct {
	now      func() time.Time
	fields   []object
	statuses []object
	issues   []object            // all of them; those with "outside" are not in scope
	logs     map[string][]object // histories by issue id
	pageSize int
	slides   bool // a page token evaluates the query anew

	visitor bool            // the credential is not recognised
	hidden  map[string]bool // ids that bulk reads leave out
	failing map[string]bool // ids that bulk reads report as failed

	counts  map[string]int // requests by endpoint
	queries []string
}

func newFake(now func() time.Time) *fakeJira {
	return &fakeJira{
		now: now, pageSize: 100, logs: map[string][]object{}, counts: map[string]int{},
		fields: []object{
			{"id": "summary", "name": "Summary", "schema": object{"type": "string", "system": "summary"}},
			{"id": "customfield_10014", "name": "Epos", "schema": object{"type": "any", "custom": "com.pyxis.greenhopper.jira:gh-epic-link"}},
			{"id": "customfield_10020", "name": "Sprint", "schema": object{"type": "array", "custom": "com.pyxis.greenhopper.jira:gh-sprint"}},
			{"id": "customfield_10016", "name": "Story point estimate", "schema": object{"type": "number", "custom": "com.pyxis.greenhopper.jira:jsw-story-points"}},
			{"id": "customfield_10031", "name": "Story Points", "schema": object{"type": "number", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:float"}},
			{"id": "customfield_10040", "name": "Status", "schema": object{"type": "string"}},
		},
		statuses: []object{status("1", "Backlog", "new"), status("3", "In Progress", "indeterminate"), status("6", "Closed", "done")},
	}
}

func status(id, name, category string) object {
	return object{"id": id, "name": name, "statusCategory": object{"id": 1, "key": category, "name": "any"}}
}

func person() object {
	p := connectortest.Person
	return object{"accountId": p.ID, "displayName": p.Name, "emailAddress": p.Email}
}

func stamp(at time.Time) string {
	return at.In(time.FixedZone("", -7*3600)).Format("2006-01-02T15:04:05.000-0700")
}

// newIssue returns a plain story. The persons on it come unasked.
func newIssue(id int, updated time.Time) object {
	return object{"id": strconv.Itoa(id), "key": fmt.Sprintf("PAY-%d", id), "fields": object{
		"summary": fmt.Sprintf("Ticket %d", id), "labels": []string{"goal-checkout"}, "components": []object{},
		"issuetype": object{"id": "10001", "name": "Story", "hierarchyLevel": 0},
		"project":   object{"id": "10000", "key": "PAY", "name": "Payments", "lead": person()},
		"status":    status("1", "Backlog", "new"), "priority": object{"id": "3", "name": "Medium"},
		"resolution": nil, "parent": nil, "creator": person(), "reporter": person(), "assignee": person(),
		"created": stamp(updated.Add(-100 * time.Hour)), "updated": stamp(updated),
		"customfield_10016": nil, "customfield_10031": nil,
	}}
}

func set(issue object, field string, value any) object {
	issue["fields"].(object)[field] = value
	return issue
}

func history(id int, at time.Time, items ...object) object {
	return object{"id": strconv.Itoa(id), "created": stamp(at), "author": person(), "items": items}
}

// ServeHTTP implements http.Handler.
func (f *fakeJira) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", f.now().UTC().Format(http.TimeFormat))
	_, path, cloud := strings.Cut(r.URL.Path, "/rest/api/3/")
	if !cloud {
		_, path, _ = strings.Cut(r.URL.Path, "/rest/api/2/")
	}
	f.counts[path]++
	var ask struct {
		JQL, NextPageToken string
		StartAt            int
		MaxResults         int
		Fields             []string
		IssueIDsOrKeys     []string
	}
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			reply(w, http.StatusBadRequest, object{"errorMessages": []string{err.Error()}})
			return
		}
	}
	switch path {
	case "field":
		reply(w, 200, f.fields)
	case "status":
		reply(w, 200, f.statuses)
	case "mypermissions":
		reply(w, 200, object{"permissions": object{"BROWSE_PROJECTS": object{"havePermission": !f.visitor}}})
	case "search/jql":
		f.queries = append(f.queries, ask.JQL)
		if f.refuses(ask.JQL) {
			reply(w, http.StatusBadRequest, object{"errorMessages": []string{"An issue with that key does not exist for field 'id'."}})
			return
		}
		reply(w, 200, f.search(ask.JQL, ask.NextPageToken, min(ask.MaxResults, f.pageSize)))
	case "search": // of Data Center
		f.queries = append(f.queries, ask.JQL)
		reply(w, 200, f.rows(ask.JQL, ask.StartAt, min(ask.MaxResults, f.pageSize)))
	case "issue/bulkfetch":
		reply(w, 200, f.bulk(ask.IssueIDsOrKeys))
	case "changelog/bulkfetch":
		reply(w, 200, f.changelogs(ask.IssueIDsOrKeys, ask.NextPageToken, ask.MaxResults))
	default:
		reply(w, http.StatusNotFound, object{"errorMessages": []string{"no such path"}})
	}
}

var lowerBound = regexp.MustCompile(`updated >= -(\d+)m`)

// search reads the bound of the first request from the token of the others,
// unless the site slides.
func (f *fakeJira) search(jql, token string, size int) object {
	start, bound := 0, time.Time{}
	if m := lowerBound.FindStringSubmatch(jql); m != nil {
		n, _ := strconv.Atoi(m[1])
		bound = f.now().Add(-time.Duration(n) * time.Minute)
	}
	if token != "" {
		var frozen int64
		_, _ = fmt.Sscanf(token, "t%d.%d", &start, &frozen)
		if !f.slides {
			bound = time.Unix(frozen, 0)
		}
	}
	var match []object
	for i, is := range f.issues {
		if i >= start && asked(jql, is) && (f.visitor || !updated(is).Before(bound)) {
			match = append(match, is)
		}
	}
	if f.visitor || len(match) == 0 {
		return object{"issues": []object{}, "isLast": true}
	}
	page := match[:min(size, len(match))]
	if len(page) == len(match) {
		return object{"issues": bare(page), "isLast": true}
	}
	next := slices.IndexFunc(f.issues, func(is object) bool { return is["id"] == match[len(page)]["id"] })
	if page[0]["id"] == match[len(page)]["id"] { // the same ticket again
		next = start + len(page)
	}
	return object{"issues": bare(page), "isLast": false, "nextPageToken": fmt.Sprintf("t%d.%d", max(next, start+1), bound.Unix())}
}

var askedIDs = regexp.MustCompile(`(OR )?id in \(([0-9, ]+)\)`)

// asked reports whether the part of a query without dates selects a ticket.
func asked(jql string, is object) bool {
	inScope := is["outside"] == nil
	m := askedIDs.FindStringSubmatch(jql)
	if m == nil {
		return inScope
	}
	named := slices.Contains(strings.Split(m[2], ", "), is["id"].(string))
	if m[1] == "" {
		return named && inScope
	}
	return named || inScope
}

// refuses reports whether a query names a ticket that is not there.
func (f *fakeJira) refuses(jql string) bool {
	m := askedIDs.FindStringSubmatch(jql)
	return m != nil && slices.ContainsFunc(strings.Split(m[2], ", "), func(id string) bool {
		return f.hidden[id] || !slices.ContainsFunc(f.issues, func(is object) bool { return is["id"] == id })
	})
}

// rows is the search of Data Center.
func (f *fakeJira) rows(jql string, start, size int) object {
	bound := time.Time{}
	if m := lowerBound.FindStringSubmatch(jql); m != nil {
		n, _ := strconv.Atoi(m[1])
		bound = f.now().Add(-time.Duration(n) * time.Minute)
	}
	var match []object
	for _, is := range f.issues {
		if is["outside"] == nil && !f.visitor && !updated(is).Before(bound) {
			doc := bare([]object{is})[0]
			doc["changelog"] = object{"startAt": 0, "histories": append([]object{}, f.logs[is["id"].(string)]...)}
			match = append(match, doc)
		}
	}
	from := min(start, len(match))
	return object{"startAt": start, "maxResults": size, "total": len(match), "issues": append([]object{}, match[from:min(from+size, len(match))]...)}
}

func updated(is object) time.Time {
	at, _ := time.Parse("2006-01-02T15:04:05.000-0700", is["fields"].(object)["updated"].(string))
	return at
}

func bare(issues []object) []object {
	var out []object
	for _, is := range issues {
		out = append(out, object{"id": is["id"], "key": is["key"], "fields": is["fields"]})
	}
	return out
}

func (f *fakeJira) bulk(ids []string) object {
	found, failed := []object{}, []object{}
	for _, is := range f.issues {
		id := is["id"].(string)
		switch {
		case !slices.Contains(ids, id) || f.hidden[id]:
		case f.failing[id]:
			failed = append(failed, object{"id": id, "errorMessage": "try later"})
		default:
			found = append(found, bare([]object{is})...)
		}
	}
	return object{"issues": found, "issueErrors": failed}
}

func (f *fakeJira) changelogs(ids []string, token string, size int) object {
	logs := []object{}
	start, at := 0, 0
	_, _ = fmt.Sscanf(token, "c%d", &start)
	for _, id := range ids {
		list := f.logs[id]
		from, to := max(0, min(len(list), start-at)), max(0, min(len(list), start+size-at))
		at += len(list)
		if from < to {
			logs = append(logs, object{"issueId": id, "changeHistories": list[from:to]})
		}
	}
	answer := object{"issueChangeLogs": logs}
	if at > start+size {
		answer["nextPageToken"] = fmt.Sprintf("c%d", start+size)
	}
	return answer
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
