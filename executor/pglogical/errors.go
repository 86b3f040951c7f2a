package pglogical

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
)

// DownError reports a subscription that does not apply what it is sent. Why is in the
// log of the target's server alone.
type DownError struct {
	Subscription string
	Doing        string   // what did not come to an end
	Causes       []string // that were looked for and found
	Skip         string   // how to get past the transaction, with its SQL, or ""
	Err          error    // or nil
}

func (e *DownError) Error() string {
	text := fmt.Sprintf("%s: pglogical's subscription %s is down", e.Doing, e.Subscription)
	if len(e.Causes) > 0 {
		text += "; probably because " + strings.Join(e.Causes, "; ")
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *DownError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *DownError) Hint() string {
	text := fmt.Sprintf("apply again: that takes the mirror over and streams from where pglogical stands; it goes past what only pglogical cannot do, and halts at what "+
		"the target cannot take, with the table, the row and the reason. The worker's own error is in the log of the target's server, in lines with \"pglogical apply\"; "+
		"when the cause is gone, SELECT pglogical.alter_subscription_enable('%s', true) on the target starts it at once. %s", e.Subscription, otherCauses)
	if e.Skip != "" {
		text += "\n" + e.Skip
	}
	return text
}

// otherCauses are those that nobody can look for.
const otherCauses = "Causes that cannot be seen from outside are a TRUNCATE of a table that foreign keys reference, a row that breaks a constraint of the target, " +
	"and a server that the target can no longer connect to."

// GapError reports that the engine cannot go on from a position: what lies between would
// be lost, or come twice.
type GapError struct{ Text string }

func (e *GapError) Error() string { return e.Text }

// Hint says what the operator can do about it.
func (e *GapError) Hint() string {
	return "apply again; if it stays, copy the mirror anew with -replace"
}

// TryError reports that one server does not reach another, or may not.
type TryError struct {
	From, To string // "the target's server", "the source"
	Err      error
}

func (e *TryError) Error() string {
	return fmt.Sprintf("%s does not reach %s: %v", e.From, e.To, e.Err)
}
func (e *TryError) Unwrap() error { return e.Err }

// Hint says what the operator can do about it.
func (e *TryError) Hint() string {
	return "the servers connect to each other, by the addresses of the peer blocks: where that differs from how this machine connects, say so in a from_server block, " +
		"and allow the address in pg_hba.conf of " + e.To
}

// masked takes what is secret in connection strings out of a server's error. The server
// puts them into the detail of what it says.
func masked(err error, secrets ...config.Secret) error {
	var server *pgconn.PgError
	if err == nil || !errors.As(err, &server) {
		return err
	}
	var replace []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		replace = append(replace, s.Reveal(), "***")
		if cfg, err := pgconn.ParseConfig(s.Reveal()); err == nil && cfg.Password != "" {
			replace = append(replace, cfg.Password, "***")
		}
	}
	clean := *server
	mask := strings.NewReplacer(replace...)
	for _, text := range []*string{&clean.Message, &clean.Detail, &clean.Hint, &clean.Where, &clean.InternalQuery} {
		*text = mask.Replace(*text)
	}
	return &clean
}

// masked is for errors of what was given our connection strings.
func (e *Engine) masked(err error) error { return masked(err, e.provider, e.subscriber) }
