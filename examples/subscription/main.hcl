# Copies a database to another server, and has PostgreSQL's own subscription keep the copy in
# step: bascule apply makes it and changes it, and no process of ours runs in between.

bascule {
  required_version = ">= 0.1.0"
}

peer "prod" {
  url      = env("SUBSCRIPTION_SOURCE_URL")
  password = env("SUBSCRIPTION_SOURCE_PASSWORD")

  # How the target's server reaches this one. It is stored in that server's catalogue,
  # the password with it. Here the address is the same for both; elsewhere:
  # host = "10.0.0.5"
  from_server {
    password = env("SUBSCRIPTION_SOURCE_PASSWORD")
  }
}

peer "next" {
  url      = env("SUBSCRIPTION_TARGET_URL")
  password = env("SUBSCRIPTION_TARGET_PASSWORD")
}

mirror "app" {
  source = peer.prod
  target = peer.next
  engine = "subscription"
}
