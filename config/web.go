package config

import (
	"fmt"
	"net"

	"alignd/yamlfile"
)

// defaultAddress lies outside 9090 to 10999, the ports that the list of
// Prometheus exporters has given away, and below the ports that systems hand
// out to clients.
const defaultAddress = ":8642"

// Web says where and how the page, the API and /metrics are served.
type Web struct {
	// ListenAddresses are host and port each, :8642 by default.
	//schema:json {"minItems": 1, "pattern": ":[A-Za-z0-9-]*$", "examples": [":8642", "127.0.0.1:8642"]}
	ListenAddresses []string `yaml:"listen_addresses"`
	// PageListenAddress is an address of their own for the page and the API,
	// such as 127.0.0.1:8644; /metrics and what is below /-/ stay at the others.
	//schema:json {"pattern": ":[A-Za-z0-9-]*$"}
	PageListenAddress string `yaml:"page_listen_address"`
	// ConfigFile is a file that switches on TLS or passwords, in the format of
	// Prometheus' exporter-toolkit; may be absent.
	ConfigFile string `yaml:"config_file"`
	// EnableLifecycle allows POST /-/reload, /-/accept and /-/acknowledge.
	EnableLifecycle bool `yaml:"enable_lifecycle"`
}

func (w *Web) validate(report yamlfile.Report) {
	if len(w.ListenAddresses) == 0 {
		report("web.listen_addresses", "must name at least one address such as %s", defaultAddress)
	}
	for i, address := range w.ListenAddresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			report(fmt.Sprintf("web.listen_addresses[%d]", i), "is %q, but must be an address such as %s or 127.0.0.1%s", address, defaultAddress, defaultAddress)
		}
	}
	if _, _, err := net.SplitHostPort(w.PageListenAddress); w.PageListenAddress != "" && err != nil {
		report("web.page_listen_address", "is %q, but must be an address such as :8644 or 127.0.0.1:8644", w.PageListenAddress)
	}
}

// ReadWeb returns the web part of a file for commands that only want to find
// the alignd that runs with it. What is wrong with the rest does not matter to
// them; without the file the defaults hold.
func ReadWeb(path string) Web {
	c := readLoosely(path)
	if len(c.Web.ListenAddresses) == 0 {
		c.Web.ListenAddresses = Default().Web.ListenAddresses
	}
	return c.Web
}
