package statement

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// kindOf is the tag of a statement, as PostgreSQL's event triggers tell it.
func kindOf(n *pg.Node) string {
	if kind := kinds[typeOf(n)]; kind != "" {
		return kind
	}
	switch {
	case n.GetAlterTableStmt() != nil:
		return "ALTER " + word(n.GetAlterTableStmt().GetObjtype())
	case n.GetDropStmt() != nil:
		return "DROP " + word(n.GetDropStmt().GetRemoveType())
	case n.GetRenameStmt() != nil:
		r := n.GetRenameStmt()
		if r.GetRenameType() == pg.ObjectType_OBJECT_COLUMN {
			return "ALTER " + word(r.GetRelationType())
		}
		return "ALTER " + word(r.GetRenameType())
	case n.GetAlterObjectSchemaStmt() != nil:
		return "ALTER " + word(n.GetAlterObjectSchemaStmt().GetObjectType())
	case n.GetAlterOwnerStmt() != nil:
		return "ALTER " + word(n.GetAlterOwnerStmt().GetObjectType())
	case n.GetAlterObjectDependsStmt() != nil:
		return "ALTER " + word(n.GetAlterObjectDependsStmt().GetObjectType())
	case n.GetAlterFunctionStmt() != nil:
		return "ALTER " + word(n.GetAlterFunctionStmt().GetObjtype())
	case n.GetDefineStmt() != nil:
		return "CREATE " + word(n.GetDefineStmt().GetKind())
	}
	return eitherKind(n)
}

// eitherKind is the tag of what the grammar has one node for and PostgreSQL two tags.
func eitherKind(n *pg.Node) string {
	either := func(first bool, one, other string) string {
		if first {
			return one
		}
		return other
	}
	switch {
	case n.GetCreateFunctionStmt() != nil:
		return either(n.GetCreateFunctionStmt().GetIsProcedure(), "CREATE PROCEDURE", "CREATE FUNCTION")
	case n.GetCreateTableAsStmt() != nil:
		return either(n.GetCreateTableAsStmt().GetObjtype() == pg.ObjectType_OBJECT_MATVIEW, "CREATE MATERIALIZED VIEW", "CREATE TABLE AS")
	case n.GetSelectStmt() != nil:
		return either(n.GetSelectStmt().GetIntoClause() != nil, "SELECT INTO", "SELECT")
	case n.GetGrantStmt() != nil:
		return either(n.GetGrantStmt().GetIsGrant(), "GRANT", "REVOKE")
	case n.GetGrantRoleStmt() != nil:
		return either(n.GetGrantRoleStmt().GetIsGrant(), "GRANT ROLE", "REVOKE ROLE")
	case n.GetVacuumStmt() != nil:
		return either(n.GetVacuumStmt().GetIsVacuumcmd(), "VACUUM", "ANALYZE")
	case n.GetTransactionStmt() != nil:
		kind := strings.TrimPrefix(n.GetTransactionStmt().GetKind().String(), "TRANS_STMT_")
		return strings.ReplaceAll(kind, "_", " ")
	case n.GetVariableSetStmt() != nil:
		kind := n.GetVariableSetStmt().GetKind()
		reset := kind == pg.VariableSetKind_VAR_RESET || kind == pg.VariableSetKind_VAR_RESET_ALL
		return either(reset, "RESET", "SET")
	}
	return strings.ToUpper(strings.TrimSuffix(typeOf(n), "Stmt"))
}

// word is what PostgreSQL calls a kind of object in a tag.
func word(t pg.ObjectType) string {
	if w := objectWords[t]; w != "" {
		return w
	}
	return strings.ReplaceAll(strings.TrimPrefix(t.String(), "OBJECT_"), "_", " ")
}

// objectWords are the words that the grammar has in other words.
var objectWords = map[pg.ObjectType]string{
	pg.ObjectType_OBJECT_ATTRIBUTE:       "TYPE",
	pg.ObjectType_OBJECT_DOMCONSTRAINT:   "DOMAIN",
	pg.ObjectType_OBJECT_FDW:             "FOREIGN DATA WRAPPER",
	pg.ObjectType_OBJECT_FOREIGN_SERVER:  "SERVER",
	pg.ObjectType_OBJECT_LARGEOBJECT:     "LARGE OBJECT",
	pg.ObjectType_OBJECT_MATVIEW:         "MATERIALIZED VIEW",
	pg.ObjectType_OBJECT_OPCLASS:         "OPERATOR CLASS",
	pg.ObjectType_OBJECT_OPFAMILY:        "OPERATOR FAMILY",
	pg.ObjectType_OBJECT_STATISTIC_EXT:   "STATISTICS",
	pg.ObjectType_OBJECT_TABCONSTRAINT:   "TABLE",
	pg.ObjectType_OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
	pg.ObjectType_OBJECT_TSDICTIONARY:    "TEXT SEARCH DICTIONARY",
	pg.ObjectType_OBJECT_TSPARSER:        "TEXT SEARCH PARSER",
	pg.ObjectType_OBJECT_TSTEMPLATE:      "TEXT SEARCH TEMPLATE",
}

// kinds are the tags of nodes that have one each.
var kinds = map[string]string{
	"AlterCollationStmt":           "ALTER COLLATION",
	"AlterDatabaseRefreshCollStmt": "ALTER DATABASE",
	"AlterDatabaseSetStmt":         "ALTER DATABASE",
	"AlterDatabaseStmt":            "ALTER DATABASE",
	"AlterDefaultPrivilegesStmt":   "ALTER DEFAULT PRIVILEGES",
	"AlterDomainStmt":              "ALTER DOMAIN",
	"AlterEnumStmt":                "ALTER TYPE",
	"AlterEventTrigStmt":           "ALTER EVENT TRIGGER",
	"AlterExtensionContentsStmt":   "ALTER EXTENSION",
	"AlterExtensionStmt":           "ALTER EXTENSION",
	"AlterFdwStmt":                 "ALTER FOREIGN DATA WRAPPER",
	"AlterForeignServerStmt":       "ALTER SERVER",
	"AlterOpFamilyStmt":            "ALTER OPERATOR FAMILY",
	"AlterOperatorStmt":            "ALTER OPERATOR",
	"AlterPolicyStmt":              "ALTER POLICY",
	"AlterPublicationStmt":         "ALTER PUBLICATION",
	"AlterRoleSetStmt":             "ALTER ROLE",
	"AlterRoleStmt":                "ALTER ROLE",
	"AlterSeqStmt":                 "ALTER SEQUENCE",
	"AlterStatsStmt":               "ALTER STATISTICS",
	"AlterSubscriptionStmt":        "ALTER SUBSCRIPTION",
	"AlterSystemStmt":              "ALTER SYSTEM",
	"AlterTSConfigurationStmt":     "ALTER TEXT SEARCH CONFIGURATION",
	"AlterTSDictionaryStmt":        "ALTER TEXT SEARCH DICTIONARY",
	"AlterTableMoveAllStmt":        "ALTER TABLE",
	"AlterTableSpaceOptionsStmt":   "ALTER TABLESPACE",
	"AlterTypeStmt":                "ALTER TYPE",
	"AlterUserMappingStmt":         "ALTER USER MAPPING",
	"CheckPointStmt":               "CHECKPOINT",
	"ClosePortalStmt":              "CLOSE CURSOR",
	"CommentStmt":                  "COMMENT",
	"CompositeTypeStmt":            "CREATE TYPE",
	"ConstraintsSetStmt":           "SET CONSTRAINTS",
	"CreateAmStmt":                 "CREATE ACCESS METHOD",
	"CreateCastStmt":               "CREATE CAST",
	"CreateConversionStmt":         "CREATE CONVERSION",
	"CreateDomainStmt":             "CREATE DOMAIN",
	"CreateEnumStmt":               "CREATE TYPE",
	"CreateEventTrigStmt":          "CREATE EVENT TRIGGER",
	"CreateExtensionStmt":          "CREATE EXTENSION",
	"CreateFdwStmt":                "CREATE FOREIGN DATA WRAPPER",
	"CreateForeignServerStmt":      "CREATE SERVER",
	"CreateForeignTableStmt":       "CREATE FOREIGN TABLE",
	"CreateOpClassStmt":            "CREATE OPERATOR CLASS",
	"CreateOpFamilyStmt":           "CREATE OPERATOR FAMILY",
	"CreatePLangStmt":              "CREATE LANGUAGE",
	"CreatePolicyStmt":             "CREATE POLICY",
	"CreatePublicationStmt":        "CREATE PUBLICATION",
	"CreateRangeStmt":              "CREATE TYPE",
	"CreateRoleStmt":               "CREATE ROLE",
	"CreateSchemaStmt":             "CREATE SCHEMA",
	"CreateSeqStmt":                "CREATE SEQUENCE",
	"CreateStatsStmt":              "CREATE STATISTICS",
	"CreateStmt":                   "CREATE TABLE",
	"CreateSubscriptionStmt":       "CREATE SUBSCRIPTION",
	"CreateTableSpaceStmt":         "CREATE TABLESPACE",
	"CreateTransformStmt":          "CREATE TRANSFORM",
	"CreateTrigStmt":               "CREATE TRIGGER",
	"CreateUserMappingStmt":        "CREATE USER MAPPING",
	"CreatedbStmt":                 "CREATE DATABASE",
	"DeclareCursorStmt":            "DECLARE CURSOR",
	"DropOwnedStmt":                "DROP OWNED",
	"DropRoleStmt":                 "DROP ROLE",
	"DropSubscriptionStmt":         "DROP SUBSCRIPTION",
	"DropTableSpaceStmt":           "DROP TABLESPACE",
	"DropUserMappingStmt":          "DROP USER MAPPING",
	"DropdbStmt":                   "DROP DATABASE",
	"ImportForeignSchemaStmt":      "IMPORT FOREIGN SCHEMA",
	"IndexStmt":                    "CREATE INDEX",
	"LockStmt":                     "LOCK TABLE",
	"ReassignOwnedStmt":            "REASSIGN OWNED",
	"RefreshMatViewStmt":           "REFRESH MATERIALIZED VIEW",
	"RuleStmt":                     "CREATE RULE",
	"SecLabelStmt":                 "SECURITY LABEL",
	"TruncateStmt":                 "TRUNCATE TABLE",
	"VariableShowStmt":             "SHOW",
	"ViewStmt":                     "CREATE VIEW",
}
