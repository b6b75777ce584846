"""Cases of smtp_audit.controls.transport and of smtp_audit.controls.flaws."""

from smtp_audit.facts.tls import TlsFlaw, TlsFlawFacts, TlsVersion
from tests.facts_factories import NO_TLS_FLAWS, flaws, implicit, reply, starttls, tls

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected
SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion

_NOT_OFFERED = starttls(offered=False, reply=None, accepted=False, tried=0, handshake=None)
_NO_TLS = tls(offered=False)

_STARTTLS = (
    Case("starttls-offered", starttls(), PASS, "offered"),
    # Whether it also works is the next control's matter.
    Case("starttls-offered", starttls(accepted=False, handshake=None), PASS, "offered"),
    Case("starttls-offered", _NOT_OFFERED, FAIL, "not among the capabilities"),
    Case("starttls-works", starttls(), PASS, "handshake complete after 220"),
    Case(
        "starttls-works",
        starttls(reply=reply("454", "TLS not available"), accepted=False, tried=3, handshake=None),
        FAIL,
        "offered, but refused: 454 TLS not available",
    ),
    Case("starttls-works", starttls(reply=reply("BAD", "no"), accepted=False, handshake=None), FAIL, "refused: BAD"),
    Case("starttls-works", starttls(handshake=False, handshake_error="alert 40"), FAIL, "handshake fails: alert 40"),
    Case("starttls-works", starttls(handshake=False), FAIL, "no reason given"),
    Case("starttls-works", _NOT_OFFERED, NOT_APPLICABLE, "starttls-offered judges that"),
    Case("starttls-works", starttls(reply=None, accepted=False, handshake=None), INDETERMINATE, "not tried"),
    Case(
        "starttls-works",
        starttls(reply=reply("421", "too many"), accepted=False, handshake=None),
        INDETERMINATE,
        "turned this client away",
    ),
    Case("starttls-works", starttls(handshake=None), INDETERMINATE, "not begun"),
    Case("implicit-tls", implicit(), PASS, "handshake complete"),
    Case("implicit-tls", implicit(False, clear_text="220 mail"), FAIL, "speaks in clear text at once"),
    Case("implicit-tls", implicit(True, clear_text="220 mail"), FAIL, "speaks in clear text at once"),
    Case("implicit-tls", implicit(False, handshake_error="alert 40"), FAIL, "no TLS handshake: alert 40"),
    Case("implicit-tls", implicit(False), FAIL, "no reason given"),
)

_FROM_12 = {"minimum_version": "TLSv1.2"}
_FROM_13 = {"minimum_version": "TLSv1.3"}

_OBSOLETE = (
    Case("tls-obsolete-version", tls(TLS12, TLS13), PASS, "accepts TLSv1.2, TLSv1.3", _FROM_12),
    Case("tls-obsolete-version", tls(TLS13), PASS, "accepts TLSv1.3", _FROM_13),
    # Nothing below the minimum is left open, so the unknown above it does not matter here.
    Case("tls-obsolete-version", tls(TLS12, unknown=[TLS13]), PASS, "refuses every version below TLSv1.2", _FROM_12),
    Case("tls-obsolete-version", tls(), PASS, "accepts none", _FROM_12),
    Case("tls-obsolete-version", tls(TLS10, TLS11, TLS12), FAIL, "accepts TLSv1.0, TLSv1.1", _FROM_12),
    Case("tls-obsolete-version", tls(SSL2), FAIL, "accepts SSLv2", _FROM_12),
    Case("tls-obsolete-version", tls(SSL3, TLS13), FAIL, "accepts SSLv3", _FROM_12),
    Case("tls-obsolete-version", tls(TLS12, TLS13), FAIL, "accepts TLSv1.2", _FROM_13),
    # A fault that was seen wins over what is unknown.
    Case("tls-obsolete-version", tls(TLS10, unknown=[TLS11, SSL3]), FAIL, "accepts TLSv1.0", _FROM_12),
    Case("tls-obsolete-version", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _FROM_12),
    Case("tls-obsolete-version", tls(TLS12, unknown=[TLS11]), INDETERMINATE, "TLSv1.1: closed without", _FROM_12),
    Case("tls-obsolete-version", tls(TLS12, untried=[SSL2]), INDETERMINATE, "SSLv2: not tried", _FROM_12),
    Case("tls-obsolete-version", tls(TLS13, unknown=[TLS12]), INDETERMINATE, "TLSv1.2: closed", _FROM_13),
)

_EITHER = {"accepted_versions": ["TLSv1.2", "TLSv1.3"]}
_ONLY_13 = {"accepted_versions": ["TLSv1.3"]}

_CURRENT = (
    Case("tls-current-version", tls(TLS12, TLS13), PASS, "accepts TLSv1.2, TLSv1.3", _EITHER),
    Case("tls-current-version", tls(TLS12, unknown=[TLS13]), PASS, "accepts TLSv1.2", _EITHER),
    Case("tls-current-version", tls(TLS13), PASS, "accepts TLSv1.3", _EITHER),
    Case("tls-current-version", tls(TLS13), PASS, "accepts TLSv1.3", _ONLY_13),
    Case("tls-current-version", tls(TLS10, TLS11), FAIL, "none of TLSv1.2, TLSv1.3; accepts TLSv1.0", _EITHER),
    Case("tls-current-version", tls(TLS12), FAIL, "accepts none of TLSv1.3", _ONLY_13),
    Case("tls-current-version", tls(), FAIL, "accepts none", _EITHER),
    Case("tls-current-version", tls(unknown=[TLS10]), FAIL, "accepts none of TLSv1.2", _EITHER),
    Case("tls-current-version", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _EITHER),
    Case("tls-current-version", tls(unknown=[TLS12]), INDETERMINATE, "TLSv1.2: closed", _EITHER),
    Case("tls-current-version", tls(TLS12, untried=[TLS13]), INDETERMINATE, "TLSv1.3: not tried", _ONLY_13),
)


def _flaw(control: str, flaw: TlsFlaw, name: str) -> tuple[Case, ...]:
    other = next(each for each in TlsFlaw if each is not flaw)
    return (
        Case(control, flaws(flaw, False), PASS, f"sslyze 6.3.1 finds it not vulnerable to {name}"),
        Case(control, flaws(flaw, True, "strong oracle"), FAIL, f"vulnerable to {name}"),
        Case(control, NO_TLS_FLAWS, NOT_APPLICABLE, "no TLS on this endpoint"),
        Case(control, flaws(flaw, None, "connection reset"), INDETERMINATE, "could not tell: connection reset"),
        Case(control, flaws(other, True), INDETERMINATE, "gave no result"),
        Case(control, TlsFlawFacts(offered=True), INDETERMINATE, "gave no result"),
    )


CASES = (
    *_STARTTLS,
    *_OBSOLETE,
    *_CURRENT,
    *_flaw("tls-heartbleed", TlsFlaw.HEARTBLEED, "Heartbleed"),
    *_flaw("tls-ccs-injection", TlsFlaw.CCS_INJECTION, "CCS injection"),
    *_flaw("tls-robot", TlsFlaw.ROBOT, "ROBOT"),
    *_flaw("tls-client-renegotiation", TlsFlaw.CLIENT_RENEGOTIATION, "client-initiated renegotiation without end"),
)
