# A mirror, and changes of its tables that run on both sides at one point of the
# stream: see ddl.hcl.

bascule {
  required_version = ">= 0.1.0"
}

peer "prod" {
  url      = env("DDL_SOURCE_URL")
  password = env("DDL_SOURCE_PASSWORD")
}

peer "next" {
  url      = env("DDL_TARGET_URL")
  password = env("DDL_TARGET_PASSWORD")
}

mirror "app" {
  source = peer.prod
  target = peer.next
}
