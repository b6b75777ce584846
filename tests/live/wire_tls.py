"""The second judge's look at handshakes: hellos made by hand, and what the server answers to them."""

import ssl
from collections.abc import Collection, Mapping, Sequence

from tests.legacy.asking import Flight, client_hello, complete, flight_of

from . import wire
from .lab import Place

# Numbers of suites, from IANA's registry.
_MODERN = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8)
_TLS13 = (0x1301, 0x1302, 0x1303)
_NULL = (0x0001, 0x0002, 0x003B, 0xC006, 0xC010)
_ANONYMOUS = (0x0018, 0x001B, 0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0x00A7, 0xC015, 0xC016, 0xC017, 0xC018, 0xC019)
_BROKEN = (0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0009, 0x000A, 0x0015, 0x0016, 0x0096, 0x009A, 0xC007, 0xC008)
_WEAK = (*_NULL, *_ANONYMOUS, *_BROKEN, 0xC011, 0xC012)
_STATIC_CBC = (0x002F, 0x0035, 0x003C, 0x003D, 0x0041, 0x0084, 0x00BA, 0x00C0)
_STATIC = (*_STATIC_CBC, 0x009C, 0x009D, 0xC09C, 0xC09D, 0xC0A0, 0xC0A1, 0xC050, 0xC051, 0xC07A, 0xC07B)
# ECDHE and DHE with AES and Camellia; RFC 9325 section 4.2 wants AEAD. The profile tolerates two of them.
_TOLERATED = (0xC027, 0xC028)
_CBC_EC = (0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024, 0xC072, 0xC073, 0xC076, 0xC077)
_CBC_DHE = (0x0033, 0x0039, 0x0067, 0x006B, 0x0045, 0x0088, 0x00BE, 0x00C4)
_DHE = (0x009E, 0x009F, 0xCCAA, 0xC09E, 0xC09F, 0xC052, 0xC053, 0xC07C, 0xC07D, *_CBC_DHE)
_DH_ANONYMOUS = (0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0x00A7)
_FALLBACK_SCSV = 0x5600

# What enterprise allows of TLS 1.2 and before; and every other number that IANA has given to a suite, or may yet give.
_ALLOWED = (*_MODERN, *_TOLERATED, 0x009E, 0x009F, 0xCCAA, 0xC0AC, 0xC0AD)
_NOT_ALLOWED = tuple(
    number
    for number in (*range(0x0001, 0x00FF), *range(0xC001, 0xC100), *range(0xCCA8, 0xCCAF), *range(0xD001, 0xD006))
    if number not in _ALLOWED
)

# Curves of fewer than 255 bits: the binary and the prime ones (RFC 4492 section 5.1.1).
_WEAK_CURVES = (1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20, 21)
# And those that are long enough, but not on enterprise's list: binary ones, and secp256k1.
_ODD_CURVES = (9, 10, 11, 12, 13, 14, 22)
_GROUPS = (29, 23, 24, 25, 30)
_HYBRID = 0x11EC
_MODERN_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601)
_OLD_SIGNATURES = (0x0201, 0x0203, 0x0101, 0x0103)
# What TLS 1.3 left out: PKCS #1 v1.5, SHA-224, SHA-1 and MD5.
_OLDER_SIGNATURES = (0x0401, 0x0501, 0x0601, 0x0301, 0x0303, *_OLD_SIGNATURES)

_SHARED_1024 = 0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1
"""How the primes of RFC 2409 begin, and those of RFC 3526, which are longer."""


def ask(
    place: Place,
    suites: Sequence[int],
    *,
    version: int = 0x0303,
    groups: Sequence[int] = _GROUPS,
    signatures: Sequence[int] = _MODERN_SIGNATURES,
    compressions: Sequence[int] = (0,),
    extensions: Mapping[int, bytes] | None = None,
    newest: int | None = None,
    name: str | None = None,
) -> Flight:
    """The server's answer to one hello."""
    hello = client_hello(
        version,
        suites,
        groups=groups,
        signatures=signatures,
        compressions=compressions,
        extensions=extensions,
        newest=newest,
        name=name,
    )
    with wire.ready_for_hello(place) as line:
        line.socket.sendall(hello)
        said = b""
        while not complete(said):
            more = line.socket.recv(65536)
            if not more:
                break
            said += more
    return flight_of(said)


def takes(flight: Flight) -> bool:
    """Whether the server chose something."""
    return 2 in flight.messages


def faults(place: Place, accepted: Collection[ssl.TLSVersion], *, strict: bool) -> set[str]:
    """What is wrong with its handshakes."""
    found = _hybrid_missing(place, accepted) if strict else set()
    older = [version for version in accepted if version < ssl.TLSVersion.TLSv1_3]
    for version in older:
        found |= _suite_faults(place, int(version))
    if strict and older:
        found.add("tls-allowed-suites")  # those of TLS 1.3 alone are on its list
    if ssl.TLSVersion.TLSv1_2 in accepted:
        found |= _tls12_faults(place)
        if strict and takes(ask(place, (*_MODERN, *_CBC_EC, *_DHE), signatures=_OLDER_SIGNATURES, name=place.host)):
            found.add("tls-allowed-signatures")
        if ssl.TLSVersion.TLSv1_3 in accepted:
            fallback = ask(place, (*_everything(), _FALLBACK_SCSV), name=place.host)
            # RFC 7507 wants alert 86; Dovecot hangs up without a word, which is as good for the client.
            if takes(fallback):
                found.add("tls-fallback-scsv")
    if place.role != "sieve" and _obeys_what_came_before_tls(place):
        found.add("starttls-injection")
    return found


def _suite_faults(place: Place, version: int) -> set[str]:
    found = set()
    old = (*_MODERN_SIGNATURES, *_OLD_SIGNATURES) if version == 0x0303 else ()
    for control, suites in (
        ("tls-weak-suite", _WEAK),
        ("tls-forward-secrecy", _STATIC),
        ("tls-cbc-suite", (*_STATIC_CBC, *_CBC_EC, *_CBC_DHE)),
    ):
        if takes(ask(place, suites, version=version, signatures=old or _OLD_SIGNATURES, name=place.host)):
            found.add(control)
    # As many numbers as a strict reader takes at a time (GnuTLS: 256).
    for suites in (_NOT_ALLOWED[:250], _NOT_ALLOWED[250:]):
        if takes(ask(place, suites, version=version, signatures=old or _OLD_SIGNATURES, name=place.host)):
            found.add("tls-allowed-suites")
    # OpenSSL takes a group as strong as the suite: without a certificate, 1024 bits for AES-128.
    for suites in (_DHE, _DH_ANONYMOUS, (0x0034, 0x006C, 0x00A6)):
        finite = ask(place, suites, version=version, signatures=old or _OLD_SIGNATURES, name=place.host)
        if not takes(finite):
            continue
        prime, _, _ = finite.dh
        if prime.bit_length() < 2048:
            found |= {"tls-key-exchange-strength", "tls-allowed-groups"}
        shared = prime.bit_length() <= 1024 and prime >> (prime.bit_length() - 192) == _SHARED_1024
        if shared or pow(3, (prime - 3) // 2, (prime - 1) // 2) != 1:
            found.add("tls-dh-prime")
    return found


def _tls12_faults(place: Place) -> set[str]:
    found = set()
    everything = _everything()
    elliptic = (*_MODERN, *_CBC_EC)
    # A leaf with an EC key is taken only by clients that name its curve among their groups (RFC 8422 section 5.3).
    for groups in (_WEAK_CURVES, (*_WEAK_CURVES, 23), (*_WEAK_CURVES, 24)):
        flight = ask(place, elliptic, groups=groups, name=place.host)
        if takes(flight) and flight.named_curve in _WEAK_CURVES:
            found |= {"tls-key-exchange-strength", "tls-allowed-groups"}
    odd = ask(place, elliptic, groups=(*_ODD_CURVES, 23), name=place.host)
    if takes(odd) and odd.named_curve in _ODD_CURVES:
        found.add("tls-allowed-groups")
    if takes(ask(place, (*elliptic, *_DHE), signatures=_OLD_SIGNATURES, name=place.host)):
        found.add("tls-signature-hash")
    first, last = ask(place, everything, name=place.host), ask(place, everything[::-1], name=place.host)
    if first.suite != last.suite:
        found.add("tls-server-preference")
    full = ask(place, everything, compressions=(1, 0), extensions={15: b"\x01"}, name=place.host)
    if full.compression:
        found.add("tls-compression")
    if 15 in full.extensions:
        found.add("tls-heartbeat")
    if 23 not in full.extensions:
        found.add("tls-extended-master-secret")
    if 0xFF01 not in full.extensions:
        found.add("tls-secure-renegotiation")
    if 13 in full.messages:
        found.add("client-certificate-request")
    greased = ask(
        place,
        (0x8A8A, *everything),
        groups=(0xBABA, *_GROUPS),
        extensions={0x3A3A: b"", 0xDADA: b"\x00"},
        name=place.host,
    )
    if not takes(greased):
        found.add("tls-hello-tolerance")
    return found


def _everything() -> tuple[int, ...]:
    """The good suites and those that such servers may have instead, to be chosen from."""
    return (*_MODERN, *_TOLERATED, *_CBC_EC, *_DHE, *_STATIC, *_NULL)


def _hybrid_missing(place: Place, accepted: Collection[ssl.TLSVersion]) -> set[str]:
    if ssl.TLSVersion.TLSv1_3 in accepted:
        flight = ask(place, _TLS13, groups=(_HYBRID,), newest=0x0304, name=place.host)
        if takes(flight):
            return set()
    return {"tls-post-quantum"}


def _obeys_what_came_before_tls(place: Place) -> bool:
    """Whether a NOOP in one segment with STARTTLS is answered inside TLS (CVE-2011-0411)."""
    if place.role in wire.IMPLICIT:
        return False
    with wire.Line(place.address, place.port) as line:
        wire.greeting(line, place.role)
        wire.features(line, place.role)
        start, noop = {
            "imap": ("a2 STARTTLS", "inject NOOP"),
            "pop3": ("STLS", "NOOP"),
        }.get(place.role, ("STARTTLS", "NOOP"))
        line.send(f"{start}\r\n{noop}")
        line.line()
        try:
            line.encrypt(wire.any_version())
            line.send({"imap": "a3 CAPABILITY", "pop3": "CAPA"}.get(place.role, "EHLO probe.example"))
            # The answer to the question, not to the NOOP: several lines, an untagged one, or +OK.
            return not line.line().startswith(("250-", "* ", "+OK"))
        except (OSError, EOFError):
            return False
