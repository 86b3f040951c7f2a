package pgtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Option changes how a cluster is set up. Equal options share a cluster.
type Option func(*options)

type options struct {
	settings  map[string]string
	tls       bool
	hba       []string
	pglogical bool // see Pglogical
}

// WithSettings sets parameters in postgresql.conf, over pgtest's own.
func WithSettings(settings map[string]string) Option {
	return func(o *options) { maps.Copy(o.settings, settings) }
}

// WithTLS lets the server offer TLS with a certificate for 127.0.0.1 and localhost
// that its own authority signed; see Cluster.CA. URLs then say sslmode=require.
func WithTLS() Option { return func(o *options) { o.tls = true } }

// WithHBA replaces pg_hba.conf. pgtest itself logs in as postgres over TCP.
func WithHBA(lines ...string) Option { return func(o *options) { o.hba = lines } }

func newOptions(opts []Option) *options {
	o := &options{settings: make(map[string]string)}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// key is equal for clusters that can be shared.
func (o *options) key(major int) string {
	return fmt.Sprint(major, o.settings, o.tls, o.hba) // fmt sorts maps
}

// conf renders postgresql.conf, complete but for the port.
func (o *options) conf() string {
	all := maps.Clone(defaults)
	if o.tls {
		all["ssl"] = "on"
	}
	maps.Copy(all, o.settings)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	return b.String()
}

// defaults are what every cluster starts with: nothing is kept safe, and nothing runs
// out. Dynamic shared memory is in files, for /dev/shm is small in a container.
var defaults = map[string]string{
	"listen_addresses":           "127.0.0.1",
	"unix_socket_directories":    "",
	"fsync":                      "off",
	"full_page_writes":           "off",
	"synchronous_commit":         "off",
	"wal_level":                  "logical",
	"max_connections":            "200",
	"max_locks_per_transaction":  "512",
	"max_replication_slots":      "100",
	"max_wal_senders":            "100",
	"max_worker_processes":       "40",
	"max_prepared_transactions":  "10",
	"shared_buffers":             "64MB",
	"dynamic_shared_memory_type": "mmap",
	"log_line_prefix":            "%m [%p] %q%u@%d %a ",
	"timezone":                   "UTC",
	"log_timezone":               "UTC",
}
