// Package secret holds values that never print themselves.
package secret

import "log/slog"

const shown = "<secret>"

// Value is a credential. However it is printed, logged or marshalled, it shows
// only that it is there. The zero value is empty.
type Value struct{ text string }

// New wraps text.
func New(text string) Value { return Value{text: text} }

// Reveal returns the credential itself. Call it where it is sent, nowhere
// else.
func (v Value) Reveal() string { return v.text }

// Empty reports whether there is no credential.
func (v Value) Empty() bool { return v.text == "" }

func (v Value) String() string {
	if v.Empty() {
		return ""
	}
	return shown
}

// GoString implements fmt.GoStringer for %#v.
func (v Value) GoString() string { return v.String() }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML use.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
