package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"alignd/config"
	"alignd/mapping"
)

// schemas are the files an editor reads, by the word for each on the command
// line.
var schemas = map[string]func() string{"mapping": mapping.Schema, "config": config.Schema}

func addSchema(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("schema", "Print the JSON Schema of mapping.yml or alignd.yml, with which editors complete keys and underline mistakes. "+
		"Put it beside the file: alignd schema mapping > mapping.schema.json")
	of := c.Arg("file", "mapping or config.").Required().Enum("mapping", "config")
	return c, func(_ context.Context, out io.Writer) error {
		_, err := fmt.Fprint(out, schemas[*of]())
		return err
	}
}
