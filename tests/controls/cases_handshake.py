"""Cases of smtp_audit.controls.handshake."""

from smtp_audit.facts.handshake import Feature, StarttlsBoundaryFacts, TlsFeatureFacts, TlsSessionFacts
from smtp_audit.facts.tls import TlsVersion
from tests.facts_factories import boundary, feature, features, session, sessions

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected
SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion

_NEWEST_ALONE = "only TLS 1.3 is accepted, which has no such thing"


def _feature(control: str, which: Feature, *, wanted: bool, words: str) -> tuple[Case, ...]:
    without_object = feature(which, None, applies=False, detail=_NEWEST_ALONE)
    bare = feature(which, None, applies=False, detail="")
    unexplained = feature(which, None, detail="")
    others = TlsFeatureFacts(offered=True, features=tuple(f for f in features().features if f.feature is not which))
    seen = "seen in TLSv1.2"
    return (
        Case(control, features(), PASS, f"{which}: {'yes' if wanted else 'no'}"),
        Case(control, features(feature(which, wanted, detail=seen)), PASS, f"({seen})"),
        # Nothing else being as it should be.
        Case(
            control,
            TlsFeatureFacts(offered=True, features=(feature(which, wanted),)),
            PASS,
            f"{which}: {'yes' if wanted else 'no'}",
        ),
        Case(control, features(feature(which, not wanted)), FAIL, words),
        Case(control, features(feature(which, not wanted, detail=seen)), FAIL, f"{words}: {seen}"),
        Case(control, features(offered=False), NOT_APPLICABLE, "no TLS on this endpoint"),
        Case(control, features(without_object), NOT_APPLICABLE, _NEWEST_ALONE),
        Case(control, features(bare), NOT_APPLICABLE, "nothing to have it in"),
        Case(control, features(feature(which, None)), INDETERMINATE, f"{which}: closed without an alert"),
        Case(control, features(unexplained), INDETERMINATE, f"{which}: could not be told"),
        Case(control, others, INDETERMINATE, f"{which}: not asked"),
        Case(control, TlsFeatureFacts(offered=True), INDETERMINATE, f"{which}: not asked"),
    )


_FEATURES = (
    *_feature(
        "tls-extended-master-secret",
        Feature.EXTENDED_MASTER_SECRET,
        wanted=True,
        words="extended_master_secret is not answered",
    ),
    *_feature(
        "tls-secure-renegotiation",
        Feature.SECURE_RENEGOTIATION,
        wanted=True,
        words="renegotiation_info is not answered",
    ),
    *_feature("tls-compression", Feature.COMPRESSION, wanted=False, words="compresses"),
    *_feature("tls-fallback-scsv", Feature.FALLBACK_SCSV, wanted=True, words="the signal is passed over"),
    *_feature("tls-heartbeat", Feature.HEARTBEAT, wanted=False, words="answers the heartbeat extension"),
    *_feature(
        "tls-hello-tolerance", Feature.HELLO_TOLERANCE, wanted=True, words="an unknown number is not passed over"
    ),
    *_feature(
        "client-certificate-request",
        Feature.CLIENT_CERTIFICATE_REQUEST,
        wanted=False,
        words="asks for a certificate",
    ),
)

_NO_TLS = sessions(offered=False)
_NOTHING = TlsSessionFacts(offered=True)
_UNKNOWN_13 = session(resumed=None, detail="connection reset")

_EARLY = (
    Case("tls-early-data", sessions(), PASS, "no ticket allows early data"),
    # Tickets seen, though a second visit failed or was not let resume: they say what they allow.
    Case("tls-early-data", sessions(session(resumed=None, early_data=0, detail="reset")), PASS, "no ticket allows"),
    Case("tls-early-data", sessions(session(resumed=False, early_data=0)), PASS, "no ticket allows"),
    Case("tls-early-data", sessions(session(early_data=16384)), FAIL, "TLSv1.3: a ticket allows 16384 octets"),
    Case("tls-early-data", sessions(session(early_data=1), session(TLS12)), FAIL, "allows 1 octets"),
    Case("tls-early-data", sessions(session(resumed=None, early_data=4096, detail="reset")), FAIL, "4096 octets"),
    Case("tls-early-data", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("tls-early-data", sessions(session(TLS12)), NOT_APPLICABLE, "TLS 1.3 is not accepted"),
    Case("tls-early-data", sessions(_UNKNOWN_13, session(TLS12)), INDETERMINATE, "TLSv1.3: connection reset"),
    Case("tls-early-data", sessions(session(early_data=None)), INDETERMINATE, "no handshake was carried through"),
    Case("tls-early-data", _NOTHING, INDETERMINATE, "no version is known to be accepted"),
)

_TWO_HOURS = {"maximum_hours": 2}
_DAY = {"maximum_hours": 24}

_LIFETIME = (
    Case("tls-ticket-lifetime", sessions(), PASS, "at most 7200 s", _DAY),
    # The border: as long as allowed, and a second more.
    Case("tls-ticket-lifetime", sessions(), PASS, "at most 7200 s", _TWO_HOURS),
    Case("tls-ticket-lifetime", sessions(session(lifetime=7201)), FAIL, "live longer than 7200 s: TLSv1.3", _TWO_HOURS),
    Case("tls-ticket-lifetime", sessions(session(lifetime=604800)), FAIL, "TLSv1.3: 604800 s", _DAY),
    Case("tls-ticket-lifetime", sessions(session(), session(TLS12, lifetime=86401)), FAIL, "TLSv1.2: 86401 s", _DAY),
    Case(
        "tls-ticket-lifetime", sessions(session(), session(TLS12, by="session id", lifetime=None)), PASS, "7200", _DAY
    ),
    # The ticket was seen, whether it is taken was not: its lifetime is known.
    Case("tls-ticket-lifetime", sessions(session(resumed=None, lifetime=7200)), PASS, "at most 7200 s", _DAY),
    Case("tls-ticket-lifetime", sessions(session(resumed=False, lifetime=0)), PASS, "at most 0 s", _DAY),
    # What was seen wins over what is unknown.
    Case("tls-ticket-lifetime", sessions(_UNKNOWN_13, session(TLS12, lifetime=90000)), FAIL, "TLSv1.2: 90000 s", _DAY),
    Case("tls-ticket-lifetime", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _DAY),
    Case("tls-ticket-lifetime", sessions(session(resumed=False)), NOT_APPLICABLE, "no ticket with a lifetime", _DAY),
    Case("tls-ticket-lifetime", sessions(_UNKNOWN_13, session(TLS12)), INDETERMINATE, "TLSv1.3: not known", _DAY),
    Case("tls-ticket-lifetime", sessions(session(TLS12, resumed=None)), INDETERMINATE, "TLSv1.2: not known", _DAY),
    Case("tls-ticket-lifetime", _NOTHING, INDETERMINATE, "no version is known to be accepted", _DAY),
)

_REFUSED = "554 5.5.0 Error: SMTP protocol synchronization"

_INJECTION = (
    Case("starttls-injection", boundary(), PASS, "NOOP from before TLS is forgotten"),
    Case("starttls-injection", boundary(refused=_REFUSED), PASS, f"refuses STARTTLS with NOOP behind it: {_REFUSED}"),
    Case("starttls-injection", boundary(answered_inside="250 2.0.0 Ok"), FAIL, "answered inside: 250 2.0.0 Ok"),
    Case("starttls-injection", boundary(clear_text="250 Ok"), FAIL, "and the handshake it says in clear: 250 Ok"),
    # Both, and with a refusal that did not keep it from answering: the fault counts.
    Case("starttls-injection", boundary(answered_inside="250 Ok", clear_text="250 Ok"), FAIL, "answered inside"),
    Case("starttls-injection", boundary(refused=_REFUSED, clear_text="250 Ok"), FAIL, "says in clear: 250 Ok"),
    Case("starttls-injection", boundary(offered=False), NOT_APPLICABLE, "starttls-offered judges that"),
    Case("starttls-injection", StarttlsBoundaryFacts(offered=True), INDETERMINATE, "no command was sent behind"),
)

CASES = (*_FEATURES, *_EARLY, *_LIFETIME, *_INJECTION)
