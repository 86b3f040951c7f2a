package config

import "log/slog"

// Secret is text that no output, log or file may show. Every way of printing it
// gives a placeholder; Reveal gives the text.
type Secret string

const hidden = "(sensitive value)"

// Reveal returns the secret text, for the one place that connects with it.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return hidden }

// GoString hides the text from %#v.
func (s Secret) GoString() string { return hidden }

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the text from JSON and every other text encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
