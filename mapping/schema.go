package mapping

import _ "embed"

//go:embed mapping.schema.json
var schema string

// Schema returns the JSON Schema (draft 7) of the mapping file, with which
// editors complete keys and underline mistakes of form.
func Schema() string { return schema }
