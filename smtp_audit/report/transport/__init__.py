"""The transport of every endpoint in words: what was seen of its TLS, and what could not be seen. Judges nothing."""
