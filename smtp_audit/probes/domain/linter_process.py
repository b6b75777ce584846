"""What checkdmarc says of answers that were recorded: a process of its own, with no network.

It reads a `LinterInput` as JSON from the standard input and writes a list of notes to the standard output. checkdmarc
keeps what it was told in a cache of the process, and part of it asks the system's resolver whatever it is given: both
end here. A sound word of it is no proof and a complaint no verdict; time-outs and faults are all `valid: False` to it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

LINES = 40
"""Notes of one record that are kept."""


class Unrecorded(Exception):
    """A question that the audit did not put, or that was not answered."""


def _no_network(event: str, _arguments: object) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"):
        raise Unrecorded("the network is not asked")


def main() -> None:
    """The process."""
    given = json.load(sys.stdin)
    spf, dmarc, mta_sts, reports = (
        import_module(f"checkdmarc.{name}") for name in ("spf", "dmarc", "mta_sts", "smtp_tls_reporting")
    )
    sys.addaudithook(_no_network)
    known = {(name, rdtype): (outcome, records) for name, rdtype, outcome, records in given["answers"]}
    lacking: list[str] = []

    class Recorded(dns.resolver.Resolver):
        """Answers from what was recorded."""

        def resolve(self, qname: Any, rdtype: Any = "A", *_: Any, **__: Any) -> dns.resolver.Answer:
            name = str(qname).rstrip(".").lower()
            kind = dns.rdatatype.RdataType.make(rdtype)
            outcome, records = known.get((name, kind.name), ("", []))
            query = dns.message.make_query(f"{name}.", kind)
            reply = dns.message.make_response(query)
            if outcome == "NXDOMAIN":
                asked = query.question[0].name
                raise dns.resolver.NXDOMAIN(qnames=[asked], responses={asked: reply})  # type: ignore[no-untyped-call]
            if outcome == "found":
                texts = [_quoted(record) if kind.name == "TXT" else record for record in records]
                reply.answer = [dns.rrset.from_text_list(query.question[0].name, 3600, "IN", kind.name, texts)]
            elif outcome != "no data":
                lacking.append(f"{name} {kind.name}")
                raise dns.resolver.LifetimeTimeout(timeout=0, errors=[])  # type: ignore[no-untyped-call]
            # Read back, it has the index by which dnspython finds its records.
            read: Any = dns.message.from_wire(reply.to_wire(max_size=65535))
            return dns.resolver.Answer(query.question[0].name, kind, dns.rdataclass.IN, read)

    resolver = Recorded(configure=False)
    domain = given["domain"]
    checks: dict[str, Callable[[], Any]] = {
        "SPF": lambda: spf.check_spf(domain, resolver=resolver),
        "DMARC": lambda: dmarc.check_dmarc(domain, resolver=resolver),
        "MTA-STS record": lambda: mta_sts.query_mta_sts_record(domain, resolver=resolver),
        "TLS reporting": lambda: reports.check_smtp_tls_reporting(domain, resolver=resolver),
    }
    if given["policy"] is not None:
        checks["MTA-STS policy"] = lambda: mta_sts.parse_mta_sts_policy(given["policy"])
    notes = []
    for about, check in checks.items():
        lacking.clear()
        try:
            said = check()
        except Exception as error:  # its typed exceptions, and whatever its parsers do with hostile text
            said = {"error": str(error) or type(error).__name__}
        notes += _notes(about, dict(said), list(dict.fromkeys(lacking)))
    json.dump(notes, sys.stdout)


def _quoted(text: str) -> str:
    octets = text.encode("latin-1", "replace")
    parts = [octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{octet:03d}" for octet in part) + '"' for part in parts)


def _notes(about: str, said: dict[str, Any], lacking: list[str]) -> list[list[str]]:
    notes = [[about, "warning", str(text)] for text in list(said.get("warnings") or ())[:LINES]]
    if lacking:
        # What it says of the whole then rests on what it takes for a time-out.
        notes.append([about, "unknown", f"it wants to know what was not recorded: {', '.join(lacking[:LINES])}"])
    elif said.get("error"):
        notes.append([about, "error", str(said["error"])])
    return notes


if __name__ == "__main__":
    main()
