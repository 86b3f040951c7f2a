package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"
)

// Hint says what the operator can do about it.
func (e *ConnectError) Hint() string {
	if errors.Is(e.Err, context.Canceled) {
		return ""
	}
	if hint, ok := serverHints[Code(e.Err)]; ok {
		return hint
	}
	if Code(e.Err) != "" {
		return ""
	}
	var command *CommandError
	var dns *net.DNSError
	var netError net.Error
	switch {
	case errors.As(e.Err, &command):
		return "run the command by hand as this user: it must exit with 0 and write the password on its first line"
	case e.Endpoint == "":
		return "correct url and the other attributes of the peer block"
	case certificate(e.Err):
		return certificateHint(e.Err)
	case errors.As(e.Err, &dns):
		return "check the host name, and that this machine can resolve it"
	case errors.Is(e.Err, syscall.ECONNREFUSED), errors.Is(e.Err, syscall.ENOENT):
		return "check host and port, and that the server is running and listens there (listen_addresses)"
	case errors.Is(e.Err, syscall.EACCES):
		return "this user may not open the server's socket: use host and port, or another unix_socket_directories"
	case errors.As(e.Err, &netError) && netError.Timeout(), errors.Is(e.Err, syscall.EHOSTUNREACH), errors.Is(e.Err, syscall.ENETUNREACH):
		return "check host and port, and that no firewall or security group is in between; connect_timeout in the url allows more time"
	case network(e.Err):
		return "the server closed the connection: check that PostgreSQL, and not something else, listens on that port, and its log"
	case e.tlsRefused:
		return `the server does not offer TLS as asked for: turn on ssl there, or use sslmode = "prefer" or "disable" where the network is trusted`
	}
	return ""
}

// serverHints by SQLSTATE.
var serverHints = map[string]string{
	"28P01": "check user and password: attribute password, password_command or url of the peer block, PGPASSWORD, or the password file",
	"28000": "allow this user, database and client address in the server's pg_hba.conf (or its managed equivalent), check that the role may log in, and try another sslmode",
	"3D000": "create the database, or set create_database = true in the schema block of the mirror",
	"42501": "grant the role what the message names: CONNECT on the database, SET on a parameter, the attribute REPLICATION (ALTER ROLE)",
	"53300": "close other sessions, raise max_connections, or use fewer workers",
	"57P03": "the server is starting up, shutting down or in recovery: try again shortly",
	"08P01": "something between here and the server does not speak its protocol: if it is a pooler, connect to the server itself, or use session pooling",
}

// certificate reports that the two sides did not agree on a certificate.
func certificate(err error) bool {
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host) ||
		errors.As(err, &invalid) || errors.As(err, &alert) || errors.As(err, &record)
}

func certificateHint(err error) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var alert tls.AlertError
	switch {
	case errors.As(err, &host):
		return `the server's certificate is for another name: connect by that name, or use sslmode = "verify-ca"`
	case errors.As(err, &authority):
		return "set sslrootcert to the file of the authority that signed the server's certificate"
	case errors.As(err, &alert):
		return "the server refused our certificate or TLS version: check sslcert and sslkey"
	default:
		return "check the server's certificate, and sslrootcert, sslcert and sslkey of the peer block"
	}
}

// unresolved reports a host name that could not be looked up.
func unresolved(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}
