package session

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
)

// Reach is how a server, and not this program, reaches a peer.
type Reach struct {
	// Info is a connection string of libpq, keyword='value', with the password.
	Info config.Secret

	// Endpoint is where it leads, host:port/database, without a secret.
	Endpoint string

	// Patience is how long Try waits for an answer. Default thirty seconds.
	Patience time.Duration

	secrets *strings.Replacer // nil: there are none
}

// String shows where it leads.
func (r Reach) String() string { return r.Endpoint }

// FromServer returns how the server at the other end of a mirror reaches a peer: as
// this program does, with what the peer's from_server block says instead. A password
// that this program would fetch by password_command is fetched now, and one that it
// would take from the environment or a password file is taken from there, unless
// from_server names one, or another user: that user is none of theirs.
//
// sslmode is carried. The files of certificates are not: they are on this machine, and
// the other server looks for its own where libpq does (~/.postgresql of its account).
// Of several hosts it takes the one that can be written to. name is the
// application_name of its session.
//
// Its error is a *ConnectError.
func FromServer(ctx context.Context, peer *config.Peer, name string) (Reach, error) {
	by := peer.FromServer
	if by == nil {
		by = &config.FromServer{}
	}
	cfg, err := parse(peer, by.Database)
	if err != nil {
		return Reach{}, refused(peer, err)
	}
	other := by.User != "" && by.User != cfg.User
	switch {
	case by.Password != "":
		cfg.Password = by.Password.Reveal()
	case other:
		cfg.Password = ""
	default:
		if err := authenticate(ctx, peer, cfg); err != nil {
			return Reach{}, &ConnectError{Address: peer.Address, Endpoint: endpoint(cfg), Err: err}
		}
	}
	if other {
		cfg.User = by.User
	}
	mode := by.SSLMode
	if mode == "" {
		mode = sslMode(cfg)
	}
	at := places(cfg, by)
	info := conninfo(cfg, at, mode, application(name))
	return Reach{Info: config.Secret(info), Endpoint: at.String() + "/" + database(cfg), secrets: secretsOf(info, cfg.Password)}, nil
}

// place is where a server may listen; several are tried in turn.
type place struct {
	host string
	port uint16
}

type placeList []place

func (l placeList) String() string {
	var texts []string
	for _, p := range l {
		texts = append(texts, hostPort(p.host, p.port))
	}
	return strings.Join(texts, ",")
}

// places are those of a connection, but where from_server says otherwise.
func places(cfg *pgx.ConnConfig, by *config.FromServer) placeList {
	list := placeList{{cfg.Host, cfg.Port}}
	for _, f := range cfg.Fallbacks { // of each host there is one a TLS mode
		if p := (place{f.Host, f.Port}); !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if by.Host != "" {
		list = placeList{{by.Host, cfg.Port}}
	}
	for i := range list {
		list[i].port = cmp.Or(uint16(by.Port), list[i].port)
	}
	return list
}

// conninfo writes a connection as libpq reads it.
func conninfo(cfg *pgx.ConnConfig, at placeList, mode, name string) string {
	var hosts, ports []string
	for _, p := range at {
		hosts, ports = append(hosts, p.host), append(ports, strconv.Itoa(int(p.port)))
	}
	all := []keyword{
		{"host", strings.Join(hosts, ",")},
		{"port", strings.Join(ports, ",")},
		{"dbname", database(cfg)},
		{"user", cfg.User},
		{"password", cfg.Password},
		{"sslmode", mode},
		{"connect_timeout", seconds(cfg)},
		{"application_name", name},
	}
	if len(at) > 1 {
		all = append(all, keyword{"target_session_attrs", "read-write"})
	}
	var parts []string
	for _, k := range all {
		if k.Value != "" {
			parts = append(parts, k.Name+"='"+keywordQuotes.Replace(k.Value)+"'")
		}
	}
	return strings.Join(parts, " ")
}

// seconds is how long connecting may take: by libpq's own default for ever.
func seconds(cfg *pgx.ConnConfig) string {
	timeout := cfg.ConnectTimeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return strconv.Itoa(max(2, int(timeout.Seconds()))) // libpq takes less for 2
}

// sslMode is libpq's word for how a connection uses TLS, told from what was made of it.
func sslMode(cfg *pgx.ConnConfig) string {
	if strings.HasPrefix(cfg.Host, "/") { // over a socket there is none
		return ""
	}
	plain, secured := cfg.TLSConfig == nil, cfg.TLSConfig // each may be tried after the other
	for _, f := range cfg.Fallbacks {
		plain = plain || f.TLSConfig == nil
		if secured == nil {
			secured = f.TLSConfig
		}
	}
	switch {
	case secured == nil:
		return "disable"
	case cfg.TLSConfig == nil:
		return "allow"
	case plain:
		return "prefer"
	}
	return verification(secured)
}

func verification(c *tls.Config) string {
	switch {
	case !c.InsecureSkipVerify:
		return "verify-full"
	case c.VerifyPeerCertificate != nil || c.VerifyConnection != nil:
		return "verify-ca"
	}
	return "require"
}

// secretsOf replaces a connection string, and its password in each form in which a
// server may quote it.
func secretsOf(info, password string) *strings.Replacer {
	var pairs []string
	for _, text := range []string{info, keywordQuotes.Replace(password), password} {
		if text != "" {
			pairs = append(pairs, strings.ReplaceAll(text, "'", "''"), hidden, text, hidden)
		}
	}
	return strings.NewReplacer(pairs...)
}

// hidden stands for what is not shown.
const hidden = "***"

// Mask takes what must not be seen out of a text that a server wrote: the connection
// string, and the password as it is and as it stands in there.
func (r Reach) Mask(text string) string {
	if r.secrets == nil {
		return text
	}
	return r.secrets.Replace(text)
}

// Masked is an error of a server without what Mask takes out, in every field of it.
func (r Reach) Masked(err error) error {
	var server *pgconn.PgError
	if err == nil || !errors.As(err, &server) {
		return err
	}
	clean := *server
	for _, field := range []*string{&clean.Message, &clean.Detail, &clean.Hint, &clean.InternalQuery, &clean.Where} {
		*field = r.Mask(*field)
	}
	return &clean
}
