"""A second, naive judge: what is wrong with a server, seen without any code of smtp_audit.

It proves that the lab's servers really show the faults that the catalogue names, and no others.
It shares nothing with the product but the names of the controls: plain sockets, Python's ssl,
hellos made by hand, and the openssl program. Handshakes are looked at in wire_tls, certificates in
wire_certificates, and what is said in a conversation in judges/, chapter by chapter.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path

from . import judges, wire_certificates, wire_tls
from .catalogue import DOMAIN
from .lab import Place
from .wire import (
    IMPLICIT,
    Features,
    Line,
    accepted_versions,
    any_version,
    ask_for_tls,
    encrypted,
    encrypted_at_once,
    features,
    greeting,
    greets_in_clear,
    smtp,
)

_SUBMISSION = frozenset({"submission", "submissions"})
_CLOSED_BY_PROFILE = frozenset({"imap", "pop3", "sieve"})
_FORBIDDEN = frozenset({"ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "APOP"})

# Enterprise: 24 hours.
_LONGEST_TICKET = 86400


def faults(
    place: Place,
    anchors: Path,
    *,
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    others: Sequence[Place] = (),
) -> frozenset[str]:
    """The controls that this server must fail, as far as anyone can see from outside; `others` are on its host, too.

    A new control needs its own few lines, written from its RFC and not from its code: a module in judges/, or, if it is
    about TLS or certificates, in wire_tls or wire_certificates. Without them this judge does not see the new fault, and
    the tests of the servers that show it fail.
    """
    found = _service_faults(place, anchors, minimum, others)
    seen = judges.Seen(place, anchors, strict=minimum > ssl.TLSVersion.TLSv1_2, others=others)
    return found | judges.faults(seen)


def _service_faults(place: Place, anchors: Path, minimum: ssl.TLSVersion, others: Sequence[Place]) -> frozenset[str]:
    found = {"port-closed"} if place.role in _CLOSED_BY_PROFILE else set()
    before = Features(starttls=False, mechanisms=frozenset())
    if place.role in IMPLICIT:
        try:
            encrypted_at_once(place).socket.close()
        except ssl.SSLError:
            if greets_in_clear(place):
                return frozenset(found | {"implicit-tls"})
            raise
    else:
        if not greets_in_clear(place):
            encrypted_at_once(place).socket.close()
            return frozenset(found | {"service-greeting"})
        with Line(place.address, place.port) as line:
            greeting(line, place.role)
            before = features(line, place.role)
            if before.mechanisms:
                found.add("auth-only-after-tls")
                found |= {"auth-absent-on-mx"} if place.role == "mx" else set()
            if not before.starttls:
                return frozenset(found | {"starttls-offered"})
            if not ask_for_tls(line, place.role):
                return frozenset(found | {"starttls-works"})
    accepted = accepted_versions(place)
    if not accepted:
        return frozenset(found | {"starttls-works", "tls-current-version"})
    if any(version < minimum for version in accepted):
        found.add("tls-obsolete-version")
    if not any(version >= minimum for version in accepted):
        found.add("tls-current-version")
    found |= wire_certificates.faults(place, anchors, others)
    found |= wire_tls.faults(place, accepted, strict=minimum > ssl.TLSVersion.TLSv1_2)
    return frozenset(found | _inside_faults(place, before))


def _inside_faults(place: Place, before: Features) -> set[str]:
    found = set()
    with encrypted(place, any_version()) as line:
        inside = features(line, place.role)
        session = line.socket.session if isinstance(line.socket, ssl.SSLSocket) else None
        if session is not None and session.ticket_lifetime_hint > _LONGEST_TICKET:
            found.add("tls-ticket-lifetime")
        if place.role == "mx":
            found |= {"auth-absent-on-mx"} if inside.mechanisms else set()
        elif not inside.mechanisms:
            found.add("auth-offered")
        if (before.mechanisms | inside.mechanisms) & _FORBIDDEN:
            found.add("auth-mechanisms")
        if place.role in _SUBMISSION and accepts_without_auth(line):
            found.add("submission-requires-auth")
    return found


def accepts_without_auth(line: Line) -> bool:
    """Whether any recipient is taken, of the own domain or of another."""
    for recipient in (f"alice@{DOMAIN}", f"postmaster@{DOMAIN}", "someone@example.org"):
        smtp(line, "RSET")
        if not smtp(line, "MAIL FROM:<probe@example.org>")[-1].startswith("2"):
            continue
        if smtp(line, f"RCPT TO:<{recipient}>")[-1].startswith("2"):
            smtp(line, "RSET")
            return True
    return False
