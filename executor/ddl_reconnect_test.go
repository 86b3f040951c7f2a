package executor_test

import (
	"strings"
	"testing"
)

// A command that is on the source and not yet on the target has taken a table out of the
// publications: who connects meanwhile, a runner or the next apply, goes on to it.
func TestCommandThatUnpublishesIsMetAnew(t *testing.T) {
	t.Parallel()
	f := commanded(t, "create table old (id int primary key); insert into old values (1); create table keyed (id int primary key)")
	release := holds(t, f.target, "lock table old, keyed in access share mode")
	f.writes(t, "insert into old values (2); insert into keyed values (1); update keyed set id = 2")
	f.more = block("x", "drop table public.old; alter table public.keyed drop constraint keyed_pkey", `lock_timeout = "200ms"`)
	onSource := func(err error) bool {
		return strings.Contains(err.Error(), "ran on the source, and is not on all targets yet")
	}
	f.waitsInVain(t, onSource)
	f.waitsInVain(t, onSource) // and the one who connects anew
	f.runs(t)
	f.writes(t, "insert into keyed values (3)")
	release()
	f.arrived(t)
	f.applied(t)
	f.same(t)
	f.settled(t)
}
