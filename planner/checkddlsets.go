package planner

import (
	"fmt"
	"slices"

	"bascule/config/pgname"
	"bascule/planner/catalog"
)

// PglogicalSets are the replication sets of a mirror on the source's node of pglogical:
// of tables whose every change is sent, and of those of which only INSERT and TRUNCATE
// are. subscription is the mirror's own name there; a node that is named otherwise may
// have other subscribers, so that the mirror has sets of its own.
func PglogicalSets(node, subscription string) (all, inserts string) {
	switch {
	case node == subscription:
		return "default", "default_insert_only"
	case len(subscription+insertsSuffix) <= pgname.MaxLen:
		return subscription, subscription + insertsSuffix
	}
	return subscription, pgname.Derived(subscription, insertsSuffix)
}

const insertsSuffix = "_inserts"

// checkSets finds replication sets that the block names and that do not bring its
// command to its mirrors: the source would run it, and commit, and a target never.
func (k *checking) checkSets() {
	named := k.decl.ReplicationSets
	there := k.in.Live[k.out.Source].Pglogical
	if len(named) == 0 || k.out.Alone || k.onSource() || there != nil && !there.Readable {
		return
	}
	all, reached := map[string]bool{}, true
	for _, x := range k.sides {
		s := k.settings(x)
		if s == nil || s.Engine != EnginePglogical {
			return // nothing is known, or its stream carries the command whatever the sets
		}
		sets := subscribed(there, s.Subscription)
		for _, name := range sets {
			all[name] = true
		}
		if x.stage() == ddlApplied || slices.ContainsFunc(named, func(name string) bool { return slices.Contains(sets, name) }) {
			continue
		}
		reached = false
		k.found("replication_sets", codeNoSet, Refusal, fmt.Sprintf("%s has none of the replication sets that the block names, and the command would never come to its target", x.decl.Address),
			fmt.Sprintf("Its sets on the source are %s and %s. Name one of them, or take replication_sets out: the sets are then found from the tables.", sets[0], sets[1]), x.decl.Address)
	}
	for _, name := range named {
		if reached && !all[name] {
			k.foreignSet(there, name)
		}
	}
}

// foreignSet is told of a set that is none of the mirrors'.
func (k *checking) foreignSet(there *catalog.Pglogical, name string) {
	if there == nil || there.Set(name) == nil {
		k.found("replication_sets", codeForeignSet, Refusal, "the source has no replication set "+shown("", name)+", and pglogical would refuse the command",
			"Take it out of replication_sets.", name)
		return
	}
	k.found("replication_sets", codeForeignSet, Warning, "replication set "+shown("", name)+" is none of the block's mirrors': whoever else subscribes to it runs the command too",
		"Take it out of replication_sets where that is not meant.", name)
}

// subscribed are the sets that a mirror subscribes to, or will.
func subscribed(there *catalog.Pglogical, subscription string) []string {
	node := subscription // which is made for it
	if there != nil && there.Node != "" {
		node = there.Node
	}
	all, inserts := PglogicalSets(node, subscription)
	return []string{all, inserts}
}
