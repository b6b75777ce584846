"""Puts the catalogue's servers on loopback addresses: few processes, one address a server."""

import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .authority import Authority
from .catalogue import DOMAIN, GROUPS, SCRIPTED, Catalogue, Entry
from .dovecot import Dovecot, Listener
from .files import make_files
from .network import Block, lab_directory
from .postfix import Postfix, Service, auth_path
from .scripted_process import Scripted, ScriptedSite

_FIRST_ADDRESS = 30
_ADDRESSES = 200
"""Servers in one block of addresses."""
_FIRST_PORT = 20000

SINK = "sink@sink.example"
"""An address that all servers which send mail at all pass on to the audit's own server, or to the second judge's."""
_SINK_ADDRESS = 20
_SINK_PORT = 2525

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
    host: str
    sink: tuple[str, int] = ("", 0)
    """Where its mail for SINK goes, when somebody listens there."""

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

    def __init__(self, directory: Path, blocks: Sequence[Block], catalogue: Catalogue) -> None:
        self.directory = directory
        self.authority = Authority(directory / "ca")
        self._certificates = catalogue.certificates
        self._backends = catalogue.backends
        self._chains: dict[tuple[str, tuple[str, ...]], Path] = {}
        self._servers: list[Postfix | Dovecot | Scripted] = []
        self.files = make_files(directory / "files")
        self.sink = (blocks[0].address(_SINK_ADDRESS), _SINK_PORT)
        self.places: dict[str, Place] = {}
        for number, entry in enumerate(catalogue.entries):
            # A host each, so that what is compared within a host does not compare one mutant with another.
            host = f"mail{number}.{DOMAIN}" if entry.host_of is None else self.places[entry.host_of].host
            address = blocks[number // _ADDRESSES].address(_FIRST_ADDRESS + number % _ADDRESSES)
            self.places[entry.name] = Place(entry, address, _FIRST_PORT + number, host, self.sink)
        apart = [place for place in self.places.values() if place.entry.main]
        instances = {group: self._new_group(group, self._in_postfix(group)) for group in GROUPS}
        self.postfix = instances["quick"]
        self.throttled = instances["throttled"]
        self._postfixes = [postfix for postfix in instances.values() if postfix.services]
        self._postfixes += [self._new_postfix(place.name, [place], place.entry.main) for place in apart]
        self.scripted = Scripted(directory / "scripted", self._scripted_sites())
        self._doors = ExitStack()
        self.audit_of_throttled: Future[Any] | None = None
        """Set while an audit may be keeping the throttled servers busy."""

    def start(self) -> None:
        """Start everything; what depends on another server's socket comes after it."""
        auth = {name: self._new_backend(name) for name, backend in self._backends.items() if backend.answers}
        for dovecot in (*auth.values(), *self._dovecots()):
            dovecot.start()
            self._servers.append(dovecot)
        sockets = {name: dovecot.auth_socket for name, dovecot in auth.items()}
        for postfix in self._postfixes:
            postfix.start(auth_sockets=sockets)
            self._servers.append(postfix)
        if self.scripted.sites:
            self.scripted.start()
            self._servers.append(self.scripted)
        for place in self.places.values():
            for port in place.entry.opens:
                # Nobody answers there: the kernel takes the connection, and that is all a scan sees.
                self._doors.enter_context(socket.create_server((place.address, port), backlog=64))

    def stop(self) -> None:
        """End everything."""
        self._doors.close()
        stop_all(self._servers)

    def pids(self) -> list[int]:
        """The ids of the servers' first processes, which are also those of their sessions."""
        return [server.pid for server in self._servers]

    def chain(self, kind: str, hosts: Sequence[str]) -> Path:
        """The PEM file of one kind of certificate for these hosts."""
        key = (kind, tuple(hosts))
        if key not in self._chains:
            name = f"{kind}-{len(self._chains)}"
            beside = self._certificates[kind].beside
            if beside is None:
                self._chains[key] = self.authority.issue(name, self._certificates[kind], hosts)
            else:
                other = self._certificates[beside]
                self._chains[key] = self.authority.issue_two(name, self._certificates[kind], other, hosts)
        return self._chains[key]

    def _in_postfix(self, group: str) -> list[Place]:
        entries = self.places.values()
        return [
            place
            for place in entries
            if place.entry.server == "postfix" and place.entry.group == group and not place.entry.main
        ]

    def _new_group(self, group: str, places: Sequence[Place]) -> Postfix:
        if group == "throttled":
            return self._new_throttled(group, places)
        return self._new_postfix(f"postfix-{group}", places)

    def _new_postfix(self, name: str, places: Sequence[Place], main: Mapping[str, str] | None = None) -> Postfix:
        services = [Service(place.address, place.port, self._settings(place), place.entry.front) for place in places]
        address, port = self.sink
        settings = {"transport_maps": f"inline:{{ {{ {SINK} = sink:[{address}]:{port} }} }}", **(main or {})}
        return Postfix(self.directory / name, services, settings=settings, extra_master="sink unix - - n - - smtp")

    def _new_throttled(self, name: str, places: Sequence[Place]) -> Postfix:
        lines = ["smtpd pass - - n - - smtpd"]
        for behind in (place for place in places if place.entry.front == "postscreen"):
            settings = self._settings(replace(behind, entry=replace(behind.entry, front="smtpd")))
            lines += [f"    -o {{ {key} = {value} }}" for key, value in settings.items()]
        services = [Service(place.address, place.port, self._settings(place), place.entry.front) for place in places]
        return Postfix(
            self.directory / name,
            services,
            settings={"anvil_rate_time_unit": "10s"},
            extra_master="\n".join(lines),
        )

    def _settings(self, place: Place) -> dict[str, str]:
        entry = place.entry
        name = {"myhostname": place.host}
        if entry.front == "postscreen":
            return _POSTSCREEN | name
        settings = {
            **name,
            "smtpd_tls_chain_files": str(self.chain(entry.certificate, [place.host])),
            "smtpd_sasl_path": auth_path(entry.backend),
            # The log then says which server a line is about.
            "syslog_name": f"postfix/{entry.name}",
            **entry.settings,
        }
        return {name: self._filled_in(value, [place.host]) for name, value in settings.items()}

    def _filled_in(self, value: str, hosts: Sequence[str]) -> str:
        value = (
            value.replace("@host@", hosts[0]).replace("@HOST@", hosts[0].upper()).replace("@files@", str(self.files))
        )
        value = value.replace("@anchors@", str(self.authority.anchors))
        return re.sub(r"@chain:([a-z0-9-]+)@", lambda found: str(self.chain(found[1], hosts)), value)

    def _scripted_sites(self) -> list[ScriptedSite]:
        return [
            ScriptedSite(
                place.address,
                place.port,
                place.host,
                place.role,
                str(self.chain(place.entry.certificate, [place.host])),
                place.entry.faults,
                place.sink,
            )
            for place in self.places.values()
            if place.entry.server == SCRIPTED
        ]

    def _dovecots(self) -> Iterator[Dovecot]:
        """One instance for all listeners whose settings and certificate are the same."""
        groups: dict[str, list[Place]] = {}
        for place in self.places.values():
            if place.entry.server == "dovecot":
                entry = place.entry
                key = json.dumps([entry.group, entry.certificate, entry.backend, entry.settings], sort_keys=True)
                groups.setdefault(key, []).append(place)
        for number, places in enumerate(groups.values()):
            first = places[0].entry
            backend = self._backends[first.backend]
            hosts = [place.host for place in places]
            yield Dovecot(
                self.directory / f"dovecot-{number}",
                [Listener(item.address, item.port, item.role, item.entry.tls) for item in places],
                self.chain(first.certificate, hosts),
                {**backend.set, **{name: self._filled_in(value, hosts) for name, value in first.settings.items()}},
                penalty=backend.penalty,
                scheme=backend.scheme,
            )

    def _new_backend(self, name: str) -> Dovecot:
        """Without a listener: Postfix alone asks it."""
        backend = self._backends[name]
        chain = self.chain("sound", [DOMAIN])
        return Dovecot(
            self.directory / f"backend-{name}", [], chain, backend.set, penalty=backend.penalty, scheme=backend.scheme
        )


@contextmanager
def running_lab(catalogue: Catalogue) -> Iterator[Lab]:
    """The whole lab, in a directory and blocks of addresses of its own; nothing is left behind."""
    with ExitStack() as stack:
        blocks = []
        for _ in range(0, len(catalogue.entries), _ADDRESSES):
            blocks.append(Block())
            stack.callback(blocks[-1].release)
        directory = stack.enter_context(lab_directory())
        lab = Lab(directory, blocks, catalogue)
        stack.callback(lab.stop)
        lab.start()
        yield lab


def stop_all(servers: Sequence[Postfix | Dovecot | Scripted]) -> None:
    """End the servers at the same time: each takes up to a second to say goodbye."""
    if not servers:
        return
    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(lambda server: server.stop(), servers))
