package sandbox

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const maxChangelogs = 1000 // issues one changelog/bulkfetch may name

// bulkChangelogs gives the histories of many issues, grouped by issue.
func (h *jiraHandler) bulkChangelogs(c *jiraCall) answer {
	var in struct {
		FieldIDs       []string `json:"fieldIds"`
		IssueIDsOrKeys []string `json:"issueIdsOrKeys"`
		MaxResults     *int     `json:"maxResults"`
		NextPageToken  string   `json:"nextPageToken"`
	}
	if a, ok := decode(c, &in); !ok {
		return a
	}
	size := 1000
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if n := len(in.IssueIDsOrKeys); n == 0 || n > maxChangelogs || len(in.FieldIDs) > 10 || size < 1 || size > 10000 {
		return refuse(http.StatusBadRequest, "issueIdsOrKeys takes 1 to 1000 issues, fieldIds at most 10 fields, maxResults 1 to 10000.")
	}
	if n := c.faults.Jira.ChangePages; n > 0 {
		size = min(size, n)
	}
	from, good := changelogOffset(in.NextPageToken)
	if !good {
		return refuse(http.StatusBadRequest, "The provided next page token is invalid.")
	}
	groups, more := h.changelogPage(c, h.named(c, in.IssueIDsOrKeys), in.FieldIDs, from, size)
	out := map[string]any{"issueChangeLogs": groups}
	if more {
		out["nextPageToken"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + size)))
	}
	return ok(out)
}

func changelogOffset(token string) (int, bool) {
	if token == "" {
		return 0, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(string(raw))
	return n, err == nil && n >= 0
}

// named returns the visible issues that ids and keys name, in order of their
// ids.
func (h *jiraHandler) named(c *jiraCall, refs []string) []*jiraIssue {
	var list []*jiraIssue
	for _, ref := range refs {
		if is := h.site.find(strings.ToUpper(ref)); is != nil && c.visible(is) {
			list = append(list, is)
		}
	}
	slices.SortFunc(list, func(a, b *jiraIssue) int { return int(a.id - b.id) })
	return slices.Compact(list)
}

// changelogPage cuts one page out of the histories of all these issues.
func (h *jiraHandler) changelogPage(c *jiraCall, issues []*jiraIssue, fieldIDs []string, from, size int) (groups []any, more bool) {
	groups = []any{}
	at := 0
	for _, is := range issues {
		entries := h.ordered(c, is.wanted(fieldIDs))
		start, end := max(0, from-at), min(len(entries), from+size-at)
		at += len(entries)
		if start < end {
			groups = append(groups, map[string]any{
				"issueId":         strconv.FormatInt(is.id, 10),
				"changeHistories": h.histories(c, is, entries[start:end], c.faults.Jira.EpochDates),
			})
		}
	}
	return groups, at > from+size
}

// wanted returns the entries that touch one of the fields, whole.
func (is *jiraIssue) wanted(fieldIDs []string) []*entry {
	if len(fieldIDs) == 0 {
		return is.history
	}
	var entries []*entry
	for _, e := range is.history {
		if slices.ContainsFunc(e.items, func(it *item) bool { return slices.Contains(fieldIDs, it.fieldID) }) {
			entries = append(entries, e)
		}
	}
	return entries
}

// ordered returns the entries oldest first, or in no order.
func (h *jiraHandler) ordered(c *jiraCall, entries []*entry) []*entry {
	if !c.faults.Jira.Shuffle || len(entries) == 0 {
		return entries
	}
	mixed := slices.Clone(entries)
	r := rand.New(rand.NewPCG(uint64(mixed[0].id), 1))
	r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed
}

// issueChangelog is the paged history of one issue, oldest first.
func (h *jiraHandler) issueChangelog(c *jiraCall) answer {
	is := h.site.find(strings.ToUpper(c.param))
	if is == nil || !c.visible(is) {
		return refuse(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
	}
	start, size, good := offsets(c, 100)
	if !good {
		return refuse(http.StatusBadRequest, "startAt and maxResults must be numbers.")
	}
	entries := h.ordered(c, is.history)
	from := min(start, len(entries))
	to := min(from+size, len(entries))
	return ok(map[string]any{
		"self": c.base + c.URL.Path, "startAt": start, "maxResults": size, "total": len(entries), "isLast": to == len(entries),
		"values": h.histories(c, is, entries[from:to], false),
	})
}

// offsets reads startAt and maxResults; limit is both default and maximum.
func offsets(c *jiraCall, limit int) (start, size int, good bool) {
	size, good = limit, true
	for name, into := range map[string]*int{"startAt": &start, "maxResults": &size} {
		if text := c.URL.Query().Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				good = false
			}
			*into = n
		}
	}
	return start, min(size, limit), good
}

// embeddedHistory is what expand=changelog gives: newest first, cut off; on
// Data Center, where the limit is negative, oldest first and whole.
func (h *jiraHandler) embeddedHistory(c *jiraCall, is *jiraIssue, limit int) any {
	entries := slices.Clone(h.ordered(c, is.history))
	total := len(entries)
	if limit >= 0 {
		slices.Reverse(entries)
		entries = entries[:min(limit, total)]
	}
	return map[string]any{
		"startAt": 0, "maxResults": len(entries), "total": total, "histories": h.histories(c, is, entries, false),
	}
}

func (h *jiraHandler) histories(c *jiraCall, is *jiraIssue, entries []*entry, epoch bool) []any {
	docs := []any{}
	for _, e := range entries {
		items := []any{}
		for _, it := range e.items {
			doc := it.document(c.faults.Jira)
			if c.server {
				it.serverItem(is, doc)
			}
			items = append(items, doc)
		}
		var created any
		if epoch {
			created = e.at.UnixMilli()
		} else {
			created = h.site.time(e.at)
		}
		docs = append(docs, map[string]any{
			"id": strconv.FormatInt(e.id, 10), "author": c.user(e.author), "created": created, "items": items,
		})
	}
	return docs
}

func (it *item) document(f JiraFaults) map[string]any {
	doc := map[string]any{"field": it.field, "fieldtype": it.fieldType}
	if it.fieldID != "" && !f.NoFieldIDs {
		doc["fieldId"] = it.fieldID
	}
	if f.LegacyParent && it.field == "IssueParentAssociation" {
		doc["field"] = "Epic Link"
	}
	for name, v := range map[string]*string{"from": it.from, "fromString": it.fromText, "to": it.to, "toString": it.toText} {
		if v != nil {
			doc[name] = *v
		} else if !f.NoNulls {
			doc[name] = nil
		}
	}
	return doc
}
