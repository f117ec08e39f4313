package config

import _ "embed"

//go:embed alignd.schema.json
var schema string

// Schema returns the JSON Schema (draft 7) of alignd.yml, with which editors
// complete keys and underline mistakes of form.
func Schema() string { return schema }
