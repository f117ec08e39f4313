package main

import (
	"context"
	"errors"
	"io"
	"net/url"

	"github.com/alecthomas/kingpin/v2"
)

func addAck(app *kingpin.Application) (*kingpin.CmdClause, command) {
	c := app.Command("ack", "Tell a running alignd that the open drift episode of a team or goal has been taken note of. The episode ends and its chart begins anew. "+
		"The date and the note are kept, nothing about who gave them. Needs --web.enable-lifecycle there.")
	team := c.Flag("team", "Id of the team whose aligned share has drifted.").PlaceHolder("ID").String()
	goal := c.Flag("goal", "Id of the goal whose share has drifted.").PlaceHolder("ID").String()
	note := c.Flag("note", "What was decided or learned. Please no names.").PlaceHolder("TEXT").String()
	f := addAskFlags(c)
	return c, func(ctx context.Context, out io.Writer) error {
		if (*team == "") == (*goal == "") {
			return errors.New("say which episode by either --team or --goal")
		}
		query := url.Values{"team": {*team}, "goal": {*goal}, "note": {*note}}
		return f.post(ctx, out, "/-/acknowledge?"+query.Encode())
	}
}
