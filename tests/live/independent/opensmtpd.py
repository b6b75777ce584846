"""OpenSMTPD, configured as the examples of its manual page smtpd.conf(5)."""

import re
from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN

from .roots import Root
from .site import MAILBOXES, PORTS, Site

_USERS = {"opensmtpd": 64911, "opensmtpq": 64912, "opensmtpf": 64913}

# "from any": without it a rule is for local clients alone.
_CONFIGURATION = """
table aliases file:/etc/aliases

listen on {address} port 25 hostname {host}

action "local_mail" maildir "/var/mail/%{{user.username}}" alias <aliases>

match from any for local action "local_mail"
match from any for domain "{domain}" action "local_mail"
"""


class OpenSmtpd:
    """Debian's opensmtpd."""

    name: ClassVar[str] = "opensmtpd"
    # No TLS, and so no submission: no handshake of this release succeeds with OpenSSL 3, whose keys its separated
    # processes cannot reach (OpenSMTPD issues 1171 and 1239), and Debian 12 ships the two together.
    roles: ClassVar[tuple[str, ...]] = ("mx",)

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        accounts = {name: 2000 + number for number, name in enumerate(("alice", "bob"))}
        self.root = Root("opensmtpd", directory, site, {**_USERS, **accounts})

    def start(self) -> None:
        """Write its configuration and start it."""
        root, site = self.root, self._site
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
        """The recipients of the mail that it took, those of one message after the other."""
        # Without the programs that deliver, what was taken is thrown away.
        return re.findall(r"(?m) smtp envelope .* to=<(.*)>$", self.root.console)
