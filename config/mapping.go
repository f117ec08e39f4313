package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"alignd/mapping"
	"alignd/yamlfile"
)

// loadMapping compiles the mapping. A file that cannot be read is a mistake of
// doc, which names it.
func (c *Config) loadMapping(doc *yamlfile.Document) error {
	if c.MappingFile == "" {
		return nil
	}
	data, err := os.ReadFile(c.MappingFile)
	if err != nil {
		doc.Problemf("mapping_file", "%v", err)
		return nil
	}
	rules, err := mapping.Parse(c.MappingFile, data)
	if err != nil {
		return err
	}
	c.Rules, c.Warnings = rules, append(c.Warnings, rules.Warnings()...)
	return c.checkConnectors()
}

// checkConnectors reports every connector the mapping names that is not
// configured.
func (c *Config) checkConnectors() error {
	var names []string
	for _, a := range c.Accounts() {
		if !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return nil // which is the mistake, and has been reported
	}
	var problems yamlfile.Problems
	for _, ref := range c.Rules.Connectors() {
		if slices.ContainsFunc(names, func(name string) bool { return means(ref, name) }) {
			continue
		}
		p := ref.At
		p.Message = fmt.Sprintf("there is no connector %q; there are: %s", ref.Connector, strings.Join(names, ", "))
		problems = append(problems, p)
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// means reports whether a reference can mean the connector. Teams own projects
// by its exact name; rules compare without regard to case, as they do
// everything.
func means(ref mapping.Ref, name string) bool {
	if strings.HasPrefix(ref.At.Path, "rules") {
		return strings.EqualFold(ref.Connector, name)
	}
	return ref.Connector == name
}
