package sandbox

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"
)

//go:embed mapping.yml.tmpl
var mappingText string

// mappingTemplate is mapping.yml but for its dates: the company lives at any
// time.
var mappingTemplate = template.Must(template.New("mapping.yml").Parse(mappingText))

// Mapping returns the mapping.yml that the company's product ops have written.
func (c *Company) Mapping() string {
	y, m, _ := c.now.Date()
	quarter := (int(m) + 2) / 3
	from := time.Date(y, time.Month(3*quarter-2), 1, 0, 0, 0, 0, time.UTC)
	next := from.AddDate(0, 3, 0)
	day := func(at time.Time) string { return at.Format(time.DateOnly) }
	var b strings.Builder
	err := mappingTemplate.Execute(&b, map[string]string{
		"Quarter": fmt.Sprintf("%d-Q%d", y, quarter), "From": day(from), "To": day(next.AddDate(0, 0, -1)),
		"Next": day(next), "Review": day(c.now.AddDate(0, 0, 28)), "NextReview": day(next.AddDate(0, 0, 28)),
		"Began": day(c.began), "Paused": day(c.paused()),
	})
	return must(b.String(), err == nil, "render mapping: %v", err)
}
