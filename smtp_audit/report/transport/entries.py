"""From a snapshot to the transport of its endpoints."""

from __future__ import annotations

from smtp_audit.facts.endpoint import Endpoint, TlsStart
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.report.transport.details import details
from smtp_audit.report.transport.glance import glance
from smtp_audit.report.transport.model import EndpointTransport
from smtp_audit.report.transport.seen import Seen, observed


def transport_of(snapshot: Snapshot) -> tuple[EndpointTransport, ...]:
    """One entry for every endpoint and address that was looked at, in the order of the subjects."""
    endpoints = (subject for subject in snapshot.subjects if isinstance(subject, Endpoint))
    return tuple(_entry(seen) for endpoint in endpoints for seen in observed(snapshot, endpoint))


def _entry(seen: Seen) -> EndpointTransport:
    endpoint, nothing = seen.endpoint, seen.nothing()
    return EndpointTransport(
        subject=endpoint.key,
        role=f"{endpoint.role}, {'implicit TLS' if endpoint.tls_start is TlsStart.IMPLICIT else 'STARTTLS'}",
        address=seen.address or "",
        nothing=nothing,
        glance=None if nothing else glance(seen),
        details=None if nothing else details(seen),
    )
