package executor_test

// kind is a type, with values at its edges.
type kind struct {
	name, typ string

	// values are literals of the type, or behind "=" expressions. NULL is always one
	// more.
	values []string

	// textual: its binary form is not good in another database.
	textual bool

	// keyless: it has no ordering, so it cannot be a key.
	keyless bool
}

// typesSQL makes the types of kinds. Where they are made another time, among others,
// their oids are others.
const valueTypes = `
	create extension hstore; create extension citext; create extension ltree; create extension cube; create extension seg;
	create extension isn; create extension intarray; create extension lo;
	create type mood as enum ('sad', 'ok', 'happy''s "x"', 'äö, {}', '');
	create domain positive as int check (value > 0);
	create domain words as text[];
	create domain moods as mood;
	create domain short as varchar(3);
	create type pair as (a int, b text, c mood, d int[], e timestamptz);
	create type nested as (p pair, list pair[], n numeric);
	create type hollow as ();
	create domain whole_pair as pair check ((value).a is null or (value).a > 0);
	create type span as range (subtype = float8);
	create type moodspan as range (subtype = mood);
	create type textspan as range (subtype = text, collation = "C", multirange_type_name = textspans);
	create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
	create table public.things (id int primary key);`

var builtin = []kind{
	{name: "bool", typ: "bool", values: []string{"t", "f"}},
	{name: "int2", typ: "int2", values: []string{"-32768", "32767", "0"}},
	{name: "int4", typ: "int4", values: []string{"-2147483648", "2147483647", "0"}},
	{name: "int8", typ: "int8", values: []string{"-9223372036854775808", "9223372036854775807", "0"}},
	{name: "float4", typ: "float4", values: []string{"NaN", "Infinity", "-Infinity", "0", "-0", "1e-45", "3.4028235e38", "0.1", "-1.1754944e-38", "16777217"}},
	{name: "float8", typ: "float8", values: []string{"NaN", "Infinity", "-Infinity", "-0", "0", "5e-324", "1.7976931348623157e308", "0.1", "0.30000000000000004", "-123456789.123456789"}},
	{name: "numeric", typ: "numeric", values: []string{"NaN", "Infinity", "-Infinity", "0", "0.00", "1.0", "1.00", "-12345678901234567890123456789.1234567890", "1e1000", "-1e-1000", "1e-16383", "100000000"}},
	{name: "numeric_scaled", typ: "numeric(10,3)", values: []string{"NaN", "9999999.999", "-0.001", "0"}},
	{name: "numeric_negative", typ: "numeric(5,-2)", values: []string{"1234500", "-100"}},
	{name: "money", typ: "money", values: []string{"-92233720368547758.08", "92233720368547758.07", "0", "-0.01", "1234.56"}},
	{name: "text", typ: "text", values: []string{"", " ", "a\nb\tc\r\\ \"q\" 's'", `\N`, "NULL", "null", "äöü € 𝄞 \u200d", "a,b{}()[]", "\x01\x7f", `\\.`, "=repeat('long ', 3000)", " trailing  "}},
	{name: "text_loose", typ: "text collate public.loose", values: []string{"abc", "ABC", "äbc", ""}},
	{name: "varchar", typ: "varchar(10)", values: []string{"abc", "abc  ", "", "0123456789"}},
	{name: "char", typ: "char(5)", values: []string{"ab", "", "12345", " x"}},
	{name: "bpchar", typ: "bpchar", values: []string{"a", "a  ", ""}},
	{name: "one_char", typ: `"char"`, values: []string{"x", "", `\`, " ", "'"}},
	{name: "name", typ: "name", values: []string{"", "Some \"Name\"", "=repeat('n', 63)::name"}},
	{name: "bytea", typ: "bytea", values: []string{"", `\x00ff5c0a0d`, `\x5c5c27`, "=decode(repeat('deadbeef00', 2000), 'hex')"}},
	{name: "date", typ: "date", values: []string{"infinity", "-infinity", "4713-01-01 BC", "0001-01-01 BC", "5874897-12-31", "2024-02-29", "1999-01-02"}},
	{name: "time", typ: "time", values: []string{"00:00", "24:00:00", "23:59:59.999999", "01:02:03.4"}},
	{name: "time_scaled", typ: "time(2)", values: []string{"00:00:00.01", "23:59:59.99"}},
	{name: "timetz", typ: "timetz", values: []string{"00:00:00+15:59:59", "24:00:00-15:59:59", "12:00:00.123456+05:30", "12:00:00+00"}},
	{name: "timestamp", typ: "timestamp", values: []string{"infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "2024-02-29 12:34:56.789", "1999-01-02 03:04:05", "0001-12-31 23:59:59 BC"}},
	{name: "timestamptz", typ: "timestamptz", values: []string{"infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "2024-02-29 12:34:56.789+05:45", "1883-11-18 12:00:00-04:56:02", "2021-11-07 01:30:00-08"}},
	{name: "timestamptz_scaled", typ: "timestamptz(3)", values: []string{"2024-02-29 12:34:56.789+00"}},
	{name: "interval", typ: "interval", values: []string{"0", "1 day", "24:00:00", "1 mon", "30 days", "1 mon -1 day 00:00:00.000001", "-1 year -2 mons +3 days -04:05:06.7", "178000000 years", "-178000000 years", "1000000:00:00", "-00:00:00.5"}},
	{name: "interval_scaled", typ: "interval day to second(3)", values: []string{"1 day 02:03:04.567"}},
	{name: "uuid", typ: "uuid", values: []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
	{name: "json", typ: "json", keyless: true, values: []string{`{"a": 1, "a":  2,"b":[null, {} ]}`, "null", ` "\u0000" `, `1e400`, `"ä\n"`, "[]"}},
	{name: "jsonb", typ: "jsonb", values: []string{`{"a": 1, "a": 2}`, "null", `[1.0, 1.00, -0, 1e300]`, `{"": {"b": [[[]]]}}`, `"ä\n\""`, "1.0", "1.00", "true"}},
	{name: "jsonpath", typ: "jsonpath", keyless: true, values: []string{`$."a"[*] ? (@.b > 1)`, "strict $"}},
	{name: "xml", typ: "xml", keyless: true, textual: true, values: []string{"<a/>", "", `<?xml version="1.0" encoding="UTF-8"?><a b="c">é</a>`, "text <b/> only", "<!-- c -->", `<?xml version="1.1" standalone="yes"?><r/>`}},
	{name: "tsvector", typ: "tsvector", values: []string{"", "a:1A b:2B,3C,4 c", "'it''s':16383", `'\\' 'ä b':5D`}},
	{name: "tsquery", typ: "tsquery", textual: true, values: []string{"", "a & (b | !c)", "a <3> b", "a:*AB", "!(x <-> y)"}},
	{name: "inet", typ: "inet", values: []string{"0.0.0.0/0", "192.168.1.5/24", "192.168.1.5", "::1", "2001:db8::ff/64", "::ffff:1.2.3.4"}},
	{name: "cidr", typ: "cidr", values: []string{"10.0.0.0/8", "::/0", "2001:db8::/32", "192.168.1.5/32"}},
	{name: "macaddr", typ: "macaddr", values: []string{"08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"}},
	{name: "macaddr8", typ: "macaddr8", values: []string{"08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"}},
	{name: "bit", typ: "bit(3)", values: []string{"101", "000"}},
	{name: "bit_long", typ: "bit(17)", values: []string{"10101010101010101"}},
	{name: "varbit", typ: "varbit", values: []string{"", "1", "01", "0101010101010101010101010101"}},
	{name: "point", typ: "point", keyless: true, values: []string{"(NaN,Infinity)", "(0.1,-0)", "(1e-300,1e300)", "(0.30000000000000004,2)"}},
	{name: "line", typ: "line", keyless: true, values: []string{"{1,2,3}", "{0.1,-1,0}"}},
	{name: "lseg", typ: "lseg", keyless: true, values: []string{"[(0,0),(0.1,1)]"}},
	{name: "box", typ: "box", keyless: true, values: []string{"(2,2),(0,0)", "(0.1,1e300),(-1,-Infinity)"}},
	{name: "path", typ: "path", keyless: true, values: []string{"[(0,0),(1,1)]", "((0,0),(1,1),(2,0.1))"}},
	{name: "polygon", typ: "polygon", keyless: true, values: []string{"((0,0),(1,1),(1,0))", "((0.1,NaN))"}},
	{name: "circle", typ: "circle", keyless: true, values: []string{"<(0,0),0>", "<(0.1,2),Infinity>"}},
	{name: "pg_lsn", typ: "pg_lsn", values: []string{"0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"}},
	{name: "txid_snapshot", typ: "txid_snapshot", keyless: true, values: []string{"10:20:10,14,15", "1:1:"}},
	{name: "pg_snapshot", typ: "pg_snapshot", keyless: true, values: []string{"10:20:10,14,15", "9223372036854775806:9223372036854775807:"}},
	{name: "xid", typ: "xid", keyless: true, values: []string{"4294967295", "0"}},
	{name: "xid8", typ: "xid8", values: []string{"18446744073709551615", "3"}},
	{name: "cid", typ: "cid", keyless: true, values: []string{"5", "4294967295"}},
	{name: "tid", typ: "tid", values: []string{"(0,1)", "(4294967295,65535)"}},
	{name: "oid", typ: "oid", values: []string{"0", "4294967295", "16384"}},
	{name: "oidvector", typ: "oidvector", textual: true, values: []string{"1 2 4294967295", ""}},
	{name: "int2vector", typ: "int2vector", keyless: true, textual: true, values: []string{"1 -2 3", ""}},
	{name: "regclass", typ: "regclass", textual: true, values: []string{"pg_class", "-", "4294967295", "public.things"}},
	{name: "regproc", typ: "regproc", textual: true, values: []string{"pg_backend_pid", "-"}},
	{name: "regprocedure", typ: "regprocedure", textual: true, values: []string{"abs(integer)"}},
	{name: "regoper", typ: "regoper", textual: true, values: []string{"pg_catalog.||/"}},
	{name: "regoperator", typ: "regoperator", textual: true, values: []string{"+(integer,integer)", "-(NONE,integer)"}},
	{name: "regtype", typ: "regtype", textual: true, values: []string{"integer", "public.mood", "public.pair[]", "-"}},
	{name: "regrole", typ: "regrole", textual: true, values: []string{"postgres", "-"}},
	{name: "regnamespace", typ: "regnamespace", textual: true, values: []string{"pg_catalog", "public"}},
	{name: "regconfig", typ: "regconfig", textual: true, values: []string{"english"}},
	{name: "regdictionary", typ: "regdictionary", textual: true, values: []string{"simple"}},
	{name: "regcollation", typ: "regcollation", textual: true, values: []string{`"C"`, "public.loose"}},
	{name: "aclitem", typ: "aclitem", keyless: true, textual: true, values: []string{"postgres=r*w/postgres", "postgres=X/postgres"}},
}

var ranges = []kind{
	{name: "int4range", typ: "int4range", values: []string{"empty", "[1,5)", "(,)", "[1,)", "(,5)"}},
	{name: "int8range", typ: "int8range", values: []string{"[-9223372036854775808,9223372036854775807)"}},
	{name: "numrange", typ: "numrange", values: []string{"[NaN,NaN]", "(-Infinity,Infinity)", "[1.0,2.00)", "[1,2)", "(1,1.0000000000000000000000001]"}},
	{name: "daterange", typ: "daterange", values: []string{"[2024-01-01,infinity]", "[-infinity,4713-01-01 BC)", "empty"}},
	{name: "tsrange", typ: "tsrange", values: []string{"[2024-01-01 00:00:00.000001,infinity)", "(,)"}},
	{name: "tstzrange", typ: "tstzrange", values: []string{"[2024-01-01 00:00:00+05,2025-01-01 00:00:00-08]", "(-infinity,)"}},
	{name: "int4multirange", typ: "int4multirange", values: []string{"{}", "{[1,3),[5,)}", "{(,)}"}},
	{name: "tstzmultirange", typ: "tstzmultirange", values: []string{"{[2024-01-01 00:00:00+05,2025-01-01 00:00:00-08],(2026-01-01 00:00:00+00,infinity]}"}},
	{name: "nummultirange", typ: "nummultirange", values: []string{"{[1.0,2.00),[NaN,NaN]}"}},
	{name: "span", typ: "public.span", values: []string{"[0.1,NaN]", "(-Infinity,-0]", "empty"}},
	{name: "span_multirange", typ: "public.span_multirange", values: []string{"{[0.1,0.30000000000000004),[5,Infinity]}"}},
	{name: "moodspan", typ: "public.moodspan", values: []string{"[sad,ok]", `("happy's \"x\"",]`}},
	{name: "textspan", typ: "public.textspan", values: []string{`["",b)`, `["a,b","c\\d\""]`, "(,)"}},
	{name: "textspans", typ: "public.textspans", values: []string{`{["",b),[c,)}`}},
}

var arrays = []kind{
	{name: "int4_array", typ: "int4[]", values: []string{"{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:1]={1,2}", "[-2:-1][3:4]={{1,2},{3,NULL}}", "{{{{{{1}}}}}}", "{NULL}"}},
	{name: "text_array", typ: "text[]", values: []string{`{NULL,"NULL","","a,b","{}","\"q\"","\\","null"," "}`, "{{a,b},{c,d}}", "[5:5]={x}", "{}", "=array_fill('toast'::text, array[3000])"}},
	{name: "float8_array", typ: "float8[]", values: []string{"{NaN,-0,Infinity,0.1,5e-324}"}},
	{name: "numeric_array", typ: "numeric[]", values: []string{"{1.0,1.00,NaN,-Infinity}", "{1.00,1.0,NaN,-Infinity}"}},
	{name: "timestamptz_array", typ: "timestamptz[]", values: []string{`{"2024-01-02 03:04:05+00",infinity,"0044-03-15 12:00:00+00 BC"}`}},
	{name: "date_array", typ: "date[]", values: []string{`{1999-01-02,-infinity,"0044-03-15 BC"}`}},
	{name: "interval_array", typ: "interval[]", values: []string{`{"1 mon -1 day","-04:05:06.7"}`}},
	{name: "bytea_array", typ: "bytea[]", values: []string{`{"\\x00ff5c","",NULL}`}},
	{name: "bool_array", typ: "bool[]", values: []string{"{t,f,NULL}"}},
	{name: "jsonb_array", typ: "jsonb[]", values: []string{`{"{\"a\": [1, null]}",null}`}},
	{name: "json_array", typ: "json[]", keyless: true, values: []string{`{"{\"a\": 1, \"a\": 2}"}`}},
	{name: "money_array", typ: "money[]", values: []string{"{-1.5,1234.56}"}},
	{name: "bit_array", typ: "bit(3)[]", values: []string{"{101,NULL,000}"}},
	{name: "varbit_array", typ: "varbit[]", values: []string{`{"",1,01}`}},
	{name: "char_array", typ: "char(3)[]", values: []string{`{a,"b  ",""}`}},
	{name: "one_char_array", typ: `"char"[]`, values: []string{`{a,"",NULL,"\\"}`}},
	{name: "name_array", typ: "name[]", values: []string{`{"",x}`}},
	{name: "box_array", typ: "box[]", keyless: true, values: []string{"{(1,1),(0,0);(2,2),(0.1,1);NULL}"}},
	{name: "point_array", typ: "point[]", keyless: true, values: []string{`{"(1,-0)","(0.1,NaN)"}`}},
	{name: "inet_array", typ: "inet[]", values: []string{"{::1,10.0.0.1/8}"}},
	{name: "range_array", typ: "int4range[]", values: []string{`{"[1,5)",empty,NULL,"(,)"}`}},
	{name: "tsvector_array", typ: "tsvector[]", values: []string{`{"'a':1A 'b''c'",""}`}},
	{name: "xml_array", typ: "xml[]", keyless: true, textual: true, values: []string{`{<a/>,"<b c=\"d\"/>"}`}},
	{name: "regtype_array", typ: "regtype[]", textual: true, values: []string{`{integer,public.mood,"character varying"}`}},
}

var made = []kind{
	{name: "mood", typ: "public.mood", values: []string{"sad", `happy's "x"`, "äö, {}", ""}},
	{name: "moods", typ: "public.moods", values: []string{"ok", ""}},
	{name: "positive", typ: "public.positive", values: []string{"1", "2147483647"}},
	{name: "words", typ: "public.words", values: []string{`{a,NULL,""}`, "[2:2]={x}"}},
	{name: "short", typ: "public.short", values: []string{"", "abc", "a "}},
	{name: "citext", typ: "public.citext", values: []string{"MiXed", "mixed", ""}},
	{name: "mood_array", typ: "public.mood[]", textual: true, values: []string{`{ok,NULL,"äö, {}",""}`, "[0:0]={sad}"}},
	{name: "positive_array", typ: "public.positive[]", textual: true, values: []string{"{1,NULL}", "{{1,2},{3,4}}"}},
	{name: "pair", typ: "public.pair", textual: true, values: []string{`(1,"a,b ""q"" \\",ok,"{1,NULL}","2024-01-02 03:04:05+00")`, "(,,,,)", `(0," ","",{},infinity)`}},
	{name: "pair_array", typ: "public.pair[]", textual: true, values: []string{`{"(1,\"a,b\",ok,\"{1,2}\",)",NULL,"(,,,,)"}`}},
	{name: "nested", typ: "public.nested", textual: true, values: []string{`("(1,""a"",ok,,)","{""(2,b,,,)"",NULL}",1.00)`}},
	{name: "hollow", typ: "public.hollow", keyless: true, textual: true, values: []string{"()"}},
	{name: "whole_pair", typ: "public.whole_pair", textual: true, values: []string{"(1,,,,)"}},
	{name: "row", typ: "public.things", textual: true, values: []string{"(1)", "()"}},
	{name: "span_array", typ: "public.span[]", textual: true, values: []string{`{"[0.1,5)",empty}`}},
	{name: "citext_array", typ: "public.citext[]", textual: true, values: []string{"{A,a,NULL}"}},
	{name: "hstore", typ: "public.hstore", textual: true, values: []string{"", `"a"=>"1", "b"=>NULL, ""=>"x,\"y\" => "`}},
	{name: "ltree", typ: "public.ltree", textual: true, values: []string{"a.b_c.D", ""}},
	{name: "lquery", typ: "public.lquery", keyless: true, textual: true, values: []string{"a.*{2,}.b@|c%"}},
	{name: "ltxtquery", typ: "public.ltxtquery", keyless: true, textual: true, values: []string{"a & (b* | !c@)"}},
	{name: "cube", typ: "public.cube", textual: true, values: []string{"(1, 2),(3, 0.1)", "(0.30000000000000004)", "()"}},
	{name: "seg", typ: "public.seg", textual: true, values: []string{"1.5 .. 2.50", "~6.5", "5.0 ..", "1(+-)0.3"}},
	{name: "isbn", typ: "public.isbn", textual: true, values: []string{"978-0-393-04002-9"}},
	{name: "ean13", typ: "public.ean13", textual: true, values: []string{"977-1144875-00-7"}},
	{name: "query_int", typ: "public.query_int", keyless: true, textual: true, values: []string{"1&(2|!3)"}},
	{name: "lo", typ: "public.lo", keyless: true, values: []string{"4294967295", "0"}},
}
