"""Starts the independent servers, each on an address and under a host name of its own."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from tests.live.authority import Authority
from tests.live.catalogue import DOMAIN, INDEPENDENT, Catalogue, Entry
from tests.live.lab import Place
from tests.live.network import Block, lab_directory
from tests.probes.zone import Zone

from .chasquid import Chasquid
from .exim import Exim
from .findings import expected
from .opensmtpd import OpenSmtpd
from .sendmail import Sendmail
from .site import PORTS, Site
from .smtp_server import SmtpServer
from .vulnerable import Aiosmtpd


class Server(Protocol):
    """A mail server: `start` returns when all its roles listen."""

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]]

    def __init__(self, directory: Path, site: Site) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def accepted(self) -> list[str]: ...


SERVERS: tuple[type[Server], ...] = (Exim, OpenSmtpd, Sendmail, Chasquid, SmtpServer, Aiosmtpd)

_NAME_SERVER = 2
_FIRST = 11


@dataclass(frozen=True)
class Running:
    """The servers, running."""

    places: tuple[Place, ...]
    """One for each role of each server."""
    anchors: Path
    resolver: str
    servers: Sequence[Server]


@contextmanager
def running(catalogue: Catalogue, servers: Sequence[type[Server]] = SERVERS) -> Iterator[Running]:
    """Start them, at the same time; nothing is left behind."""
    passes = {entry.role: entry.role_passes for entry in catalogue.group("quick") if entry.sound}
    with ExitStack() as stack:
        block = Block()
        stack.callback(block.release)
        directory = stack.enter_context(lab_directory())
        authority = Authority(directory / "ca")
        resolver = block.address(_NAME_SERVER)
        sites = {
            server: Site(
                host := f"{server.name}.{DOMAIN}",
                block.address(_FIRST + number),
                authority.issue(server.name, catalogue.certificates["sound"], [host]),
                resolver,
            )
            for number, server in enumerate(servers)
        }
        stack.enter_context(Zone(_records(list(sites.values())), address=resolver, port=53))

        def start(server: type[Server]) -> Server:
            instance = server(directory, sites[server])
            stack.callback(instance.stop)
            instance.start()
            return instance

        with ThreadPoolExecutor(len(servers)) as pool:
            instances = list(pool.map(start, servers))
        places = tuple(
            Place(
                Entry(
                    name=f"{server.name}-{role}",
                    role=role,
                    server=server.name,
                    what="well kept",
                    must_fail=expected(server.name, role).failed,
                    role_passes=passes[role],
                    group=INDEPENDENT,
                ),
                sites[server].address,
                PORTS[role],
                sites[server].host,
            )
            for server in servers
            for role in server.roles
        )
        yield Running(places, authority.anchors, resolver, instances)


def _records(sites: Sequence[Site]) -> dict[tuple[str, str], list[str] | str]:
    """What the name server says: the lab's domain and hosts, and the domains of examples (RFC 2606)."""
    records: dict[tuple[str, str], list[str] | str] = {
        (DOMAIN, "MX"): [f"10 {site.host}." for site in sites],
        (DOMAIN, "TXT"): ['"v=spf1 mx -all"'],
    }
    for domain in ("example.com", "example.net", "example.org"):
        # Addresses of documentation (RFC 5737): nobody is there.
        records[domain, "MX"] = [f"10 mail.{domain}."]
        records[f"mail.{domain}", "A"] = ["192.0.2.25"]
        records[domain, "A"] = ["192.0.2.80"]
    # The tests connect from 127.0.0.1. No server may take that for a friend, so it has a name of its own.
    records["client.example.net", "A"] = ["127.0.0.1"]
    records["1.0.0.127.in-addr.arpa", "PTR"] = ["client.example.net."]
    for site in sites:
        records[site.host, "A"] = [site.address]
        records[".".join(reversed(site.address.split("."))) + ".in-addr.arpa", "PTR"] = [f"{site.host}."]
    return records
