package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// checkThere refuses what the source or a target does not have.
func (k *checking) checkThere(s *statement.Statement) {
	for _, t := range s.Tables {
		if t.Schema == "" || t.Optional || strings.HasPrefix(t.Schema, "pg_") || t.Schema == "information_schema" {
			continue
		}
		if !k.onSource() && !k.source.has(t) {
			var all []string
			for name := range k.source.byName {
				all = append(all, name.String())
			}
			slices.Sort(all)
			k.found("command", codeNoRelation, Refusal, fmt.Sprintf("%s: the source has no %s %s", statementText(s), t.Kind, t), meant(nearest(t.String(), all), "Correct the name, or let a block that makes it run before: depends_on."), t.String())
			continue
		}
		for _, x := range k.sides {
			if x.stage() != ddlApplied && k.lacks(x, t) {
				k.found("command", codeNoRelation, Refusal, fmt.Sprintf("%s: the target of %s has no %s %s", statementText(s), x.decl.Address, t.Kind, t),
					fmt.Sprintf("Take %s out of mirrors, or select the table in it. What only the source has is changed there by hand.", x.decl.Address), t.String())
			}
		}
	}
}

// lacks reports whether a target will not have what a statement names.
func (k *checking) lacks(x *side, t statement.Table) bool {
	if there := k.target(x); there != nil {
		return !there.has(t) && !k.brings(x, t)
	}
	r := k.source.table(t)
	return r != nil && r.OID != 0 && x.decl.Schema.Copy && slices.ContainsFunc(x.change.Mirror.LeftOut, func(l LeftOut) bool { return l.Class == catalog.ClassRelation && l.OID == r.OID })
}

// brings reports whether the plan makes the table on the target before the command runs.
func (k *checking) brings(x *side, t statement.Table) bool {
	return x.change != nil && slices.ContainsFunc(x.change.Mirror.Tables, func(made Table) bool {
		schema, name := made.FinalName()
		return made.Work == WorkAdd && schema == t.Schema && name == t.Name
	})
}

// owned are the statements that only the owner of their table, view or sequence may run.
var owned = []string{"ALTER TABLE", "DROP TABLE", "CREATE INDEX", "DROP INDEX", "COMMENT", "CREATE POLICY", "ALTER POLICY", "DROP POLICY",
	"CREATE RULE", "DROP RULE", "DROP TRIGGER", "CREATE STATISTICS", "CREATE VIEW", "ALTER VIEW", "DROP VIEW", "ALTER MATERIALIZED VIEW",
	"DROP MATERIALIZED VIEW", "ALTER SEQUENCE", "DROP SEQUENCE", "ALTER FOREIGN TABLE", "DROP FOREIGN TABLE"}

// checkOwners refuses what the role of a peer may not do with its tables. Where several
// are named and none is locked against everybody, it is not known which one is altered.
func (k *checking) checkOwners(s *statement.Statement) {
	say := func(peer string, there *relations) {
		list := foreignObjects(s, there.db, func(owner string) bool { return acts(there.db.Role, owner) })
		for _, t := range s.Tables {
			if !slices.Contains(owned, s.Kind) {
				continue
			}
			r := there.table(t)
			if r != nil && !r.IsOwner && !there.db.Role.Superuser && k.altering(s, t) {
				list = append(list, t.String())
			}
		}
		if len(list) > 0 {
			k.found("command", codeNotOwner, Refusal, fmt.Sprintf("%s: role %s of %s does not own %s", statementText(s), there.db.Role.Name, peer, few(list)),
				fmt.Sprintf("On %s: give it to that role, or make the role a member of the owner.", peer), list...)
		}
	}
	if !k.onSource() {
		say(k.out.Source, k.source)
	}
	for _, x := range k.sides {
		if there := k.target(x); there != nil && x.stage() != ddlApplied {
			say(x.decl.Target.Address, there)
		}
	}
}

// foreignObjects are types, functions and schemas that a statement alters and whose
// owner a role does not act as. Of several functions of one name it is not known which is meant.
func foreignObjects(s *statement.Statement, db *catalog.Database, its func(owner string) bool) (list []string) {
	for _, o := range s.Objects {
		if owners := ownersOf(o, db); len(owners) > 0 && !slices.ContainsFunc(owners, its) {
			list = append(list, o.Kind+" "+o.Name.String())
		}
	}
	return list
}

func ownersOf(o statement.Object, db *catalog.Database) (owners []string) {
	for _, x := range db.Objects {
		base, function := cutArguments(x.Name)
		isType := slices.Contains([]string{"enum", "domain", "composite", "range", "type"}, x.Kind)
		if x.Schema == o.Name.Schema && base == o.Name.Name && (o.Kind == statement.OfFunction && function || o.Kind == statement.OfType && isType) {
			owners = append(owners, x.Owner)
		}
	}
	for _, x := range db.Relations {
		if o.Kind == statement.OfType && x.Kind == catalog.Composite && x.Schema == o.Name.Schema && x.Name == o.Name.Name {
			owners = append(owners, x.Owner)
		}
	}
	for _, x := range db.Schemas {
		if o.Kind == statement.OfSchema && x.Name == o.Name.Name {
			owners = append(owners, x.Owner)
		}
	}
	return owners
}

// altering reports whether it is known to be this one that the statement alters, and not
// one that it only looks at.
func (k *checking) altering(s *statement.Statement, t statement.Table) bool {
	return t.Lock == "ACCESS EXCLUSIVE" || t.Kind == "sequence" || len(s.Tables) == 1 && s.Kind != "CREATE VIEW"
}

// checkOtherNames refuses tables that are called otherwise on a target, and warns of
// columns that it does not have.
func (k *checking) checkOtherNames(s *statement.Statement) {
	var concerned []statement.Name
	for _, t := range s.Tables {
		concerned = append(concerned, nameOf(t))
	}
	concerned = append(concerned, s.Creates...)
	for _, r := range s.Renames {
		concerned = append(concerned, r.From, r.To)
	}
	for _, x := range k.sides {
		for _, b := range x.decl.Blocks {
			if slices.Contains(concerned, statement.Name{Schema: b.Schema, Name: b.Name}) {
				k.checkBlock(s, x.decl, b)
			}
		}
	}
}

func (k *checking) checkBlock(s *statement.Statement, decl *config.Mirror, b *config.TableBlock) {
	name := shown(b.Schema, b.Name)
	renamed := slices.ContainsFunc(s.Renames, func(r statement.Rename) bool { return r.From == statement.Name{Schema: b.Schema, Name: b.Name} })
	switch {
	case b.TargetSchema != b.Schema || b.TargetName != b.Name:
		k.found("command", codeOtherName, Refusal, fmt.Sprintf("%s: on the target of %s the table %s is called %s", statementText(s), decl.Address, name, shown(b.TargetSchema, b.TargetName)),
			"A command is the same on both sides. Run it by hand on each, the source last: the mirror stops where the rows change, and goes on when the target fits.", name)
	case renamed:
		k.found("command", codeOtherName, Refusal, fmt.Sprintf("%s: %s has a table block under the old name", statementText(s), decl.Address),
			"Rename the table block together with the table: it is taken for the same one until the command has run.", name)
	case len(b.ExcludeColumns) > 0:
		k.found("command", codeOtherName, Warning, fmt.Sprintf("%s: the target of %s does not have all columns of %s", statementText(s), decl.Address, name),
			"A command that names one of exclude_columns fails on the target.", name)
	}
}

// shaping are the statements that change what a table looks like in the stream.
var shaping = []string{"ALTER TABLE", "DROP TABLE", "ALTER SCHEMA", "DROP SCHEMA", "ALTER TYPE"}

// checkOthers names mirrors of the same source that follow a table and are not named, or
// would follow one that is made.
func (k *checking) checkOthers(s *statement.Statement) {
	for _, decl := range k.in.Config.Mirrors {
		if !decl.Continuous || decl.Source != k.decl.Mirrors[0].Source || slices.Contains(k.decl.Mirrors, decl) {
			continue
		}
		if tables := k.shaped(s, decl); len(tables) > 0 {
			k.found("mirrors", codeUnnamed, Warning, fmt.Sprintf("%s follows %s too, and is not named", decl.Address, few(tables)),
				"It stops where the table changes, if it is halted by that. Name it in mirrors.", tables...)
		}
		if tables := k.wanted(s, decl); len(tables) > 0 {
			k.found("mirrors", codeUnnamed, Warning, fmt.Sprintf("%s selects %s too, and is not named", decl.Address, few(tables)),
				"Its target lacks the table until an apply after this one copies it there. Name it in mirrors.", tables...)
		}
	}
}

// shaped are the tables of a mirror that a statement changes.
func (k *checking) shaped(s *statement.Statement, decl *config.Mirror) (tables []string) {
	if !slices.Contains(shaping, s.Kind) {
		return nil
	}
	for _, t := range s.Tables {
		r := k.source.table(t)
		if t.Lock == "ACCESS EXCLUSIVE" && r != nil && slices.ContainsFunc(k.source.family(r), func(part *catalog.Relation) bool { return k.follows(decl, part) }) {
			tables = append(tables, t.String())
		}
	}
	for _, n := range sortedNames(k.source.names()) {
		r := k.source.byName[n]
		if (r.Kind == catalog.Table || r.Kind == catalog.Partitioned) && (inSchemas(s, n) || altered(s, r)) && k.follows(decl, r) {
			tables = append(tables, n.String())
		}
	}
	return tables
}

// inSchemas reports whether a statement renames or drops the schema of a table.
func inSchemas(s *statement.Statement, n statement.Name) bool {
	return slices.ContainsFunc(s.Schemas, func(x statement.Schema) bool { return x.From == n.Schema })
}

// altered reports whether a statement alters the type of a column, or of its elements.
func altered(s *statement.Statement, r *catalog.Relation) bool {
	return slices.ContainsFunc(s.Alters, func(t statement.Name) bool {
		return slices.ContainsFunc(r.Columns, func(c catalog.Column) bool { return strings.TrimSuffix(c.Type, "[]") == t.String() })
	})
}

// wanted are the tables that a statement makes and a mirror selects.
func (k *checking) wanted(s *statement.Statement, decl *config.Mirror) (tables []string) {
	for _, n := range s.Creates {
		if (selects(decl, n) || k.joinsRoot(s, decl, n)) && !(s.Unsure && k.source.byName[n] != nil) {
			tables = append(tables, n.String())
		}
	}
	return tables
}

// follows reports whether a mirror follows a table of its source, when the plan is done.
func (k *checking) follows(decl *config.Mirror, r *catalog.Relation) bool {
	if c := k.changed(decl.Address, Create, Update, Replace); c != nil && c.Mirror != nil && c.Mirror.AdoptFrom == "" {
		return slices.ContainsFunc(c.Mirror.Tables, func(t Table) bool {
			return t.OID == r.OID && (t.Follow == FollowAll || t.Follow == FollowInserts) && t.Work != WorkRemove
		})
	}
	if led := k.recordOf(decl); led != nil && r.OID != 0 {
		return slices.ContainsFunc(led.Members, func(t catalog.LedgerMember) bool { return t.Source == r.OID && t.State != catalog.MemberRemoved })
	}
	return selects(decl, statement.Name{Schema: r.Schema, Name: r.Name})
}
