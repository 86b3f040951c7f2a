package catalog

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"bascule/config"
	"bascule/planner/session"
)

func TestDev3(t *testing.T) {
	url := os.Getenv("DEV_URL")
	if url == "" {
		t.Skip()
	}
	ctx := context.Background()
	conn, err := session.Open(ctx, &config.Peer{URL: config.Secret(url)}, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(selectFingerprint, "select part, count")
	for _, g := range []string{relationParts, constraintParts, schemaParts, globalParts, noteParts} {
		for _, part := range strings.Split(g, "union all") {
			for range 2 {
				c := cpu(conn.PgConn().PID())
				_, err := conn.Exec(ctx, head+" select part, count(*), coalesce(sum(pg_catalog.hashtextextended(definition, 0)), 0)::text from (select null::text as part, null::text as definition where false union all "+part+") x group by part")
				if err != nil {
					t.Fatal(err)
				}
				if d := cpu(conn.PgConn().PID()) - c; d >= 0.02 {
					fmt.Printf("%.2f %.50s\n", d, strings.TrimSpace(part))
				}
			}
		}
	}
}
