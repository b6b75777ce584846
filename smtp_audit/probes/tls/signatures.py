"""The schemes with which a server signs its key exchange, by striking the one used (RFC 8446 section 4.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smtp_audit.facts.handshake import VersionSignatures, VersionSuites
from smtp_audit.facts.suites import traits
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.ask import Prober
from smtp_audit.probes.tls.flight import Flight
from smtp_audit.probes.tls.groups import numbered
from smtp_audit.probes.tls.hello import Shape
from smtp_audit.probes.tls.parameters import SIGNATURES, signature_name


def is_signed(suite: str) -> bool:
    """Whether a server signs its part of the key exchange with this suite."""
    what = traits(suite)
    return (what.elliptic or what.finite_field) and what.authentication not in ("none", "other")


async def signatures_of_tls12(
    prober: Prober, suites: VersionSuites, flights: Mapping[int, Flight] = MappingProxyType({})
) -> VersionSignatures:
    """TLS 1.2, where ServerKeyExchange names the scheme in clear.

    What the flights of the suites were signed with is known already: each was chosen from all schemes.
    """
    signed = tuple(number for number, name in numbered(suites) if is_signed(name))
    if not signed:
        detail = "no suite whose key exchange is signed" if suites.complete else suites.detail
        return VersionSignatures(version=TlsVersion.TLS12, complete=suites.complete, detail=detail)
    seen = {flights[number].signature for number in signed if number in flights}
    found = [signature_name(number) for number in SIGNATURES if signature_name(number) in seen]
    remaining = [number for number in SIGNATURES if signature_name(number) not in seen]
    complete, detail = True, "every known scheme is used"
    while remaining:
        reply = await prober.settled(TlsVersion.TLS12, signed, Shape(signatures=tuple(remaining)), whole=True)
        if reply.refused:
            complete = bool(found) and not prober.known.taken_back(reply.detail)
            detail = (
                reply.detail if found else f"took these suites, and none with any known scheme now ({reply.detail})"
            )
            break
        name = reply.flight.signature if reply.accepted and reply.flight is not None else ""
        number = next((each for each in remaining if signature_name(each) == name), None)
        if number is None:
            complete = False
            why = reply.flight.fault if reply.flight is not None else ""
            detail = reply.detail or why or f"signed with {name or 'a scheme that was not seen'}, which was not offered"
            if name and name not in found:
                found.append(name)
            break
        found.append(name)
        remaining.remove(number)
    return VersionSignatures(
        version=TlsVersion.TLS12, schemes=tuple(found), complete=complete, detail=detail, hellos=prober.hellos
    )
