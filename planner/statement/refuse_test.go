package statement_test

import (
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ sql, kind, why string }{
		{"alter system set work_mem = '1MB'", "ALTER SYSTEM", "whole server"},
		{"create role bob", "CREATE ROLE", "roles"},
		{"alter user bob password 'x'", "ALTER ROLE", "roles"},
		{"alter role bob rename to eve", "ALTER ROLE", "roles"},
		{"alter role bob set work_mem = 1", "ALTER ROLE", "roles"},
		{"drop role bob", "DROP ROLE", "roles"},
		{"grant eve to bob", "GRANT ROLE", "roles"},
		{"comment on role bob is 'x'", "COMMENT", "roles"},
		{"create database d", "CREATE DATABASE", "whole server"},
		{"alter database d rename to e", "ALTER DATABASE", "whole server"},
		{"alter database d owner to bob", "ALTER DATABASE", "whole server"},
		{"alter database d set search_path = a", "ALTER DATABASE", "whole server"},
		{"drop database d", "DROP DATABASE", "whole server"},
		{"grant connect on database d to bob", "GRANT", "whole server"},
		{"create tablespace s location '/x'", "CREATE TABLESPACE", "whole server"},
		{"alter tablespace s owner to bob", "ALTER TABLESPACE", "whole server"},
		{"drop tablespace s", "DROP TABLESPACE", "whole server"},
		{"reassign owned by bob to eve", "REASSIGN OWNED", "owns"},
		{"drop owned by bob", "DROP OWNED", "owns"},
		{"begin", "BEGIN", "transaction"},
		{"commit", "COMMIT", "transaction"},
		{"rollback to savepoint a", "ROLLBACK TO", "transaction"},
		{"savepoint a", "SAVEPOINT", "transaction"},
		{"set search_path = public", "SET", "settings"},
		{"set local role bob", "SET", "settings"},
		{"reset all", "RESET", "settings"},
		{"set constraints all deferred", "SET CONSTRAINTS", "settings"},
		{"show all", "SHOW", "no DDL"},
		{"copy public.a from stdin", "COPY", "COPY"},
		{"copy public.a to '/tmp/x'", "COPY", "COPY"},
		{"insert into public.a values (1)", "INSERT", "twice"},
		{"update public.a set x = 1", "UPDATE", "twice"},
		{"delete from public.a", "DELETE", "twice"},
		{"merge into public.a using public.b on true when matched then delete", "MERGE", "twice"},
		{"with x as (delete from public.a returning *) select * from x", "SELECT", "twice"},
		{"truncate public.a", "TRUNCATE TABLE", "TRUNCATE"},
		{"create publication p for all tables", "CREATE PUBLICATION", "publications"},
		{"alter publication p add table public.a", "ALTER PUBLICATION", "publications"},
		{"drop publication p", "DROP PUBLICATION", "publications"},
		{"create subscription s connection '' publication p", "CREATE SUBSCRIPTION", "subscriptions"},
		{"alter subscription s disable", "ALTER SUBSCRIPTION", "subscriptions"},
		{"drop subscription s", "DROP SUBSCRIPTION", "subscriptions"},
		{"create temp table t (id int)", "CREATE TABLE", "temporary"},
		{"create table pg_temp.t (id int)", "CREATE TABLE", "temporary"},
		{"create temp view v as select 1", "CREATE VIEW", "temporary"},
		{"select 1 into temp t", "SELECT INTO", "temporary"},
		{"create table public.t as execute p", "CREATE TABLE AS", "session"},
		{"prepare p as select 1", "PREPARE", "session"},
		{"listen x", "LISTEN", "session"},
		{"declare c cursor for select 1", "DECLARE CURSOR", "session"},
		{"explain analyze select 1", "EXPLAIN", "no DDL"},
		{"checkpoint", "CHECKPOINT", "whole server"},
	} {
		s := one(t, tc.sql)
		if s.Kind != tc.kind || !strings.Contains(s.Refused, tc.why) {
			t.Errorf("%s: %s refused with %q, want %s with %q", tc.sql, s.Kind, s.Refused, tc.kind, tc.why)
		}
	}
}

// What only mentions rows or roles is not refused.
func TestParseDoesNotRefuse(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"create rule r as on insert to public.v do instead insert into public.a values (new.id)",
		"create function public.f() returns void language sql as 'delete from public.a'",
		"create or replace procedure public.p() begin atomic update public.a set x = 1; end",
		"alter table public.a owner to bob",
		"alter function public.f() set search_path = public",
		"lock table public.a in share mode",
	} {
		if s := one(t, sql); s.Refused != "" {
			t.Errorf("%s: refused: %s", sql, s.Refused)
		}
	}
}
