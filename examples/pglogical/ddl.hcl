# Each command goes through pglogical.replicate_ddl_command, and so arrives in order
# among the rows. The replication sets are found from the tables' keys; a table that a
# command creates joins its set in the same transaction.

# A column, in a table with a primary key and in one without.
ddl "users_surname" {
  mirrors = [mirror.app]
  command = "ALTER TABLE public.users ADD COLUMN surname varchar(20)"
}

ddl "visits_surname" {
  mirrors          = [mirror.app]
  command          = "ALTER TABLE public.visits ADD COLUMN surname varchar(20)"
  replication_sets = ["default_insert_only"]
}

# Another name.
ddl "users_rename" {
  mirrors    = [mirror.app]
  command    = "ALTER TABLE public.users RENAME TO customers"
  depends_on = [ddl.users_surname]
}

ddl "visits_rename" {
  mirrors    = [mirror.app]
  command    = "ALTER TABLE public.visits RENAME TO page_views"
  depends_on = [ddl.visits_surname]
}

# New tables.
ddl "invoices_create" {
  mirrors = [mirror.app]
  command = "CREATE TABLE public.invoices (id integer PRIMARY KEY, name varchar)"
}

ddl "clicks_create" {
  mirrors = [mirror.app]
  command = "CREATE TABLE public.clicks (id integer, name varchar)"
}
