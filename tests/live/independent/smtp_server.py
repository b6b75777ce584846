"""A mail server made with smtp-server of npm, the library under many test and product servers; node/server.js."""

import json
import shutil
from pathlib import Path
from typing import ClassVar

from tests.live.catalogue import DOMAIN
from tests.live.network import Daemon, wait_until_listening

from .roots import accepted_by, installed
from .site import MAILBOXES, NOBODY, PASSWORDS, PORTS, Site

PROGRAM = Path(__file__).with_name("node") / "server.js"


class SmtpServer:
    """Of npm."""

    name: ClassVar[str] = "smtp-server"
    roles: ClassVar[tuple[str, ...]] = ("mx", "submission", "submissions")

    def __init__(self, directory: Path, site: Site) -> None:
        self._site = site
        self._console = directory / "smtp-server.console"
        # Its own folder, since node looks for packages beside the program.
        self._directory = directory / "smtp-server"
        self._directory.mkdir(mode=0o755)
        self._daemon: Daemon | None = None

    def start(self) -> None:
        """Write its configuration and start it."""
        site = self._site
        (self._directory / "node_modules").symlink_to(installed() / "node" / "node_modules")
        shutil.copy(PROGRAM, self._directory)
        configuration = self._directory / "configuration.json"
        configuration.write_text(
            json.dumps(
                {
                    "host": site.host,
                    "address": site.address,
                    "ports": PORTS,
                    "key": site.key(),
                    "certificates": site.certificates(),
                    "recipients": [f"{mailbox}@{DOMAIN}" for mailbox in MAILBOXES],
                    "passwords": PASSWORDS,
                    "user": NOBODY,
                }
            )
        )
        configuration.chmod(0o600)
        self._daemon = Daemon(
            [shutil.which("node") or "/usr/bin/node", str(self._directory / "server.js"), str(configuration)],
            log=self._console,
        )
        try:
            wait_until_listening([(site.address, PORTS[role]) for role in self.roles], log=self._console)
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
