"""Cases of smtp_audit.controls.suites."""

from smtp_audit.facts.handshake import Chooser, TlsSuiteFacts
from smtp_audit.facts.suites import WeakKind
from smtp_audit.facts.tls import TlsVersion
from tests.facts_factories import TLS12_SUITES, TLS13_SUITES, suites, version_suites

from .case import Case, Expected

PASS, FAIL, NOT_APPLICABLE, INDETERMINATE = Expected
SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = TlsVersion

_NO_TLS = suites(offered=False)
_NOTHING = TlsSuiteFacts(offered=True)
_NONE_SEEN = suites({TLS12: ()})
_NO_END = suites(complete=False, detail="closed without an alert")
_NUMBER = "0x1234"
"""A suite that is not registered: nothing is known of it."""

_STATIC = "TLS_RSA_WITH_AES_128_GCM_SHA256"
_CBC = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
_BAN_5 = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
_RC4 = "TLS_ECDHE_RSA_WITH_RC4_128_SHA"
_SSL2 = "SSL_CK_RC4_128_WITH_MD5"
_ANONYMOUS = "TLS_DH_anon_WITH_AES_256_GCM_SHA384"
_INTEGRITY_ONLY = "TLS_SHA256_SHA256"


def _one(name: str, version: TlsVersion = TLS12) -> TlsSuiteFacts:
    """Nothing wrong but for one suite behind the good ones."""
    return suites({version: (*(TLS13_SUITES if version is TLS13 else TLS12_SUITES), name)})


def _without_end(name: str) -> TlsSuiteFacts:
    return suites({TLS12: (name,)}, complete=False, detail="connection reset")


_KINDS = {"forbidden_kinds": [kind.value for kind in WeakKind]}

_WEAK_NAMES = {
    WeakKind.NULL: "TLS_ECDHE_RSA_WITH_NULL_SHA",
    WeakKind.EXPORT: "TLS_RSA_EXPORT1024_WITH_RC4_56_SHA",
    WeakKind.RC2: "SSL_CK_RC2_128_CBC_WITH_MD5",
    WeakKind.RC4: _RC4,
    WeakKind.DES: "TLS_DHE_RSA_WITH_DES_CBC_SHA",
    WeakKind.TRIPLE_DES: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    WeakKind.IDEA: "TLS_RSA_WITH_IDEA_CBC_SHA",
    WeakKind.SEED: "TLS_DHE_RSA_WITH_SEED_CBC_SHA",
    WeakKind.MD5: "TLS_RSA_WITH_RC4_128_MD5",
    WeakKind.GOST: "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC",
}

_WEAK = (
    Case("tls-weak-suite", suites(), PASS, "accepts 3 of TLSv1.3, 2 of TLSv1.2, none of these kinds", _KINDS),
    # CBC, and RSA key exchange, are for other controls.
    Case("tls-weak-suite", _one(_CBC), PASS, "none of these kinds", _KINDS),
    Case("tls-weak-suite", _one(_STATIC), PASS, "none of these kinds", _KINDS),
    Case("tls-weak-suite", _one(_RC4), PASS, "none of these kinds", {"forbidden_kinds": ["null", "export"]}),
    *(
        Case("tls-weak-suite", _one(name), FAIL, f"{kind}", {"forbidden_kinds": [kind.value]})
        for kind, name in _WEAK_NAMES.items()
    ),
    # Forward secret, and yet anybody can be at the other end.
    Case("tls-weak-suite", _one(_ANONYMOUS), FAIL, f"accepts broken suites (anonymous): {_ANONYMOUS}", _KINDS),
    Case("tls-weak-suite", _one("TLS_ECDH_anon_WITH_AES_128_CBC_SHA"), FAIL, "(anonymous)", _KINDS),
    # RFC 9150: TLS 1.3 without encryption.
    Case("tls-weak-suite", _one(_INTEGRITY_ONLY, TLS13), FAIL, f"(null): {_INTEGRITY_ONLY}", _KINDS),
    Case("tls-weak-suite", _one("TLS_SHA384_SHA384", TLS13), FAIL, "(null): TLS_SHA384_SHA384", _KINDS),
    Case("tls-weak-suite", _one("TLS_NULL_WITH_NULL_NULL"), FAIL, "(null, anonymous)", _KINDS),
    Case("tls-weak-suite", suites({SSL2: (_SSL2,)}), FAIL, f"(rc4, md5): {_SSL2}", _KINDS),
    Case("tls-weak-suite", suites({SSL2: ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5",)}), FAIL, "(3des, md5)", _KINDS),
    Case("tls-weak-suite", suites({TLS12: _WEAK_NAMES.values()}), FAIL, " and 4 more", _KINDS),
    # A suite that was seen counts, whatever was not.
    Case("tls-weak-suite", _without_end(_RC4), FAIL, f"accepts broken suites (rc4): {_RC4}", _KINDS),
    Case("tls-weak-suite", suites({TLS12: (_NUMBER, _RC4)}), FAIL, "(rc4)", _KINDS),
    Case("tls-weak-suite", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _KINDS),
    Case("tls-weak-suite", _NO_END, INDETERMINATE, "TLSv1.3: closed without an alert; TLSv1.2: closed", _KINDS),
    Case(
        "tls-weak-suite",
        TlsSuiteFacts(
            offered=True,
            versions=(version_suites(TLS13, *TLS13_SUITES), version_suites(TLS12, complete=False, detail="")),
        ),
        INDETERMINATE,
        "TLSv1.2: not tried",
        _KINDS,
    ),
    Case("tls-weak-suite", _one(_NUMBER), INDETERMINATE, f"not known what these suites are: {_NUMBER}", _KINDS),
    Case("tls-weak-suite", _NONE_SEEN, INDETERMINATE, "no suite is known to be accepted", _KINDS),
    Case("tls-weak-suite", _NOTHING, INDETERMINATE, "no suite is known to be accepted", _KINDS),
)

_NO_CBC = {"allowed": []}
_SOME_CBC = {"allowed": [_BAN_5]}

_BLOCKS = (
    Case("tls-cbc-suite", suites(), PASS, "accepts 3 of TLSv1.3, 2 of TLSv1.2, none with CBC", _NO_CBC),
    Case("tls-cbc-suite", suites(), PASS, "none with CBC", _SOME_CBC),
    Case("tls-cbc-suite", _one(_RC4), PASS, "none with CBC", _NO_CBC),
    Case("tls-cbc-suite", _one(_BAN_5), PASS, f"none other with CBC; the profile tolerates {_BAN_5}", _SOME_CBC),
    Case("tls-cbc-suite", _one(_BAN_5), FAIL, f"accepts suites with CBC: {_BAN_5}", _NO_CBC),
    Case("tls-cbc-suite", suites({TLS12: (_BAN_5, _CBC)}), FAIL, f"accepts suites with CBC: {_CBC}", _SOME_CBC),
    Case("tls-cbc-suite", suites({SSL2: ("SSL_CK_IDEA_128_CBC_WITH_MD5",)}), FAIL, "SSL_CK_IDEA", _SOME_CBC),
    Case("tls-cbc-suite", suites({SSL3: ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",)}), FAIL, "DES40_CBC", _SOME_CBC),
    Case("tls-cbc-suite", _without_end(_CBC), FAIL, f"accepts suites with CBC: {_CBC}", _NO_CBC),
    Case("tls-cbc-suite", suites({TLS12: (_NUMBER, _CBC)}), FAIL, f"accepts suites with CBC: {_CBC}", _NO_CBC),
    Case("tls-cbc-suite", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _NO_CBC),
    Case("tls-cbc-suite", _NO_END, INDETERMINATE, "TLSv1.3: closed without an alert", _NO_CBC),
    Case("tls-cbc-suite", _without_end(_BAN_5), INDETERMINATE, "TLSv1.2: connection reset", _SOME_CBC),
    Case("tls-cbc-suite", _one(_NUMBER), INDETERMINATE, _NUMBER, _NO_CBC),
    Case("tls-cbc-suite", _NOTHING, INDETERMINATE, "no suite is known", _NO_CBC),
)

_SECRECY = (
    Case("tls-forward-secrecy", suites(), PASS, "accepts 3 of TLSv1.3, 2 of TLSv1.2, all with it"),
    Case("tls-forward-secrecy", _one("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), PASS, "all with it"),
    # Anonymous, and without encryption: tls-weak-suite judges that. The keys are ephemeral all the same.
    Case("tls-forward-secrecy", _one(_ANONYMOUS), PASS, "all with it"),
    Case("tls-forward-secrecy", _one(_INTEGRITY_ONLY, TLS13), PASS, "all with it"),
    Case("tls-forward-secrecy", _one("TLS_DHE_PSK_WITH_AES_128_GCM_SHA256"), PASS, "all with it"),
    Case("tls-forward-secrecy", _one("TLS_PSK_DHE_WITH_AES_128_CCM_8"), PASS, "all with it"),
    Case("tls-forward-secrecy", _one("TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"), PASS, "all with it"),
    Case("tls-forward-secrecy", _one(_STATIC), FAIL, f"without forward secrecy (RSA key exchange): {_STATIC}"),
    Case("tls-forward-secrecy", _one("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"), FAIL, "(static DH key exchange)"),
    Case("tls-forward-secrecy", _one("TLS_DH_DSS_WITH_AES_128_GCM_SHA256"), FAIL, "(static DH key exchange)"),
    Case("tls-forward-secrecy", _one("TLS_PSK_WITH_AES_128_GCM_SHA256"), FAIL, "(pre-shared key exchange)"),
    Case("tls-forward-secrecy", _one("TLS_RSA_PSK_WITH_AES_128_GCM_SHA256"), FAIL, "(pre-shared key exchange)"),
    Case("tls-forward-secrecy", _one("TLS_KRB5_WITH_3DES_EDE_CBC_SHA"), FAIL, "key exchange without ephemeral keys"),
    Case("tls-forward-secrecy", _one("TLS_NULL_WITH_NULL_NULL"), FAIL, "key exchange without ephemeral keys"),
    Case("tls-forward-secrecy", _one(_WEAK_NAMES[WeakKind.GOST]), FAIL, "key exchange without ephemeral keys"),
    Case("tls-forward-secrecy", suites({SSL2: (_SSL2,)}), FAIL, f"(RSA key exchange): {_SSL2}"),
    # SSL 2 has no other key exchange, whatever the number means.
    Case("tls-forward-secrecy", suites({SSL2: ("0x123456",)}), FAIL, "(RSA key exchange): 0x123456"),
    Case("tls-forward-secrecy", _without_end(_STATIC), FAIL, "(RSA key exchange)"),
    Case("tls-forward-secrecy", suites({TLS12: (_NUMBER, _STATIC)}), FAIL, f"(RSA key exchange): {_STATIC}"),
    Case("tls-forward-secrecy", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint"),
    Case("tls-forward-secrecy", _NO_END, INDETERMINATE, "TLSv1.2: closed without an alert"),
    # Of a number nobody knows, and of what is registered under other words, neither is known.
    Case("tls-forward-secrecy", _one(_NUMBER), INDETERMINATE, f"not known what these suites are: {_NUMBER}"),
    Case("tls-forward-secrecy", _one(_NUMBER, TLS13), INDETERMINATE, _NUMBER),
    Case("tls-forward-secrecy", _one("TLS_CECPQ1_RSA_WITH_AES_256_GCM_SHA384"), INDETERMINATE, "TLS_CECPQ1_RSA"),
    Case("tls-forward-secrecy", _one("TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA"), INDETERMINATE, "TLS_SRP_SHA_RSA"),
    Case("tls-forward-secrecy", _NOTHING, INDETERMINATE, "no suite is known to be accepted"),
)

_LIST = {"allowed": [*TLS13_SUITES, *TLS12_SUITES]}

_ALLOWED = (
    Case("tls-allowed-suites", suites(), PASS, "accepts 3 of TLSv1.3, 2 of TLSv1.2, all listed", _LIST),
    Case("tls-allowed-suites", suites({TLS13: TLS13_SUITES[:1]}), PASS, "accepts 1 of TLSv1.3, all listed", _LIST),
    Case("tls-allowed-suites", _one(_STATIC), FAIL, f"suites that are not listed: {_STATIC}", _LIST),
    # Not on the list, whatever it may be.
    Case("tls-allowed-suites", _one(_NUMBER), FAIL, f"suites that are not listed: {_NUMBER}", _LIST),
    Case("tls-allowed-suites", suites(), FAIL, f"suites that are not listed: {TLS13_SUITES[0]}", {"allowed": []}),
    Case("tls-allowed-suites", suites({SSL2: (_SSL2,)}), FAIL, _SSL2, _LIST),
    Case("tls-allowed-suites", _without_end(_RC4), FAIL, f"suites that are not listed: {_RC4}", _LIST),
    Case("tls-allowed-suites", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _LIST),
    Case("tls-allowed-suites", _NO_END, INDETERMINATE, "TLSv1.3: closed without an alert", _LIST),
    Case("tls-allowed-suites", _NOTHING, INDETERMINATE, "no suite is known to be accepted", _LIST),
)


def _choosers(**choosers: Chooser) -> TlsSuiteFacts:
    """Two suites a version, and who chooses there."""
    versions = {"tls12": TLS12, "tls11": TLS11, "tls10": TLS10}
    return TlsSuiteFacts(
        offered=True,
        versions=(
            version_suites(TLS13, *TLS13_SUITES, chooser=Chooser.UNKNOWN, chooser_detail="not asked"),
            *(
                version_suites(versions[name], *TLS12_SUITES, chooser=chooser, chooser_detail="closed twice")
                for name, chooser in choosers.items()
            ),
        ),
    )


_SERVER, _CLIENT = {"expected": "server"}, {"expected": "client"}
_ONE_OF_MANY = TlsSuiteFacts(
    offered=True, versions=(version_suites(TLS12, TLS12_SUITES[0], complete=False, detail="reset"),)
)

_PREFERENCE = (
    # In TLS 1.3 either will do.
    Case("tls-server-preference", _choosers(tls12=Chooser.SERVER), PASS, "the server chooses", _SERVER),
    Case("tls-server-preference", _choosers(tls12=Chooser.CLIENT), PASS, "the client chooses", _CLIENT),
    Case(
        "tls-server-preference",
        _choosers(tls12=Chooser.SERVER, tls11=Chooser.NOBODY),
        PASS,
        "the server chooses",
        _SERVER,
    ),
    Case("tls-server-preference", _choosers(tls12=Chooser.CLIENT), FAIL, "in TLSv1.2 the client chooses", _SERVER),
    Case("tls-server-preference", _choosers(tls12=Chooser.SERVER), FAIL, "in TLSv1.2 the server chooses", _CLIENT),
    Case(
        "tls-server-preference",
        _choosers(tls12=Chooser.SERVER, tls10=Chooser.CLIENT),
        FAIL,
        "in TLSv1.0 the client chooses",
        _SERVER,
    ),
    # What was seen wins over what is unknown.
    Case(
        "tls-server-preference",
        _choosers(tls12=Chooser.UNKNOWN, tls10=Chooser.CLIENT),
        FAIL,
        "in TLSv1.0 the client chooses",
        _SERVER,
    ),
    Case("tls-server-preference", _NO_TLS, NOT_APPLICABLE, "no TLS on this endpoint", _SERVER),
    Case(
        "tls-server-preference",
        suites({TLS13: TLS13_SUITES}),
        NOT_APPLICABLE,
        "no version before TLS 1.3 has more than one suite",
        _SERVER,
    ),
    Case("tls-server-preference", suites({TLS12: TLS12_SUITES[:1]}), NOT_APPLICABLE, "more than one suite", _SERVER),
    Case("tls-server-preference", _choosers(tls12=Chooser.UNKNOWN), INDETERMINATE, "TLSv1.2: closed twice", _SERVER),
    Case(
        "tls-server-preference",
        _choosers(tls12=Chooser.SERVER, tls10=Chooser.UNKNOWN),
        INDETERMINATE,
        "TLSv1.0: closed twice",
        _SERVER,
    ),
    # One suite seen, and there may be a second.
    Case("tls-server-preference", _ONE_OF_MANY, INDETERMINATE, "TLSv1.2: reset", _SERVER),
    Case("tls-server-preference", _NOTHING, INDETERMINATE, "no version is known to be accepted", _SERVER),
)

CASES = (*_WEAK, *_BLOCKS, *_SECRECY, *_ALLOWED, *_PREFERENCE)
