"""What verdicts say in full, and the evidence they pick: a report shows these words and no others."""

from __future__ import annotations

import pytest

from smtp_audit.control import REGISTRY, Verdict, load_builtin
from smtp_audit.facts.certificate import Trust
from smtp_audit.facts.client import Claim, Duty
from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.observation import Facts
from smtp_audit.facts.tls import FlawOutcome, TlsFlaw, TlsFlawFacts, TlsVersion
from smtp_audit.profile import load_profile
from tests.client_factories import execution, run, traps
from tests.facts_factories import (
    NOW,
    auth,
    certificate,
    certificates,
    flaws,
    greeting,
    implicit,
    issuer,
    mails,
    reply,
    rule,
    starttls,
    tls,
)


def verdict(control_id: str, facts: Facts) -> Verdict:
    """By the rule of the profile enterprise."""
    control = load_builtin()[control_id]
    found = control.judge(facts, rule(**load_profile("enterprise", REGISTRY).rule(control).parameters))
    assert isinstance(found, Verdict)
    return found


def _untrusted(code: int, error: str) -> Facts:
    return certificates(trust=Trust(trusted=False, anchors="ca.pem", code=code, error=error))


@pytest.mark.parametrize(
    ("control", "facts", "summary"),
    [
        ("certificate-trusted", _untrusted(99, "odd"), "not trusted by ca.pem: odd (OpenSSL error 99)"),
        ("certificate-trusted", _untrusted(0, ""), "not trusted by ca.pem: no reason given (OpenSSL error 0)"),
        (
            "certificate-name",
            certificates(certificate(dns_names=("a.example",), common_names=("b.example",))),
            "issued to a.example, not to mail.example.com",
        ),
        ("starttls-works", starttls(reply=None), "handshake complete"),
        (
            "certificate-days-left",
            certificates(certificate(not_before=NOW)),
            "60 days left, until 2026-07-31 12:00 UTC",
        ),
    ],
)
def test_the_whole_summary(control: str, facts: Facts, summary: str) -> None:
    assert verdict(control, facts).summary == summary


_LEAF, _ISSUER = certificate(), issuer()
_TWO_FLAWS = TlsFlawFacts(
    offered=True,
    sslyze_version="6.3.1",
    outcomes=(
        FlawOutcome(flaw=TlsFlaw.ROBOT, vulnerable=False, detail="no oracle"),
        FlawOutcome(flaw=TlsFlaw.HEARTBLEED, vulnerable=True, detail="14 octets too many"),
    ),
)


@pytest.mark.parametrize(
    ("control", "facts", "evidence"),
    [
        ("service-greeting", greeting(Role.MX, reply("220", r"\xff"), fault="octets"), (r"220 \xff",)),
        ("service-greeting", greeting(Role.MX, fault="octets"), ()),
        ("service-greeting", greeting(Role.MX, reply("+OK", "POP3")), ("+OK POP3",)),
        ("starttls-works", starttls(reply=reply("454", "no"), accepted=False, tried=3, handshake=None), ("tried: 3",)),
        ("implicit-tls", implicit(False, clear_text="220 hi"), ("the server said: 220 hi",)),
        (
            "tls-obsolete-version",
            tls(TlsVersion.TLS10, TlsVersion.TLS12),
            ("TLSv1.0: accepted with TLS_AES_128_GCM_SHA256",),
        ),
        ("certificate-name", certificates(_LEAF, _ISSUER), (str(_LEAF),)),
        ("certificate-in-date", certificates(_LEAF, _ISSUER), (f"0: {_LEAF}", f"1: {_ISSUER}")),
        ("auth-mechanisms", auth(before=[], inside=["NTLM"]), ("before TLS: none", "inside TLS: NTLM")),
        ("auth-absent-on-mx", auth(Role.MX, None, ["PLAIN", "LOGIN"]), ("inside TLS: PLAIN, LOGIN",)),
        (
            "submission-requires-auth",
            mails([reply("250", "ok"), reply("250", "ok"), reply("554", "no")], [reply("550", "no")]),
            (
                "MAIL FROM:<a@example.org>: 250 ok",
                "RCPT TO:<postmaster@example.com>: 250 ok",
                "RCPT TO:<b@example.net>: 554 no",
                "MAIL FROM:<b@example.net>: 550 no",
            ),
        ),
        ("tls-heartbleed", _TWO_FLAWS, ("sslyze 6.3.1: heartbleed: 14 octets too many",)),
        ("tls-robot", _TWO_FLAWS, ("sslyze 6.3.1: robot: no oracle",)),
        ("tls-robot", flaws(TlsFlaw.ROBOT, True), ()),
    ],
)
def test_the_evidence_picked(control: str, facts: Facts, evidence: tuple[str, ...]) -> None:
    assert verdict(control, facts).evidence == evidence


def test_why_a_program_did_not_send_is_in_its_own_words() -> None:
    """The end of what it wrote, and of sound runs nothing: who has to mend it would look for that first."""
    output = ("x" * 500 + " last words", "and an error")
    failing = run("good-rsa", "controls", Duty.DELIVER, execution=execution(Claim.NOT_SENT, output=output))
    silent = run("good-tls12", "controls", Duty.DELIVER, execution=execution(Claim.HUNG, status=None))
    evidence = verdict("client-sends", traps(failing, silent)).evidence
    assert evidence[-2:] == (
        f"good-rsa: exit status 1, it wrote: {'x' * 389} last words | and an error",
        "good-tls12: no exit status, it wrote: nothing",
    )
    assert len(evidence) == 5


def test_a_certificate_is_described_on_one_line() -> None:
    assert str(_LEAF) == (
        "subject CN=mail.example.com; issuer CN=Example CA; names mail.example.com; valid 2026-05-02 12:00 to "
        "2026-07-31 12:00 UTC; EC secp256r1 256 bits, ecdsa-with-SHA256; SHA-256 abababababababab..."
    )
    bare = certificate(subject="", issuer="", dns_names=(), key_bits=None)
    assert str(bare).startswith("subject (empty); issuer (empty); names none; ")
    assert "; EC secp256r1, ecdsa" in str(bare)
