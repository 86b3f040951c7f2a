package catalog

import "github.com/jackc/pgx/v5"

func (r *reader) columns() question {
	return question{about: "columns", sql: selectColumns, row: func(rows pgx.Rows) error {
		var relation uint32
		var c Column
		err := rows.Scan(&relation, &c.Num, &c.Name, &c.Type, &c.TypeOID, &c.NotNull, &c.Default,
			letter{&c.Identity}, letter{&c.Generated}, &c.Collation)
		if err != nil {
			return err
		}
		if t := r.relation(relation); t != nil {
			t.Columns = append(t.Columns, c)
		}
		return nil
	}}
}

func (r *reader) typeFacts() question {
	return question{about: "types", sql: selectTypes, row: func(rows pgx.Rows) error {
		var t typeFact
		var oid uint32
		err := rows.Scan(&oid, &t.name, letter{&t.kind}, &t.base, &t.element, &t.subtype, &t.binary, &t.extension)
		r.types[oid] = t
		return err
	}}
}

func (r *reader) markBinary() {
	for i := range r.db.Relations {
		columns := r.db.Relations[i].Columns
		for j := range columns {
			columns[j].Binary = r.types.portable(columns[j].TypeOID)
		}
	}
}

// types by oid. Row types and their arrays are not among them.
type types map[uint32]typeFact

type typeFact struct {
	name      string
	kind      rune   // b d e r m, as in pg_type.typtype
	base      uint32 // of a domain
	element   uint32 // of an array
	subtype   uint32 // of a range or multirange
	binary    bool   // has typsend and typreceive
	extension string
}

// portable reports whether a type's binary form means the same in another
// database.
//
// Built-in types have the same oids everywhere, so arrays of them are safe, whose
// binary form names the element type's oid. Arrays, composites and records of other
// types name oids of this database. Enums send their labels, ranges their bounds,
// domains their base type's value.
//
// Types of extensions are not portable: their binary form is a matter between
// their versions, and hstore's is wrong where the database is not in UTF8. citext
// is the exception: it uses text's own functions.
func (ts types) portable(oid uint32) bool {
	t, ok := ts[oid]
	switch {
	case !ok:
		return false
	case t.kind == 'e':
		return true
	case t.kind == 'd':
		return ts.portable(t.base)
	case t.kind == 'r', t.kind == 'm':
		return t.binary && ts.portable(t.subtype)
	case oid >= firstNormalOID:
		return t.name == "citext" && t.extension == "citext"
	case t.element != 0:
		return ts.portable(t.element)
	default:
		return t.binary && !bound[t.name]
	}
}

// firstNormalOID is the lowest oid of an object that initdb did not make.
const firstNormalOID = 16384

// bound are built-in types whose binary form is not, or not safely, good elsewhere.
var bound = map[string]bool{
	// oids of this database
	"regproc": true, "regprocedure": true, "regoper": true, "regoperator": true, "regclass": true,
	"regcollation": true, "regtype": true, "regrole": true, "regnamespace": true, "regconfig": true,
	"regdictionary": true, "regdatabase": true,

	// received by nobody
	"aclitem": true, "pg_node_tree": true, "pg_ndistinct": true, "pg_dependencies": true, "pg_mcv_list": true,
	"pg_brin_bloom_summary": true, "pg_brin_minmax_multi_summary": true, "gtsvector": true,

	// an empty one is sent as an array of one dimension, and received as one of none,
	// which is refused; newer servers refuse an empty tsquery as well
	"oidvector": true, "int2vector": true, "tsquery": true,

	// xml_send writes an encoding into the declaration that the stored value does
	// not have
	"xml": true,
}

const (
	// Default does not count a generated column's expression, which the catalogue
	// keeps in the same place.
	selectColumns = `
		select a.attrelid, a.attnum, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid, a.attnotnull,
			a.atthasdef and a.attgenerated = '', a.attidentity::text, a.attgenerated::text,
			case when co.oid is null then '' else pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname) end
		from pg_catalog.pg_attribute a
		join pg_catalog.pg_class c on c.oid = a.attrelid
		join (` + ownSchemas + `) n on n.oid = c.relnamespace
		join pg_catalog.pg_type t on t.oid = a.atttypid
		left join pg_catalog.pg_collation co on co.oid = a.attcollation and a.attcollation <> t.typcollation
		left join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
		where a.attnum > 0 and not a.attisdropped
			and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and c.relpersistence <> 't'
		order by a.attrelid, a.attnum`

	// rngmultitypid is there from 14 on; see selectDatabase.
	selectTypes = `
		select t.oid, t.typname::text, t.typtype::text, t.typbasetype, coalesce(e.oid, 0), coalesce(r.rngsubtype, 0),
			t.typsend <> 0 and t.typreceive <> 0, coalesce(m.extname::text, '')
		from pg_catalog.pg_type t
		left join pg_catalog.pg_type e on e.typarray = t.oid
		left join (
			select id.oid, sub.rngsubtype
			from (select 0::oid as rngmultitypid) other
			cross join lateral (select rngtypid, rngmultitypid, rngsubtype from pg_catalog.pg_range) sub
			cross join lateral (values (sub.rngtypid), (sub.rngmultitypid)) id(oid)
			where id.oid <> 0
		) r on r.oid = t.oid
		left join (` + members + `) m on m.objid = t.oid and m.classid = 'pg_catalog.pg_type'::regclass
		where t.typtype in ('b', 'd', 'e', 'r', 'm') and e.typtype is distinct from 'c'
		order by t.oid`
)
