"""Debian's Postfix in a directory of its own: any number of smtpd services in one instance.

Mail that a service accepts stays in the queue (`defer_transports`), so that an empty queue proves
that nothing was accepted.
"""

import grp
import os
import pwd
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .network import Daemon, wait_until_listening

MASTER = Path("/usr/lib/postfix/sbin/master")
SMTPD = Path("/usr/lib/postfix/sbin/smtpd")

# What every instance has; a service adds its own settings with -o.
_MAIN: dict[str, str] = {
    "compatibility_level": "3.6",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "command_directory": "/usr/sbin",
    "daemon_directory": "/usr/lib/postfix/sbin",
    # Addresses stand in master.cf; a list of loopback addresses here would be fatal.
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    # The clients of the tests come from loopback: trusted, they would prove nothing.
    "mynetworks": "127.255.255.254/32",
    "myhostname": "mail.lab.example",
    "smtpd_banner": "$myhostname ESMTP",
    "mydestination": "lab.example",
    "myorigin": "lab.example",
    "alias_maps": "",
    "alias_database": "",
    "local_recipient_maps": "inline:{ alice=1, bob=1, carol=1, postmaster=1, abuse=1 }",
    "defer_transports": "local smtp lmtp virtual relay error",
    "smtp_dns_support_level": "disabled",
    "biff": "no",
    # As it comes, what stands behind a NUL in a header field is lost.
    "message_reject_characters": "\\0",
    # Complaints to the postmaster about broken services would lie in the queue like accepted mail.
    "notify_classes": "",
}

_MASTER_SERVICES = """\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
cleanup-author unix n  -       n       -       0       cleanup
    -o { header_checks = regexp:{ {/^(From|Sender):.*(bob|postmaster)@/ REJECT 5.7.1 not your address} } }
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""

_PRIVATE_FOLDERS = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)
_MAIL_FOLDERS = ("active", "corrupt", "deferred", "hold", "incoming", "maildrop", "saved")


@dataclass(frozen=True)
class Service:
    """One listening socket, with the settings that are its own."""

    address: str
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    command: str = "smtpd"

    def master_lines(self) -> list[str]:
        """The entry of master.cf."""
        # postscreen is one process for all clients; smtpd may have many.
        limit = "1" if self.command == "postscreen" else "-"
        lines = [f"{self.address}:{self.port} inet n - n - {limit} {self.command}"]
        lines += [f"    -o {{ {name} = {value} }}" for name, value in self.settings.items()]
        return lines


class Postfix:
    """A running instance; `start` returns when all its services listen."""

    def __init__(
        self,
        directory: Path,
        services: Sequence[Service],
        *,
        settings: Mapping[str, str] | None = None,
        extra_master: str = "",
    ) -> None:
        self.directory = directory
        self.services = list(services)
        self._settings = {**_MAIN, **(settings or {})}
        self._master = "\n".join([*(line for service in services for line in service.master_lines()), extra_master])
        self._daemon: Daemon | None = None

    @property
    def queue(self) -> Path:
        return self.directory / "queue"

    @property
    def log(self) -> Path:
        return self.directory / "maillog"

    def start(self, *, auth_sockets: Mapping[str, Path] | None = None) -> None:
        """Write the instance down and start it; a service finds Dovecot at `auth_path(name)`."""
        make_skeleton(self.directory)
        for name, socket in (auth_sockets or {}).items():
            (self.queue / auth_path(name)).symlink_to(socket)
        main = {
            "queue_directory": str(self.queue),
            "data_directory": str(self.directory / "data"),
            "maillog_file": str(self.log),
            "maillog_file_prefixes": str(self.directory),
            **self._settings,
        }
        text = "".join(f"{name} = {value}\n" for name, value in main.items())
        self.start_as_written(text, self._master + "\n" + _MASTER_SERVICES)

    def start_as_written(self, main: str, master: str) -> None:
        """Start with these two files, word for word."""
        configuration = self.directory / "config"
        for name, text in (("main.cf", main), ("master.cf", master)):
            path = configuration / name
            path.write_text(text)
            # Postfix waits until its configuration is 2 s old: someone might still be writing it.
            past = time.time() - 60
            os.utime(path, (past, past))
        console = self.directory / "console"
        self._daemon = Daemon([str(MASTER), "-d", "-c", str(configuration)], log=console)
        places = [(service.address, service.port) for service in self.services]
        try:
            wait_until_listening(places, log=self.log)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all processes of the instance."""
        if self._daemon is not None:
            self._daemon.stop()

    @property
    def pid(self) -> int:
        if self._daemon is None:
            raise RuntimeError("not started")
        return self._daemon.pid

    def queued(self) -> list[Path]:
        """The queue files of all accepted mail, delivered or not: nothing is ever delivered."""
        return [path for folder in _MAIL_FOLDERS for path in (self.queue / folder).rglob("*") if path.is_file()]

    def discard_queue(self) -> None:
        """Throw the queued mail away."""
        for path in self.queued():
            path.unlink(missing_ok=True)


def auth_path(name: str) -> str:
    """The value of smtpd_sasl_path for one of the AUTH sockets given to `Postfix.start`."""
    return f"private/auth-{name}"


def make_skeleton(directory: Path) -> None:
    """Make the folders of an instance, with the owners that Postfix insists on."""
    mail = pwd.getpwnam("postfix")
    drop = grp.getgrnam("postdrop").gr_gid
    for folder in (directory, directory / "config", directory / "queue", directory / "queue" / "pid"):
        folder.mkdir(mode=0o755, exist_ok=True)
    for folder in (directory / "data", *(directory / "queue" / name for name in _PRIVATE_FOLDERS)):
        folder.mkdir(mode=0o700)
        os.chown(folder, mail.pw_uid, mail.pw_gid)
    for name, mode in (("public", 0o2710), ("maildrop", 0o1730)):
        folder = directory / "queue" / name
        folder.mkdir()
        os.chown(folder, mail.pw_uid, drop)
        # mkdir would let the umask take bits away.
        folder.chmod(mode)
