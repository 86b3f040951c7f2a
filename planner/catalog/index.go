package catalog

import "github.com/jackc/pgx/v5"

func (r *reader) indexFacts() question {
	return question{about: "indexes", sql: selectIndexes, row: func(rows pgx.Rows) error {
		var x Index
		err := rows.Scan(&x.OID, &x.Table, &x.Schema, &x.Name, &x.Bytes, &x.Unique, &x.Primary, &x.Valid, &x.Clustered,
			&x.ReplicaIdentity, &x.NullsNotDistinct, &x.Immediate, &x.Partial, &x.Columns, &x.Partitioned, &x.Constraint, &x.Method)
		if err != nil {
			return err
		}
		if t := r.relation(x.Table); t != nil {
			x.Extension = t.Extension // an index of an extension's table goes with it
		}
		r.indexes[x.OID] = len(r.db.Indexes)
		r.db.Indexes = append(r.db.Indexes, x)
		return nil
	}}
}

func (r *reader) statisticsTargets() question {
	return question{about: "statistics targets", sql: selectStatisticsTargets, row: func(rows pgx.Rows) error {
		var index uint32
		var column, target int
		if err := rows.Scan(&index, &column, &target); err != nil {
			return err
		}
		i, ok := r.indexes[index]
		if !ok {
			return nil
		}
		x := &r.db.Indexes[i]
		if x.StatisticsTargets == nil {
			x.StatisticsTargets = map[int]int{}
		}
		x.StatisticsTargets[column] = target
		return nil
	}}
}

func (r *reader) constraints() question {
	return question{about: "constraints", sql: selectConstraints, row: func(rows pgx.Rows) error {
		var c Constraint
		err := rows.Scan(&c.OID, &c.Table, &c.Schema, &c.Name, letter{&c.Kind}, &c.Index, &c.Referenced, &c.Validated,
			&c.Deferrable, &c.Deferred, &c.Parent, &c.Local, &c.Period)
		r.db.Constraints = append(r.db.Constraints, c)
		return err
	}}
}

const (
	// indnullsnotdistinct is there from 15 on; see selectDatabase.
	selectIndexes = `
		select i.indexrelid, i.indrelid, n.nspname::text, c.relname::text,
			case
				when c.relkind <> 'i' then 0
				when l.relation is not null then c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint
				else coalesce(pg_catalog.pg_table_size(c.oid), 0)
			end,
			i.indisunique, i.indisprimary, i.indisvalid, i.indisclustered, i.indisreplident, i.indnullsnotdistinct,
			i.indimmediate, i.indpred is not null, (i.indkey::smallint[])[0:i.indnkeyatts - 1]::integer[],
			c.relkind = 'I', coalesce(co.oid, 0), am.amname::text
		from (select false as indnullsnotdistinct) other
		cross join lateral (
			select indexrelid, indrelid, indisunique, indisprimary, indisvalid, indisclustered, indisreplident, indnullsnotdistinct,
				indimmediate, indpred, indkey, indnkeyatts
			from pg_catalog.pg_index
		) i
		join pg_catalog.pg_class c on c.oid = i.indexrelid
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		join pg_catalog.pg_am am on am.oid = c.relam
		left join pg_catalog.pg_constraint co on co.conindid = i.indexrelid and co.contype in ('p', 'u', 'x')
		left join (` + locked + `) l on l.relation = c.oid
		where c.relpersistence <> 't'
		order by n.nspname, c.relname`

	// Only those that were set: the default is -1, and null from 17 on.
	selectStatisticsTargets = `
		select a.attrelid, a.attnum, a.attstattarget
		from pg_catalog.pg_attribute a
		join pg_catalog.pg_class c on c.oid = a.attrelid
		where c.relkind in ('i', 'I') and a.attstattarget >= 0
		order by a.attrelid, a.attnum`

	// conperiod is there from 18 on; see selectDatabase.
	selectConstraints = `
		select co.oid, co.conrelid, n.nspname::text, co.conname::text, co.contype::text, co.conindid, co.confrelid,
			co.convalidated, co.condeferrable, co.condeferred, co.conparentid, co.conislocal,
			co.conperiod
		from (select false as conperiod) other
		cross join lateral (
			select oid, conrelid, connamespace, conname, contype, conindid, confrelid, convalidated, condeferrable,
				condeferred, conparentid, conislocal, conperiod
			from pg_catalog.pg_constraint
		) co
		join pg_catalog.pg_class c on c.oid = co.conrelid
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		where c.relpersistence <> 't'
		order by n.nspname, c.relname, co.conname`
)
