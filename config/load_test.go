package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"bascule/config"
)

const whole = `
env PROD_PASSWORD=hunter2
env NEXT_URL=postgres://u:hunter2@db2:5433/app?sslmode=require
version 0.1.0
-- main.hcl --
bascule {
  required_version = ">= 0.1.0, < 1.0"
  backend "local" { path = "state/prod.json" }
}
peer "prod" {
  host            = "db1.internal"
  port            = 5432
  database        = "app"
  user            = "migrator"
  password        = env("PROD_PASSWORD")
  sslmode         = "verify-full"
  sslrootcert     = "ca.pem"
  connect_timeout = 5
}
peer "next" {
  url              = env("NEXT_URL")
  password_command = ["pass", "show", "next"]
}
peer "unset" {}
-- mirrors.hcl --
mirror "app" {
  source     = peer.prod
  target     = peer["next"]
  continuous = false
  tables     = ["public.*", "billing.invoices"]
  exclude    = ["public.audit_*"]
  protect    = true

  table "public.events" {
    target          = "archive.events"
    exclude_columns = ["raw", "extra"]
    where           = "tenant_id = 7"
  }
  table "public.\"Odd.Name\"" {}

  schema {
    roles           = true
    tablespaces     = { fast = "ssd" }
    skip_extensions = ["pg_cron"]
    skip            = ["trigger", "function:public.legacy_*"]
  }
  copy {
    workers              = 8
    chunk_size           = "1.5GB"
    maintenance_work_mem = "512MB"
  }
}
mirror "all" {
  source     = peer.prod
  target     = peer.unset
  continuous = false
}
`

func TestWhole(t *testing.T) {
	cfg := loadText(t, whole)

	if got := cfg.RequiredVersion + " " + cfg.Backend.Type + " " + cfg.Backend.Path; got != ">= 0.1.0, < 1.0 local state/prod.json" {
		t.Errorf("bascule block: %s", got)
	}
	var peers []string
	for _, p := range cfg.Peers {
		peers = append(peers, fmt.Sprintf("%s url:%s host:%s port:%d db:%s user:%s pw:%s cmd:%s ssl:%s ca:%s %ds", p.Address, p.URL.Reveal(),
			p.Host, p.Port, p.Database, p.User, p.Password.Reveal(), p.PasswordCommand, p.SSLMode, strings.TrimPrefix(p.SSLRootCert, cfg.Dir), p.ConnectTimeout))
	}
	want := []string{
		"peer.next url:postgres://u:hunter2@db2:5433/app?sslmode=require host: port:0 db: user: pw: cmd:[pass show next] ssl: ca: 15s",
		"peer.prod url: host:db1.internal port:5432 db:app user:migrator pw:hunter2 cmd:[] ssl:verify-full ca:/ca.pem 5s",
		"peer.unset url: host: port:0 db: user: pw: cmd:[] ssl: ca: 15s",
	}
	if diff := cmp.Diff(want, peers); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}

	all, app := cfg.Mirrors[0], cfg.Mirrors[1]
	if all.Source != app.Source || all.Target.Address != "peer.unset" || app.Target != cfg.Peers[0] {
		t.Errorf("references: %s and %s", all.Target.Address, app.Target.Address)
	}
	if got := fmt.Sprintf("%+v %+v %s %t %t %t", all.Schema, all.Copy, all.Engine, all.InitialCopy, all.Continuous, all.Protect); got !=
		"{Copy:true CreateDatabase:false DatabaseSettings:true Roles:false Owners:false Privileges:false Tablespaces:map[] SkipExtensions:[] Skip:[]} "+
			"{Workers:4 ChunkSize:268435456 MaintenanceWorkMem:0} stream true false false" {
		t.Errorf("defaults: %s", got)
	}
	if got := fmt.Sprintf("%+v %t", app.Copy, app.Protect); got != "{Workers:8 ChunkSize:1610612736 MaintenanceWorkMem:536870912} true" {
		t.Errorf("copy: %s", got)
	}
	for path, want := range map[string]string{
		"tables":                    "mirrors.hcl:5,3-48",
		"schema.roles":              "mirrors.hcl:17,5-27",
		"schema.owners":             "mirrors.hcl:16,3-9",
		"table.public.events.where": "mirrors.hcl:12,5-38",
		"table.public.other.where":  "mirrors.hcl:1,1-13",
		"engine":                    "mirrors.hcl:1,1-13",
	} {
		if got := app.RangeOf(path).String(); got != want {
			t.Errorf("range of %s: got %s, want %s", path, got, want)
		}
	}
	if got := app.Tables[1].Range.String(); got != "mirrors.hcl:5,29-47" {
		t.Errorf("range of a pattern: %s", got)
	}
}

// TestForEach mirrors all databases of a server with one block.
func TestForEach(t *testing.T) {
	cfg := loadText(t, `
var password=hunter2
-- main.hcl --
variable "databases" {
  type = map(object({ size = string, workers = optional(number, 2) }))
  default = {
    shop = { size = "1GB" }
    crm  = { size = "64MB", workers = 8 }
  }
}
variable "password" { sensitive = true }
locals {
  names   = [for n in local.sorted : upper(n)]
  sorted  = sort(keys(var.databases))
  targets = toset(local.sorted)
}
peer "old" {
  for_each = var.databases
  host     = "db1"
  database = each.key
  password = var.password
}
peer "new" {
  for_each = local.targets
  host     = "db2"
  database = "${each.value}_${lower(local.names[0])}"
}
peer "none" {
  for_each = {}
}
mirror "move" {
  for_each   = var.databases
  source     = peer.old[each.key]
  target     = peer.new[each.key]
  continuous = false
  copy {
    workers    = each.value.workers
    chunk_size = each.value.size
  }
}
mirror "one" {
  source     = peer.old["crm"]
  target     = peer.new["shop"]
  continuous = false
}
`)
	var got []string
	for _, m := range cfg.Mirrors {
		got = append(got, fmt.Sprintf("%s (%s, %s): %s %s -> %s %s, %d x %d", m.Address, m.Label, m.Key,
			m.Source.Address, m.Source.Database, m.Target.Address, m.Target.Database, m.Copy.Workers, m.Copy.ChunkSize))
	}
	want := []string{
		`mirror.move["crm"] (move, crm): peer.old["crm"] crm -> peer.new["crm"] crm_crm, 8 x 67108864`,
		`mirror.move["shop"] (move, shop): peer.old["shop"] shop -> peer.new["shop"] shop_crm, 2 x 1073741824`,
		`mirror.one (one, ): peer.old["crm"] crm -> peer.new["shop"] shop_crm, 4 x 268435456`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := len(cfg.Peers); n != 4 {
		t.Errorf("%d peers", n)
	}
}

// TestJSON reads what the native syntax says from JSON.
func TestJSON(t *testing.T) {
	cfg := loadText(t, `
env P=hunter2
-- main.hcl.json --
{
  "variable": {"db": {"type": "string", "default": "app"}},
  "peer": {
    "a": {"host": "db1", "database": "${var.db}", "password": "${env(\"P\")}"},
    "b": {"url": "host=db2 password='a b' dbname=x"}
  },
  "mirror": {"app": {
    "source": "${peer.a}", "target": "${peer.b}", "continuous": false, "tables": ["public.*"],
    "table": {"public.events": {"where": "id > 7"}},
    "copy": {"workers": 3}
  }}
}
`)
	m := cfg.Mirrors[0]
	if got := fmt.Sprintf("%s %s %s %s %d", m.Source.Database, m.Source.Password.Reveal(), m.Target.Address, m.Blocks[0].Where, m.Copy.Workers); got != "app hunter2 peer.b id > 7 3" {
		t.Error(got)
	}
}

func TestPasswordFile(t *testing.T) {
	cfg := loadText(t, "-- pw --\nhunter2\n-- main.hcl --\npeer \"p\" { password = file(\"pw\") }\n")
	if got := cfg.Peers[0].Password.Reveal(); got != "hunter2" {
		t.Errorf("password %q", got)
	}
}

// TestNoSecretShown prints all that Load returns, for right files and wrong ones,
// and looks for the secret that each of them holds.
func TestNoSecretShown(t *testing.T) {
	archives, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{whole}
	for _, path := range archives {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for i, text := range texts {
		cfg, diags := load(t, txtar.Parse([]byte(text)))
		var out strings.Builder
		out.WriteString(shown(t, cfg, diags))
		log := slog.New(slog.NewTextHandler(&out, nil))
		for _, p := range cfg.Peers {
			fmt.Fprintf(&out, "%v %+v %#v", *p, *p, *p)
			log.Info("peer", "peer", p, "password", p.Password, "url", p.URL)
			encoded, _ := json.Marshal(p)
			out.Write(encoded)
		}
		for name, f := range cfg.Sources {
			if !strings.HasSuffix(name, ".bvars") && !strings.Contains(string(f.Bytes), "locals") {
				out.Write(f.Bytes)
			}
		}
		if strings.Contains(out.String(), "hunter2") {
			t.Errorf("text %d shows its secret:\n%s", i, out.String())
		}
	}
}

func TestSourcesOfBrokenFiles(t *testing.T) {
	cfg, diags := load(t, txtar.Parse([]byte("-- a.hcl --\npeer {\n-- b.hcl --\npeer \"b\" {}\n")))
	if !diags.HasErrors() || cfg.Sources["a.hcl"] == nil || cfg.Sources["b.hcl"] == nil {
		t.Errorf("sources %v, diagnostics %v", cfg.Sources, diags)
	}
	if missing, diags := config.Load(filepath.Join(t.TempDir(), "absent"), config.Inputs{}); missing == nil || len(diags) != 1 {
		t.Errorf("a folder that is not there: %v", diags)
	}
}
