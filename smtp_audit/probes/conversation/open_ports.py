"""Which ports of the audited host take connections: a short list, once for each address, and only when asked for."""

from __future__ import annotations

import asyncio

from smtp_audit.facts.bounds import OpenPortsFacts
from smtp_audit.facts.observation import Absence
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.wire import PeerError, Transcript, connect

CONNECT_SECONDS = 3.0
"""How long a port may take; a lost first packet is sent again after one second."""

AT_ONCE = 4
"""Connections at once, however many the budget allows."""

MAIL_PORTS = (24, 25, 110, 143, 465, 587, 993, 995, 2525, 4190)

OTHER_PORTS = (
    *(21, 22, 23, 53, 69, 79, 80, 111, 135, 139, 389, 443, 445, 512, 513, 514, 636, 873, 953),
    *(1433, 1521, 2049, 2375, 2376, 3000, 3128, 3306, 3389, 4333, 5000, 5432, 5900, 5984, 6379, 6432, 7000, 8000),
    *(8080, 8443, 8500, 8888, 9000, 9090, 9093, 9100, 9154, 9200, 9300, 9990, 10000, 11211, 12301, 12345, 15672, 27017),
)
"""What is asked about beside mail: remote access, file sharing, data bases, containers, monitoring and their like."""

INNER_PORTS = (
    *(783, 3310, 8890, 8891, 8893, 10001, 10023, 10024, 10025, 10026, 10027, 10028, 11332, 11333, 11334, 11335),
    *(12340, 24242),
)
"""Where the parts of a mail server talk to one another: spamd, clamd, OpenDKIM, OpenDMARC, postgrey, Amavis and the way
back from it, Rspamd, postsrsd, and Dovecot's services."""

PORTS = tuple(sorted({*MAIL_PORTS, *OTHER_PORTS, *INNER_PORTS}))


async def scan_ports(approach: Approach, transcript: Transcript) -> OpenPortsFacts:
    """Try to connect to each port of the list, and to those of the audit's own endpoints; nothing is said on them.

    The host's endpoint with the lowest port has the result, the others only its name.

    Raises:
        PeerError: the connections that are allowed do not suffice.
    """
    if approach.speaks_for not in ("", approach.endpoint.key):
        return OpenPortsFacts(address=approach.address, judged_with=approach.speaks_for)
    own = approach.host_ports or (approach.endpoint.port,)
    ports = tuple(sorted({*PORTS, *own}))
    few = asyncio.Semaphore(AT_ONCE)
    found = dict(zip(ports, await asyncio.gather(*(_try(approach, port, few) for port in ports)), strict=True))
    taken = tuple(port for port, absence in found.items() if absence is None)
    silent = tuple(port for port, absence in found.items() if absence is Absence.UNREACHABLE)
    trouble = ""
    if not taken and silent:
        trouble = "no port took a connection, and some did not answer: the host may be down, or drops what we send"
    for port in sorted(taken, key=lambda port: port not in own)[:1]:
        # A host that bans whoever looks at many ports would seem to have none open from then on.
        if await _try(approach, port, few) is not None:
            trouble = (
                f"port {port} took a connection at first, and none at the end: the host may have banned this client"
            )
    transcript.note(f"{len(ports)} ports of {approach.address}: {', '.join(map(str, taken)) or 'none'} open")
    return OpenPortsFacts(
        address=approach.address,
        declared=tuple(sorted(own)),
        scanned=ports,
        open=taken,
        silent=silent,
        trouble=trouble,
    )


async def _try(approach: Approach, port: int, few: asyncio.Semaphore) -> Absence | None:
    """Connect and close; None when it was taken, else why not."""
    seconds = min(CONNECT_SECONDS, approach.config.limits.connect_seconds)
    async with few, approach.budget.connection():
        try:
            connection = await connect(approach.address, port, seconds, approach.transcript().muted())
        except PeerError as error:
            return Absence.CLOSED if error.absence is Absence.CLOSED else Absence.UNREACHABLE
        connection.abort()
        return None
