# Each block runs once on the source, and once on the target where the stream comes to
# it. Names are written with their schema: search_path is empty on both sides.

# A column, in a table with a primary key and in one without.
ddl "users_surname" {
  mirrors = [mirror.app]
  command = "ALTER TABLE public.users ADD COLUMN surname varchar(20)"
}

ddl "visits_referrer" {
  mirrors = [mirror.app]
  command = "ALTER TABLE public.visits ADD COLUMN referrer text DEFAULT 'none' NOT NULL"
}

# Another name. A mirror follows a table by its identity, not by its name.
ddl "users_rename" {
  mirrors    = [mirror.app]
  command    = "ALTER TABLE public.users RENAME TO customers"
  depends_on = [ddl.users_surname]
}

ddl "visits_rename" {
  mirrors    = [mirror.app]
  command    = "ALTER TABLE public.visits RENAME TO page_views"
  depends_on = [ddl.visits_referrer]
}

# New tables join the mirror in the transaction that creates them; the one without a
# primary key with its inserts alone.
ddl "invoices_create" {
  mirrors = [mirror.app]
  command = <<-SQL
    CREATE TABLE public.invoices (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      customer bigint NOT NULL REFERENCES public.customers,
      total numeric(12, 2) NOT NULL
    )
  SQL

  lock_timeout = "1s"
  depends_on   = [ddl.users_rename]
}

ddl "clicks_create" {
  mirrors = [mirror.app]
  command = "CREATE TABLE public.clicks (at timestamptz NOT NULL, page text NOT NULL)"
}

# What cannot run in a transaction runs on each side by itself.
ddl "page_views_by_page" {
  mirrors    = [mirror.app]
  command    = "CREATE INDEX CONCURRENTLY page_views_page ON public.page_views (page)"
  depends_on = [ddl.visits_rename]
}
