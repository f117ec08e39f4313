package contracttest

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// onDataCenter are the operations under /rest/api/2, of which the document says
// nothing: each is its twin under /rest/api/3, but for what stands here. What
// is not in this list is in no contract, so a request for it is refused: most
// of what came with version 3 (search/jql, the bulk reads) Data Center has not.
var onDataCenter = []struct {
	method, path string
	lacks        []string // parameters that only the Cloud has
}{
	{http.MethodGet, "serverInfo", nil}, // asked of the Cloud, too: before it is known what is asked
	{http.MethodGet, "field", nil},
	{http.MethodGet, "status", nil},
	// "permissions" is the Cloud's own, too, but allowed: Data Center passes
	// over it and lists all permissions, which holds the one that is looked for.
	{http.MethodGet, "mypermissions", []string{"projectUuid", "projectConfigurationUuid", "commentId"}},
	{http.MethodGet, "issue/{issueIdOrKey}", []string{"fieldsByKeys", "failFast"}},
	// The document still has the search that the Cloud has removed. See
	// serverSearch for its body.
	{http.MethodPost, "search", nil},
}

// addDataCenter adds the operations of Data Center to the document.
func addDataCenter(doc *openapi3.T) error {
	serverSearch(doc.Components.Schemas["SearchRequestBean"].Value.Properties)
	for _, e := range onDataCenter {
		item := doc.Paths.Value("/rest/api/3/" + e.path)
		if item == nil || item.GetOperation(e.method) == nil {
			return fmt.Errorf("no twin of %s %s", e.method, e.path)
		}
		op := *item.GetOperation(e.method)
		op.Deprecated = false
		op.OperationID += "OnDataCenter"
		op.Parameters = slices.DeleteFunc(slices.Clone(op.Parameters), func(p *openapi3.ParameterRef) bool {
			return slices.Contains(e.lacks, p.Value.Name)
		})
		twin := &openapi3.PathItem{Parameters: item.Parameters}
		twin.SetOperation(e.method, &op)
		doc.Paths.Set("/rest/api/2/"+e.path, twin)
	}
	return nil
}

// serverSearch turns the body of the old search into Data Center's: it is not
// used on the Cloud.
func serverSearch(members openapi3.Schemas) {
	members["validateQuery"] = openapi3.NewSchemaRef("", openapi3.NewBoolSchema()) // a word on the Cloud
	delete(members, "fieldsByKeys")
	delete(members, "properties")
}
