package cli

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// starterPeer is a peer block of the starter file.
type starterPeer struct {
	name, env                  string
	host, port, database, user string
	secret                     bool // the URL had a password
	params                     [][2]string
}

// peerFromURL takes a URL apart. An empty one gives a peer to be filled in.
//
// The URL may hold a password, so no error repeats any of it.
func peerFromURL(name, env, text string) (starterPeer, error) {
	p := starterPeer{name: name, env: env, secret: true}
	if text == "" {
		p.host, p.port, p.database, p.user = name+".example.com", "5432", "app", "migrator"
		return p, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return p, usagef("the URL of the %s cannot be read; it looks like postgres://user@host:5432/database", name)
	}
	p.host, p.port, p.database = u.Hostname(), cmp.Or(u.Port(), "5432"), strings.TrimPrefix(u.Path, "/")
	p.user = u.User.Username()
	_, p.secret = u.User.Password()
	for key, value := range u.Query() {
		switch key {
		case "host", "port", "user":
			*map[string]*string{"host": &p.host, "port": &p.port, "user": &p.user}[key] = value[0]
		case "dbname":
			p.database = value[0]
		case "password":
			p.secret = true
		case "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout":
			p.params = append(p.params, [2]string{key, value[0]})
		default:
			return p, usagef("the URL of the %s sets %s, which a peer block has no attribute for", name, key)
		}
	}
	slices.SortFunc(p.params, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return p, nil
}

// variables are the environment variables that the peer reads.
func (p starterPeer) variables() []string {
	if !p.secret {
		return nil
	}
	return []string{p.env + "_PASSWORD"}
}

// block renders the peer.
func (p starterPeer) block() string {
	f := hclwrite.NewEmptyFile()
	body := f.Body().AppendNewBlock("peer", []string{p.name}).Body()
	text := func(name, value string) {
		if value != "" {
			body.SetAttributeValue(name, cty.StringVal(value))
		}
	}
	text("host", p.host)
	body.SetAttributeRaw("port", number(p.port))
	text("database", p.database)
	text("user", p.user)
	if p.secret {
		body.SetAttributeRaw("password", hclwrite.TokensForFunctionCall("env", hclwrite.TokensForValue(cty.StringVal(p.env+"_PASSWORD"))))
	}
	for _, kv := range p.params {
		if kv[0] == "connect_timeout" {
			body.SetAttributeRaw(kv[0], number(kv[1]))
			continue
		}
		text(kv[0], kv[1])
	}
	return string(f.Bytes())
}

// number writes a number as it stands; what is none becomes text, and validate says so.
func number(text string) hclwrite.Tokens {
	if strings.Trim(text, "0123456789") == "" && text != "" {
		return hclwrite.Tokens{{Type: hclsyntax.TokenNumberLit, Bytes: []byte(text)}}
	}
	return hclwrite.TokensForValue(cty.StringVal(text))
}

// starter is the text of the starter file.
func starter(source, target starterPeer) string {
	return string(hclwrite.Format(fmt.Appendf(nil, starterText, source.block(), target.block())))
}

const starterText = `# A peer is a PostgreSQL database. A password is never written here: it comes from
# the environment, from password_command = ["...", "..."], or from file("...").
%s
%s
# A mirror copies the source to the target: schema, rows, everything.
mirror "app" {
  source = peer.source
  target = peer.target

  # Copy once and be done.
  continuous = false

  # Every table of every schema, unless there is a list:
  # tables  = ["public.*", "billing.invoices"]
  # exclude = ["public.audit_*"]

  # schema {
  #   owners          = true    # the target has the same roles, or: roles = true
  #   privileges      = true
  #   create_database = true    # the target database does not exist yet
  # }

  # copy {
  #   workers    = 4            # connections to each database
  #   chunk_size = "256MiB"     # larger tables are copied in parts
  # }
}
`
