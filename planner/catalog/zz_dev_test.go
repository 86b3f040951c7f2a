package catalog_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"bascule/planner/catalog"
)

func TestDev(t *testing.T) {
	url := os.Getenv("DEV_URL")
	if url == "" {
		t.Skip()
	}
	for range 3 {
		conn := open(t, url)
		s := time.Now()
		db := read(t, conn, catalog.ReadOptions{})
		fmt.Println("read", time.Since(s), len(db.Relations), len(db.Indexes), len(db.Constraints), len(db.Objects), len(db.Depends), db.Fingerprint)
		conn = open(t, url)
		s = time.Now()
		f, err := catalog.Fingerprint(t.Context(), conn)
		fmt.Println("fingerprint", time.Since(s), f, err)
	}
	conn := open(t, url)
	s := time.Now()
	read(t, conn, catalog.ReadOptions{Rows: true})
	fmt.Println("rows", time.Since(s))
}
