# Copies a database to another server and keeps the copy in step: bascule apply makes
# it, bascule run follows the source until it is stopped.

bascule {
  required_version = ">= 0.1.0"
}

peer "prod" {
  url      = env("FOLLOW_SOURCE_URL")
  password = env("FOLLOW_SOURCE_PASSWORD")
}

peer "next" {
  url      = env("FOLLOW_TARGET_URL")
  password = env("FOLLOW_TARGET_PASSWORD")
}

mirror "orders" {
  source = peer.prod
  target = peer.next

  # Rows of this table have no key. Its changes are followed all the same: each row is
  # told by all of its values, which the source then writes to its WAL.
  table "public.reading" {
    replica_identity = "full"
  }

  stream {
    max_delay = "50ms" # how long a batch may stay open
  }
}
