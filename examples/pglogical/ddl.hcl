# Each command goes through pglogical.replicate_ddl_command, and so arrives in order
# among the rows. These are the examples of Google's page on migration fidelity
# (https://cloud.google.com/database-migration/docs/postgres/migration-fidelity), with
# names put in. The replication sets need not be named, as in the renames here: they are
# found from the tables' keys. A table that a command creates joins its set in the same
# transaction, which the page leaves to you.

# A column, in a table with a primary key and in one without.
ddl "users_surname" {
  mirrors          = [mirror.app]
  command          = "ALTER TABLE public.users ADD COLUMN surname varchar(20)"
  replication_sets = ["default"]
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
  mirrors          = [mirror.app]
  command          = "CREATE TABLE public.invoices (id INTEGER PRIMARY KEY, name VARCHAR);"
  replication_sets = ["default"]
}

ddl "clicks_create" {
  mirrors          = [mirror.app]
  command          = "CREATE TABLE public.clicks (id INTEGER, name VARCHAR);"
  replication_sets = ["default_insert_only"]
}

# The page's own example of a table without a primary key has one. The set that is named
# is the command's; the table joins the one that its key asks for.
ddl "labels_create" {
  mirrors          = [mirror.app]
  command          = "CREATE TABLE public.labels (id INTEGER PRIMARY KEY, name VARCHAR);"
  replication_sets = ["default_insert_only"]
}
