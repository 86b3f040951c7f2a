package session

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/config/pgname"
)

// Reaching runs a command that takes how a server connects as its parameter $1, in a
// transaction that the caller ends. What is secret in that stands in no statement that
// others can see, and neither in the server's log, nor in an error's context or detail.
// The message of an error may still quote it.
func Reaching(ctx context.Context, tx pgx.Tx, info config.Secret, command string) error {
	return reaching(ctx, tx, info, pgname.Literal(command)+" using pg_catalog.current_setting('bascule.reach')")
}

// ReachingBetween is Reaching for a command that takes no parameters: head and tail are
// what stands before and after the literal.
func ReachingBetween(ctx context.Context, tx pgx.Tx, info config.Secret, head, tail string) error {
	return reaching(ctx, tx, info, pgname.Literal(head)+" || pg_catalog.quote_literal(pg_catalog.current_setting('bascule.reach')) || "+pgname.Literal(tail))
}

func reaching(ctx context.Context, tx pgx.Tx, info config.Secret, command string) error {
	if err := Quiet(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, setReach, info.Reveal()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "do "+pgname.Literal(fmt.Sprintf(reachBody, command))); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, setReach, "")
	return err
}

// Quiet has the server log nothing of what the transaction does from here on, as far as
// the role may ask for that. Of one that may not, a server that logs every statement logs
// the parameters too.
func Quiet(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "do "+pgname.Literal(keepQuiet))
	return err
}

const (
	// keepQuiet tries each of them: up to 14 the server does not say who may.
	keepQuiet = `
		declare
			s record;
		begin
			for s in
				select name, value
				from (values ('log_statement', 'none'), ('log_duration', 'off'), ('log_min_duration_statement', '-1'),
					('log_min_duration_sample', '-1'), ('log_transaction_sample_rate', '0'), ('log_min_error_statement', 'panic'),
					('log_parameter_max_length_on_error', '0'), ('log_min_messages', 'panic'), ('log_error_verbosity', 'terse'), ('pg_stat_statements.track_utility', 'off'),
					('auto_explain.log_min_duration', '-1')) v(name, value)
				order by name
			loop
				begin
					perform pg_catalog.set_config(s.name, s.value, true);
				exception when insufficient_privilege then
					null;
				end;
			end loop;
		end`

	// setReach hands over what is connected with, to the end of the transaction.
	setReach = `select pg_catalog.set_config('bascule.reach', $1, true)`

	// reachBody is a block, in which the text of the command is put together: an error
	// that leaves it has neither the text nor, in its context, the command.
	reachBody = `
		declare
			said text;
			more text;
			advice text;
		begin
			execute %s;
		exception when query_canceled or others then
			get stacked diagnostics said = message_text, more = pg_exception_detail, advice = pg_exception_hint;
			raise exception using errcode = sqlstate, message = said, hint = advice,
				detail = pg_catalog.replace(more, pg_catalog.current_setting('bascule.reach'), '***');
		end`
)
