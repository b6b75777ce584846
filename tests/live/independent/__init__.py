"""Mail servers that share no code with Postfix and Dovecot, kept as their own documentation recommends.

What an audit says about them is either true, and stands with its reason in findings.toml, or a fault of the audit.

- `install` unpacks and installs them; tests/live/install-servers calls it.
- A module a server: exim.py, opensmtpd.py, sendmail.py, chasquid.py, smtp_server.py; roots.py has what those in a
  folder of their own have in common, site.py what all serve, and running.py starts them.
- vulnerable.py is a server that is known to be broken.
"""
