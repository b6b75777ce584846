"""A live DNS: knot serves mail domains that are broken in one way each, unbound validates them, audits judge them."""
