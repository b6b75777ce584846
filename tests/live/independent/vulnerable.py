"""aiosmtpd 1.4.4.post2, known to be broken: LF.CRLF ends its messages (CVE-2024-27305), and it takes what a stranger
wrote behind STARTTLS for the client's commands (CVE-2024-34083).
"""

from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN
from tests.live.network import Daemon, wait_until_listening

from .roots import accepted_by, installed
from .site import MAILBOXES, PORTS, Site

PROGRAM = Path(__file__).with_name("vulnerable_program.py")


class Aiosmtpd:
    """Of PyPI, in an environment of its own."""

    name: ClassVar[str] = "aiosmtpd"
    roles: ClassVar[tuple[str, ...]] = ("mx",)

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        self._console = directory / "aiosmtpd.console"
        self._daemon: Daemon | None = None

    def start(self) -> None:
        """Start it."""
        site = self._site
        # Without a domain as well: RFC 5321 section 4.5.1.
        mailboxes = ["postmaster", *(f"{mailbox}@{DOMAIN}" for mailbox in MAILBOXES)]
        python = installed() / "python" / "bin" / "python"
        # -I: neither this folder nor the caller's settings are its business.
        arguments = [site.address, str(PORTS["mx"]), str(site.chain), site.host, *mailboxes]
        self._daemon = Daemon([str(python), "-I", str(PROGRAM), *arguments], log=self._console)
        try:
            wait_until_listening([(site.address, PORTS["mx"])], log=self._console)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        if self._daemon is not None:
            self._daemon.stop()

    def accepted(self) -> list[str]:
        """The recipients of the mail that it took, those of one message after the other."""
        return accepted_by(self._console)
