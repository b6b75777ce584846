"""chasquid, a server in Go, configured as its guide for Debian says."""

import re
from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN

from .roots import Root
from .site import MAILBOXES, PASSWORDS, PORTS, Site

_USER = 64921

_CONFIGURATION = """
hostname: "{host}"
smtp_address: "{address}:25"
submission_address: "{address}:587"
submission_over_tls_address: "{address}:465"
mail_log_path: "<stderr>"
# Nothing is delivered in the lab: there is no such program, and what was taken is thrown away.
mail_delivery_agent_bin: "/bin/false"
"""


class Chasquid:
    """Debian's chasquid."""

    name: ClassVar[str] = "chasquid"
    roles: ClassVar[tuple[str, ...]] = ("mx", "submission", "submissions")

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        self.root = Root("chasquid", directory, site, {"chasquid": _USER})

    def start(self) -> None:
        """Write its configuration and start it."""
        root, site = self.root, self._site
        root.folder("var/lib/chasquid", mode=0o700, owner=_USER)
        root.write("etc/chasquid/chasquid.conf", _CONFIGURATION.format(host=site.host, address=site.address))
        root.write(f"etc/chasquid/certs/{site.host}/fullchain.pem", site.certificates())
        root.write(f"etc/chasquid/certs/{site.host}/privkey.pem", site.key(), mode=0o400)
        # Debian's hook calls the filters that are installed, of which there are none here, and no shell.
        (root.path / "etc/chasquid/hooks/post-data").unlink()
        domain = f"etc/chasquid/domains/{DOMAIN}"
        root.folder(domain)
        for account in ("alice", "bob"):
            # Who receives mail has an account; only alice's password is known to anybody.
            word = PASSWORDS.get(f"{account}@{DOMAIN}", "no such password")
            root.run("/usr/bin/chasquid-util", "user-add", f"{account}@{DOMAIN}", f"--password={word}")
        root.write(f"{domain}/aliases", "".join(f"{n}: alice\n" for n in MAILBOXES if n not in ("alice", "bob")))
        root.start(
            # As root to open the ports; Debian's unit gets them from systemd.
            ["/usr/bin/chasquid", "-logfile=/var/lib/chasquid/log"],
            [(site.address, PORTS[role]) for role in self.roles],
        )

    def stop(self) -> None:
        """End it."""
        self.root.stop()

    def accepted(self) -> list[str]:
        """The recipients of the mail that it took, those of one message after the other."""
        found = re.findall(r"(?m) from=\S* queued .* to=\[(.*)\]$", self.root.console)
        return [each for recipients in found for each in recipients.split()]
