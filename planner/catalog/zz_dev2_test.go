package catalog

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
	"bascule/planner/session"
)

func cpu(pid uint32) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(b[strings.LastIndex(string(b), ")")+2:]))
	u, _ := strconv.Atoi(f[11])
	s, _ := strconv.Atoi(f[12])
	return float64(u+s) / 100
}

func TestDev2(t *testing.T) {
	url := os.Getenv("DEV_URL")
	if url == "" {
		t.Skip()
	}
	ctx := context.Background()
	conn, err := session.Open(ctx, &config.Peer{URL: config.Secret(url)}, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newReader()
	r.db.Identity, r.db.Version, err = ReadIdentity(ctx, conn)
	tx, _ := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	total, totalGo := 0.0, 0.0
	for _, q := range r.questions() {
		c, g, s := cpu(conn.PgConn().PID()), cpu(uint32(os.Getpid())), time.Now()
		rows, err := tx.Query(ctx, q.sql, q.args...)
		if err == nil {
			err = q.each(rows)
		}
		if err != nil {
			t.Fatal(q.about, err)
		}
		d, e := cpu(conn.PgConn().PID())-c, cpu(uint32(os.Getpid()))-g
		total += d
		totalGo += e
		fmt.Printf("%-30s server %.2f go %.2f wall %v\n", q.about, d, e, time.Since(s).Round(time.Millisecond))
	}
	fmt.Println("total", total, totalGo)
}
