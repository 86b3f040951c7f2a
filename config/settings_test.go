package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStream(t *testing.T) {
	cfg := loadText(t, `
-- main.hcl --
peer "a" {}
peer "b" {}
mirror "defaults" {
  source = peer.a
  target = peer.b
}
mirror "set" {
  source       = peer.a
  target       = peer.b
  initial_copy = false
  paused       = true
  table "public.readings" {
    replica_identity = "index:Odd Name"
  }
  stream {
    ddl                        = "halt"
    max_delay                  = "1.5s"
    missing_row                = "skip"
    publish_via_partition_root = true
    slot                       = "reader"
    publications               = ["all", "inserts"]
  }
}
`)
	for i, want := range []string{
		"continuous true copy true schema true paused false {DDL:declared MaxDelay:100ms MissingRow:halt PublishViaPartitionRoot:false Slot: Publications:[]}",
		"continuous true copy false schema false paused true {DDL:halt MaxDelay:1.5s MissingRow:skip PublishViaPartitionRoot:true Slot:reader Publications:[all inserts]}",
	} {
		m := cfg.Mirrors[i]
		if got := fmt.Sprintf("continuous %t copy %t schema %t paused %t %+v", m.Continuous, m.InitialCopy, m.Schema.Copy, m.Paused, m.Stream); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	settings := cfg.Mirrors[1].Settings()
	for name, want := range map[string]string{"continuous": "true", "initial_copy": "false", "stream.publish_via_partition_root": "true", "stream.slot": "reader",
		"stream.publications": "all, inserts", "table.public.readings.replica_identity": "index:Odd Name", "stream.max_delay": "", "stream.ddl": "", "stream.missing_row": "", "paused": ""} {
		if settings[name] != want {
			t.Errorf("%s is %q, want %q", name, settings[name], want)
		}
	}
}

func TestSettings(t *testing.T) {
	cfg := loadText(t, whole)
	want := map[string]string{
		"exclude":                             "public.audit_*",
		"schema.copy":                         "true",
		"schema.create_database":              "false",
		"schema.database_settings":            "true",
		"schema.owners":                       "false",
		"schema.privileges":                   "false",
		"schema.roles":                        "true",
		"schema.skip":                         "function:public.legacy_*, trigger",
		"schema.skip_extensions":              "pg_cron",
		"schema.tablespaces":                  "fast = ssd",
		"table.public.events.exclude_columns": "extra, raw",
		"table.public.events.target":          "archive.events",
		"table.public.events.where":           "tenant_id = 7",
		"tables":                              "billing.invoices, public.*",
	}
	if diff := cmp.Diff(want, cfg.Mirrors[1].Settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestDigest(t *testing.T) {
	first := loadText(t, whole)
	for _, c := range []struct {
		rule, old, new string
		file, mirror   bool // whether the digests stay
	}{
		{"the same", "", "", true, true},
		{"a secret of the environment", "PASSWORD=hunter2", "PASSWORD=hunter3", true, true},
		{"another order of patterns", `["public.*", "billing.invoices"]`, `["billing.invoices", "public.*"]`, false, true},
		{"quotes that change nothing", `billing.invoices`, `\"billing\".invoices`, false, true},
		{"quotes that do", `"public.audit_*"`, `"public.\"audit_*\""`, false, false},
		{"how it is copied", "workers              = 8", "workers              = 2", false, true},
		{"protection", "protect    = true", "protect    = false", false, true},
		{"what is copied", "tenant_id = 7", "tenant_id = 8", false, false},
		{"another source", "source     = peer.prod\n  target     = peer[", "source     = peer.unset\n  target     = peer[", false, false},
	} {
		other := loadText(t, strings.ReplaceAll(whole, c.old, c.new))
		if (first.Digest == other.Digest) != c.file {
			t.Errorf("%s: the configuration's digest stays: %t", c.rule, !c.file)
		}
		if (first.Mirrors[1].Digest() == other.Mirrors[1].Digest()) != c.mirror {
			t.Errorf("%s: the mirror's digest stays: %t", c.rule, !c.mirror)
		}
	}
}
