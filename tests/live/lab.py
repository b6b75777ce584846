"""Puts the catalogue's servers on loopback addresses: few processes, one address a server."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .authority import Authority
from .catalogue import DOMAIN, HOST, Catalogue, Entry, sound_name
from .dovecot import Dovecot, Listener
from .network import Block, lab_directory
from .postfix import Postfix, Service, auth_path

_FIRST_ADDRESS = 30
_FIRST_PORT = 20000

_POSTSCREEN = {
    # Every client waits every time: a remembered one would not be tested.
    "postscreen_greet_wait": "6s",
    "postscreen_greet_ttl": "1s",
    "postscreen_greet_action": "enforce",
    "postscreen_access_list": "",
    "postscreen_cache_map": "",
}


@dataclass(frozen=True)
class Place:
    """Where an entry of the catalogue listens."""

    entry: Entry
    address: str
    port: int
    host: str = HOST

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def role(self) -> str:
        return self.entry.role

    @property
    def subject(self) -> str:
        """What a record of the audit calls it."""
        return f"{self.host}:{self.port}"


class Lab:
    """The catalogue's servers, running."""

    def __init__(self, directory: Path, block: Block, catalogue: Catalogue) -> None:
        self.directory = directory
        self.block = block
        self.authority = Authority(directory / "ca")
        self._certificates = catalogue.certificates
        self._chains: dict[str, Path] = {}
        self._servers: list[Postfix | Dovecot] = []
        self.places = {
            entry.name: Place(entry, block.address(_FIRST_ADDRESS + number), _FIRST_PORT + number)
            for number, entry in enumerate(catalogue.entries)
        }
        self.postfix = self._new_postfix("postfix", "quick")
        self.throttled = self._new_postfix("throttled", "throttled")
        self.audit_of_throttled: Future[Any] | None = None
        """Set while an audit may be keeping the throttled servers busy."""

    def start(self) -> None:
        """Start everything; what depends on another server's socket comes after it."""
        auth = {}
        for dovecot in self._dovecots():
            dovecot.start()
            self._servers.append(dovecot)
            if dovecot.directory.name in ("dovecot-sound", "dovecot-permissive"):
                auth[dovecot.directory.name.removeprefix("dovecot-")] = dovecot.auth_socket
        for postfix in (self.postfix, self.throttled):
            postfix.start(auth_sockets=auth)
            self._servers.append(postfix)

    def stop(self) -> None:
        """End everything.."""
        stop_all(self._servers)

    def pids(self) -> list[int]:
        """The ids of the servers' first processes, which are also those of their sessions."""
        return [server.pid for server in self._servers]

    def chain(self, kind: str) -> Path:
        """The PEM file of one kind of certificate."""
        if kind not in self._chains:
            self._chains[kind] = self.authority.issue(kind, self._certificates[kind])
        return self._chains[kind]

    def _new_postfix(self, name: str, group: str) -> Postfix:
        places = [
            place for place in self.places.values() if place.entry.server == "postfix" and place.entry.group == group
        ]
        settings: dict[str, str] = {}
        extra = ""
        if group == "throttled":
            settings = {"anvil_rate_time_unit": "10s"}
            behind = self.places[sound_name("mx")].entry
            lines = [f"    -o {{ {key} = {value} }}" for key, value in self._settings(behind).items()]
            extra = "\n".join(["smtpd pass - - n - - smtpd", *lines])
        return Postfix(
            self.directory / name,
            [Service(place.address, place.port, self._settings(place.entry), place.entry.front) for place in places],
            settings=settings,
            extra_master=extra,
        )

    def _settings(self, entry: Entry) -> dict[str, str]:
        if entry.front == "postscreen":
            return _POSTSCREEN
        return {
            "smtpd_tls_chain_files": str(self.chain(entry.certificate)),
            "smtpd_sasl_path": auth_path(entry.backend),
            # The log then says which server a line is about.
            "syslog_name": f"postfix/{entry.name}",
            **entry.settings,
        }

    def _dovecots(self) -> Iterator[Dovecot]:
        """One instance for all listeners whose settings and certificate are the same."""
        groups: dict[str, list[Place]] = {}
        for place in self.places.values():
            if place.entry.server == "dovecot":
                key = json.dumps([place.entry.certificate, place.entry.settings], sort_keys=True)
                groups.setdefault(key, []).append(place)
        for number, places in enumerate(groups.values()):
            first = places[0].entry
            name = "sound" if first.sound else str(number)
            yield Dovecot(
                self.directory / f"dovecot-{name}",
                [Listener(item.address, item.port, item.role, item.entry.tls) for item in places],
                self.chain(first.certificate),
                first.settings,
            )
        yield Dovecot(
            self.directory / "dovecot-permissive",
            [],
            self.chain("sound"),
            {
                "auth_mechanisms": "plain login cram-md5 digest-md5 anonymous scram-sha-256 oauthbearer",
                "auth_anonymous_username": f"bob@{DOMAIN}",
            },
        )


@contextmanager
def running_lab(catalogue: Catalogue) -> Iterator[Lab]:
    """The whole lab, in a directory and a block of addresses of its own; nothing is left behind."""
    block = Block()
    try:
        with lab_directory() as directory:
            lab = Lab(directory, block, catalogue)
            try:
                lab.start()
                yield lab
            finally:
                lab.stop()
    finally:
        block.release()


def stop_all(servers: Sequence[Postfix | Dovecot]) -> None:
    """End the servers at the same time: each takes up to a second to say goodbye."""
    if not servers:
        return
    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(lambda server: server.stop(), servers))
