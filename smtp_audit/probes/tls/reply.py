"""What an answer says of an offer: yes, no, or neither. Anything but a clear yes or no is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smtp_audit.facts.tls import Acceptance, TlsVersion
from smtp_audit.probes.tls.flight import Flight
from smtp_audit.probes.tls.hello import (
    ALERT_NAMES,
    CLEAN_REFUSALS,
    TLS13_SUITES,
    Answer,
    HelloAnswer,
    classic_suites,
    suite_name,
)

INTERNAL_ERROR = 80
OPENSSL3_HINT = (
    ", which refuses nothing; OpenSSL 3 sends it when the version is switched on but its security level forbids the "
    "SHA-1 signature: switch the version off"
)
"""Measured on Node's smtp-server, which sets minVersion TLSv1: a frequent state that only the owner can make clear."""

_VERSIONS = {version.code: version for version in TlsVersion}


@dataclass(frozen=True)
class Reply:
    """What an answer says of an offer. `detail` is the alert, the lower version, or why it is unknown.

    `lower` is the lower version that the server would rather speak; `flight` is there when there was an answer.
    """

    acceptance: Acceptance
    detail: str = ""
    suite: int = 0
    lower: TlsVersion | None = None
    flight: Flight | None = None

    @property
    def accepted(self) -> bool:
        """Whether the server took it."""
        return self.acceptance is Acceptance.ACCEPTED

    @property
    def refused(self) -> bool:
        """Whether the server clearly said no."""
        return self.acceptance is Acceptance.REFUSED

    @property
    def unknown(self) -> bool:
        """Whether it could not be told."""
        return self.acceptance is Acceptance.UNKNOWN


def understand(version: TlsVersion, suites: Sequence[int] | None, answer: HelloAnswer) -> Reply:
    """What an answer says of the version and suites offered. Anything but a clear yes or no is unknown."""
    if answer.answer is Answer.ALERT:
        name = f"alert {answer.alert} {ALERT_NAMES.get(answer.alert, '')}".strip()
        if answer.alert == INTERNAL_ERROR and version < TlsVersion.TLS12:
            name += OPENSSL3_HINT
        # A server that answers an SSL 2 hello in TLS does not speak SSL 2, whatever it complains of: TLS has no alert
        # for it, and stacks that never knew SSL 2 call it malformed or unexpected. An internal error refuses nothing.
        not_ssl2 = version is TlsVersion.SSL2 and answer.alert != INTERNAL_ERROR
        clean = answer.alert in CLEAN_REFUSALS or not_ssl2
        return Reply(Acceptance.REFUSED if clean else Acceptance.UNKNOWN, name)
    if answer.answer is not Answer.SERVER_HELLO:
        return Reply(Acceptance.UNKNOWN, answer.detail)
    if answer.version == version.code and version is TlsVersion.SSL2:
        return Reply(Acceptance.ACCEPTED)
    answered = _VERSIONS.get(answer.version)
    if answered is None or not TlsVersion.SSL3 <= answered <= version:
        return Reply(Acceptance.UNKNOWN, f"answered with version 0x{answer.version:04X}, which was not offered")
    offered = suites if suites is not None else TLS13_SUITES if version is TlsVersion.TLS13 else classic_suites()
    if answer.suite not in offered:
        # A sound server never chooses one, so that its ServerHello says nothing, also when its version is a lower one.
        return Reply(Acceptance.UNKNOWN, f"answered with {suite_name(answer.suite)}, which was not offered")
    if answered < TlsVersion.TLS13 and (answer.retry or answer.suite in TLS13_SUITES):
        # RFC 8446 sections 4.1.4 and B.4: only TLS 1.3 has these, so that nobody can go on from here.
        told = "a HelloRetryRequest" if answer.retry else suite_name(answer.suite)
        return Reply(Acceptance.UNKNOWN, f"answered with {answered} and {told}, which only TLS 1.3 has")
    if answered is version:
        return Reply(Acceptance.ACCEPTED, "HelloRetryRequest" if answer.retry else "", answer.suite)
    # It would rather speak a lower version: it refuses the one that was offered.
    return Reply(Acceptance.REFUSED, f"answered with {answered}", answer.suite, lower=answered)
