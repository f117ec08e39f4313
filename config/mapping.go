package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"alignd/mapping"
	"alignd/yamlfile"
)

// parser reads a mapping with what there is to warn of.
type parser = func(name string, data []byte) (*mapping.RuleSet, []yamlfile.Problem, error)

func parse(name string, data []byte) (*mapping.RuleSet, []yamlfile.Problem, error) {
	rules, err := mapping.Parse(name, data)
	if err != nil {
		return nil, nil, err
	}
	return rules, rules.Warnings(), nil
}

// loadMapping compiles the mapping. A file that cannot be read is a mistake of
// doc, which names it.
func (c *Config) loadMapping(doc *yamlfile.Document, parse parser) error {
	if c.MappingFile == "" {
		return nil
	}
	data, err := os.ReadFile(c.MappingFile)
	if err != nil {
		doc.Problemf("mapping_file", "%v", err)
		return nil
	}
	rules, warnings, err := parse(c.MappingFile, data)
	c.Rules, c.Warnings = rules, append(c.Warnings, warnings...)
	if err != nil {
		return err
	}
	return c.CheckConnectors(rules)
}

// CheckConnectors returns every connector that rules name and that is not
// configured as yamlfile.Problems.
func (c *Config) CheckConnectors(rules *mapping.RuleSet) error {
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
	for _, ref := range rules.Connectors() {
		if slices.ContainsFunc(names, func(name string) bool { return means(ref, name) }) {
			continue
		}
		p := ref.At
		p.Message = fmt.Sprintf("there is no connector %q; %sthere are: %s", ref.Connector, yamlfile.DidYouMean(ref.Connector, names), strings.Join(names, ", "))
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
