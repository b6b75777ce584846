"""TLS: what an endpoint speaks, by our own hellos and handshakes, and what it presents."""
