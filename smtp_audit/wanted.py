"""Which kinds of facts are gathered about a subject: those that are asked for, and those that come with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from smtp_audit.derived import DERIVED_OF_DOMAINS
from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.endpoint import Domain, Endpoint, Role
from smtp_audit.facts.handshake import TlsSuiteFacts
from smtp_audit.facts.matrix import MATRIX_NEEDS, MatrixFacts
from smtp_audit.facts.subject import AnySubject
from smtp_audit.probes.inspection import FIRST_LOOK_KINDS, kinds_of
from smtp_audit.probes.tls.survey import SURVEY_KINDS

# What domains and programs need is loaded when there is one: a run about servers alone needs no library for the DNS.


def wanted_kinds(subject: AnySubject, asked: Collection[str]) -> tuple[str, ...]:
    """The kinds to gather about a subject of which those of `asked` are asked for."""
    if not asked:
        return ()
    if isinstance(subject, Endpoint):
        # The tables of the report need a whole survey of TLS, though no control asks for some of it.
        along = (*FIRST_LOOK_KINDS, *(SURVEY_KINDS if TlsSuiteFacts.kind in asked else ()))
        return tuple(kind for kind in kinds_of(subject) if kind in asked or kind in along)
    if isinstance(subject, Domain):
        from smtp_audit.probes.domain.table import FAMILY_BY_KIND

        needed = {need.kind for need in MATRIX_NEEDS} if MatrixFacts.kind in asked else set()
        probed = (kind for kind in FAMILY_BY_KIND if kind in asked or kind in needed)
        return (*probed, *(kind for kind in DERIVED_OF_DOMAINS if kind in asked))
    from smtp_audit.probes.programs import PROGRAM_FAMILIES

    return tuple(kind for kind in PROGRAM_FAMILIES if kind in asked)


def ask_for_matrix(asked: dict[str, set[str]], subjects: Iterable[AnySubject]) -> None:
    """Where the matrix of a domain is asked for, what every MX host shows is asked for too."""
    if any(MatrixFacts.kind in kinds for kinds in asked.values()):
        for subject in subjects:
            if isinstance(subject, Endpoint) and subject.role is Role.MX:
                asked.setdefault(subject.key, set()).add(CertificateFacts.kind)
