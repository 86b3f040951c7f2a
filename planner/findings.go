package planner

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"bascule/state"
)

// Codes of findings. They are never reused for another meaning.
const (
	codeUnreachable    = "B101"
	codeNoKey          = "B102"
	codeSameDatabase   = "B103"
	codeOtherDatabase  = "B104"
	codePeerNeeded     = "B105"
	codeSourceMissing  = "B106"
	codeTargetMissing  = "B107"
	codeNoAddress      = "B108"
	codeNoMatch        = "B110"
	codeNoTable        = "B111"
	codeNoColumn       = "B112"
	codeNotSelected    = "B113"
	codeLeftOut        = "B114"
	codeNoSkip         = "B115"
	codeNoDump         = "B120"
	codeOldDump        = "B121"
	codeRoles          = "B122"
	codeTablespaces    = "B123"
	codeNoExtension    = "B124"
	codeExtensionRight = "B125"
	codeExtensionOther = "B126"
	codeEncoding       = "B127"
	codeCollation      = "B128"
	codeRowSecurity    = "B129"
	codeNoSelect       = "B130"
	codeLargeObjects   = "B131"
	codeExists         = "B132"
	codeShape          = "B133"
	codeRows           = "B134"
	codeDisk           = "B135"
	codeForeign        = "B136"
	codeUnlogged       = "B137"
	codeNoCreate       = "B138"
	codeSuperuser      = "B139"
	codeOlder          = "B140"
	codeLocks          = "B141"
	codeReplication    = "B142"
	codeReadOnly       = "B143"
	codeProtected      = "B144"
	codeLedger         = "B145"
	codeLabels         = "B146"
	codeOwners         = "B147"
	codeTriggers       = "B148"
	codeConnections    = "B149"
	codeEmptied        = "B150"
	codeNoTables       = "B151"
	codeNoWrite        = "B153"
	codeBlocked        = "B154"
	codeTemporary      = "B152"
	codeMoved          = "B155"
	codeNotFollowed    = "B156"
	codeWholeRows      = "B157"
	codeNotLogical     = "B158"
	codeNoSlot         = "B159"
	codeNoReplication  = "B160"
	codeNoPublish      = "B161"
	codeIdentity       = "B162"
	codeNamedSlot      = "B163"
	codeNoReplicaRole  = "B164"
	codeAlways         = "B165"
	codeHidden         = "B166"
	codeKeepSize       = "B167"
	codeIdleSlots      = "B168"
	codeHeldWAL        = "B169"
	codeFiltered       = "B170"
	codePartition      = "B171"
	codeAttached       = "B172"
	codeHalted         = "B173"
	codeNotAgain       = "B174"
	codeLeftOnSource   = "B175"

	// Of ddl blocks.
	codeSyntax           = "B176"
	codeRefused          = "B177"
	codeAlone            = "B178"
	codeOpaque           = "B179"
	codeUnqualified      = "B180"
	codeVolatile         = "B181"
	codeNoRole           = "B182"
	codeNotOwner         = "B183"
	codeNoRelation       = "B184"
	codeOtherName        = "B185"
	codeUnnamed          = "B186"
	codeNotPublished     = "B187"
	codeNotSelectedLater = "B188"
	codeEdited           = "B189"
	codeDDLMirror        = "B190"
	codeDDLStill         = "B191"
	codeDDLOrder         = "B192"
	codeDDLForgotten     = "B193"

	// Of the log of DDL.
	codeNoLog      = "B195"
	codeLogUnknown = "B196"
	codeLogForeign = "B197"
	codeLogNamed   = "B198"
	codeLogRoles   = "B199"

	// Of the subscription engine.
	codeSubscriptionAge   = "B200"
	codeSubscriptionRight = "B201"
	codeSubscriptionLimit = "B202"
	codeRenamed           = "B203"
	codeExcluded          = "B204"
	codeSubscriptionWay   = "B205"
	codeOtherSubscription = "B206"
	codeStoredPassword    = "B207"
	codeMorePublished     = "B208"
	codeNoEquality        = "B209"

	// Of the pglogical engine.
	codeNoLibrary      = "B210"
	codeNoPlugin       = "B211"
	codeNoPglogical    = "B212"
	codePglogicalRight = "B213"
	codePglogicalRole  = "B214"
	codePglogicalLimit = "B215"
	codeFullIdentity   = "B216"
	codeOtherTarget    = "B217"
	codePglogicalWay   = "B218"
	codePglogicalRoot  = "B219"
	codeTheirNode      = "B220"
	codeTruncated      = "B221"
	codePglogicalAge   = "B222"
	codePglogicalNamed = "B223"
	codeNoSet          = "B230"
	codeForeignSet     = "B231"
	codeUnreached      = "B234"
	codeUntried        = "B235"

	codeLeftOnTarget = "B227"
)

// at says where in the files a finding comes from.
func at(f Finding, r hcl.Range) Finding {
	f.File, f.Line = r.Filename, r.Start.Line
	return f
}

// ExitCode is the exit code of an apply that this plan refuses, 0 when it does not:
// 4 where data or another database is protected, 1 otherwise.
func (p *Plan) ExitCode() int {
	code := 0
	for _, f := range p.Findings {
		if f.Severity != Refusal {
			continue
		}
		if f.Code == codeProtected || f.Code == codeOtherDatabase {
			return 4
		}
		code = 1
	}
	return code
}

func unreachable(address string, live *Live, severity string) Finding {
	detail := "Nothing is planned for what needs it."
	if h, ok := live.Err.(interface{ Hint() string }); ok && h.Hint() != "" {
		detail = sentence(h.Hint())
	}
	return Finding{Code: codeUnreachable, Severity: severity, Address: address,
		Summary: live.Err.Error(), Detail: detail}
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

func otherDatabase(address string, was *state.Peer, now Peer) Finding {
	return Finding{Code: codeOtherDatabase, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("%s is not the database that was recorded", address),
		Detail: fmt.Sprintf("It was system %s, database oid %d (%s); %s is system %s, database oid %d. If the database was really replaced, remove the mirrors that use it "+
			"from the configuration, apply, and declare them again.", was.SystemIdentifier, was.DatabaseOID, was.Endpoint, now.Endpoint, now.SystemIdentifier, now.DatabaseOID)}
}

func goneDatabase(address string, was *state.Peer) Finding {
	return Finding{Code: codeOtherDatabase, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("the database of %s is gone", address),
		Detail: fmt.Sprintf("It was %s, system %s, database oid %d, and what was copied into it is gone with it. "+
			"Remove the mirror from the configuration, apply, and then declare it again.", was.Endpoint, was.SystemIdentifier, was.DatabaseOID)}
}

func noSuchAddress(address string, near []string) Finding {
	return Finding{Code: codeNoAddress, Severity: Refusal,
		Summary: address + " is neither declared nor in the state",
		Detail:  meant(near, "Correct the address given with -target or -exclude.")}
}

func peerStillNeeded(address string, users []string) Finding {
	return Finding{Code: codePeerNeeded, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("%s is not declared, but %s was applied with it", address, strings.Join(users, ", ")),
		Detail: "Its records on that peer can only be removed through it. Keep the peer block until the mirror is gone: remove the mirror, apply, then remove the peer. " +
			"If the database is gone for good, that apply puts the source in order, and bascule state rm forgets the rest."}
}

func sourceMissing(address, endpoint string) Finding {
	return Finding{Code: codeSourceMissing, Severity: Refusal, Address: address,
		Summary: "database " + endpoint + " does not exist",
		Detail:  "Correct the database of the peer."}
}

func moved(address, from, to string) Finding {
	return Finding{Code: codeMoved, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("%s was copied to %s and now names %s", address, from, to),
		Detail:  "Its records are on the first. Give the new copy a mirror of its own, or remove this one, apply, and declare it again."}
}

func protected(address, what string) Finding {
	return Finding{Code: codeProtected, Severity: Refusal, Address: address,
		Summary: address + " is protected and would be " + what,
		Detail:  "Lift `protect` by a change of its own, apply that, and then apply this."}
}

func matchesNothing(address, attribute, pattern string, near []string) Finding {
	return Finding{Code: codeNoMatch, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("%s: %q matches no table of the source", attribute, pattern),
		Detail:  meant(near, "Correct or remove the pattern.")}
}

func noSuchTable(address, table string, near []string) Finding {
	return Finding{Code: codeNoTable, Severity: Refusal, Address: address,
		Summary: "the source has no table " + table, Detail: meant(near, "A table block names one table of the source.")}
}

func noSuchColumn(address, table, column string) Finding {
	return Finding{Code: codeNoColumn, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("%s has no column %s", table, column), Detail: "Correct exclude_columns."}
}

func skipsNothing(address, attribute, entry string) Finding {
	return Finding{Code: codeNoSkip, Severity: Warning, Address: address,
		Summary: fmt.Sprintf("%s: %q leaves nothing out", attribute, entry),
		Detail:  "The source has nothing of that kind and name. Correct or remove the entry."}
}

func blockNotSelected(address, table string) Finding {
	return Finding{Code: codeNotSelected, Severity: Refusal, Address: address,
		Summary: fmt.Sprintf("the block of %s has no effect: the table is not selected", table),
		Detail:  "Add it to tables, or remove the block."}
}

// meant suggests names, or says what else to do where none is like the word.
func meant(near []string, otherwise string) string {
	if len(near) == 0 {
		return otherwise
	}
	return "Did you mean " + strings.Join(near, ", ") + "?"
}

// few joins names, at most eight of them.
func few(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
