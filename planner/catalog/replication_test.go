package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bascule/config"
	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
	"bascule/planner/session"
)

// TestReadWhatStreamsNeed reads what tells whether and how tables can be followed.
func TestReadWhatStreamsNeed(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, major int) {
		role, _ := server.Role(t, "replication")
		db := server.Database(t, strings.ReplaceAll(`
			create table keyed (a int, b int not null, c int not null, primary key (c, a));
			create unique index keyed_b on keyed (b) include (c);
			create unique index keyed_lower on keyed ((b + 1), c) where c > 0;
			create table late (id int primary key deferrable);
			alter table keyed replica identity using index keyed_b;
			create function f() returns trigger language plpgsql as 'begin return new; end';
			create trigger plain before insert on keyed for each row execute function f();
			create trigger always before insert on keyed for each row execute function f();
			create trigger replica before insert on keyed for each row execute function f();
			create trigger off before insert on keyed for each row execute function f();
			alter table keyed enable always trigger always, enable replica trigger replica, disable trigger off;
			grant select, insert, update on keyed to ROLE;
			grant update, delete on late to ROLE;`, "ROLE", role))
		got := read(t, open(t, db.URLAs(role)), catalog.ReadOptions{})
		var lines []string
		for _, x := range got.Indexes {
			lines = append(lines, fmt.Sprint(x.Name, x.Columns, " immediate ", x.Immediate, " partial ", x.Partial, " identity ", x.ReplicaIdentity))
		}
		for _, r := range got.Relations {
			lines = append(lines, fmt.Sprint(r.Name, " identity ", string(r.ReplicaIdentity), " triggers ", r.UserTriggers, " always ", r.AlwaysTriggers, " change ", r.CanChange))
		}
		want := `keyed_b[2] immediate true partial false identity true
keyed_lower[0 3] immediate true partial true identity false
keyed_pkey[3 1] immediate true partial false identity false
late_pkey[1] immediate false partial false identity false
keyed identity i triggers 3 always 2 change false
late identity d triggers 0 always 0 change true`
		if text := strings.Join(lines, "\n"); text != want {
			t.Errorf("%s\nwant\n%s", text, want)
		}
		if !got.Role.Replication || got.CanCreate || got.Params["max_replication_slots"] == "" || got.Params["max_wal_senders"] == "" || got.Params["max_slot_wal_keep_size"] != "-1" {
			t.Errorf("role %+v, create %t, params %v", got.Role, got.CanCreate, got.Params)
		}
		if known := got.WAL.Span > 0 && got.WAL.Bytes > 0 && time.Since(got.WAL.Since) < 24*time.Hour; known != (major >= 14) {
			t.Errorf("WAL %+v", got.WAL)
		}
	})
}

// TestReadSenders finds a session that streams, with its address where the role may see it.
func TestReadSenders(t *testing.T) {
	each(t, func(t *testing.T, server *pgtest.Cluster, major int) {
		role, _ := server.Role(t, "")
		db := server.Database(t, "")
		conn, err := session.Open(t.Context(), &config.Peer{Address: "peer.test", URL: config.Secret(db.URL)}, session.Options{Application: "bascule/senders" + fmt.Sprint(major), Replication: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		pid := int32(conn.PgConn().PID())
		for url, want := range map[string]string{db.URL: fmt.Sprintf("bascule/senders%d 127.0.0.1", major), db.URLAs(role): fmt.Sprintf("bascule/senders%d ", major)} {
			got := read(t, open(t, url), catalog.ReadOptions{})
			i := slices.IndexFunc(got.Senders, func(s catalog.Sender) bool { return s.PID == pid })
			if i < 0 {
				t.Fatalf("wanting %q: %+v, not pid %d", want, got.Senders, pid)
			}
			if name := got.Senders[i].Application + " " + got.Senders[i].Client; name != want {
				t.Errorf("%q, want %q", name, want)
			}
		}
	})
}
