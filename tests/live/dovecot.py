"""Debian's Dovecot in a directory of its own, for mailboxes and for Postfix's AUTH."""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .network import Daemon, wait_until_listening

DOVECOT = Path("/usr/sbin/dovecot")

PASSWORDS = {
    "alice@lab.example": "correct horse",
    "bob@lab.example": "battery staple",
    "carol@lab.example": "to throw away",
}

_PROTOCOLS = {"imap": "imap", "imaps": "imap", "pop3": "pop3", "pop3s": "pop3", "sieve": "sieve"}
_LOGIN_SERVICES = {"imap": "imap-login", "pop3": "pop3-login", "sieve": "managesieve-login"}
_IMPLICIT = {"imaps", "pop3s"}


@dataclass(frozen=True)
class Listener:
    """One listening socket; `role` decides protocol and how TLS starts, unless `tls` says so."""

    address: str
    port: int
    role: str
    tls: bool | None = None

    @property
    def protocol(self) -> str:
        return _PROTOCOLS[self.role]

    @property
    def tls_at_once(self) -> bool:
        return self.role in _IMPLICIT if self.tls is None else self.tls


@dataclass
class Dovecot:
    """An instance; every setting that is not given is the one of a well-kept server."""

    directory: Path
    listeners: Sequence[Listener]
    chain: Path
    """PEM file: key, leaf, intermediates."""
    settings: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=lambda: PASSWORDS)
    penalty: bool = False
    """Whether each wrong password makes the next one from the same address wait longer, as Dovecot does untold."""
    scheme: str = "PLAIN"
    """How passwords are stored."""
    _daemon: Daemon | None = None

    @property
    def auth_socket(self) -> Path:
        """Where Postfix asks for passwords."""
        return self.directory / "run" / "postfix-auth"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def start(self) -> None:
        """Write the instance down and start it; returns when everything listens."""
        for folder in (self.directory, self.directory / "state", self.directory / "home"):
            folder.mkdir(mode=0o755, exist_ok=True)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.directory / "home", nobody.pw_uid, nobody.pw_gid)
        users = self.directory / "users"
        users.write_text("".join(f"{user}:{self._stored(word)}\n" for user, word in self.users.items()))
        # The password file is read by Dovecot's auth process, which is not root.
        os.chown(users, pwd.getpwnam("dovecot").pw_uid, -1)
        users.chmod(0o400)
        self.start_as_written(self._configuration(users))

    def _stored(self, password: str) -> str:
        if self.scheme == "PLAIN":
            return password
        # Rounds as a careful administrator sets them: some 100 ms for each.
        command = ["/usr/bin/doveadm", "pw", "-s", self.scheme, "-r", "11", "-p", password]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def start_as_written(self, text: str) -> None:
        """Start with this configuration file, word for word."""
        configuration = self.directory / "dovecot.conf"
        configuration.write_text(text)
        self.start_file(configuration, wait_for_auth=True)

    def start_file(self, configuration: Path, *, wait_for_auth: bool = False) -> None:
        """Start with this configuration file, which may include others beside it."""
        console = self.directory / "console"
        self._daemon = Daemon([str(DOVECOT), "-F", "-c", str(configuration)], log=console)
        places = [(listener.address, listener.port) for listener in self.listeners]
        try:
            wait_until_listening(places, sockets=[self.auth_socket] if wait_for_auth else [], log=self.log)
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

    def _configuration(self, users: Path) -> str:
        settings = {
            "base_dir": str(self.directory / "run"),
            "state_dir": str(self.directory / "state"),
            "log_path": str(self.log),
            "protocols": " ".join(sorted({item.protocol for item in self.listeners})) or "none",
            # Nothing may listen that is not in the list below.
            "listen": "127.255.255.254",
            "ssl": "required",
            "ssl_cert": f"<{self.chain}",
            "ssl_key": f"<{self.chain}",
            "ssl_min_protocol": "TLSv1.2",
            "disable_plaintext_auth": "yes",
            "auth_mechanisms": "plain login",
            "mail_location": "maildir:~/Maildir",
            # Strangers are not told what is running.
            "login_greeting": "ready",
            "imap_id_send": "",
            "managesieve_implementation_string": "sieve",
            **self.settings,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        lines += [
            f"passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN {users}\n}}",
            f"userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home={self.directory}/home/%u\n}}",
            f"service auth {{\n  unix_listener {self.auth_socket.name} {{\n"
            "    mode = 0660\n    user = postfix\n    group = postfix\n  }\n}",
        ]
        if not self.penalty:
            # A wrong password costs two seconds. The penalty on top, which grows with every one and stays
            # with the client's address, would make tests depend on their order.
            lines.append("service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}")
        for protocol, service in _LOGIN_SERVICES.items():
            listeners = [item for item in self.listeners if item.protocol == protocol]
            if listeners:
                lines.append(_login_service(protocol, service, listeners))
        return "\n".join(lines) + "\n"


def _login_service(protocol: str, service: str, listeners: Sequence[Listener]) -> str:
    # Dovecot's own default listeners are switched off with port 0.
    defaults = {"imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s"), "sieve": ("sieve",)}
    blocks = [f"  inet_listener {name} {{\n    port = 0\n  }}" for name in defaults[protocol]]
    for number, item in enumerate(listeners):
        blocks.append(
            f"  inet_listener lab{number} {{\n    address = {item.address}\n"
            f"    port = {item.port}\n    ssl = {'yes' if item.tls_at_once else 'no'}\n  }}"
        )
    return f"service {service} {{\n" + "\n".join(blocks) + "\n}"
