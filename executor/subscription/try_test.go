package subscription_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bascule/config"
	"bascule/executor/subscription"
	"bascule/planner"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// left is all that a Try could leave on either server.
func (p *pair) left() string {
	return p.target.Query(p.t, "select (select count(*) from pg_subscription where subdbid = d.oid), (select count(*) from pg_stat_subscription where pid is not null and subname like '%"+p.source.Name+"%') from pg_database d where datname = current_database()") + " " +
		p.source.Query(p.t, "select (select count(*) from pg_publication), (select count(*) from pg_replication_slots where database = current_database()), (select confirmed_flush_lsn from pg_replication_slots where slot_name = '"+p.stream.Slot+"')")
}

// The way from server to server is tried, and nothing is left of it; also while the
// mirror is followed already.
func TestTry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to int }{{15, 15}, {15, 16}, {15, 17}, {15, 18}, {18, 15}} {
		p := newPair(t, pgtest.Server(t, c.from), prompt(t, c.to), "")
		before := p.left()
		if err := p.both().Try(t.Context()); err != nil {
			t.Errorf("%d to %d: %v", c.from, c.to, err)
		}
		if after := p.left(); after != before {
			t.Errorf("%d to %d: left %s, and before %s", c.from, c.to, after, before)
		}
		p.give(p.point)
		if err := p.both().Try(t.Context()); err != nil {
			t.Errorf("%d to %d, followed: %v", c.from, c.to, err)
		}
	}
}

// What is in the way is said, with what to do, and without the password; also to the
// server's log.
func TestTryFails(t *testing.T) {
	t.Parallel()
	const secret = `s3'cr\et`
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			target := pgtest.Server(t, major, pgtest.WithSettings(map[string]string{"log_statement": "all", "log_min_duration_statement": "0", "log_min_messages": "info"}))
			source := pgtest.Server(t, 15)
			p := newPair(t, source, target, "")
			weak, _ := source.Role(t, "")
			closed := p.source.URL
			for _, c := range []struct {
				rule string
				by   config.FromServer
				want []string
			}{
				{"nobody listens", config.FromServer{Port: 1, Password: secret}, []string{"Connection refused", "127.0.0.1:1/", "from_server"}},
				{"a host that is none", config.FromServer{Host: "nowhere.invalid", Password: secret}, []string{"nowhere.invalid", "from_server block of peer.a"}},
				{"another password", config.FromServer{Password: secret}, []string{"password authentication failed"}},
				{"no password", config.FromServer{User: weak}, []string{"fe_sendauth: no password supplied"}},
				{"no such database", config.FromServer{Database: "it's", Password: config.Secret(source.Password)}, []string{`database "it's" does not exist`}},
				{"no REPLICATION", config.FromServer{User: weak, Password: config.Secret(password(t, p.source, weak))}, []string{"replication", "give the role REPLICATION"}},
				{"no TLS", config.FromServer{SSLMode: "require", Password: secret}, []string{"server does not support SSL"}},
			} {
				c := c
				p.reach = &config.Peer{Address: "peer.a", URL: config.Secret(closed), FromServer: &c.by}
				before := p.left()
				err := p.both().Try(t.Context())
				var reach *subscription.ReachError
				if !errors.As(err, &reach) || !strings.HasPrefix(err.Error(), "subscribe, on the server of peer.b, to peer.a at ") {
					t.Errorf("%s: %v", c.rule, err)
					continue
				}
				said := err.Error() + "\n" + reach.Hint()
				for _, want := range c.want {
					if !strings.Contains(said, want) {
						t.Errorf("%s: %s\nwant %s", c.rule, said, want)
					}
				}
				quiet(t, c.rule, fmt.Sprintf("%s %+v %#v", said, err, errors.Unwrap(err)), secret, source.Password)
				if after := p.left(); after != before {
					t.Errorf("%s: left %s, and before %s", c.rule, after, before)
				}
			}
			p.reach = &config.Peer{Address: "peer.a", URL: config.Secret(closed)}
			p.give(p.point)
			p.take()
			quiet(t, "the log", target.Log(t), secret, strings.ReplaceAll(secret, "'", "''"), `s3\`, source.Password)
		})
	}
}

// quiet checks that a text holds no secret. It does not show the text.
func quiet(t *testing.T, of, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds a password, at byte %d", of, strings.Index(text, secret))
		}
	}
}

func password(t *testing.T, db *pgtest.DB, role string) string {
	t.Helper()
	cfg, err := session.ConnConfig(t.Context(), &config.Peer{Address: "peer.x", URL: config.Secret(db.URLAs(role))}, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Password
}

// A role that is no superuser may have it all done, from 16 on, with what it is granted;
// before, and without, it is told. Its failures are no leak either.
func TestPlainRole(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 16, 17, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			target := pgtest.Server(t, major, pgtest.WithSettings(map[string]string{"wal_retrieve_retry_interval": "100ms", "log_error_verbosity": "verbose"}))
			p := newPair(t, pgtest.Server(t, 15), target, "")
			p.as, _ = target.Role(t, "")
			denied := func(rule, want string) {
				t.Helper()
				err := p.both().Try(t.Context())
				var reach *subscription.ReachError
				if !errors.As(err, &reach) || session.Code(err) != "42501" || !strings.Contains(reach.Hint(), want) {
					t.Errorf("%s: %v", rule, err)
				}
			}
			denied("without any right", "pg_create_subscription")
			if major == 15 {
				return
			}
			p.target.Exec(t, "grant pg_create_subscription to "+p.as)
			denied("without CREATE", "CREATE on the database")
			p.target.Exec(t, fmt.Sprintf("grant create on database %s to %s", p.target.Name, p.as))
			right := p.reach
			p.reach = &config.Peer{Address: "peer.a", URL: right.URL, FromServer: &config.FromServer{Password: "s3cr3tw0rd"}}
			if err := p.both().Try(t.Context()); err == nil {
				t.Error("a wrong password was let in")
			}
			quiet(t, "the log", target.Log(t), "s3cr3tw0rd")
			p.reach = right
			if err := p.both().Try(t.Context()); err != nil {
				t.Fatal(err)
			}

			// The worker acts as the tables' owner, and origins are moved.
			p.target.Exec(t, `grant execute on function pg_replication_origin_advance(text, pg_lsn), pg_replication_origin_progress(text, boolean) to `+p.as)
			for name := range published {
				p.target.Exec(t, fmt.Sprintf(`alter table %s owner to %s`, quoted(name), p.as))
			}
			p.target.Exec(t, "alter table parts owner to "+p.as)
			p.give(p.point)
			p.source.Exec(t, "insert into orders values (1, 0, 0, ''); insert into parts values (1, 'a')")
			p.arrives()
			at := p.take()
			p.give(at)
			if left, err := p.both().Remove(t.Context()); len(left) > 0 || err != nil {
				t.Error(left, err)
			}
		})
	}
}

// A from_server that leads to another server than the source's is found out before
// anything is streamed.
func TestOtherServer(t *testing.T) {
	t.Parallel()
	p := newPair(t, pgtest.Server(t, 15), prompt(t, 15), "")
	other := pgtest.Server(t, 16).Database(t, "")
	p.reach = &config.Peer{Address: "peer.a", URL: config.Secret(other.URL)}
	if _, err := p.both().Prepare(t.Context(), p.members); err != nil {
		t.Fatal(err)
	}
	err := p.both().Give(t.Context(), p.point, p.members)
	var unfollowed *subscription.UnfollowedError
	if !errors.As(err, &unfollowed) || len(unfollowed.Tables) != len(published) || !strings.Contains(err.Error(), "and 2 more") || !strings.Contains(unfollowed.Hint(), "peer.a") {
		t.Fatalf("%v", err)
	}
	if at := p.take(); at != p.point {
		t.Errorf("taken at %s, and given at %s", at, p.point)
	}
	p.reach = &config.Peer{Address: "peer.a", URL: config.Secret(p.source.URL)}
	p.give(p.point)
	p.source.Exec(t, "insert into orders values (1, 0, 0, '')")
	p.arrives()
}

// A table that nobody publishes any more is named.
func TestUnpublished(t *testing.T) {
	t.Parallel()
	p := newPair(t, pgtest.Server(t, 15), prompt(t, 15), "")
	p.source.Exec(t, "alter publication "+p.stream.Publication+" drop table orders, parts_a")
	err := p.both().Give(t.Context(), p.point, p.members)
	if err == nil || !strings.Contains(err.Error(), "would not follow public.orders, public.parts_a:") {
		t.Fatal(err)
	}
	for i := range p.members {
		if p.members[i].Name == "parts_a" || p.members[i].Name == "orders" {
			p.members[i].Follow = planner.FollowNone
		}
	}
	if err := p.both().Give(t.Context(), p.point, p.members); err != nil {
		t.Error(err)
	}
}
