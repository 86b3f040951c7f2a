package planner

import (
	"fmt"

	"bascule/config"
)

// checkWays says where the target's server does not get, of what the engine has it
// connect to.
func (d *draft) checkWays() {
	if d.out.Stream.Engine == "" {
		return
	}
	ways := d.in.Live[d.decl.Target.Address].Ways
	d.way(ways, d.decl.Source, "source")
	if d.out.Stream.Engine == EnginePglogical {
		d.way(ways, d.decl.Target, "target")
	}
}

// way says so of one peer.
func (d *draft) way(ways map[string]Way, to *config.Peer, attribute string) {
	way, tried := ways[to.Address]
	if !tried || way.Said == "" {
		return
	}
	server := "the server of " + d.decl.Target.Address
	if way.Untried {
		d.found(attribute, codeUntried, Notice, fmt.Sprintf("whether %s reaches %s at %s is not tried: %s", server, to.Address, way.Endpoint, way.Said),
			"The server is asked to by a subscription that is rolled back. That takes a superuser there; from PostgreSQL 16 on a member of pg_create_subscription who may CREATE in the database. An apply finds out.")
		return
	}
	where, itself := to.Address, ""
	if way.Endpoint != "" {
		where += " at " + way.Endpoint
	}
	if to == d.decl.Target {
		itself = " Pglogical has each server connect to itself, too."
	}
	d.found(attribute, codeUnreached, Refusal, fmt.Sprintf("%s does not reach %s: %s", server, where, way.Said),
		fmt.Sprintf("That server connects by itself, and not from this machine. Say how in a block from_server { } of %s: host, port, database, user, password, sslmode. "+
			"On the server of %[1]s, listen_addresses has to have the address, pg_hba.conf to let it in for the database by that name, and the role needs LOGIN and REPLICATION.%s%s",
			to.Address, sentenceAfter(way.Remedy), itself))
}

// sentenceAfter is one more sentence, or nothing.
func sentenceAfter(s string) string {
	if s == "" {
		return ""
	}
	return " " + sentence(s)
}
