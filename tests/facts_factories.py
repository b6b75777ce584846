"""Facts, observations and profiles for the tests of the pure core: each complete, each with one thing to vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from smtp_audit.control import Medium, Rule
from smtp_audit.facts.authentication import (
    AuthFacts,
    EnvelopeStep,
    LoginFacts,
    Transaction,
    UnauthenticatedMailFacts,
    asks_for_login,
)
from smtp_audit.facts.certificate import (
    Certificate,
    CertificateFacts,
    CertificateStatus,
    ClientKind,
    PortCertificatesFacts,
    PortLeaf,
    Presentation,
    RevocationAnswer,
    RevocationFacts,
    RevocationSource,
    ShownCertificatesFacts,
    Staple,
    Trust,
)
from smtp_audit.facts.dns import MxFacts, MxRecord
from smtp_audit.facts.endpoint import Endpoint, Role
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
from smtp_audit.facts.snapshot import Snapshot
from smtp_audit.facts.tls import (
    Acceptance,
    FlawOutcome,
    TlsFacts,
    TlsFlaw,
    TlsFlawFacts,
    TlsVersion,
    VersionOutcome,
)
from smtp_audit.profile import Clause, ControlRule, Profile, Standard
from smtp_audit.record import Record, Severity, Status
from tests.handshake_factories import TLS12_SUITES as TLS12_SUITES
from tests.handshake_factories import TLS13_SUITES as TLS13_SUITES
from tests.handshake_factories import boundary as boundary
from tests.handshake_factories import client as client
from tests.handshake_factories import clients as clients
from tests.handshake_factories import dh_group as dh_group
from tests.handshake_factories import feature as feature
from tests.handshake_factories import features as features
from tests.handshake_factories import groups as groups
from tests.handshake_factories import session as session
from tests.handshake_factories import sessions as sessions
from tests.handshake_factories import signatures as signatures
from tests.handshake_factories import suites as suites
from tests.handshake_factories import version_suites as version_suites

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOST = "mail.example.com"
ADDRESS = "192.0.2.25"


def rule(time: datetime = NOW, **parameters: Any) -> Rule:
    return Rule(parameters=parameters, time=time)


def endpoint(role: Role = Role.MX, **more: Any) -> Endpoint:
    return Endpoint(**{"role": role, "host": HOST, "port": role.standard_port, **more})


def reply(code: str, *lines: str) -> Reply:
    return Reply(code=code, lines=lines)


def port(role: Role = Role.MX, *, is_open: bool = True, declared: bool = True) -> PortFacts:
    return PortFacts(role=role, declared=declared, open=is_open)


def greeting(
    role: Role = Role.MX,
    said: Reply | None = None,
    first: FirstWords | None = None,
    fault: str = "",
) -> GreetingFacts:
    where = FirstWords.TLS if role in (Role.SUBMISSIONS, Role.IMAPS, Role.POP3S) else FirstWords.CLEAR_GREETING
    return GreetingFacts(role=role, first=first or where, reply=said, fault=fault, seconds=0.1)


SMTP_BEFORE = ("mail.example.com", "PIPELINING", "STARTTLS", "8BITMIME")
SMTP_INSIDE = ("mail.example.com", "PIPELINING", "AUTH PLAIN LOGIN", "8BITMIME")


def capabilities(
    role: Role = Role.SUBMISSION,
    before: Sequence[str] | None = SMTP_BEFORE,
    inside: Sequence[str] | None = SMTP_INSIDE,
) -> CapabilityFacts:
    """What was announced before and inside TLS, in the role's own lines; None is a state that was not reached."""
    return CapabilityFacts(
        role=role,
        before_tls=None if before is None else tuple(before),
        after_tls=None if inside is None else tuple(inside),
    )


def mx(*exchanges: str) -> MxFacts:
    """The MX records of a domain, the most preferred first."""
    records = tuple(MxRecord(preference=10 * number, exchange=name) for number, name in enumerate(exchanges, start=1))
    return MxFacts(records=records)


def starttls(**more: Any) -> StarttlsFacts:
    """STARTTLS as it should be, but for what is given."""
    return StarttlsFacts(
        **{
            "offered": True,
            "reply": reply("220", "2.0.0 Ready to start TLS"),
            "accepted": True,
            "tried": 1,
            "handshake": True,
            **more,
        }
    )


def implicit(handshake: bool = True, **more: Any) -> ImplicitTlsFacts:
    return ImplicitTlsFacts(handshake=handshake, **more)


def tls(
    *accepted: TlsVersion, unknown: Sequence[TlsVersion] = (), untried: Sequence[TlsVersion] = (), offered: bool = True
) -> TlsFacts:
    """A server that accepts some versions, leaves some unclear, and refuses all others that were tried."""
    if not offered:
        return TlsFacts(offered=False)
    outcomes = []
    for version in TlsVersion:
        if version in untried:
            continue
        if version in accepted:
            outcome = VersionOutcome(version=version, acceptance=Acceptance.ACCEPTED, suite="TLS_AES_128_GCM_SHA256")
        elif version in unknown:
            outcome = VersionOutcome(version=version, acceptance=Acceptance.UNKNOWN, detail="closed without an alert")
        else:
            outcome = VersionOutcome(version=version, acceptance=Acceptance.REFUSED, detail="alert 70")
        outcomes.append(outcome)
    return TlsFacts(offered=True, versions=tuple(outcomes))


def certificate(**more: Any) -> Certificate:
    """A leaf for HOST in the middle of its 90 days."""
    return Certificate(
        **{
            "sha256": "ab" * 32,
            "der_base64": "MIIB",
            "subject": f"CN={HOST}",
            "issuer": "CN=Example CA",
            "serial": "1f",
            "common_names": (HOST,),
            "dns_names": (HOST,),
            "not_before": NOW - timedelta(days=30),
            "not_after": NOW + timedelta(days=60),
            "key_type": "EC secp256r1",
            "key_bits": 256,
            "signature_algorithm": "ecdsa-with-SHA256",
            "version": 3,
            "signature_hash": "sha256",
            "extensions_read": True,
            "key_usage": ("digitalSignature",),
            "extended_key_usage": ("serverAuth",),
            "has_basic_constraints": True,
            "sct_logs": ("0a" * 32, "0b" * 32),
            "ocsp_urls": ("http://ocsp.example.com/",),
            "crl_urls": ("http://crl.example.com/ca.crl",),
            "issuer_organisations": ("Example Trust",),
            **more,
        }
    )


def issuer(**more: Any) -> Certificate:
    """An intermediate that has years to go."""
    return certificate(
        **{
            "sha256": "cd" * 32,
            "subject": "CN=Example CA",
            "issuer": "CN=Example Root",
            "common_names": ("Example CA",),
            "dns_names": (),
            "not_before": NOW - timedelta(days=1000),
            "not_after": NOW + timedelta(days=1000),
            "is_ca": True,
            "key_usage": ("keyCertSign", "cRLSign"),
            "extended_key_usage": None,
            "sct_logs": (),
            "path_length": 0,
            **more,
        }
    )


TRUSTED = Trust(trusted=True, anchors="the system's trust anchors", system_anchors=True)


def certificates(*chain: Certificate, trust: Trust | None = TRUSTED, **more: Any) -> CertificateFacts:
    """A chain as sent; without one given, a sound leaf and its issuer."""
    return CertificateFacts(
        **{"offered": True, "host": HOST, "chain": chain or (certificate(), issuer()), "trust": trust, **more}
    )


NO_TLS_CERTIFICATES = CertificateFacts(offered=False, host=HOST)


def staple(**more: Any) -> Staple:
    """A sound OCSP response about the leaf."""
    return Staple(
        **{
            "present": True,
            "readable": True,
            "cert_status": CertificateStatus.GOOD,
            "produced_at": NOW - timedelta(days=1),
            "this_update": NOW - timedelta(days=1),
            "next_update": NOW + timedelta(days=3),
            "about_leaf": True,
            "signature_valid": True,
            "responder": "CN=Example CA",
            **more,
        }
    )


def presentation(client: ClientKind = ClientKind.DEFAULT, **more: Any) -> Presentation:
    """The sound chain, shown to one kind of client that asked for a staple and got none."""
    return Presentation(
        **{
            "client": client,
            "chain": (certificate(), issuer()),
            "trust": TRUSTED,
            "staple": Staple(present=False),
            "tls_sct_logs": (),
            **more,
        }
    )


def shown(*presentations: Presentation, **more: Any) -> ShownCertificatesFacts:
    """What clients are shown; without any given, the same sound chain to every kind of them."""
    every = presentations or tuple(presentation(client) for client in ClientKind)
    return ShownCertificatesFacts(**{"offered": True, "host": HOST, "role": Role.MX, "presentations": every, **more})


NO_TLS_SHOWN = ShownCertificatesFacts(offered=False, host=HOST, role=Role.MX)


def revocation_answer(source: RevocationSource = RevocationSource.OCSP, **more: Any) -> RevocationAnswer:
    """A sound answer that the leaf is good."""
    return RevocationAnswer(
        **{
            "source": source,
            "url": "http://ocsp.example.com/",
            "reachable": True,
            "status": CertificateStatus.GOOD,
            "this_update": NOW - timedelta(days=1),
            "next_update": NOW + timedelta(days=3),
            **more,
        }
    )


def revocation(*answers: RevocationAnswer, **more: Any) -> RevocationFacts:
    """What was answered; without any given, that the leaf is good."""
    return RevocationFacts(**{"offered": True, "answers": answers or (revocation_answer(),), **more})


def port_leaf(role: Role = Role.MX, **more: Any) -> PortLeaf:
    """The sound leaf as seen on the port of a role."""
    leaf = certificate()
    return PortLeaf(
        **{
            "key": f"{HOST}:{role.standard_port}",
            "role": role,
            "address": ADDRESS,
            "sha256": leaf.sha256,
            "subject": leaf.subject,
            "issuer": leaf.issuer,
            "issuer_organisations": leaf.issuer_organisations,
            "names": leaf.dns_names,
            "not_before": leaf.not_before,
            "not_after": leaf.not_after,
            "key_type": leaf.key_type,
            **more,
        }
    )


def port_leaves(own: PortLeaf | None = None, *others: PortLeaf, **more: Any) -> PortCertificatesFacts:
    """The leaves of a host's endpoints, the endpoint's own first."""
    return PortCertificatesFacts(**{"offered": True, "own": own or port_leaf(), "others": others, **more})


def auth(
    role: Role = Role.SUBMISSION,
    before: Sequence[str] | None = (),
    inside: Sequence[str] | None = ("PLAIN", "LOGIN"),
    tls_offered: bool = True,
) -> AuthFacts:
    return AuthFacts(
        role=role,
        before_tls=None if before is None else tuple(before),
        after_tls=None if inside is None else tuple(inside),
        tls_offered=tls_offered,
    )


SENDERS = ("MAIL FROM:<a@example.org>", "MAIL FROM:<b@example.net>", "MAIL FROM:<>")
LOCAL = "RCPT TO:<postmaster@example.com>"
FOREIGN = "RCPT TO:<b@example.net>"


def mail(*replies: Reply, inside_tls: bool = True) -> UnauthenticatedMailFacts:
    """Every sender gets the same: the reply to MAIL, then to RCPT for a local and a foreign address.

    As the probe does, only the first two senders are tried when their MAIL asks for a login by its codes.
    """
    senders = 2 if asks_for_login(replies[0]) else len(SENDERS)
    return mails(*[replies] * senders, inside_tls=inside_tls)


def mails(*senders: Sequence[Reply], inside_tls: bool = True, ended: str = "") -> UnauthenticatedMailFacts:
    """The replies to each of the senders: an own one, a foreign one, the null sender."""
    return UnauthenticatedMailFacts(
        inside_tls=inside_tls,
        transactions=tuple(
            Transaction(
                mail=EnvelopeStep(command=sender, reply=replies[0]),
                recipients=tuple(
                    EnvelopeStep(command=command, reply=answer)
                    for command, answer in zip((LOCAL, FOREIGN), replies[1:], strict=False)
                ),
            )
            for sender, replies in zip(SENDERS, senders, strict=False)
        ),
        ended=ended,
    )


def login(accepted: bool = False, answer: Reply | None = None, **more: Any) -> LoginFacts:
    return LoginFacts(**{"offered": True, "mechanism": "PLAIN", "accepted": accepted, "reply": answer, **more})


def flaws(flaw: TlsFlaw, vulnerable: bool | None, detail: str = "") -> TlsFlawFacts:
    return TlsFlawFacts(
        offered=True,
        outcomes=(FlawOutcome(flaw=flaw, vulnerable=vulnerable, detail=detail),),
        sslyze_version="6.3.1",
    )


NO_TLS_FLAWS = TlsFlawFacts(offered=False)


def seen(facts: Facts, subject: str = f"{HOST}:25", address: str | None = ADDRESS, *lines: str) -> Observation:
    """An observation with facts, and a transcript of received lines."""
    return Observation(
        kind=facts.kind,
        subject=subject,
        address=address,
        facts=facts,
        transcript=tuple(Line(seconds=number / 10, way="<", text=text) for number, text in enumerate(lines)),
        started=NOW,
        finished=NOW + timedelta(seconds=1),
    )


def absent(
    kind: str, absence: Absence, reason: str = "", subject: str = f"{HOST}:25", address: str | None = ADDRESS
) -> Observation:
    """An observation without facts."""
    return Observation(
        kind=kind, subject=subject, address=address, absence=absence, reason=reason, started=NOW, finished=NOW
    )


def snapshot(*observations: Observation, **more: Any) -> Snapshot:
    return Snapshot(
        **{
            "tool": "smtp_audit 0.1.0",
            "targets": (HOST,),
            "subjects": (endpoint(),),
            "started": NOW,
            "finished": NOW + timedelta(seconds=9),
            "observations": observations,
            **more,
        }
    )


def clause(clause_id: str = "C-1", by: Sequence[Medium] = (Medium.PROBE,)) -> Clause:
    return Clause(id=clause_id, title=f"Title of {clause_id}", requirement="It holds.", by=tuple(by))


def profile(
    controls: Mapping[str, ControlRule] | None = None, *clauses: Clause, gate: Severity = Severity.MEDIUM, **more: Any
) -> Profile:
    return Profile(
        **{
            "name": "test",
            "title": "Test",
            "version": "1",
            "standard": Standard(
                id="test-standard",
                title="Test standard",
                version="1",
                date=date(2026, 1, 1),
                clause=clauses or (clause(),),
            ),
            "gate": gate,
            "max_snapshot_age_hours": 24.0,
            "certificate_scope": ("server",),
            "controls": dict(controls or {}),
            "sha256": "0" * 64,
            **more,
        }
    )


def line(severity: Severity = Severity.HIGH, *clauses: str, **more: Any) -> ControlRule:
    """A profile's line about one control."""
    return ControlRule(severity=severity, clauses=clauses, **more)


def record(control: str = "c", status: Status = Status.PASS, subject: str = f"{HOST}:25", **more: Any) -> Record:
    return Record(
        **{
            "control": control,
            "title": "A title",
            "subject": subject,
            "group": HOST,
            "label": "25",
            "status": status,
            "severity": Severity.HIGH,
            "summary": "seen",
            "expected": "expected",
            **more,
        }
    )
