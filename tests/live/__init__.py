"""The live lab: real Postfix and Dovecot on loopback, well configured and broken on purpose."""
