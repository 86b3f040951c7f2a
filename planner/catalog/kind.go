package catalog

// Object classes: the oids of system catalogues, as in pg_depend.
const (
	ClassType       = 1247
	ClassRelation   = 1259
	ClassFunction   = 1255
	ClassConstraint = 2606
	ClassDefault    = 2604
	ClassRewrite    = 2618
	ClassExtension  = 3079
	ClassSchema     = 2615
	ClassTrigger    = 2620
	ClassPolicy     = 3256
	ClassStatistics = 3381
)

// RelationKind is what people call a relation of a kind: table, materialized view.
func RelationKind(kind rune) string {
	switch kind {
	case Foreign:
		return "foreign table"
	case View:
		return "view"
	case MatView:
		return "materialized view"
	case Sequence:
		return "sequence"
	case Composite:
		return "composite"
	}
	return "table"
}

// ConstraintKind is what people call a constraint of a kind: foreign key, check, and
// constraint for those that have an index.
func ConstraintKind(kind rune) string {
	switch kind {
	case 'f':
		return "foreign key"
	case 'c':
		return "check"
	case 't':
		return "constraint trigger"
	case 'n':
		return "not null"
	}
	return "constraint"
}
