"""The servers of tests/legacy as places that an audit looks at: this process's own, without root or Postfix."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from smtp_audit.control import load_builtin
from smtp_audit.probes.conversation.table import BY_KIND
from tests.legacy.catalogue import Server
from tests.legacy.certificates import Certificates
from tests.legacy.front import Front

from .catalogue import Catalogue, Entry, sound_name
from .lab import Place
from .network import Block

DOMAIN = "legacy.example"

CONVERSED = frozenset(control.id for control in load_builtin() if any(need.kind in BY_KIND for need in control.needs))
"""The controls about conversations: these servers know just enough SMTP to get to TLS, and answer 250 to everything."""


@contextmanager
def running(servers: Sequence[Server], certificates: Certificates, catalogue: Catalogue) -> Iterator[dict[str, Place]]:
    """All of them, running, an address each; raises ExceptionGroup when one of them itself went wrong."""
    block = Block()
    fronts: list[Front] = []
    places: dict[str, Place] = {}
    with ExitStack() as stack:
        stack.callback(block.release)
        for number, server in enumerate(servers):
            front = stack.enter_context(server.start(certificates, block.address(1 + number)))
            fronts.append(front)
            host = f"mail{number}.{DOMAIN}"
            places[server.name] = Place(entry(server, catalogue), front.address, front.port, host)
        yield places
    faults = [fault for front in fronts for fault in front.faults if isinstance(fault, Exception)]
    if faults:
        raise ExceptionGroup("a server itself went wrong", faults)


def entry(server: Server, catalogue: Catalogue) -> Entry:
    """The server as the catalogue would list it."""
    sound = next(entry for entry in catalogue.entries if entry.name == sound_name("mx"))
    return Entry(
        name=server.name,
        role="mx",
        server="legacy",
        what=server.what,
        must_fail=server.must_fail,
        role_passes=sound.role_passes - CONVERSED,
        # A client that gets through no handshake sees little of the rest.
        indeterminate=not server.finishes,
        chapter="legacy",
    )
