"""A TLS 1.3 client of our own, to see what a server sends encrypted: octets in, octets out, no network. RFC 8446."""
