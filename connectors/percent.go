package connectors

import (
	"fmt"
	"strconv"
	"strings"
)

// Percent is a share in percent, written 5% or 2.5%; from above 0 to 100.
//
//schema:json {"type": "string", "pattern": "^[0-9]*(\\.[0-9]*)? *%$", "examples": ["5%"]}
type Percent float64

func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// MarshalText implements encoding.TextMarshaler.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Percent) UnmarshalText(text []byte) error {
	number, isPercent := strings.CutSuffix(string(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !isPercent || !(n > 0 && n <= 100) {
		return fmt.Errorf("%q is not a share above 0%% and up to 100%%, such as 5%%", text)
	}
	*p = Percent(n)
	return nil
}
