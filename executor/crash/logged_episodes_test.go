package crash_test

// strikeLogged is a moment in which DDL that nobody declared comes to the target.
type strikeLogged struct {
	moment string

	// prepare is run on the source before, and statements then: in one transaction, or one
	// by itself. # is a number.
	prepare, statements []string

	// What is held on the target, or that the command takes long there, has the moment
	// last; or else it begins with a line of the runner's log. Then is held next, when the
	// first is let go.
	holds []string
	pause bool
	line  func(string) bool
	then  string

	// streams: the source's part is at work then. Halfway: a build that is killed leaves
	// something. Passed: the target has the command when the killed is gone.
	streams, halfway, passed bool
}

// mixed is a transaction with rows before, DDL, and rows behind it.
var mixed = []string{
	"lock table public.t", // or it would deadlock with the writer
	"insert into public.t (b) values (#), (-#)", "update public.t set b = b + 1 where id < 20",
	newColumn, "update public.t set c# = id where id % 3 = 0", "insert into public.t (b, c#) values (#, 1)", "insert into public.u values (#)",
}

const (
	usesT      = "lock table public.t in row exclusive mode"
	usesP      = "lock table public.p in row exclusive mode"
	isPosition = "select from bascule.position for share"
)

var strikesLogged = []strikeLogged{
	{moment: "the rows before the command are there", statements: mixed, holds: []string{usesT}, streams: true},
	{moment: "the command runs", statements: mixed, pause: true, streams: true},
	{moment: "the rows behind the command come", statements: mixed, holds: []string{"insert into public.u values (#)"}, streams: true},
	{moment: "it is committed", statements: mixed, line: message("DDL applied"), streams: true, passed: true},

	{moment: "an index is built", statements: []string{newIndex}, holds: []string{usesT}, halfway: true},
	{moment: "an index is built and that is not recorded", statements: []string{newIndex}, holds: []string{usesT}, then: records, passed: true},
	{moment: "an index is recorded as built and not passed", statements: []string{newIndex}, holds: []string{usesT}, then: isPosition, passed: true},
	{moment: "an index is dropped", prepare: []string{"create index i# on public.t (b)"}, statements: []string{"drop index concurrently i#"}, holds: []string{usesT}, halfway: true},
	{moment: "an index is dropped and that is not recorded", prepare: []string{"create index i# on public.t (b)"}, statements: []string{"drop index concurrently i#"},
		holds: []string{usesT}, then: records, passed: true},
	{moment: "a partition is detached", prepare: []string{aPartition}, statements: []string{detaches}, holds: []string{usesP}, halfway: true},
	{moment: "a partition is detached and that is not recorded", prepare: []string{aPartition}, statements: []string{detaches}, holds: []string{usesP}, then: records, passed: true},
}

const (
	aPartition = "create table public.p_# partition of public.p for values in (#)"
	detaches   = "alter table public.p detach partition public.p_# concurrently"
)
