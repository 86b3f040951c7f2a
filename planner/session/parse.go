package session

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bascule/config"
)

// Endpoint returns where a peer is, host:port/database, without a network. It
// holds no secret. Several hosts are joined by commas.
func Endpoint(peer *config.Peer) (string, error) {
	cfg, err := parse(peer, "")
	if err != nil {
		return "", refused(peer, err)
	}
	return endpoint(cfg), nil
}

func endpoint(cfg *pgx.ConnConfig) string {
	hosts := []string{hostPort(cfg.Host, cfg.Port)}
	for _, f := range cfg.Fallbacks {
		if h := hostPort(f.Host, f.Port); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return strings.Join(hosts, ",") + "/" + database(cfg)
}

func hostPort(host string, port uint16) string {
	if strings.HasPrefix(host, "/") { // a socket's folder
		return host + ":" + strconv.Itoa(int(port))
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// database is the one that the server picks: without a name, the user's.
func database(cfg *pgx.ConnConfig) string {
	if cfg.Database != "" {
		return cfg.Database
	}
	return cfg.User
}

// parse reads a peer: its URL, over it its fields, and below both what libpq takes
// from the environment, the service file and the password file.
//
// The password of a field is not part of the text that is parsed, and no error
// quotes the URL.
func parse(peer *config.Peer, override string) (*pgx.ConnConfig, error) {
	text := peer.URL.Reveal()
	if err := strandedPassword(text); err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(withKeywords(text, fields(peer, override)))
	if err != nil {
		return nil, withoutURL(err)
	}
	if peer.Password != "" {
		cfg.Password = peer.Password.Reveal()
	}
	return cfg, nil
}

// keyword is one of libpq's connection parameters.
type keyword struct{ Name, Value string }

// fields are the peer's own settings as libpq's keywords.
func fields(peer *config.Peer, override string) []keyword {
	port, timeout := "", ""
	if peer.Port != 0 {
		port = strconv.Itoa(peer.Port)
	}
	if peer.ConnectTimeout != 0 {
		timeout = strconv.Itoa(peer.ConnectTimeout)
	}
	database := peer.Database
	if override != "" {
		database = override
	}
	all := []keyword{
		{"host", peer.Host},
		{"port", port},
		{"dbname", database},
		{"user", peer.User},
		{"sslmode", peer.SSLMode},
		{"sslrootcert", peer.SSLRootCert},
		{"sslcert", peer.SSLCert},
		{"sslkey", peer.SSLKey},
		{"connect_timeout", timeout},
	}
	return slices.DeleteFunc(all, func(k keyword) bool { return k.Value == "" })
}

// isURL: the other form is keyword=value.
func isURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// withKeywords adds keywords to a connection string of either form, so that they
// win over what is there.
func withKeywords(text string, add []keyword) string {
	var b strings.Builder
	b.WriteString(text)
	for _, k := range add {
		switch {
		case !isURL(text):
			b.WriteString(" " + k.Name + "='" + keywordQuotes.Replace(k.Value) + "'")
		case strings.Contains(b.String(), "?"):
			b.WriteString("&" + k.Name + "=" + percent(k.Value))
		default:
			b.WriteString("?" + k.Name + "=" + percent(k.Value))
		}
	}
	return b.String()
}

var keywordQuotes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// percent encodes every byte that is not plain. url.QueryEscape writes a space as
// +, which libpq's URLs do not know.
func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// strandedPassword refuses a URL whose password holds an unescaped @ or /: its
// tail would be read as the host or the database, and shown as such.
func strandedPassword(text string) error {
	_, rest, ok := strings.Cut(text, "://")
	if !isURL(text) || !ok {
		return nil
	}
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		rest = rest[i+1:]
		rest, _, _ = strings.Cut(rest, "?")
	}
	if strings.Contains(rest, "@") {
		return errAt
	}
	return nil
}

var (
	errAt  = errors.New(`an @ in the url is not escaped: in user name, password and database write %40 for it, %2F for a slash and %3A for a colon`)
	errURL = errors.New(`the url is neither "postgres://user:password@host:port/database?key=value" nor key=value pairs; in a password, special characters are written %XX`)
)

// withoutURL takes the connection string out of an error of ParseConfig, which
// masks the passwords that it recognises and no other.
func withoutURL(err error) error {
	var parse *pgconn.ParseConfigError
	if !errors.As(err, &parse) {
		return err
	}
	text := parse.Error()
	_, after, ok := strings.Cut(text, "`: ")
	for ok { // the string itself may hold the mark
		text = after
		_, after, ok = strings.Cut(text, "`: ")
	}
	if strings.HasPrefix(text, "failed to parse as") || strings.HasPrefix(text, "cannot parse `") {
		return errURL // what it says next may quote a piece of a password
	}
	return errors.New(text)
}
