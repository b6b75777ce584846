"""Servers with the TLS of former times, which no current library serves, and proofs that they are what they say.

`ancient` has whole handshakes (tlslite-ng): SSL 3, RC4, 3DES, NULL, MD5, small DH groups, no extended master secret.
`canned` has first flights only, for what no library here can do: SSL 2, export, DES, IDEA, SEED, odd groups.
"""
