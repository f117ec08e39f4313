package config

import (
	"os"
	"path/filepath"

	"alignd/yamlfile"
)

// Files returns the paths of everything that a reload reads: the file itself,
// the mapping, and the files of credentials and passwords that it names. Of a
// file with mistakes it returns what can be understood.
func Files(path string) []string {
	c := readLoosely(path)
	files := []string{path, c.MappingFile, c.Web.ConfigFile}
	if r := c.Store.Redis; r != nil {
		files = append(files, r.PasswordFile, r.SentinelPasswordFile)
	}
	for _, a := range c.Accounts() {
		for _, k := range a.credentialKeys() {
			files = append(files, k.file)
		}
	}
	named := files[:0]
	for _, file := range files {
		if file != "" {
			named = append(named, file)
		}
	}
	return named
}

// readLoosely reads as much as there is, whatever is wrong with it.
func readLoosely(path string) Config {
	c := Default()
	if data, err := os.ReadFile(path); err == nil {
		yamlfile.Decode(path, data, &c)
	}
	c.resolve(filepath.Dir(path))
	return c
}
