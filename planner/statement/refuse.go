package statement

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// refusal is the reason why a ddl block cannot have a statement, or "".
func refusal(n *pg.Node) string {
	if reason := refusals[typeOf(n)]; reason != "" {
		return reason
	}
	if reason := sharedObject(n); reason != "" {
		return reason
	}
	if temporary(n) {
		return ofTemporary
	}
	return refusedQuery(n)
}

// sharedObject refuses the statements that are about anything, when it is something
// that a server has rather than a database.
func sharedObject(n *pg.Node) string {
	switch {
	case n.GetDropStmt() != nil:
		return sharedObjects[n.GetDropStmt().GetRemoveType()]
	case n.GetRenameStmt() != nil:
		return sharedObjects[n.GetRenameStmt().GetRenameType()]
	case n.GetAlterOwnerStmt() != nil:
		return sharedObjects[n.GetAlterOwnerStmt().GetObjectType()]
	case n.GetCommentStmt() != nil:
		return sharedObjects[n.GetCommentStmt().GetObjtype()]
	case n.GetSecLabelStmt() != nil:
		return sharedObjects[n.GetSecLabelStmt().GetObjtype()]
	case n.GetGrantStmt() != nil:
		return sharedObjects[n.GetGrantStmt().GetObjtype()]
	}
	return ""
}

// temporary says whether a statement makes something that its session alone has.
func temporary(n *pg.Node) bool {
	made := []*pg.RangeVar{
		n.GetCreateStmt().GetRelation(), n.GetCreateTableAsStmt().GetInto().GetRel(), n.GetViewStmt().GetView(),
		n.GetCreateSeqStmt().GetSequence(), n.GetSelectStmt().GetIntoClause().GetRel(),
	}
	for _, r := range made {
		if r.GetRelpersistence() == "t" || r.GetSchemaname() == "pg_temp" {
			return true
		}
	}
	return false
}

// refusedQuery refuses queries that write rows and those of a prepared statement.
func refusedQuery(n *pg.Node) string {
	as := n.GetCreateTableAsStmt()
	if n.GetSelectStmt() == nil && as == nil {
		return ""
	}
	if as.GetQuery().GetExecuteStmt() != nil {
		return ofSession
	}
	reason := ""
	walk(n, func(m proto.Message) bool {
		switch m.(type) {
		case *pg.InsertStmt, *pg.UpdateStmt, *pg.DeleteStmt, *pg.MergeStmt:
			reason = ofRows
		}
		return reason == ""
	})
	return reason
}

// The reasons.
const (
	ofServer      = "it concerns the whole server, not a database: run it on each server by itself"
	ofRole        = "roles belong to the whole server: run it on each server by itself"
	ofOwner       = "what it concerns depends on who owns what, which can differ between the sides: name the objects"
	ofTransaction = "the command runs in a transaction that begins before it and ends after it"
	ofSetting     = "settings are pinned while a command runs, and its session ends after it"
	ofSession     = "it concerns its session alone, which ends after the command"
	ofRows        = "rows that are written travel through the mirror: written on both sides they would arrive twice"
	ofCopy        = "COPY moves rows, and rows travel through the mirror"
	ofReplication = "publications and subscriptions are of one side: run it there"
	ofTemporary   = "what is temporary is gone with its session, which ends after the command"
	ofTruncate    = "a TRUNCATE on the source travels through the mirror: run it there, as any change of rows"
	ofNothing     = "it is no DDL"
)

// refusals are the reasons by node.
var refusals = map[string]string{
	"AlterSystemStmt":              ofServer,
	"CreatedbStmt":                 ofServer,
	"AlterDatabaseStmt":            ofServer,
	"AlterDatabaseSetStmt":         ofServer,
	"AlterDatabaseRefreshCollStmt": ofServer,
	"DropdbStmt":                   ofServer,
	"CreateTableSpaceStmt":         ofServer,
	"DropTableSpaceStmt":           ofServer,
	"AlterTableSpaceOptionsStmt":   ofServer,
	"CheckPointStmt":               ofServer,
	"CreateRoleStmt":               ofRole,
	"AlterRoleStmt":                ofRole,
	"AlterRoleSetStmt":             ofRole,
	"DropRoleStmt":                 ofRole,
	"GrantRoleStmt":                ofRole,
	"DropOwnedStmt":                ofOwner,
	"ReassignOwnedStmt":            ofOwner,
	"TransactionStmt":              ofTransaction,
	"VariableSetStmt":              ofSetting,
	"ConstraintsSetStmt":           ofSetting,
	"DiscardStmt":                  ofSession,
	"PrepareStmt":                  ofSession,
	"ExecuteStmt":                  ofSession,
	"DeallocateStmt":               ofSession,
	"DeclareCursorStmt":            ofSession,
	"FetchStmt":                    ofSession,
	"ClosePortalStmt":              ofSession,
	"ListenStmt":                   ofSession,
	"UnlistenStmt":                 ofSession,
	"LoadStmt":                     ofSession,
	"InsertStmt":                   ofRows,
	"UpdateStmt":                   ofRows,
	"DeleteStmt":                   ofRows,
	"MergeStmt":                    ofRows,
	"TruncateStmt":                 ofTruncate,
	"CopyStmt":                     ofCopy,
	"CreatePublicationStmt":        ofReplication,
	"AlterPublicationStmt":         ofReplication,
	"CreateSubscriptionStmt":       ofReplication,
	"AlterSubscriptionStmt":        ofReplication,
	"DropSubscriptionStmt":         ofReplication,
	"NotifyStmt":                   ofNothing,
	"VariableShowStmt":             ofNothing,
	"ExplainStmt":                  ofNothing,
}

// sharedObjects are the reasons by kind of object.
var sharedObjects = map[pg.ObjectType]string{
	pg.ObjectType_OBJECT_DATABASE:      ofServer,
	pg.ObjectType_OBJECT_TABLESPACE:    ofServer,
	pg.ObjectType_OBJECT_PARAMETER_ACL: ofServer,
	pg.ObjectType_OBJECT_ROLE:          ofRole,
	pg.ObjectType_OBJECT_PUBLICATION:   ofReplication,
	pg.ObjectType_OBJECT_SUBSCRIPTION:  ofReplication,
}
