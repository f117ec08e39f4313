package yamlfile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

var (
	plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./@&+-]*( [A-Za-z0-9_./&+(-][A-Za-z0-9_./&+()-]*)*$`)
	special   = regexp.MustCompile(`(?i)^(null|true|false|yes|no|on|off|y|n)$`)
)

// Text writes a printable text so that YAML reads it as just this text, within
// brackets too.
func Text(s string) string {
	if plainText.MatchString(s) && !special.MatchString(s) {
		return s
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be encoded
	return strings.TrimSpace(out.String())
}
