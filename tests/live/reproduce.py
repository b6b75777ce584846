"""Shows one server of the catalogue by hand: what is set, what the second judge sees, what the audit says.

sudo .venv/bin/python -m tests.live.reproduce NAME             as root, because Postfix starts as root
sudo .venv/bin/python -m tests.live.reproduce NAME --stay      keep it running, to talk to it
.venv/bin/python -m tests.live.reproduce legacy/NAME           a server of tests/legacy, without root
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.legacy.catalogue import SERVERS
from tests.legacy.certificates import Certificates

from . import judge, old_tls
from .audited import Outcome, audited_places
from .audits import audit_group
from .catalogue import Catalogue, Entry, catalogue
from .lab import Place, running_lab

_LEGACY = "legacy/"


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit status is 0 when judge, audit and catalogue agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.reproduce")
    parser.add_argument("name", help="a server of docs/detection.md")
    parser.add_argument("--stay", action="store_true", help="keep the server running until a line is entered")
    given = parser.parse_args(arguments)
    known = catalogue()
    names = {entry.name for entry in known.entries} | {f"{_LEGACY}{server.name}" for server in SERVERS}
    if given.name not in names:
        parser.error(f"there is no server {given.name} in the catalogue")
    with tempfile.TemporaryDirectory() as work, _running(given.name, known, Path(work)) as (places, anchors):
        place = places[0]
        _introduce(place, anchors)
        agrees = True
        if not given.name.startswith(_LEGACY) and place.entry.group != "throttled":
            faults = judge.faults(place, anchors, others=places[1:])
            agrees = faults == place.entry.must_fail
            print(f"second judge sees   {_names(faults)}", flush=True)
        outcome = audit_group(place.entry.group, Path(work) / "audit", places, anchors=anchors)
        agrees &= _tell(outcome, place, place.entry.must_fail)
        if place.entry.strict is not None:
            print("profile enterprise-strict:")
            strict = audited_places(Path(work) / "strict", places, anchors=anchors, profile="enterprise-strict")
            agrees &= _tell(strict, place, place.entry.strict)
        if given.stay:
            input(f"{place.address} port {place.port} until you press Enter ")
    return 0 if agrees else 1


@contextmanager
def _running(name: str, known: Catalogue, work: Path) -> Iterator[tuple[list[Place], Path]]:
    """The server first, then the others on its host, and the trust anchors."""
    if name.startswith(_LEGACY):
        certificates = Certificates(work)
        servers = [server for server in SERVERS if server.name == name.removeprefix(_LEGACY)]
        with old_tls.running(servers, certificates, known) as started:
            yield list(started.values()), certificates.anchors
        return
    entries = _on_its_host(name, known.entries)
    with running_lab(replace(known, entries=entries)) as lab:
        yield sorted(lab.places.values(), key=lambda place: place.name != name), lab.authority.anchors


def _on_its_host(name: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    host = next(entry.host_of or entry.name for entry in entries if entry.name == name)
    return tuple(entry for entry in entries if host in (entry.name, entry.host_of))


def _introduce(place: Place, anchors: Path) -> None:
    entry = place.entry
    print(f"{entry.name}: {entry.what}")
    print(f"listens at          {place.address} port {place.port}, as {entry.role} of {place.host}")
    print(f"trust anchors       {anchors}")
    print(f"certificate         {entry.certificate}")
    if entry.faults or entry.opens:
        print(f"scripted faults     {', '.join(entry.faults)}; further open ports: {', '.join(map(str, entry.opens))}")
    else:
        print(f"backend, front      {entry.backend}, {entry.front}")
    for name, value in {**entry.settings, **entry.main}.items():
        print(f"    {name} = {value}")
    print(f"must fail           {_names(entry.must_fail)}", flush=True)


def _tell(outcome: Outcome, place: Place, must_fail: frozenset[str]) -> bool:
    failed = outcome.failed(place.subject)
    print(f"the audit fails     {_names(failed)}")
    print(f"caught {len(failed & must_fail)} of {len(must_fail)}, false {len(failed - must_fail)}")
    if failed:
        print(outcome.explain(place.subject, failed), flush=True)
    return failed == must_fail


def _names(controls: frozenset[str]) -> str:
    return ", ".join(sorted(controls)) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
