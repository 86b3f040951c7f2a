# A command runs on both sides at one point among the rows. For it, apply takes the
# mirror over from the subscription, and gives it back where it has come to.
ddl "users_surname" {
  mirrors = [mirror.app]
  command = "ALTER TABLE public.users ADD COLUMN surname varchar(20)"
}

ddl "invoices_create" {
  mirrors = [mirror.app]
  command = "CREATE TABLE public.invoices (id bigint PRIMARY KEY, total numeric(12, 2) NOT NULL)"
}
