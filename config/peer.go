package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// peerType is the type of a reference to a peer.
var peerType = cty.Capsule("peer", reflect.TypeFor[Peer]())

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

const defaultConnectTimeout = 15 // seconds

// loadPeers reads the peer blocks, and makes them known to references.
func (l *loader) loadPeers() {
	s := l.scope("var", "local")
	for _, b := range l.blocks["peer"] {
		content := l.content(b.Body, peerSchema)
		from := l.single(content.Blocks, "from_server")
		var fromAttrs hcl.Attributes
		if from != nil {
			fromAttrs = l.content(from.Body, fromServerSchema).Attributes
		}
		all, ok := s.instances(b, content.Attributes)
		if !ok {
			all = s.unknownInstance(b)
		}
		byKey := map[string]cty.Value{}
		for _, i := range all {
			p := i.scope.peer(b, i, content.Attributes)
			if from != nil {
				p.FromServer = i.scope.fromServer(from, fromAttrs)
			}
			l.cfg.Peers = append(l.cfg.Peers, p)
			byKey[i.key] = cty.CapsuleVal(peerType, p)
		}
		l.peers[b.Labels[0]] = referred(byKey, content.Attributes["for_each"] != nil, ok)
	}
	slices.SortFunc(l.cfg.Peers, func(a, b *Peer) int { return strings.Compare(a.Address, b.Address) })
}

// fromServer reads a from_server block.
func (s *scope) fromServer(b *hcl.Block, attrs hcl.Attributes) *FromServer {
	r := s.reader(attrs)
	return &FromServer{
		Host:     r.text("host", ""),
		Port:     r.number("port", 0, 1, 65535),
		Database: r.text("database", ""),
		User:     r.text("user", ""),
		Password: r.password(),
		SSLMode:  r.choice("sslmode", "", sslModes...),
		Range:    b.DefRange,
	}
}

func (s *scope) peer(b *hcl.Block, i instance, attrs hcl.Attributes) *Peer {
	r := s.reader(attrs)
	p := &Peer{
		Address:         i.address,
		URL:             r.secret("url"),
		Host:            r.text("host", ""),
		Port:            r.number("port", 0, 1, 65535),
		Database:        r.text("database", ""),
		User:            r.text("user", ""),
		Password:        r.password(),
		PasswordCommand: r.texts("password_command"),
		SSLMode:         r.choice("sslmode", "", sslModes...),
		SSLRootCert:     r.certificate("sslrootcert"),
		SSLCert:         r.certificate("sslcert"),
		SSLKey:          r.certificate("sslkey"),
		ConnectTimeout:  r.number("connect_timeout", defaultConnectTimeout, 1, 3600),
		Range:           b.DefRange,
	}
	if attr := attrs["url"]; attr != nil && p.URL != "" {
		if wrong := checkURL(p.URL.Reveal()); wrong != "" {
			s.l.errorAt(attr.Expr.Range(), "Invalid url", "The url of %s %s. It is not shown, because it may hold a password.", p.Address, wrong)
		}
	}
	if attr := attrs["password_command"]; attr != nil {
		s.l.checkPasswordCommand(p, attr, attrs["password"])
	}
	return p
}

func (l *loader) checkPasswordCommand(p *Peer, attr, password *hcl.Attribute) {
	if password != nil {
		l.errorAt(attr.NameRange, "Two passwords", "%s has a password, at %s, and a password_command. Keep one.",
			p.Address, password.NameRange)
	}
	if len(p.PasswordCommand) == 0 || p.PasswordCommand[0] != "" {
		return
	}
	l.errorAt(attr.Expr.Range(), "Invalid value", "The first element of password_command is the program to run.")
}

// password is the password attribute without the line end that a file has.
func (r *reader) password() Secret {
	return Secret(strings.TrimRight(r.secret("password").Reveal(), "\r\n"))
}

// certificate is the path of a file; libpq's word "system" is none.
func (r *reader) certificate(name string) string {
	path := r.text(name, "")
	if path == "system" {
		return path
	}
	return inFolder(r.l.dir, path)
}
