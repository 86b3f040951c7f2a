# Copies the shop's database to another server, once: whole schema, all rows.

bascule {
  required_version = ">= 0.1.0"
}

peer "old" {
  url      = env("SHOP_SOURCE_URL")
  password = env("SHOP_SOURCE_PASSWORD")
}

peer "new" {
  url      = env("SHOP_TARGET_URL")
  password = env("SHOP_TARGET_PASSWORD")
}

mirror "shop" {
  source = peer.old
  target = peer.new

  continuous = false # copy once and be done

  schema {
    privileges = true # grants, too
  }

  copy {
    workers = 4
  }
}
