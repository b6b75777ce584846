"""OpenSMTPD, configured as the examples of its manual page smtpd.conf(5)."""

import subprocess
from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN

from .roots import Root
from .site import MAILBOXES, PASSWORDS, PORTS, Site

_USERS = {"opensmtpd": 64911, "opensmtpq": 64912, "opensmtpf": 64913}

# "from any" and "from auth": the examples' rule for outgoing mail is for local clients, which is what the tests are.
_CONFIGURATION = """
table aliases file:/etc/aliases
table passwords file:/etc/passwords
pki {host} cert "/etc/ssl/certificates.pem"
pki {host} key "/etc/ssl/key.pem"

listen on {address} port 25 hostname {host} tls pki {host}
listen on {address} port 587 hostname {host} tls-require pki {host} auth <passwords>
listen on {address} port 465 hostname {host} smtps pki {host} auth <passwords>

action "local_mail" maildir "/var/mail/%{{user.username}}" alias <aliases>
action "outbound" relay

match from any for domain "{domain}" action "local_mail"
match from auth for any action "outbound"
"""


class OpenSmtpd:
    """Debian's opensmtpd."""

    name: ClassVar[str] = "opensmtpd"
    # No submission: it begins with TLS, and no handshake of this release succeeds. Its privilege separation hooks into
    # keys in a way that OpenSSL 3 passes by (OpenSMTPD issues 1171 and 1239); Debian 12 ships the two together.
    roles: ClassVar[tuple[str, ...]] = ("mx",)
    key: ClassVar[str] = "rsa-3072"

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        accounts = {name: 2000 + number for number, name in enumerate(("alice", "bob"))}
        self.root = Root("opensmtpd", directory, site, {**_USERS, **accounts})

    def start(self) -> None:
        """Write its configuration and start it."""
        root, site = self.root, self._site
        root.write("etc/ssl/certificates.pem", site.certificates())
        root.write("etc/ssl/key.pem", site.key(), mode=0o400)
        hashed = {user: _hashed(word) for user, word in PASSWORDS.items()}
        root.write("etc/passwords", "".join(f"{u} {p}\n" for u, p in hashed.items()), mode=0o440, owner=64911)
        root.write("etc/aliases", "".join(f"{n}: alice\n" for n in MAILBOXES if n not in ("alice", "bob")))
        for account in ("alice", "bob"):
            for folder in ("home", "var/mail"):
                root.folder(f"{folder}/{account}", mode=0o700, owner=2000 + ("alice", "bob").index(account))
        root.write(
            "etc/smtpd.conf", _CONFIGURATION.format(host=site.host, address=site.address, domain=DOMAIN), mode=0o640
        )
        for folder, mode in (("var/spool/smtpd", 0o711), ("run/opensmtpd", 0o755), ("var/lib/opensmtpd/empty", 0o755)):
            root.folder(folder, mode=mode)
        root.start(["/usr/sbin/smtpd", "-d"], [(site.address, PORTS[role]) for role in self.roles])

    def stop(self) -> None:
        """End it."""
        self.root.stop()

    def accepted(self) -> list[str]:
        """The files of the mail that it took."""
        return self.root.files("var/spool/smtpd/queue", "var/mail")


def _hashed(password: str) -> str:
    """As `smtpctl encrypt` does, which asks for a group of its own."""
    command = ["/usr/bin/openssl", "passwd", "-6", "-stdin"]
    return subprocess.run(command, input=password, check=True, capture_output=True, text=True).stdout.strip()
