package verify

import "bascule/planner/catalog"

const selectFunctions = `
	select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, p.oid::pg_catalog.regprocedure::text,
		'pg_catalog.pg_proc'::pg_catalog.regclass::oid, p.oid, p.pronamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'function kind', p.prokind,
			'arguments', pg_catalog.pg_get_function_arguments(p.oid),
			'result', pg_catalog.pg_get_function_result(p.oid),
			'language', l.lanname,
			'source', p.prosrc, 'library', p.probin,
			'body', pg_catalog.pg_get_function_sqlbody(p.oid),
			'volatility', p.provolatile, 'strict', p.proisstrict, 'leakproof', p.proleakproof, 'security definer', p.prosecdef, 'parallel', p.proparallel,
			'cost', p.procost, 'rows', p.prorows,
			'support', nullif(p.prosupport, 0)::pg_catalog.regproc::text,
			'settings', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(p.proconfig) o),
			'transforms', (select pg_catalog.jsonb_agg(t::pg_catalog.regtype::text order by t::pg_catalog.regtype::text) from pg_catalog.unnest(p.protrftypes) t))
	from pg_catalog.pg_proc p
	join pg_catalog.pg_language l on l.oid = p.prolang`

const selectAggregates = `
	select 'aggregate steps', p.oid::pg_catalog.regprocedure::text, 'pg_catalog.pg_proc'::pg_catalog.regclass::oid, p.oid, p.pronamespace, 0::oid, 0,
		pg_catalog.to_jsonb(a) - array['aggfnoid', 'aggtranstype', 'aggmtranstype', 'aggsortop'] || pg_catalog.jsonb_build_object(
			'type', a.aggtranstype::pg_catalog.regtype::text,
			'moving type', nullif(a.aggmtranstype, 0)::pg_catalog.regtype::text,
			'sort operator', nullif(a.aggsortop, 0)::pg_catalog.regoperator::text)
	from pg_catalog.pg_aggregate a
	join pg_catalog.pg_proc p on p.oid = a.aggfnoid`

// Arrays, row types of tables and multiranges come with another type.
const selectTypes = `
	select 'type', t.oid::pg_catalog.regtype::text, 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.oid, t.typnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'type kind', t.typtype,
			'defined', t.typisdefined,
			'labels', (select pg_catalog.jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid),
			'base type', case when t.typtype = 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
			'not null', t.typnotnull,
			'default', t.typdefault,
			'collation', nullif(t.typcollation, 0)::pg_catalog.regcollation::text)
		|| case when t.typtype = 'b' then pg_catalog.jsonb_build_object(
			'length', t.typlen, 'by value', t.typbyval, 'category', t.typcategory, 'preferred', t.typispreferred, 'delimiter', t.typdelim,
			'alignment', t.typalign, 'storage', t.typstorage, 'element', nullif(t.typelem, 0)::pg_catalog.regtype::text,
			'functions', pg_catalog.jsonb_build_array(t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze))
		else '{}' end
	from pg_catalog.pg_type t
	where t.typtype in ('b', 'd', 'e', 'r', 'p') and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)`

const selectRanges = `
	select 'range', t.oid::pg_catalog.regtype::text, 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.oid, t.typnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'subtype', r.rngsubtype::pg_catalog.regtype::text,
			'collation', nullif(r.rngcollation, 0)::pg_catalog.regcollation::text,
			'operator class', (select pg_catalog.format('%I.%I', n.nspname, o.opcname) from pg_catalog.pg_opclass o join pg_catalog.pg_namespace n on n.oid = o.opcnamespace where o.oid = r.rngsubopc),
			'canonical', r.rngcanonical::text, 'difference', r.rngsubdiff::text,
			'multirange', r.rngmultitypid::pg_catalog.regtype::text)
	from pg_catalog.pg_range r
	join pg_catalog.pg_type t on t.oid = r.rngtypid`

const selectOperators = `
	select 'operator', o.oid::pg_catalog.regoperator::text, 'pg_catalog.pg_operator'::pg_catalog.regclass::oid, o.oid, o.oprnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'function', o.oprcode::text,
			'commutator', nullif(o.oprcom, 0)::pg_catalog.regoperator::text, 'negator', nullif(o.oprnegate, 0)::pg_catalog.regoperator::text,
			'restrict', o.oprrest::text, 'join', o.oprjoin::text, 'hashes', o.oprcanhash, 'merges', o.oprcanmerge)
	from pg_catalog.pg_operator o
	where o.oprcode <> 0`

const selectOperatorClasses = `
	select 'operator class', pg_catalog.format('%I.%I using %I', n.nspname, o.opcname, m.amname), 'pg_catalog.pg_opclass'::pg_catalog.regclass::oid,
		o.oid, o.opcnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'family', pg_catalog.format('%I.%I', fn.nspname, f.opfname), 'type', o.opcintype::pg_catalog.regtype::text,
			'default', o.opcdefault, 'key type', nullif(o.opckeytype, 0)::pg_catalog.regtype::text)
	from pg_catalog.pg_opclass o
	join pg_catalog.pg_namespace n on n.oid = o.opcnamespace
	join pg_catalog.pg_am m on m.oid = o.opcmethod
	join pg_catalog.pg_opfamily f on f.oid = o.opcfamily
	join pg_catalog.pg_namespace fn on fn.oid = f.opfnamespace`

const selectOperatorFamilies = `
	select 'operator family', pg_catalog.format('%I.%I using %I', n.nspname, f.opfname, m.amname), 'pg_catalog.pg_opfamily'::pg_catalog.regclass::oid,
		f.oid, f.opfnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'operators', (select pg_catalog.jsonb_agg(x order by x) from (
				select pg_catalog.format('%s %s %s', o.amopstrategy, o.amopopr::pg_catalog.regoperator, o.amoppurpose) from pg_catalog.pg_amop o where o.amopfamily = f.oid) v (x)),
			'functions', (select pg_catalog.jsonb_agg(x order by x) from (
				select pg_catalog.format('%s %s (%s, %s)', p.amprocnum, p.amproc::pg_catalog.regprocedure, p.amproclefttype::pg_catalog.regtype, p.amprocrighttype::pg_catalog.regtype)
				from pg_catalog.pg_amproc p where p.amprocfamily = f.oid) v (x)))
	from pg_catalog.pg_opfamily f
	join pg_catalog.pg_namespace n on n.oid = f.opfnamespace
	join pg_catalog.pg_am m on m.oid = f.opfmethod`

const selectCasts = `
	select 'cast', pg_catalog.format('%s as %s', castsource::pg_catalog.regtype, casttarget::pg_catalog.regtype), 'pg_catalog.pg_cast'::pg_catalog.regclass::oid,
		oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('function', nullif(castfunc, 0)::pg_catalog.regprocedure::text, 'context', castcontext, 'method', castmethod)
	from pg_catalog.pg_cast`

// The encoding is left out: a copy of C is for every encoding till it was dumped,
// and for the database's from then on.
const selectCollations = `
	select 'collation', pg_catalog.format('%I.%I', n.nspname, c.collname), 'pg_catalog.pg_collation'::pg_catalog.regclass::oid, c.oid, c.collnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object(
			'provider', c.collprovider, 'deterministic', c.collisdeterministic, 'collate', c.collcollate, 'ctype', c.collctype,
			'locale', coalesce(pg_catalog.to_jsonb(c) ->> 'colllocale', pg_catalog.to_jsonb(c) ->> 'colliculocale'))
	from pg_catalog.pg_collation c
	join pg_catalog.pg_namespace n on n.oid = c.collnamespace`

const selectConversions = `
	select 'conversion', pg_catalog.format('%I.%I', n.nspname, c.conname), 'pg_catalog.pg_conversion'::pg_catalog.regclass::oid, c.oid, c.connamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object('from', pg_catalog.pg_encoding_to_char(c.conforencoding), 'to', pg_catalog.pg_encoding_to_char(c.contoencoding),
			'function', c.conproc::text, 'default', c.condefault)
	from pg_catalog.pg_conversion c
	join pg_catalog.pg_namespace n on n.oid = c.connamespace`

const selectLanguages = `
	select 'language', pg_catalog.format('%I', lanname), 'pg_catalog.pg_language'::pg_catalog.regclass::oid, oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('trusted', lanpltrusted, 'handler', lanplcallfoid::pg_catalog.regproc::text,
			'inline', laninline::pg_catalog.regproc::text, 'validator', lanvalidator::pg_catalog.regproc::text)
	from pg_catalog.pg_language`

const selectAccessMethods = `
	select 'access method', pg_catalog.format('%I', amname), 'pg_catalog.pg_am'::pg_catalog.regclass::oid, oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('type', amtype, 'handler', amhandler::text)
	from pg_catalog.pg_am`

const selectTransforms = `
	select 'transform', pg_catalog.format('for %s language %I', t.trftype::pg_catalog.regtype, l.lanname), 'pg_catalog.pg_transform'::pg_catalog.regclass::oid,
		t.oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('from', t.trffromsql::text, 'to', t.trftosql::text)
	from pg_catalog.pg_transform t
	join pg_catalog.pg_language l on l.oid = t.trflang`

const selectParsers = `
	select 'text search parser', pg_catalog.format('%I.%I', n.nspname, p.prsname), 'pg_catalog.pg_ts_parser'::pg_catalog.regclass::oid, p.oid, p.prsnamespace, 0::oid, 0,
		pg_catalog.to_jsonb(p) - array['oid', 'prsname', 'prsnamespace']
	from pg_catalog.pg_ts_parser p
	join pg_catalog.pg_namespace n on n.oid = p.prsnamespace`

const selectTemplates = `
	select 'text search template', pg_catalog.format('%I.%I', n.nspname, t.tmplname), 'pg_catalog.pg_ts_template'::pg_catalog.regclass::oid, t.oid, t.tmplnamespace, 0::oid, 0,
		pg_catalog.to_jsonb(t) - array['oid', 'tmplname', 'tmplnamespace']
	from pg_catalog.pg_ts_template t
	join pg_catalog.pg_namespace n on n.oid = t.tmplnamespace`

const selectDictionaries = `
	select 'text search dictionary', d.oid::pg_catalog.regdictionary::text, 'pg_catalog.pg_ts_dict'::pg_catalog.regclass::oid, d.oid, d.dictnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object('template', pg_catalog.format('%I.%I', n.nspname, t.tmplname), 'options', d.dictinitoption)
	from pg_catalog.pg_ts_dict d
	join pg_catalog.pg_ts_template t on t.oid = d.dicttemplate
	join pg_catalog.pg_namespace n on n.oid = t.tmplnamespace`

const selectConfigurations = `
	select 'text search configuration', c.oid::pg_catalog.regconfig::text, 'pg_catalog.pg_ts_config'::pg_catalog.regclass::oid, c.oid, c.cfgnamespace, 0::oid, 0,
		pg_catalog.jsonb_build_object('parser', pg_catalog.format('%I.%I', n.nspname, p.prsname),
			'dictionaries', (select pg_catalog.jsonb_agg(m.maptokentype || ' ' || m.mapdict::pg_catalog.regdictionary::text order by m.maptokentype, m.mapseqno)
				from pg_catalog.pg_ts_config_map m where m.mapcfg = c.oid))
	from pg_catalog.pg_ts_config c
	join pg_catalog.pg_ts_parser p on p.oid = c.cfgparser
	join pg_catalog.pg_namespace n on n.oid = p.prsnamespace`

const selectEventTriggers = `
	select 'event trigger', pg_catalog.format('%I', evtname), 'pg_catalog.pg_event_trigger'::pg_catalog.regclass::oid, oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('event', evtevent, 'function', evtfoid::pg_catalog.regproc::text, 'enabled', evtenabled,
			'tags', (select pg_catalog.jsonb_agg(t order by t) from pg_catalog.unnest(evttags) t))
	from pg_catalog.pg_event_trigger e
	where not exists (
		select from pg_catalog.pg_proc p
		join pg_catalog.pg_namespace n on n.oid = p.pronamespace
		where p.oid = e.evtfoid and n.nspname ~ '` + catalog.LogPattern + `')`

const selectWrappers = `
	select 'foreign data wrapper', pg_catalog.format('%I', fdwname), 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass::oid, oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('handler', fdwhandler::pg_catalog.regproc::text, 'validator', fdwvalidator::pg_catalog.regproc::text,
			'server options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(fdwoptions) o))
	from pg_catalog.pg_foreign_data_wrapper`

const selectServers = `
	select 'server', pg_catalog.format('%I', s.srvname), 'pg_catalog.pg_foreign_server'::pg_catalog.regclass::oid, s.oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('wrapper', w.fdwname, 'type', s.srvtype, 'version', s.srvversion,
			'server options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(s.srvoptions) o))
	from pg_catalog.pg_foreign_server s
	join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw`

// Options are null for who may not see them, so they are compared by superusers.
const selectUserMappings = `
	select 'user mapping', pg_catalog.format('%s on %I', m.usename, m.srvname), 'pg_catalog.pg_user_mapping'::pg_catalog.regclass::oid, m.umid, 0::oid, 0::oid, 0,
		case when pg_catalog.current_setting('is_superuser') = 'on'
			then pg_catalog.jsonb_build_object('server options', (select pg_catalog.jsonb_agg(o order by o) from pg_catalog.unnest(m.umoptions) o)) else '{}' end
	from pg_catalog.pg_user_mappings m`

const selectExtensions = `
	select 'extension', pg_catalog.format('%I', e.extname), 'pg_catalog.pg_extension'::pg_catalog.regclass::oid, e.oid, 0::oid, 0::oid, 0,
		pg_catalog.jsonb_build_object('version', e.extversion, 'schema', n.nspname)
	from pg_catalog.pg_extension e
	join pg_catalog.pg_namespace n on n.oid = e.extnamespace`

// remarks are comments and security labels, with the table that they belong to.
const (
	selectComments = `
	select 'comment', i.type || ' ' || i.identity, d.classoid, d.objoid, ` + remarkSchema + `, ` + remarkTable + `, d.objsubid,
		pg_catalog.jsonb_build_object('text', d.description)
	from pg_catalog.pg_description d, lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
	where ` + remarkKept

	selectLabels = `
	select 'security label', d.provider || ' of ' || i.type || ' ' || i.identity, d.classoid, d.objoid, ` + remarkSchema + `, ` + remarkTable + `, d.objsubid,
		pg_catalog.jsonb_build_object('text', d.label)
	from pg_catalog.pg_seclabel d, lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
	where ` + remarkKept

	remarkSchema = `coalesce((select n.oid from pg_catalog.pg_namespace n where pg_catalog.quote_ident(n.nspname) = i.schema), 0)`

	remarkTable = `coalesce(case d.classoid
			when 'pg_catalog.pg_class'::pg_catalog.regclass then coalesce((select x.indrelid from pg_catalog.pg_index x where x.indexrelid = d.objoid), d.objoid)
			when 'pg_catalog.pg_constraint'::pg_catalog.regclass then (select x.conrelid from pg_catalog.pg_constraint x where x.oid = d.objoid)
			when 'pg_catalog.pg_trigger'::pg_catalog.regclass then (select x.tgrelid from pg_catalog.pg_trigger x where x.oid = d.objoid)
			when 'pg_catalog.pg_rewrite'::pg_catalog.regclass then (select x.ev_class from pg_catalog.pg_rewrite x where x.oid = d.objoid)
			when 'pg_catalog.pg_policy'::pg_catalog.regclass then (select x.polrelid from pg_catalog.pg_policy x where x.oid = d.objoid)
			when 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass then (select x.stxrelid from pg_catalog.pg_statistic_ext x where x.oid = d.objoid)
		end, 0)`

	remarkKept = `(d.objoid >= 16384 or d.classoid in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_largeobject'::pg_catalog.regclass))
		and i.type not like 'publication%' and i.type not like 'subscription%'
		and not (i.type = 'schema' and i.identity ~ '` + catalog.LogPattern + `')`
)
