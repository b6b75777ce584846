"""Which cipher suites a server takes, and who chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtp_audit.control import Rule, Verdict, control, fail, not_applicable, passed
from smtp_audit.controls.words import NO_TLS
from smtp_audit.errors import Undetermined
from smtp_audit.facts.endpoint import Endpoint
from smtp_audit.facts.handshake import AcceptedSuite, Chooser, TlsSuiteFacts
from smtp_audit.facts.suites import KeyExchange, WeakKind
from smtp_audit.facts.tls import TlsVersion

_MOST_NAMED = 6

_STRONG_SUITES = {
    "postfix": "smtpd_tls_ciphers = high, smtpd_tls_mandatory_ciphers = high, smtpd_tls_exclude_ciphers = aNULL and "
    "tls_high_cipherlist = ECDHE+AESGCM:ECDHE+CHACHA20",
    "dovecot": "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20",
    "exim": "with OpenSSL: tls_require_ciphers = ECDHE+AESGCM:ECDHE+CHACHA20; with GnuTLS (Debian): "
    "tls_require_ciphers = NORMAL:-KX-ALL:+ECDHE-RSA:+ECDHE-ECDSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"
    "+CHACHA20-POLY1305",
    "sendmail": "O CipherList=ECDHE+AESGCM:ECDHE+CHACHA20 in LOCAL_CONFIG",
    "opensmtpd": 'ciphers "ECDHE+AESGCM:ECDHE+CHACHA20" at the end of the listen line',
    "docker-mailserver": "TLS_LEVEL=modern (the default)",
    "any": "a list of suites with ECDHE and an AEAD cipher alone, in OpenSSL's words ECDHE+AESGCM:ECDHE+CHACHA20; the "
    "suites of TLS 1.3 are all sound",
}


def _with(**more: str) -> dict[str, str]:
    return {**_STRONG_SUITES, **more}


Seen = tuple[TlsVersion, AcceptedSuite]

_KNOWN_WITHOUT = ("TLS_KRB5_", "TLS_GOSTR", "TLS_NULL_")
"""Key exchanges of no kind of their own that are known to have no forward secrecy: Kerberos (RFC 2712 section 3), GOST
with the key of the certificate (RFC 9189 section 4.2), and none at all."""


def _without_fault(
    suites: TlsSuiteFacts,
    bad: Callable[[Seen], str | None],
    accepts: str,
    clean: Callable[[], str],
    unclear: Callable[[Seen], bool] | None = None,
) -> Verdict:
    """Fail for every suite that `bad` has a word about ("" will do); pass when all were seen and none is `unclear`."""
    if not suites.offered:
        return not_applicable(NO_TLS)
    found = [(seen, word) for seen in suites.accepted() if (word := bad(seen)) is not None]
    if found:
        words = ", ".join(dict.fromkeys(word for _, word in found if word))
        names = _few(dict.fromkeys(suite.name for (_, suite), _ in found))
        evidence = [f"{version}: {suite}" + (f" ({word})" if word else "") for (version, suite), word in found]
        return fail(f"{accepts}{f' ({words})' if words else ''}: {names}", evidence=evidence)
    suites.require_complete()
    if not suites.accepted():
        raise Undetermined("no suite is known to be accepted")
    if odd := [seen[1].name for seen in suites.accepted() if unclear is not None and unclear(seen)]:
        raise Undetermined(f"it is not known what these suites are: {_few(dict.fromkeys(odd))}")
    return passed(clean(), evidence=suites.evidence())


def _nameless(seen: Seen) -> bool:
    """Whether the suite is a number that is not registered, so that nothing is known of it."""
    return not seen[1].name.startswith(("TLS_", "SSL_"))


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _MOST_NAMED
    return ", ".join(listed[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _count(suites: TlsSuiteFacts) -> str:
    counts = ", ".join(f"{len(each.suites)} of {each.version}" for each in suites.versions if each.suites)
    return f"accepts {counts or 'no suite'}"


@control(
    "tls-weak-suite",
    title="No broken cipher suites",
    expects="no suite of these kinds is accepted in any version: {forbidden_kinds}",
    subject=Endpoint,
    needs=TlsSuiteFacts,
    parameters={"forbidden_kinds": list[WeakKind]},
    spec=("RFC 9325 section 4.1", "RFC 7465 section 2", "RFC 5469", "RFC 8996"),
    remedy=_with(
        postfix=_STRONG_SUITES["postfix"] + "; Postfix accepts anonymous suites on port 25 unless aNULL is excluded"
    ),
)
def weak_suite(suites: TlsSuiteFacts, rule: Rule) -> Verdict:
    """Under such a suite mail can be read or changed on the way, by known and cheap means.

    NULL suites do not encrypt, anonymous ones let anybody answer in the server's place, export and DES keys are found
    by trying, RC4 and MD5 are broken, and the blocks of 3DES, IDEA and RC2 are so short that long sessions leak
    (SWEET32). A client that can do better is led down to them by whoever stands between.
    """
    forbidden: list[WeakKind] = rule["forbidden_kinds"]

    def bad(seen: Seen) -> str | None:
        return ", ".join(kind for kind in forbidden if kind in seen[1].traits.kinds) or None

    return _without_fault(
        suites, bad, "accepts broken suites", lambda: f"{_count(suites)}, none of these kinds", _nameless
    )


@control(
    "tls-cbc-suite",
    title="No suites with CBC",
    expects="no suite with CBC is accepted, but for: {allowed}",
    subject=Endpoint,
    needs=TlsSuiteFacts,
    parameters={"allowed": list[str]},
    spec=("RFC 9325 section 4.2", "RFC 7366 section 1"),
    remedy=_STRONG_SUITES,
)
def cbc_suite(suites: TlsSuiteFacts, rule: Rule) -> Verdict:
    """The CBC suites of TLS check the padding before the MAC, and time and again that has told an attacker the text.

    POODLE, BEAST and Lucky Thirteen are of that kind. Suites with an AEAD cipher (GCM, ChaCha20-Poly1305) have no
    padding to ask about.
    """
    allowed: list[str] = rule["allowed"]

    def bad(seen: Seen) -> str | None:
        return "" if seen[1].traits.cbc and seen[1].name not in allowed else None

    tolerated = _few(dict.fromkeys(s.name for _, s in suites.accepted() if s.traits.cbc and s.name in allowed))
    other, note = ("other ", f"; the profile tolerates {tolerated}") if tolerated else ("", "")
    return _without_fault(
        suites, bad, "accepts suites with CBC", lambda: f"{_count(suites)}, none {other}with CBC{note}", _nameless
    )


@control(
    "tls-forward-secrecy",
    title="Every suite has forward secrecy",
    expects="every accepted suite agrees on keys by ephemeral Diffie-Hellman (ECDHE or DHE)",
    subject=Endpoint,
    needs=TlsSuiteFacts,
    spec=("RFC 9325 section 4.1", "RFC 8446 section 1.2"),
    remedy=_STRONG_SUITES,
)
def forward_secrecy(suites: TlsSuiteFacts, rule: Rule) -> Verdict:
    """Without it the server's key alone opens every session that was ever recorded.

    With RSA key exchange the client sends the secret encrypted with the certificate's key. Who takes that key years
    later, from a backup or a broken server, reads all mail of those years. RSA key exchange also has attacks of its own
    (Bleichenbacher, ROBOT).
    """

    def unclear(seen: Seen) -> bool:
        version, suite = seen
        other = suite.traits.key_exchange is KeyExchange.OTHER
        return other and version is not TlsVersion.SSL2 and not suite.name.startswith(_KNOWN_WITHOUT)

    def bad(seen: Seen) -> str | None:
        version, suite = seen
        if suite.traits.forward_secret or unclear(seen):
            return None
        if version is TlsVersion.SSL2:
            return "RSA key exchange"  # SSL 2 has no other
        named = suite.traits.key_exchange is not KeyExchange.OTHER
        return f"{suite.traits.key_exchange} key exchange" if named else "key exchange without ephemeral keys"

    return _without_fault(
        suites, bad, "accepts suites without forward secrecy", lambda: f"{_count(suites)}, all with it", unclear
    )


@control(
    "tls-allowed-suites",
    title="Only suites of the guideline",
    expects="every accepted suite is one of: {allowed}",
    subject=Endpoint,
    needs=TlsSuiteFacts,
    parameters={"allowed": list[str]},
    spec=("RFC 9325 section 4.2",),
    remedy=_STRONG_SUITES,
)
def allowed_suites(suites: TlsSuiteFacts, rule: Rule) -> Verdict:
    """A list of what is allowed also covers what is only going to be broken, and suites that nobody has looked at.

    It is how the published guidelines are written.
    """
    allowed: list[str] = rule["allowed"]

    def bad(seen: Seen) -> str | None:
        return None if seen[1].name in allowed else ""

    return _without_fault(suites, bad, "accepts suites that are not listed", lambda: f"{_count(suites)}, all listed")


@control(
    "tls-server-preference",
    title="The right side chooses the suite",
    expects="in TLS 1.2 and before, the suite is the choice of the {expected}",
    subject=Endpoint,
    needs=TlsSuiteFacts,
    parameters={"expected": Chooser},
    spec=("RFC 9325 section 4.2.1",),
    remedy={
        "postfix": "tls_preempt_cipherlist = yes for the server's choice, no for the client's",
        "dovecot": "ssl_prefer_server_ciphers = yes for the server's choice (2.4: ssl_server_prefer_ciphers = server)",
        "exim": "with OpenSSL: openssl_options = +cipher_server_preference; with GnuTLS: %SERVER_PRECEDENCE in "
        "tls_require_ciphers",
        "sendmail": "define(`confSERVER_SSL_OPTIONS', `+SSL_OP_CIPHER_SERVER_PREFERENCE')dnl",
        "any": "OpenSSL: SSL_OP_CIPHER_SERVER_PREFERENCE; Go and OpenSMTPD always choose by themselves",
    },
)
def server_preference(suites: TlsSuiteFacts, rule: Rule) -> Verdict:
    """Where suites of unequal strength are accepted, the server's own order keeps old clients from a needless bad pick.

    Where all suites are strong, the client knows better which one it is fast at; guidelines differ for that reason.
    """
    if not suites.offered:
        return not_applicable(NO_TLS)
    expected: Chooser = rule["expected"]
    # In SSL 2 the client always chooses, and no setting changes that; tls-obsolete-version judges SSL 2.
    old = [each for each in suites.versions if TlsVersion.SSL2 < each.version < TlsVersion.TLS13]
    chosen = [each for each in old if each.chooser in (Chooser.SERVER, Chooser.CLIENT)]
    evidence = [f"{each.version}: the {each.chooser} chooses: {each.chooser_detail}" for each in chosen]
    wrong = [each for each in chosen if each.chooser is not expected]
    if wrong:
        versions = ", ".join(each.version for each in wrong)
        return fail(f"in {versions} the {wrong[0].chooser} chooses", evidence=evidence)
    unclear = [each for each in old if each.chooser is Chooser.UNKNOWN or not (each in chosen or each.complete)]
    if unclear or not suites.versions:
        reasons = [f"{each.version}: {each.chooser_detail or each.detail or 'not tried'}" for each in unclear]
        raise Undetermined("; ".join(reasons) or "no version is known to be accepted")
    if not chosen:
        return not_applicable("no version before TLS 1.3 has more than one suite")
    return passed(f"the {expected} chooses", evidence=evidence)
