package config

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checkURL says what is wrong with a connection string, a postgres:// URL or
// libpq's keyword=value form, without a word of its text. "" means nothing.
func checkURL(text string) string {
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL || !slices.Contains([]string{"postgres", "postgresql"}, scheme) {
		if isURL && !strings.Contains(scheme, "=") {
			return "does not start with postgres:// or postgresql://"
		}
		if !keywordForm.MatchString(text) {
			return "is neither a postgres:// URL nor of the form keyword=value"
		}
		return ""
	}
	u, err := url.Parse(text)
	if err != nil {
		if strings.Contains(rest, "%") {
			return "does not parse: look for a % that is not followed by two hex digits"
		}
		return "does not parse: characters such as / ? # @ : and % in a user name or password are written as %2F and so on"
	}
	if !validPorts(u.Host) {
		return "has a port that is not a number from 1 to 65535"
	}
	if mode := u.Query().Get("sslmode"); mode != "" && !slices.Contains(sslModes, mode) {
		return "has an unknown sslmode; it is " + alternatives(sslModes)
	}
	return ""
}

// validPorts checks the ports of a list of hosts.
func validPorts(hosts string) bool {
	for host := range strings.SplitSeq(hosts, ",") {
		i := strings.LastIndexByte(host, ':')
		if i < 0 || strings.HasSuffix(host, "]") || i == len(host)-1 {
			continue
		}
		if n, err := strconv.Atoi(host[i+1:]); err != nil || n < 1 || n > 65535 {
			return false
		}
	}
	return true
}

var keywordForm = regexp.MustCompile(`^\s*(?:\w+\s*=\s*(?:'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?:\s+|$))+$`)
