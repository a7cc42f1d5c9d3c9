"""The service behind the fake: a router and collections. Knows no sockets."""
