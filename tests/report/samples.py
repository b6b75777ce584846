"""Whole reports, made the real way: recorded facts of a sound and a poor server through all controls of the profile."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from smtp_audit.conclusion import conclude, unfinished_report
from smtp_audit.configuration.model import Config, Credentials, Scope
from smtp_audit.facts.authentication import AuthFacts, EnvelopeStep, LoginFacts, Transaction, UnauthenticatedMailFacts
from smtp_audit.facts.certificate import Certificate, CertificateFacts, Trust, port_certificates
from smtp_audit.facts.endpoint import STANDARD_PORTS, Endpoint, Role
from smtp_audit.facts.observation import Absence, Facts, Line, Observation
from smtp_audit.facts.service import (
    CapabilityFacts,
    FirstWords,
    GreetingFacts,
    ImplicitTlsFacts,
    PortFacts,
    Reply,
    StarttlsFacts,
)
from smtp_audit.facts.snapshot import HostEffort, Snapshot, Vantage
from smtp_audit.facts.tls import Acceptance, TlsFacts, TlsVersion, VersionOutcome
from smtp_audit.judge import judge
from smtp_audit.plan import Plan, prepare
from smtp_audit.probes.conversation.table import BY_KIND
from smtp_audit.record import Record
from smtp_audit.report.model import Report
from smtp_audit.secret import Secret
from tests.factories import HOST, NOON, make_attestation, make_waiver
from tests.report.conversation_samples import conversations
from tests.report.transport_samples import handshake_facts, shown_certificates

PASSWORD = "correct-horse-7291"
"""The password of the configuration of every sample. Nothing of a report may hold it."""

_GREETINGS = {
    Role.MX: "mail.example.com ESMTP Postfix (Debian/GNU)",
    Role.SUBMISSION: "mail.example.com ESMTP Postfix (Debian/GNU)",
    Role.SUBMISSIONS: "mail.example.com ESMTP Postfix (Debian/GNU)",
    Role.IMAP: "[CAPABILITY IMAP4rev1 LOGIN-REFERRALS STARTTLS LOGINDISABLED] Dovecot (Debian) ready.",
    Role.IMAPS: "[CAPABILITY IMAP4rev1 LOGIN-REFERRALS AUTH=PLAIN] Dovecot (Debian) ready.",
    Role.POP3: "Dovecot (Debian) ready.",
    Role.POP3S: "Dovecot (Debian) ready.",
    Role.SIEVE: "Dovecot (Debian) ready.",
}


def endpoints() -> tuple[Endpoint, ...]:
    """The standard ports of `HOST`."""
    return tuple(Endpoint(role=role, host=HOST, port=port, declared=False) for port, role in STANDARD_PORTS.items())


def sound_snapshot() -> Snapshot:
    """A hardened server: 25, 587, 465 and 993 open, nothing to complain of."""
    found: list[Observation] = []
    for endpoint in endpoints():
        if endpoint.role in (Role.MX, Role.SUBMISSION, Role.SUBMISSIONS, Role.IMAPS):
            found += _service(endpoint, poor=False)
        else:
            found += _closed(endpoint)
    return _snapshot(_side_by_side(found))


def poor_snapshot() -> Snapshot:
    """A server with every kind of finding; port 465 stopped answering, port 995 is closed."""
    found: list[Observation] = []
    for endpoint in endpoints():
        if endpoint.role is Role.SUBMISSIONS:
            found += _silent(endpoint)
        elif endpoint.role is Role.POP3S:
            found += _closed(endpoint)
        else:
            found += _service(endpoint, poor=True)
    return _snapshot(_side_by_side(found))


def sample_plan(snapshot: Snapshot | None, waived: bool = False) -> Plan:
    """What a run with credentials (and a waiver and attestations) sets out to do."""
    config = Config(
        targets=(HOST,),
        endpoints=endpoints(),
        scope=(Scope.SERVER, Scope.ORGANISATION) if waived else (Scope.SERVER,),
        credentials=Credentials(user="alice@example.com", password=Secret(PASSWORD)),
        waivers=(
            make_waiver(),
            make_waiver(control="port-closed", subject=f"{HOST}:143", reason="old phones in the workshop, ticket 88"),
            make_waiver(control="auth-works", subject="*", reason="never needed", expires=date(2026, 11, 1)),
        )
        if waived
        else (),
        attestations=(
            make_attestation(),
            make_attestation(clause="ENF-4", expires=date(2026, 11, 2)),
            make_attestation(clause="RFC5321-1"),
        )
        if waived
        else (),
    )
    return prepare(config, recorded=snapshot)


def sample_report(snapshot: Snapshot, waived: bool = False, now: datetime = NOON + timedelta(minutes=1)) -> Report:
    """The report of recorded facts."""
    plan = sample_plan(snapshot, waived)
    return conclude(plan, _judged(plan, snapshot, now), snapshot, now)


def sample_unfinished() -> Report:
    """The report that stands before the first probe."""
    return unfinished_report(sample_plan(None), NOON)


def _judged(plan: Plan, snapshot: Snapshot, now: datetime) -> list[Record]:
    bench = plan.bench(snapshot.time, now)
    return [judge(control, subject, snapshot.about, bench) for control, subject in plan.pairs]


def _snapshot(observations: list[Observation]) -> Snapshot:
    return Snapshot(
        tool="smtp_audit 0.1.0",
        targets=(HOST,),
        subjects=endpoints(),
        started=NOON,
        finished=NOON + timedelta(seconds=38),
        vantage=Vantage(
            host="ci-runner-7",
            platform="Linux 6.1.0 x86_64",
            python="3.11.7",
            openssl="OpenSSL 3.0.16 11 Feb 2025",
            resolver="127.0.0.53:53",
            anchors="the system's, /etc/ssl/certs (142 authorities)",
            versions={"pytest": "9.2.0", "pydantic": "2.14.3", "cryptography": "50.0.2", "dnspython": "2.9.2"},
            command="pytest --smtp-target mail.example.com --smtp-user alice@example.com",
        ),
        efforts=(
            HostEffort(
                address="192.0.2.25",
                connections=187,
                backoffs=2,
                backoff_reasons=("421 4.7.0 Error: too many connections from 198.51.100.7", "connection reset"),
            ),
            HostEffort(address="2001:db8::25", connections=41),
        ),
        observations=tuple(observations),
    )


def _observation(
    endpoint: Endpoint, facts: Facts | None, lines: tuple[str, ...] = (), kind: str = "", **more: object
) -> Observation:
    given: dict[str, object] = {
        "kind": facts.kind if facts is not None else kind,
        "subject": endpoint.key,
        "address": "192.0.2.25",
        "facts": facts,
        "transcript": tuple(_line(0.011 * n, text) for n, text in enumerate(lines)),
        "started": NOON,
        "finished": NOON + timedelta(seconds=1),
    }
    return Observation.model_validate(given | more)


def _line(seconds: float, text: str) -> Line:
    way, _, rest = text.partition(" ")
    return Line(seconds=seconds, way=way, text=rest)


_KINDS = (
    "greeting",
    "capability",
    "starttls",
    "implicit_tls",
    "tls",
    "certificate",
    "certificates_shown",
    "auth",
    "unauthenticated_mail",
    "login",
    "tls_suites",
    "tls_groups",
    "tls_signatures",
    "tls_features",
    "tls_sessions",
    "tls_clients",
    "starttls_boundary",
    "port_certificates",
)


def _closed(endpoint: Endpoint) -> list[Observation]:
    port = PortFacts(role=endpoint.role, declared=endpoint.declared, open=False)
    refused = ("* connecting", "* refused")
    return [_observation(endpoint, port, refused)] + [
        _observation(endpoint, None, kind=kind, absence=Absence.CLOSED) for kind in (*_KINDS, *BY_KIND)
    ]


def _silent(endpoint: Endpoint) -> list[Observation]:
    reason = "no answer within 10 seconds"
    lines = ("* connecting to 192.0.2.25", "* no answer within 10 seconds")
    return [
        _observation(endpoint, None, lines, kind=kind, absence=Absence.TIMEOUT, reason=reason)
        for kind in ("port", *_KINDS, *BY_KIND)
    ]


def _service(endpoint: Endpoint, poor: bool) -> list[Observation]:
    role, port = endpoint.role, endpoint.port
    implicit = endpoint.tls_start == "implicit"
    code = {"smtp": "220", "imap": "OK", "pop3": "+OK", "sieve": "OK"}[endpoint.protocol]
    greeting = Reply(code=code, lines=(_GREETINGS[role],))
    before = (
        "PIPELINING",
        "SIZE 10240000",
        *(() if implicit else ("STARTTLS",)),
        *(("AUTH PLAIN LOGIN",) if poor else ()),
    )
    after = ("PIPELINING", "SIZE 10240000", "AUTH PLAIN LOGIN" + (" CRAM-MD5 ANONYMOUS" if poor else ""))
    mechanisms = ("PLAIN", "LOGIN", *(("CRAM-MD5", "ANONYMOUS") if poor else ()))
    versions = [
        _version(TlsVersion.TLS13, True),
        _version(TlsVersion.TLS12, True),
        _version(TlsVersion.TLS11, poor),
        _version(TlsVersion.TLS10, poor),
        _version(TlsVersion.SSL3, False),
        _version(TlsVersion.SSL2, False),
    ]
    conversation = (
        f"* connected to 192.0.2.25 port {port}",
        f"< {code} {_GREETINGS[role]}",
        "> EHLO [198.51.100.7]",
        "< 250-mail.example.com",
        *(f"< 250-{line}" for line in before[:-1]),
        f"< 250 {before[-1]}",
        "> STARTTLS",
        "< 220 2.0.0 Ready to start TLS",
        "* TLSv1.3, TLS_AES_256_GCM_SHA384",
    )
    hellos = tuple(
        line
        for outcome in versions
        for line in (
            f"> ClientHello {outcome.version}, 47 suites",
            f"< {outcome.detail or f'ServerHello {outcome.suite}'}",
        )
    )
    facts: list[tuple[Facts, tuple[str, ...]]] = [
        (PortFacts(role=role, declared=endpoint.declared, open=True), ("* connected",)),
        (
            GreetingFacts(
                role=role,
                first=FirstWords.TLS if implicit else FirstWords.CLEAR_GREETING,
                reply=greeting,
                seconds=0.02,
            ),
            conversation[:2],
        ),
        (CapabilityFacts(role=role, before_tls=None if implicit else before, after_tls=after), conversation),
        (
            StarttlsFacts(
                offered=True, reply=Reply(code="220", lines=("Ready",)), accepted=True, tried=1, handshake=True
            ),
            conversation,
        ),
        (ImplicitTlsFacts(handshake=True), conversation[:2]),
        (TlsFacts(offered=True, versions=tuple(versions)), hellos),
        (_certificate(poor), ("* connected", "< Certificate (2 in chain)")),
        (
            AuthFacts(
                role=role,
                before_tls=None if implicit else mechanisms if poor else (),
                after_tls=mechanisms if poor or role is not Role.MX else (),
            ),
            conversation,
        ),
    ]
    if role in (Role.SUBMISSION, Role.SUBMISSIONS):
        refusal = Reply(code="530", lines=("5.7.0 Must issue AUTH first",))
        welcome = Reply(code="235", lines=("2.7.0 ok",))
        mail = EnvelopeStep(command="MAIL FROM:<probe@example.net>", reply=refusal)
        facts += [
            (
                UnauthenticatedMailFacts(
                    inside_tls=True, transactions=(Transaction(mail=mail), Transaction(mail=mail))
                ),
                (*conversation, "> MAIL FROM:<probe@example.net>", "< 530 5.7.0 Must issue AUTH first"),
            ),
            (
                LoginFacts(offered=True, mechanism="PLAIN", accepted=True, reply=welcome),
                (*conversation, "> AUTH PLAIN <secret>", "< 235 2.7.0 Authentication successful"),
            ),
        ]
    facts += [(fact, hellos) for fact in (*handshake_facts(endpoint, poor), shown_certificates(_certificate(poor)))]
    return [*(_observation(endpoint, fact, lines) for fact, lines in facts), *_conversations(endpoint)]


def _conversations(endpoint: Endpoint) -> list[Observation]:
    found = []
    for what in conversations(endpoint):
        if isinstance(what, Facts):
            found.append(_observation(endpoint, what))
        else:
            kind, absence, reason = what
            found.append(_observation(endpoint, None, kind=kind, absence=absence, reason=reason))
    return found


_SUITE = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"


def _side_by_side(found: list[Observation]) -> list[Observation]:
    """With what gathering adds at its end: each leaf beside those of the other endpoints."""
    by_key = {endpoint.key: endpoint for endpoint in endpoints()}
    shown = [(by_key[each.subject], each) for each in found if each.kind == CertificateFacts.kind]
    derived = []
    for endpoint, own in shown:
        facts = port_certificates(endpoint, own, [other for other in shown if other[0] is not endpoint])
        if facts is not None:
            derived.append(_observation(endpoint, facts))
    return [*found, *derived]


def _version(version: TlsVersion, accepted: bool) -> VersionOutcome:
    if accepted:
        return VersionOutcome(
            version=version, acceptance=Acceptance.ACCEPTED, suite="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        )
    return VersionOutcome(version=version, acceptance=Acceptance.REFUSED, detail="alert protocol_version")


def _certificate(poor: bool) -> CertificateFacts:
    leaf = Certificate(
        sha256="3c" * 32,
        der_base64="",
        subject="CN=mail.example.com",
        issuer="CN=mail.example.com" if poor else "CN=R11,O=Let's Encrypt,C=US",
        serial="4a1",
        common_names=("mail.example.com",),
        dns_names=() if poor else ("mail.example.com",),
        not_before=datetime(2026, 9, 22, tzinfo=UTC),
        not_after=datetime(2026, 12, 1 if poor else 31, 23, 59, tzinfo=UTC),
        key_type="RSA",
        key_bits=2048,
        signature_algorithm="sha256WithRSAEncryption",
        signature_hash="sha256",
        version=3,
        self_issued=poor,
        issuer_organisations=() if poor else ("Let's Encrypt",),
        extensions_read=True,
        has_basic_constraints=True,
        key_usage=("digitalSignature", "keyEncipherment"),
        extended_key_usage=("serverAuth",),
        sct_logs=() if poor else ("0a" * 32, "0b" * 32),
        crl_urls=() if poor else ("http://r11.c.example.com/40.crl",),
    )
    trust = (
        Trust(trusted=False, anchors="system", code=18, error="self-signed certificate")
        if poor
        else Trust(trusted=True, anchors="system")
    )
    return CertificateFacts(offered=True, host=HOST, chain=(leaf,), trust=trust)
