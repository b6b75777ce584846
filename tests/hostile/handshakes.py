"""Peers that are sound up to STARTTLS and misbehave from the ClientHello on."""

import os
from collections.abc import Callable

from .acts import answer_hello, flood, for_hellos, hang, leave, read_the_hello, then
from .dialogue import Act, Dialogue
from .expected import CERTIFICATE, EVERYTHING, NO_HANDSHAKE, OFFERED, SURVEYED, VERSION_UNKNOWN, open_or
from .markers import MARKUP, NOISE
from .peers import PATIENT, Peer
from .records import (
    DOWNGRADE_SENTINEL,
    HANDSHAKE,
    SSL3,
    TLS10,
    TLS12,
    WARNING,
    Hello,
    alert,
    message,
    one_octet_records,
    read_hello,
    record,
    server_hello,
)
from .wire import Left

UNEXPECTED_MESSAGE, ILLEGAL_PARAMETER, DECODE_ERROR = 10, 47, 50
PROTOCOL_VERSION, INTERNAL_ERROR, UNRECOGNIZED_NAME = 70, 80, 112
NO_RENEGOTIATION = 100

FOREIGN_VERSION = 0x0399
"""Higher than any: never a valid answer, and not a lower version, which would be a refusal (RFC 8446 appendix D)."""

DRIP_SECONDS = 0.4

_RSA_KEY_EXCHANGE = frozenset({0x000A, 0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D})


def _foreign_suite(hello: Hello) -> bytes:
    return server_hello(min(hello.newest, TLS12), hello.foreign_suite())


def _foreign_version(hello: Hello) -> bytes:
    return server_hello(FOREIGN_VERSION, (hello.suites or (0x002F,))[0])


def _foreign_supported_version(hello: Hello) -> bytes:
    return server_hello(TLS12, (hello.suites or (0x1301,))[0], supported=FOREIGN_VERSION)


def _downgrade(hello: Hello) -> bytes:
    """TLS 1.2 with the sentinel of a server that can do 1.3, whatever was offered: somebody is in between."""
    suite = next((s for s in hello.suites if 0xC000 <= s < 0xD000), 0xC02F)
    return server_hello(TLS12, suite, random=b"\x5a" * 24 + DOWNGRADE_SENTINEL)


async def _endless_certificate(dialogue: Dialogue) -> None:
    """A TLS 1.2 ServerHello as it should be, then a Certificate message that claims 16 MB and goes on after them."""
    hello = await read_hello(dialogue.wire)
    if hello.newest < TLS12 or (hello.supported and TLS12 not in hello.supported):
        await dialogue.wire.put(alert(PROTOCOL_VERSION))
        raise Left
    suite = next((s for s in hello.suites if s in (0xC02B, 0xC02C, 0xC02F, 0xC030)), 0xC02B)
    await dialogue.wire.put(server_hello(TLS12, suite))
    await dialogue.wire.put(record(HANDSHAKE, message(11, bytes(16), claimed=0xFFFFFF)))
    await dialogue.wire.flood(record(HANDSHAKE, bytes(16000)))


async def _warn_first(dialogue: Dialogue) -> None:
    """The warning of a server that does not know the name, before its handshake (RFC 6066 section 3)."""
    hello = await read_hello(dialogue.wire)
    await dialogue.wire.put(alert(UNRECOGNIZED_NAME, WARNING))
    await dialogue.wire.handshake(dialogue.context, hello.raw)


def _shaped(*, piece: int = 0, pause: float = 0.0, fragments: bool = False) -> Act:
    """A true handshake whose octets leave in another shape."""

    async def act(dialogue: Dialogue) -> None:
        dialogue.wire.piece, dialogue.wire.pause = piece, pause
        dialogue.wire.rewrite = one_octet_records if fragments else None
        await dialogue.default("handshake")
        dialogue.wire.rewrite, dialogue.wire.piece, dialogue.wire.pause = None, 0, 0.0

    return act


def _alert_peer(name: str, description: int, about: str) -> Peer:
    return Peer(name, about, NO_HANDSHAKE, {"handshake": answer_hello(lambda _: alert(description), after=leave)})


# Sound but for TLS 1.0, where the answer is neither a yes nor a no: the one version that must stay unknown, while the
# others are plain. A scanner that takes any failure for a refusal says "clean" here.
_UNCLEAR_ANSWERS: tuple[tuple[str, Callable[[Hello], bytes]], ...] = (
    ("alert-80", lambda _: alert(INTERNAL_ERROR)),
    ("alert-10", lambda _: alert(UNEXPECTED_MESSAGE)),
    ("alert-47", lambda _: alert(ILLEGAL_PARAMETER)),
    ("alert-50", lambda _: alert(DECODE_ERROR)),
    ("warning-70", lambda _: alert(PROTOCOL_VERSION, WARNING)),
    ("random", lambda _: b"\x99" + os.urandom(600)),
    ("clear-text", lambda _: b"421 4.7.0 " + NOISE + b"\r\n"),
    ("half-alert", lambda _: alert(PROTOCOL_VERSION)[:-1]),
    ("foreign-suite", lambda hello: server_hello(TLS10, hello.foreign_suite())),
    ("foreign-version", _foreign_version),
    ("higher-version", _downgrade),
    ("lower-version-foreign-suite", lambda hello: server_hello(SSL3, hello.foreign_suite())),
)


def _unclear_peers() -> list[Peer]:
    return [
        Peer(
            f"{name}-for-tls10",
            f"{name} as the answer to hellos of TLS 1.0; sound for the others",
            VERSION_UNKNOWN,
            {"handshake": _to_tls10(answer)},
            limits=PATIENT,
        )
        for name, answer in _UNCLEAR_ANSWERS
    ]


def _to_tls10(answer: Callable[[Hello], bytes]) -> Act:
    async def act(dialogue: Dialogue) -> None:
        hello = await read_hello(dialogue.wire)
        if hello.newest == TLS10:
            await dialogue.wire.put(answer(hello))
            raise Left
        await dialogue.wire.handshake(dialogue.context, hello.raw)

    return act


HANDSHAKE_PEERS = (
    *_unclear_peers(),
    Peer("hangs-after-starttls", "says 220 to STARTTLS and never reads on", OFFERED, {"handshake": hang}),
    Peer(
        "hangs-after-hello",
        "takes the ClientHello and says nothing",
        OFFERED,
        {"handshake": then(read_the_hello, hang)},
    ),
    Peer(
        "closes-after-hello",
        "takes the ClientHello and closes",
        NO_HANDSHAKE,
        {"handshake": then(read_the_hello, leave)},
    ),
    Peer(
        "random-after-hello",
        "answers the ClientHello with random octets",
        NO_HANDSHAKE,
        # The first octet is fixed: by chance it could be a record type.
        {"handshake": answer_hello(lambda _: b"\x99" + os.urandom(600))},
    ),
    Peer(
        "http-after-hello",
        "answers the ClientHello with an HTTP reply",
        NO_HANDSHAKE,
        {"handshake": answer_hello(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n" + NOISE, after=leave)},
    ),
    Peer(
        "clear-text-after-hello",
        "answers the ClientHello with a clear-text 220",
        NO_HANDSHAKE,
        {"handshake": answer_hello(lambda _: b"220 mail ESMTP " + NOISE + b"\r\n")},
    ),
    _alert_peer("alert-80", INTERNAL_ERROR, "internal_error to every hello: its own fault, no refusal"),
    _alert_peer("alert-10", UNEXPECTED_MESSAGE, "unexpected_message to every hello: no refusal"),
    _alert_peer("alert-47", ILLEGAL_PARAMETER, "illegal_parameter to every hello: no refusal"),
    _alert_peer("alert-50", DECODE_ERROR, "decode_error to every hello: no refusal"),
    Peer(
        "alert-112-warning",
        "unrecognized_name as a warning (RFC 6066 section 3), then a true handshake",
        None,
        {"handshake": _warn_first},
        limits=PATIENT,
    ),
    Peer(
        "closes-for-tls10",
        "closes for hellos of TLS 1.0, without an alert; sound for the others",
        VERSION_UNKNOWN,
        {"handshake": for_hellos(lambda hello: hello.newest == TLS10, leave)},
        limits=PATIENT,
    ),
    Peer(
        "hangs-for-tls10",
        "hangs for hellos of TLS 1.0; sound for the others",
        VERSION_UNKNOWN,
        {"handshake": for_hellos(lambda hello: hello.newest == TLS10, hang)},
        limits=PATIENT,
    ),
    Peer(
        "closes-for-rsa-key-exchange",
        "closes for hellos that offer RSA key exchange, as a firewall may",
        open_or(EVERYTHING) | OFFERED,
        {"handshake": for_hellos(lambda hello: not _RSA_KEY_EXCHANGE.isdisjoint(hello.suites), leave)},
        limits=PATIENT,
    ),
    Peer(
        "foreign-suite",
        "a ServerHello with a suite that was not offered",
        NO_HANDSHAKE,
        {"handshake": answer_hello(_foreign_suite)},
    ),
    Peer(
        "foreign-version",
        "a ServerHello with a version that does not exist",
        NO_HANDSHAKE,
        {"handshake": answer_hello(_foreign_version)},
    ),
    Peer(
        "foreign-supported-version",
        "a ServerHello that names a version that does not exist in supported_versions",
        NO_HANDSHAKE,
        {"handshake": answer_hello(_foreign_supported_version)},
    ),
    Peer(
        "downgrade",
        "TLS 1.2 with the downgrade sentinel to every hello, those for older versions included",
        # A ServerHello of TLS 1.2 is what it is; what it says of other versions is unclear.
        # The suites that it chose are what they are, too: the first elliptic one has no encryption.
        NO_HANDSHAKE
        | {"tls-current-version": "pass|indeterminate", "tls-obsolete-version": "indeterminate"}
        | dict.fromkeys(("tls-weak-suite", "tls-forward-secrecy"), "fail|indeterminate")
        | {"tls-allowed-suites": "advisory|indeterminate"},
        {"handshake": answer_hello(_downgrade)},
    ),
    Peer(
        "endless-alerts",
        "warning alerts without end",
        NO_HANDSHAKE,
        {"handshake": then(read_the_hello, flood(alert(NO_RENEGOTIATION, WARNING) * 1000))},
    ),
    Peer(
        "endless-empty-records",
        "handshake records without content, without end",
        NO_HANDSHAKE,
        {"handshake": then(read_the_hello, flood(record(HANDSHAKE, b"") * 1000))},
    ),
    Peer(
        "endless-certificate",
        "a TLS 1.2 ServerHello, then a Certificate message that never ends",
        NO_HANDSHAKE
        | open_or(SURVEYED | {"tls-current-version": "pass", "tls-obsolete-version": "pass"})
        | dict.fromkeys(("tls-extended-master-secret", "tls-secure-renegotiation"), "fail|indeterminate")
        | dict.fromkeys(("tls-fallback-scsv", "tls-early-data"), "not_applicable|indeterminate")
        | {"tls-server-preference": "advisory|indeterminate"},
        {"handshake": _endless_certificate},
    ),
    Peer(
        "fragments",
        "a true handshake in records of one octet each",
        None,
        {"handshake": _shaped(fragments=True)},
        limits=PATIENT,
    ),
    Peer(
        "dripped-records",
        "a true handshake, written an octet at a time",
        None,
        {"handshake": _shaped(piece=1)},
        limits=PATIENT,
    ),
    Peer(
        "slowly-dripped-records",
        f"a true handshake, an octet every {DRIP_SECONDS} seconds: even an alert comes too late",
        OFFERED,
        {"handshake": _shaped(piece=1, pause=DRIP_SECONDS)},
    ),
    Peer(
        "hostile-certificate",
        "HTML, control and bidirectional characters in subject, issuer and names, from an issuer nobody knows",
        EVERYTHING
        | {"certificate-trusted": "fail", "certificate-issuer": "fail", "certificate-every-client": "not_applicable"},
        chain="hostile",
        markers=(MARKUP,),
    ),
    Peer(
        "huge-chain",
        "200 certificates",
        EVERYTHING
        | open_or(CERTIFICATE)
        | {"certificate-chain-order": "fail", "certificate-every-client": "indeterminate"},
        chain="huge",
    ),
    Peer(
        "vast-chain",
        "200 certificates of 4 kB: more than a client has to read (OpenSSL stops at 100 kB)",
        NO_HANDSHAKE | open_or(SURVEYED | {"tls-obsolete-version": "pass", "tls-current-version": "pass"}),
        chain="vast",
    ),
)
