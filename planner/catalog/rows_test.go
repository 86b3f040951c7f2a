package catalog_test

import (
	"context"
	"testing"

	"bascule/planner/catalog"
	"bascule/planner/catalog/pgtest"
)

// Tables that come and go while they are read about do not end the reading.
func TestReadWhileTablesComeAndGo(t *testing.T) {
	t.Parallel()
	db := pgtest.Server(t, 15).Database(t, "create table stays (id int); insert into stays values (1)")
	reader, other := db.Conn(t), db.Conn(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			_, err = other.Exec(context.WithoutCancel(ctx), comeAndGo)
		}
		ended <- err
	}()
	for range 40 {
		got, err := catalog.Read(t.Context(), reader, catalog.ReadOptions{Rows: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got.Relations {
			if r.Name == "stays" && !r.HasRows {
				t.Error("the table that stays has no rows")
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// comeAndGo commits each of its steps.
const comeAndGo = `
	do $$
	begin
		for i in 1 .. 20 loop
			execute format('create table goes_%s as select 1 as n', i);
			commit;
		end loop;
		for i in 1 .. 20 loop
			execute format('drop table goes_%s', i);
			commit;
		end loop;
	end $$`
