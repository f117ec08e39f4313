package secret

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrUnset is about an environment variable that holds nothing.
var ErrUnset = errors.New("is not set or empty")

// Read reads a credential from a file, or from the environment variable env if
// file is empty. Surrounding white space is not part of it.
func Read(file, env string) (Value, error) {
	text := os.Getenv(env)
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return Value{}, fmt.Errorf("read secret: %w", err)
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "" && file != "":
		return Value{}, fmt.Errorf("read secret: %s is empty", file)
	case text == "":
		return Value{}, fmt.Errorf("read secret: environment variable %s %w", env, ErrUnset)
	case strings.ContainsAny(text, "\r\n\x00"):
		return Value{}, errors.New("read secret: more than one line")
	}
	return New(text), nil
}
