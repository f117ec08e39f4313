package store

// Config says where the facts are kept.
type Config struct {
	// Path is the file of the embedded store. It is made if it does not
	// exist; its folder is not.
	Path string `yaml:"path"`
}

// DefaultConfig returns the embedded store beside the configuration file.
func DefaultConfig() Config { return Config{Path: "alignd.db"} }

// Validate reports each mistake under the path of the key that holds it; path
// is where the Config itself stands in the file.
func (c *Config) Validate(path string, report func(path, format string, args ...any)) {
	if c.Path == "" {
		report(path+".path", "must name the file of the store")
	}
}
