"""The TLS 1.3 handshake of our own, against Python, OpenSSL and a scripted server."""
