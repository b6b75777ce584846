"""Facts that no probe gives: they follow from those of several endpoints, and of the domain whose mail these take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from smtp_audit.facts.certificate import CertificateFacts, PortCertificatesFacts, port_certificates
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.matrix import MATRIX_NEEDS, MatrixFacts, is_mx_of, matrix, mx_of
from smtp_audit.facts.observation import Observation

DERIVED_OF_DOMAINS = (MatrixFacts.kind,)
"""The kinds of facts about a domain that follow from others."""

Look = Callable[[str, str], tuple[Observation, ...] | None]
"""The observations of one kind on one subject; None while some are still to come."""


def compared_ports(endpoints: Iterable[Endpoint], look: Look) -> Iterator[Observation]:
    """The certificates of all endpoints of one host side by side; nothing until all of them are known."""
    seen: list[tuple[Endpoint, Observation]] = []
    for endpoint in endpoints:
        found = look(CertificateFacts.kind, endpoint.key)
        if found is None:
            return
        seen += [(endpoint, observation) for observation in found]
    for endpoint, own in seen:
        facts = port_certificates(endpoint, own, [pair for pair in seen if pair[1] is not own])
        update = {"kind": PortCertificatesFacts.kind, "facts": facts, "transcript": ()}
        yield own.model_copy(update=update)


def compared_domain(domain: Domain, endpoints: Iterable[Endpoint], look: Look) -> Observation | None:
    """What the MX hosts of a domain show beside what is published of them; None until all of it is known."""
    about: dict[str, Observation] = {}
    for need in MATRIX_NEEDS:
        found = look(need.kind, domain.key)
        if found is None:
            return None
        about.update({observation.kind: observation for observation in found})
    mx = mx_of(about)
    hosts = mx.hosts if mx is not None else ()
    certificates: list[tuple[Endpoint, Observation]] = []
    for endpoint in endpoints:
        if is_mx_of(endpoint, hosts):
            found = look(CertificateFacts.kind, endpoint.key)
            if found is None:
                return None
            certificates += [(endpoint, observation) for observation in found]
    now = datetime.now(UTC)
    facts = matrix(about, certificates)
    if facts is None:
        absent = next(iter(about.values()), None)
        if absent is None or absent.facts is not None:
            return None  # nothing was asked for that it could be made of
        return absent.model_copy(update={"kind": MatrixFacts.kind, "transcript": ()})
    began = min(observation.started for observation in about.values())
    return Observation(kind=MatrixFacts.kind, subject=domain.key, facts=facts, started=began, finished=now)
