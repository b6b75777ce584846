"""The servers with old TLS, by name: what each is, and which controls of profile enterprise it has to fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import answers
from .ancient import SSL3, TLS10, TLS11, TLS12, Ancient, AncientServer
from .canned import MODERN, RSA_MD5, RSA_SHA1, X25519MLKEM768, Ability, CannedServer
from .certificates import Certificates
from .front import Front
from .hello import SSL2
from .hello import SSL3 as CANNED_SSL3
from .hello import TLS10 as CANNED_TLS10
from .hello import TLS12 as CANNED_TLS12
from .hello import TLS13 as CANNED_TLS13
from .primes import NOT_SAFE_2048, OAKLEY_768, OAKLEY_1024, OWN_512
from .suites import SSL2_NAMES, numbers

_AEAD = ("aes256gcm", "chacha20-poly1305", "aes128gcm")
_OLD_MACS = ("aead", "sha", "sha256", "sha384")


@dataclass(frozen=True)
class Server:
    """One server. `must_fail`: the controls that an audit has to fail, and no others."""

    name: str
    what: str
    must_fail: frozenset[str]
    ability: Ability | None = None
    ancient: Ancient | None = None
    front: Mapping[str, object] = field(default_factory=dict)
    """What the Front does besides; see there."""
    finishes: bool = True
    """Whether a client of today gets through its handshake."""

    def start(self, certificates: Certificates, address: str = "127.0.0.1") -> Front:
        """A server that is entered with `with`; its port is new each time."""
        if self.ancient is not None:
            secure = AncientServer(self.ancient, certificates.pem, certificates.key_pem).secure
        else:
            assert self.ability is not None
            context = certificates.context()
            secure = CannedServer(self.ability, certificates.der, certificates.key, context).secure
        return Front(secure, address=address, **self.front)  # type: ignore[arg-type]


def _ancient(name: str, what: str, *must_fail: str, **ancient: object) -> Server:
    return Server(name, what, frozenset(must_fail), ancient=Ancient(**ancient))  # type: ignore[arg-type]


def _canned(name: str, what: str, *must_fail: str, finishes: bool = True, **ability: object) -> Server:
    return Server(name, what, frozenset(must_fail), Ability(**ability), finishes=finishes)  # type: ignore[arg-type]


def _with(version: int, *names: str) -> dict[int, tuple[int, ...]]:
    """A sound server's suites, and behind them these of one version."""
    return {**MODERN, version: (*MODERN.get(version, ()), *numbers(*names))}


_ANCIENT = (
    _ancient("sound", "right: TLS 1.2 and 1.3 with forward secrecy and AEAD alone"),
    _ancient(
        "ssl3",
        "SSL 3 is accepted, with one CBC suite (there is nothing better in SSL 3)",
        "tls-allowed-suites",
        "tls-obsolete-version",
        "tls-cbc-suite",
        lowest=SSL3,
        ciphers=(*_AEAD, "aes128"),
        macs=("aead", "sha"),
    ),
    _ancient(
        "rc4",
        "RC4 behind the good suites",
        "tls-allowed-suites",
        "tls-weak-suite",
        ciphers=(*_AEAD, "rc4"),
        macs=("aead", "sha"),
    ),
    _ancient(
        "3des",
        "3DES behind the good suites",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-weak-suite",
        ciphers=(*_AEAD, "3des"),
        macs=("aead", "sha"),
    ),
    _ancient(
        "null",
        "NULL behind the good suites",
        "tls-allowed-suites",
        "tls-weak-suite",
        ciphers=(*_AEAD, "null"),
        macs=("aead", "sha"),
    ),
    _ancient(
        "rsa-rc4-md5",
        "TLS_RSA_WITH_RC4_128_MD5 behind the good suites",
        "tls-allowed-suites",
        "tls-weak-suite",
        "tls-forward-secrecy",
        ciphers=(*_AEAD, "rc4"),
        macs=("aead", "md5"),
        exchanges=("ecdhe_rsa", "rsa"),
    ),
    _ancient(
        "static-rsa",
        "RSA key exchange behind the good suites",
        "tls-allowed-suites",
        "tls-forward-secrecy",
        exchanges=("ecdhe_rsa", "rsa"),
    ),
    _ancient(
        "cbc",
        "CBC suites with SHA-1 behind the good ones",
        "tls-allowed-suites",
        "tls-cbc-suite",
        ciphers=(*_AEAD, "aes256", "aes128"),
        macs=("aead", "sha"),
    ),
    _ancient(
        "cbc-tolerated",
        "right: the two CBC suites that enterprise puts up with",
        ciphers=(*_AEAD, "aes256", "aes128"),
        macs=("aead", "sha256", "sha384"),
    ),
    _ancient(
        "no-extended-master-secret",
        "no extended master secret",
        "tls-extended-master-secret",
        extended_master_secret=False,
        highest=TLS12,
    ),
    _ancient(
        "no-renegotiation-info",
        "no renegotiation_info: an attacker's words can stand before a client's",
        "tls-secure-renegotiation",
        renegotiation_info=False,
        highest=TLS12,
    ),
    _ancient("heartbeat", "heartbeat is agreed to", "tls-heartbeat", heartbeat=True),
    _ancient(
        "sha1-signatures",
        "key exchanges are signed with SHA-1 for who offers nothing else",
        "tls-signature-hash",
        hashes=("sha256", "sha384", "sha512", "sha1"),
    ),
    _ancient(
        "old-versions",
        "TLS 1.0 and 1.1 with CBC suites",
        "tls-allowed-suites",
        "tls-obsolete-version",
        "tls-cbc-suite",
        lowest=TLS10,
        ciphers=(*_AEAD, "aes128"),
        macs=("aead", "sha"),
    ),
    _ancient(
        "nothing-newer-than-tls11",
        "TLS 1.1 is the newest, with CBC suites",
        "tls-allowed-suites",
        "tls-obsolete-version",
        "tls-current-version",
        "tls-cbc-suite",
        lowest=TLS11,
        highest=TLS11,
        ciphers=("aes256", "aes128"),
        macs=("sha",),
    ),
    _ancient(
        "weak-curve",
        "secp192r1 behind the good curves",
        "tls-allowed-groups",
        "tls-key-exchange-strength",
        curves=("x25519", "secp256r1", "secp192r1"),
    ),
    _ancient(
        "asks-for-certificates",
        "asks for a client certificate",
        "client-certificate-request",
        asks_for_certificate=True,
    ),
    _ancient("early-data", "tickets allow early data, which can be played again", "tls-early-data", early_data=16384),
    _ancient("tickets-of-a-week", "tickets live 7 days", "tls-ticket-lifetime", ticket_seconds=7 * 86400),
)

_CANNED = (
    _canned("canned-sound", "right: TLS 1.2 and 1.3 with forward secrecy and AEAD alone"),
    _canned(
        "ssl2",
        "SSL 2 is accepted, with all of its suites",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-forward-secrecy",
        "tls-obsolete-version",
        "tls-weak-suite",
        suites={SSL2: tuple(SSL2_NAMES), **MODERN},
    ),
    _canned(
        "ssl3-canned",
        "SSL 3 is accepted, with 3DES",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-obsolete-version",
        "tls-weak-suite",
        "tls-forward-secrecy",
        suites=_with(CANNED_SSL3, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    ),
    _canned(
        "export",
        "export suites in TLS 1.0, with a key of 512 bits",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-obsolete-version",
        "tls-weak-suite",
        "tls-forward-secrecy",
        suites=_with(
            CANNED_TLS10,
            "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
            "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
            "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
        ),
    ),
    _canned(
        "dhe-export",
        "an export suite with a DH group of 512 bits, in TLS 1.2",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-allowed-groups",
        "tls-weak-suite",
        "tls-key-exchange-strength",
        suites=_with(CANNED_TLS12, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"),
        dh=OWN_512,
    ),
    _canned(
        "des",
        "DES",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-weak-suite",
        "tls-forward-secrecy",
        suites=_with(CANNED_TLS12, "TLS_RSA_WITH_DES_CBC_SHA"),
    ),
    _canned(
        "idea",
        "IDEA",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-weak-suite",
        "tls-forward-secrecy",
        suites=_with(CANNED_TLS12, "TLS_RSA_WITH_IDEA_CBC_SHA"),
    ),
    _canned(
        "seed",
        "SEED",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-weak-suite",
        "tls-forward-secrecy",
        suites=_with(CANNED_TLS12, "TLS_RSA_WITH_SEED_CBC_SHA"),
    ),
    _canned(
        "anonymous",
        "suites without a certificate",
        "tls-allowed-suites",
        "tls-weak-suite",
        suites=_with(CANNED_TLS12, "TLS_ECDH_anon_WITH_RC4_128_SHA"),
    ),
    _canned(
        "kerberos",
        "DES behind Kerberos",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-forward-secrecy",
        "tls-weak-suite",
        suites=_with(CANNED_TLS12, "TLS_KRB5_WITH_DES_CBC_SHA"),
    ),
    _canned(
        "gost",
        "GOST 28147-89 with static GOST keys",
        "tls-allowed-suites",
        "tls-weak-suite",
        "tls-forward-secrecy",
        suites=_with(CANNED_TLS12, "TLS_GOSTR341001_WITH_28147_CNT_IMIT"),
    ),
    _canned(
        "dh-512",
        "a DH group of 512 bits that is its own",
        "tls-allowed-groups",
        "tls-key-exchange-strength",
        suites=_with(CANNED_TLS12, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
        dh=OWN_512,
    ),
    _canned(
        "dh-768-shared",
        "the Oakley group of 768 bits",
        "tls-allowed-groups",
        "tls-key-exchange-strength",
        "tls-dh-prime",
        suites=_with(CANNED_TLS12, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
        dh=OAKLEY_768,
    ),
    _canned(
        "dh-1024-shared",
        "the Oakley group of 1024 bits",
        "tls-allowed-groups",
        "tls-key-exchange-strength",
        "tls-dh-prime",
        suites=_with(CANNED_TLS12, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
        dh=OAKLEY_1024,
    ),
    _canned(
        "dh-not-safe",
        "2048 bits, but not a safe prime",
        "tls-dh-prime",
        suites=_with(CANNED_TLS12, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
        dh=NOT_SAFE_2048,
    ),
    _canned(
        "curve-secp160r1",
        "secp160r1 behind the good curves",
        "tls-allowed-groups",
        "tls-key-exchange-strength",
        groups=(29, 23, 24, 16),
    ),
    _canned(
        "curve-spelt-out",
        "explicit curve parameters (secp160r1) for who offers them",
        "tls-allowed-groups",
        "tls-key-exchange-strength",
        groups=(29, 23, 24, answers.EXPLICIT_PRIME),
    ),
    _canned("post-quantum", "right: X25519MLKEM768 for who offers it", groups=(X25519MLKEM768, 29, 23, 24)),
    _canned(
        "canned-sha1-signatures",
        "key exchanges are signed with SHA-1 for who offers nothing else",
        "tls-signature-hash",
        signatures=(0x0804, 0x0401, RSA_SHA1),
    ),
    _canned(
        "md5-signatures",
        "key exchanges are signed with MD5 for who offers nothing else",
        "tls-signature-hash",
        signatures=(0x0804, 0x0401, RSA_MD5),
    ),
    _canned("compression", "DEFLATE for who offers it", "tls-compression", deflate=True),
    _canned("canned-heartbeat", "heartbeat is agreed to", "tls-heartbeat", heartbeat=True),
    _canned("fallback-scsv-ignored", "a fallback is not noticed", "tls-fallback-scsv", fallback_scsv=False),
    _canned("stumbles-over-grease", "GREASE values are refused", "tls-hello-tolerance", tolerates_grease=False),
    _canned("client-order", "the client's order of suites counts", "tls-server-preference", own_order=False),
    _canned("tls12-alone", "right: TLS 1.2 alone", suites={CANNED_TLS12: MODERN[CANNED_TLS12]}),
    _canned("tls13-alone", "right: TLS 1.3 alone", suites={CANNED_TLS13: MODERN[CANNED_TLS13]}),
    _canned(
        "ssl2-alone",
        "SSL 2 and nothing else",
        "tls-allowed-suites",
        "tls-cbc-suite",
        "tls-forward-secrecy",
        "tls-obsolete-version",
        "tls-current-version",
        "tls-weak-suite",
        "starttls-works",
        suites={SSL2: tuple(SSL2_NAMES)},
        finishes=False,
    ),
)

_STARTTLS = (
    Server(
        "command-before-tls-kept",
        "a command sent in one segment with STARTTLS is obeyed inside TLS (CVE-2011-0411)",
        frozenset({"starttls-injection"}),
        Ability(),
        front={"keeps_commands": True},
    ),
    Server(
        "clear-text-after-reply",
        "clear text follows the reply to STARTTLS",
        frozenset({"starttls-injection"}),
        Ability(),
        front={"inject_after_reply": b"250 HELP\r\n"},
        finishes=False,
    ),
)


SERVERS = (*_ANCIENT, *_CANNED, *_STARTTLS)


def server(name: str) -> Server:
    """The server of that name; raises StopIteration when there is none."""
    return next(each for each in SERVERS if each.name == name)
