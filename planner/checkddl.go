package planner

import (
	"fmt"
	"slices"
	"strings"

	"bascule/planner/catalog"
	"bascule/planner/statement"
)

// parserMajor is the version of PostgreSQL whose grammar commands are read by.
const parserMajor = 17

// checking holds a command against both sides of its mirrors.
type checking struct {
	*maker
	*command
	sides []*side               // those that it is for
	seen  map[string]*relations // what peers have, by address, before this command
	out   *DDL

	source *relations
	keyed  keying
}

// check fills in the statements, with findings about what each would meet.
func (k *checking) check() {
	k.source = k.relations(k.out.Source, k.maker.source(k.command))
	k.checkSides()
	list := k.parse()
	if k.failed != nil {
		k.unreadable()
		return
	}
	for i := range list {
		list[i].Alone = list[i].Alone || k.inParts(&list[i])
	}
	k.checkAlone(list)
	k.out.Alone = slices.ContainsFunc(list, func(s statement.Statement) bool { return s.Alone })
	k.checkSets()
	k.keyed = k.keying(list)
	k.checkCarriers()
	for i := range list {
		s := &list[i]
		k.checkStatement(s)
		k.out.Statements = append(k.out.Statements, k.describe(s))
		k.after(s)
	}
}

// relations are those of a peer, with what the commands before have made.
func (k *checking) relations(peer string, db *catalog.Database) *relations {
	if k.seen[peer] == nil && db != nil {
		k.seen[peer] = newRelations(db)
	}
	return k.seen[peer]
}

// after notes what a statement makes of names.
func (k *checking) after(s *statement.Statement) {
	if !k.onSource() {
		k.source.after(s)
	}
	for _, x := range k.sides {
		if there := k.target(x); there != nil && x.stage() != ddlApplied {
			there.after(s)
		}
	}
}

// target is what the target of a side has; nil where the plan makes that as the source's.
func (k *checking) target(s *side) *relations {
	if s.fresh {
		return nil
	}
	return k.relations(s.decl.Target.Address, k.in.Live[s.decl.Target.Address].Database)
}

func (k *checking) found(attribute, code, severity, summary, detail string, objects ...string) {
	k.findDDL(k.command, attribute, code, severity, summary, detail, objects...)
}

// unreadable says that the command is no SQL that is known here.
func (k *checking) unreadable() {
	k.out.Statements = []DDLStatement{{Text: k.out.Command, Locks: []DDLLock{}, Rewrite: statement.Unknown}}
	summary := "the command cannot be read: " + k.failed.Error()
	if v := k.source.db.Version; v.Major() > parserMajor {
		detail := fmt.Sprintf("It is held against the grammar of PostgreSQL %d, and the source has %s. If it is right there, it runs, in one transaction. What it locks, rewrites and makes is not known here, nor is whether it can run in a transaction; its names, roles, owners and defaults are not checked.", parserMajor, v.Text)
		k.found("command", codeSyntax, Warning, summary, detail+k.older(v))
		return
	}
	k.found("command", codeSyntax, Refusal, summary, "Correct the command.")
}

// older says which targets may not know a command that is of a newer grammar.
func (k *checking) older(v catalog.Version) string {
	var list []string
	for _, x := range k.sides {
		if db := k.applies(x); db != nil && db.Version.Major() < v.Major() && x.stage() != ddlApplied {
			list = append(list, fmt.Sprintf("%s has %s", x.decl.Target.Address, db.Version.Text))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf(" %s, which may not know it: the mirror would stand still there, with the source changed.", strings.Join(list, ", "))
}

// inParts reports whether a statement does partition by partition, each in a transaction
// of its own, what it does to a table.
func (k *checking) inParts(s *statement.Statement) bool {
	return (s.Kind == "REINDEX" || s.Kind == "CLUSTER") && slices.ContainsFunc(s.Tables, func(t statement.Table) bool {
		r := k.source.table(t)
		return r != nil && r.Kind == catalog.Partitioned
	})
}

// checkAlone refuses to put what cannot run in a transaction beside anything else.
func (k *checking) checkAlone(list []statement.Statement) {
	if len(list) < 2 {
		return
	}
	for i := range list {
		if list[i].Alone {
			k.found("command", codeAlone, Refusal, statementText(&list[i])+" cannot run in a transaction, and the command has other statements", "Put it into a ddl block of its own.")
		}
	}
}

// checkStatement runs the checks of one statement.
func (k *checking) checkStatement(s *statement.Statement) {
	if s.Refused != "" {
		k.found("command", codeRefused, Refusal, statementText(s)+": "+s.Refused, "Take it out of the block.")
		return
	}
	if s.Opaque {
		k.found("command", codeOpaque, Warning, statementText(s)+" runs code that cannot be looked into: what it locks and makes is not known",
			"It runs on each side, on its own rows. Rows that it writes to tables that are followed roll it back. Statements that say what they do can be checked.")
	}
	k.checkNames(s)
	k.checkVolatile(s)
	k.checkCommandRoles(s)
	k.checkThere(s)
	k.checkOwners(s)
	k.checkCarrierOwns(s)
	k.checkOtherNames(s)
	k.checkFires(s)
	k.checkOthers(s)
}

// checkNames refuses names without a schema: nothing but pg_catalog is searched.
func (k *checking) checkNames(s *statement.Statement) {
	var objects, fixes []string
	for _, name := range s.Unqualified {
		objects = append(objects, name)
		if list := k.source.suggest(name); len(list) == 1 {
			fixes = append(fixes, fmt.Sprintf("%s for %s", list[0], strings.TrimSuffix(name, "()")))
		}
	}
	if len(objects) == 0 {
		return
	}
	detail := "Commands run with an empty search_path, so that they mean the same on both sides. Write the schema before each name."
	if len(fixes) > 0 {
		detail += " Write " + strings.Join(fixes, ", ") + "."
	}
	k.found("command", codeUnqualified, Refusal, plural(len(objects), "name lacks its schema", "names lack their schemas")+": "+few(objects), detail, objects...)
}

// checkVolatile says that what is computed for rows that are there may come out
// differently on each side.
func (k *checking) checkVolatile(s *statement.Statement) {
	var list []string
	for _, name := range s.Volatile {
		if !k.immutable(name) {
			list = append(list, name)
		}
	}
	if len(list) == 0 || !k.filled(s) {
		return
	}
	k.found("command", codeVolatile, Warning, fmt.Sprintf("%s: %s may give other values on each side, for rows that are there", statementText(s), few(list)),
		"Add the column without it, set the default then, and fill the rows that are there with an UPDATE of the application: that is followed.", list...)
}

// immutable reports whether all functions of a name always give the same.
func (k *checking) immutable(name string) bool {
	found := false
	for _, o := range k.source.db.Objects {
		if base, _ := cutArguments(o.Name); o.Volatility != 0 && shown(o.Schema, base) == name {
			if o.Volatility != 'i' {
				return false
			}
			found = true
		}
	}
	return found
}

// filled reports whether the statement computes anything for rows that are there.
func (k *checking) filled(s *statement.Statement) bool {
	if s.Kind == "CREATE TABLE AS" || s.Kind == "SELECT INTO" || s.Kind == "CREATE MATERIALIZED VIEW" {
		return true
	}
	return slices.ContainsFunc(s.Tables, func(t statement.Table) bool {
		r := k.source.table(t)
		return r != nil && slices.ContainsFunc(k.source.family(r), func(x *catalog.Relation) bool { return x.Pages > 0 || x.Rows > 0 })
	})
}

// checkCommandRoles refuses roles that a side lacks.
func (k *checking) checkCommandRoles(s *statement.Statement) {
	lacking := func(db *catalog.Database, made []Role) (list []string) {
		for _, name := range s.Roles {
			there := strings.HasPrefix(name, "pg_") || roleNamed(db, name) != nil
			if !there && !slices.ContainsFunc(made, func(r Role) bool { return r.Name == name }) {
				list = append(list, name)
			}
		}
		return list
	}
	say := func(peer string, list []string) {
		if len(list) > 0 {
			k.found("command", codeNoRole, Refusal, fmt.Sprintf("%s has no %s", peer, "role "+few(list)), "Create it there first, or take it out of the command.", list...)
		}
	}
	if !k.onSource() {
		say(k.out.Source, lacking(k.source.db, nil))
	}
	for _, x := range k.sides {
		live := k.in.Live[x.decl.Target.Address]
		db, made := live.Database, []Role(nil)
		if db == nil {
			db = live.Server
		}
		if x.change != nil {
			made = x.change.Mirror.Options.Roles
		}
		if db != nil && x.stage() != ddlApplied {
			say(x.decl.Target.Address, lacking(db, made))
		}
	}
}
