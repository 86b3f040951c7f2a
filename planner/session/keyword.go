package session

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"bascule/config"
)

// Keyword is one of libpq's connection parameters.
type Keyword struct{ Name, Value string }

// Keywords returns how Open would connect as libpq's parameters, by name, for a
// program that takes them: pg_dump, from a service file. What is not in it comes
// from the environment, as it does for Open. Its error is a *ConnectError.
//
// One of them may be the password: a service file is written with mode 0600, and
// nothing of this goes on a command line.
func Keywords(ctx context.Context, peer *config.Peer, opts Options) ([]Keyword, error) {
	cfg, err := ConnConfig(ctx, peer, opts)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, k := range written(peer.URL.Reveal()) {
		all[k.Name] = k.Value
	}
	for _, k := range fields(peer, opts.Database) {
		all[k.Name] = k.Value
	}
	hosts, ports := []string{cfg.Host}, []string{strconv.Itoa(int(cfg.Port))}
	for _, f := range cfg.Fallbacks {
		host, port := f.Host, strconv.Itoa(int(f.Port))
		if host != hosts[len(hosts)-1] || port != ports[len(ports)-1] {
			hosts, ports = append(hosts, host), append(ports, port)
		}
	}
	all["host"], all["port"] = strings.Join(hosts, ","), strings.Join(ports, ",")
	all["user"], all["dbname"] = cfg.User, database(cfg)
	all["application_name"] = cfg.RuntimeParams["application_name"]
	all["connect_timeout"] = strconv.Itoa(int(cfg.ConnectTimeout.Seconds()))
	delete(all, "password")
	if cfg.Password != "" {
		all["password"] = cfg.Password
	}
	for _, name := range []string{"service", "servicefile", "ssl"} { // resolved above
		delete(all, name)
	}
	list := make([]Keyword, 0, len(all))
	for name, value := range all {
		list = append(list, Keyword{name, value})
	}
	slices.SortFunc(list, func(a, b Keyword) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// written returns the parameters that a connection string sets by name. It is
// only called with one that ParseConfig has read.
func written(text string) []Keyword {
	if isURL(text) {
		return inQuery(text)
	}
	return inPairs(text)
}

func inQuery(text string) []Keyword {
	_, query, _ := strings.Cut(text, "?")
	var list []Keyword
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		name, value = unpercent(name), unpercent(value)
		if name == "ssl" && value == "true" {
			name, value = "sslmode", "require"
		}
		list = append(list, Keyword{name, value})
	}
	return list
}

func unpercent(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// inPairs reads name = 'value' pairs, where a backslash takes the next byte as it
// is.
func inPairs(text string) []Keyword {
	const space = " \t\n\r\v\f"
	var list []Keyword
	for {
		name, rest, ok := strings.Cut(strings.TrimLeft(text, space), "=")
		if !ok {
			return list
		}
		rest = strings.TrimLeft(rest, space)
		end := space
		if strings.HasPrefix(rest, "'") {
			rest, end = rest[1:], "'"
		}
		var value strings.Builder
		i := 0
		for ; i < len(rest) && !strings.ContainsRune(end, rune(rest[i])); i++ {
			if rest[i] == '\\' && i+1 < len(rest) {
				i++
			}
			value.WriteByte(rest[i])
		}
		text = rest[min(i+1, len(rest)):]
		list = append(list, Keyword{strings.TrimSpace(name), value.String()})
	}
}
