"""Peers that are sound for a usual client and misbehave when they are looked into: for some hellos of a survey."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable

from .acts import hang, inside_tls, leave, say, then, usual, when
from .dialogue import Act, Dialogue
from .expected import EVERYTHING, LATER_UNKNOWN, OFFERED, SURVEYED, open_or
from .flights import (
    DONE,
    TLS13,
    Script,
    certificate,
    elliptic,
    extension,
    hello_message,
    records,
    retry_request,
    status,
)
from .markers import NOISE
from .peers import PATIENT, Peer
from .records import (
    DOWNGRADE_SENTINEL,
    HANDSHAKE,
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

HANDSHAKE_FAILURE, INTERNAL_ERROR, UNKNOWN_CA, INAPPROPRIATE_FALLBACK = 40, 80, 48, 86
FIRST = 0xC02C
"""The suite that the sound server chooses first in TLS 1.2: a hello without it is one of an enumeration."""
ECDHE_RSA = 0xC02F
UNTIL = 20
"""Connections that a peer is sound for before it misbehaves."""

Condition = Callable[[Hello, Dialogue], bool]


def later(hello: Hello, dialogue: Dialogue) -> bool:
    """A hello for TLS 1.2 from which the first suite was struck."""
    return hello.newest == TLS12 and FIRST not in hello.suites


def elliptic_offered(hello: Hello, dialogue: Dialogue) -> bool:
    return later(hello, dialogue) and any(0xC000 < suite < 0xC100 for suite in hello.suites)


def one_suite(hello: Hello, dialogue: Dialogue) -> bool:
    return later(hello, dialogue) and 0x009D in hello.suites


def no_share(hello: Hello, dialogue: Dialogue) -> bool:
    """TLS 1.3 without a key share, which asks for the server's groups."""
    return hello.newest == TLS13 and not hello.shares


def without_a_scheme(hello: Hello, dialogue: Dialogue) -> bool:
    """TLS 1.2 with the scheme struck that the sound server signs with."""
    return hello.newest == TLS12 and 0x0403 not in hello.signatures


def without_a_curve(hello: Hello, dialogue: Dialogue) -> bool:
    """TLS 1.2 with the curve struck that the sound server takes first."""
    return hello.newest == TLS12 and 0x001D not in hello.groups


def worn_out(hello: Hello, dialogue: Dialogue) -> bool:
    return dialogue.number > UNTIL


def bend(condition: Condition, act: Callable[[Hello], Act]) -> dict[str, Act]:
    """The handshake is sound but for some hellos."""

    async def chosen(dialogue: Dialogue) -> None:
        hello = await read_hello(dialogue.wire)
        if condition(hello, dialogue):
            await act(hello)(dialogue)
            await hang(dialogue)
        await dialogue.wire.handshake(dialogue.context, hello.raw)

    return {"handshake": chosen}


def saying(answer: Callable[[Hello], bytes], after: Act = hang) -> Callable[[Hello], Act]:
    """An act that puts raw octets."""

    def make(hello: Hello) -> Act:
        async def act(dialogue: Dialogue) -> None:
            await dialogue.wire.put(answer(hello))
            await after(dialogue)

        return act

    return make


def doing(act: Act) -> Callable[[Hello], Act]:
    return lambda hello: act


async def reset(dialogue: Dialogue) -> None:
    """End the connection by a reset."""
    sock: socket.socket = dialogue.wire.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    dialogue.wire.writer.transport.abort()
    raise Left


ANSWERED = {23: b"", 0xFF01: b"\0"}
_ANSWERED = b"".join(extension(kind, what) for kind, what in ANSWERED.items())


def chosen_of(hello: Hello) -> int | None:
    """What the peers that answer by hand take: nothing that is wrong by itself, and no second try."""
    return next((suite for suite in (FIRST, 0xC02B, ECDHE_RSA) if suite in hello.suites), None)


def flight(*messages: bytes, more: bytes = b"") -> Callable[[Hello], bytes]:
    """A ServerHello for a suite that may be taken, and these messages behind it."""

    def answer(hello: Hello) -> bytes:
        suite = chosen_of(hello)
        if 0x5600 in hello.suites:
            return alert(INAPPROPRIATE_FALLBACK)
        if suite is None:
            return alert(HANDSHAKE_FAILURE)
        return records(hello_message(TLS12, suite, _ANSWERED + more) + b"".join(messages))

    return answer


def signed(scheme: int, group: int = 0x0017) -> Callable[[Hello], bytes]:
    """A whole flight with this scheme and group."""
    return flight(certificate(b"0\0"), elliptic(group, scheme), DONE)


def with_prime(prime: int, generator: int = 2) -> Callable[[Hello], bytes]:
    """A server that takes one suite with finite fields, and its parameters."""
    script = Script({TLS12: (0x009E,)}, prime=prime, generator=generator, signatures=(0x0401,), answered=ANSWERED)
    return script.answer


def finite(hello: Hello, dialogue: Dialogue) -> bool:
    return later(hello, dialogue) and 0x009E in hello.suites


def in_tls12(hello: Hello, dialogue: Dialogue) -> bool:
    """A hello of TLS 1.2 alone, which is none of a usual client: that one offers TLS 1.3 as well."""
    return hello.newest == TLS12 and len(hello.suites) > 60


def interleaved(hello: Hello) -> bytes:
    """A warning in the middle of a message (RFC 8446 section 5.1 forbids it)."""
    whole = flight(certificate(b"0\0"), DONE)(hello)
    if whole[0] != HANDSHAKE:
        return whole
    return record(HANDSHAKE, whole[5:80]) + alert(100, WARNING) + record(HANDSHAKE, whole[80:])


async def at_random(dialogue: Dialogue) -> None:
    """Takes, refuses, closes, by the throw of a die that falls the same for the same connection."""
    hello = await read_hello(dialogue.wire)
    throw = random.Random(dialogue.number).random()
    if dialogue.number == 1 or throw < 0.5:
        await dialogue.wire.handshake(dialogue.context, hello.raw)
    elif throw < 0.75:
        await dialogue.wire.put(alert(HANDSHAKE_FAILURE))
        raise Left
    else:
        raise Left


async def answers_what_came_before(dialogue: Dialogue) -> None:
    await usual("handshake")(dialogue)
    await dialogue.wire.send(b"250 2.0.0 " + NOISE.replace(b"\n", b"") + b"\r\n")


async def _encrypted_flood(dialogue: Dialogue, chunk: bytes, pause: float = 0.0) -> None:
    while True:
        await dialogue.wire.send(chunk)
        await asyncio.sleep(pause)


async def drips_inside(dialogue: Dialogue) -> None:
    """A handshake as it should be, then an octet at a time and no line."""
    await usual("handshake")(dialogue)
    if dialogue.number > 1:
        await _encrypted_flood(dialogue, b"2", 0.3)


async def floods_inside(dialogue: Dialogue) -> None:
    await usual("handshake")(dialogue)
    if dialogue.number > 1:
        await _encrypted_flood(dialogue, b"250-more\r\n" * 900)


def _busy(line: bytes) -> dict[str, Act]:
    busy = then(say(line), leave)
    return {"greeting": when(lambda dialogue: dialogue.number > UNTIL, busy, usual("greeting"))}


def _gone() -> dict[str, Act]:
    bare = say(b"250-mail\r\n250 8BITMIME\r\n")
    missing = when(lambda dialogue: dialogue.number > UNTIL and not inside_tls(dialogue), bare, usual("capabilities"))
    return {"capabilities": missing}


async def huge_line(dialogue: Dialogue) -> None:
    await dialogue.wire.flood(b"2" * 65536)


_SCTS = {18: b"\xff" * 60}
_NEVER = "indeterminate"

# What a hostile answer in the middle of the survey leaves: whatever was seen before it stands.
_SUITES_OPEN = LATER_UNKNOWN
_GROUPS_OPEN = EVERYTHING | {
    "tls-key-exchange-strength": _NEVER,
    "tls-allowed-groups": _NEVER,
    "tls-dh-prime": _NEVER,
}


def _suite_peer(name: str, about: str, condition: Condition, act: Callable[[Hello], Act]) -> Peer:
    return Peer(name, about, _SUITES_OPEN, bend(condition, act), limits=PATIENT)


def _seen_peer(name: str, about: str, acts: dict[str, Act], **more: str) -> Peer:
    """Anything may be open of it but what is named."""
    seen = {"port-open": "pass", "starttls-works": "pass", **more}
    return Peer(name, about, open_or(EVERYTHING) | seen, acts, limits=PATIENT)


_HUGE_PRIME = (1 << 65535 * 8) - 1

SURVEY_PEERS = (
    _suite_peer("closes-for-later-hellos", "closes for hellos with suites struck", later, doing(leave)),
    _suite_peer("resets-for-later-hellos", "resets for hellos with suites struck", later, doing(reset)),
    _suite_peer("closes-for-elliptic", "closes for later hellos with elliptic suites", elliptic_offered, doing(leave)),
    _suite_peer("closes-for-one-suite", "closes for later hellos with one suite among them", one_suite, doing(leave)),
    _suite_peer("hangs-for-elliptic", "hangs for later hellos with elliptic suites", elliptic_offered, doing(hang)),
    _suite_peer(
        "foreign-suite-later",
        "a suite that was not offered, in later hellos alone",
        later,
        saying(lambda hello: server_hello(TLS12, hello.foreign_suite())),
    ),
    _suite_peer(
        "struck-suite-later",
        "the first suite again, when it is offered no more",
        later,
        saying(lambda hello: server_hello(TLS12, FIRST)),
    ),
    _suite_peer(
        "alert-80-later", "internal_error for later hellos", later, saying(lambda _: alert(INTERNAL_ERROR), leave)
    ),
    _suite_peer("alert-48-later", "unknown_ca for later hellos", later, saying(lambda _: alert(UNKNOWN_CA), leave)),
    _suite_peer(
        "tls13-suite-later",
        "TLS 1.2 with a suite of TLS 1.3 for later hellos",
        later,
        saying(lambda _: server_hello(TLS12, 0x1301)),
    ),
    _suite_peer(
        "downgrade-later",
        "TLS 1.1 with a suite that was not offered and the sentinel of a downgrade",
        later,
        saying(lambda hello: server_hello(0x0302, 0xFFFE, random=b"\x5a" * 24 + DOWNGRADE_SENTINEL)),
    ),
    _suite_peer(
        "warnings-later",
        "warning alerts without end before the answer to later hellos",
        later,
        saying(lambda _: alert(100, WARNING) * 5000),
    ),
    _suite_peer(
        "empty-records-later", "records without content", later, saying(lambda _: record(HANDSHAKE, b"") * 5000)
    ),
    _suite_peer("half-hello-later", "half a ServerHello", later, saying(lambda _: server_hello(TLS12, ECDHE_RSA)[:40])),
    Peer(
        "closes-every-tenth-hello",
        "closes at every tenth hello",
        None,
        bend(lambda hello, dialogue: dialogue.number % 10 == 0, doing(leave)),
        limits=PATIENT,
    ),
    Peer(
        "retry-for-a-foreign-group",
        "asks for a group that was not offered",
        _GROUPS_OPEN,
        bend(no_share, saying(lambda hello: retry_request(hello, 0x1302, 0x2A2A))),
        limits=PATIENT,
    ),
    Peer(
        "retries-for-ever",
        "asks for the same group whatever is offered",
        _GROUPS_OPEN,
        bend(no_share, saying(lambda hello: retry_request(hello, 0x1302, 0x0017))),
        limits=PATIENT,
    ),
    Peer(
        "no-hello-without-shares",
        "refuses every hello without a key share",
        _GROUPS_OPEN,
        bend(no_share, saying(lambda _: alert(HANDSHAKE_FAILURE), leave)),
        limits=PATIENT,
    ),
    Peer(
        "closes-without-shares",
        "closes for hellos without a key share",
        _GROUPS_OPEN,
        bend(no_share, doing(leave)),
        limits=PATIENT,
    ),
    _seen_peer(
        "second-retry",
        "asks for a group twice in a handshake",
        bend(
            lambda hello, _: hello.newest == TLS13 and 0x1305 in hello.suites and bool(hello.shares),
            saying(lambda hello: retry_request(hello, 0x1302, 0x0018) + retry_request(hello, 0x1302, 0x0019)),
        ),
    ),
    _seen_peer(
        "foreign-scheme",
        "signs with a scheme that was not offered",
        bend(without_a_scheme, saying(signed(0xFEFE))),
        **{"tls-signature-hash": "fail|indeterminate"},
    ),
    _seen_peer(
        "foreign-curve",
        "a curve that was not offered",
        bend(without_a_curve, saying(signed(0x0403, 0xFE01))),
        **{"tls-key-exchange-strength": _NEVER, "tls-allowed-groups": "advisory|fail|indeterminate"},
    ),
    *(
        _seen_peer(
            f"prime-of-{name}",
            f"Diffie-Hellman parameters with a prime of {name}",
            bend(finite, saying(with_prime(prime))),
            **{
                "tls-dh-prime": wanted,
                "tls-key-exchange-strength": strength,
                "tls-allowed-groups": allowed,
            },
        )
        for name, prime, wanted, strength, allowed in (
            ("0-bits", 0, "fail", "fail", "advisory"),
            ("1-bit", 1, "fail", "fail", "advisory"),
            ("2-bits", 3, "fail", "fail", "advisory"),
            ("two-factors", (2**1279 - 1) * (2**2203 - 1), "fail", "pass", "pass"),
        )
    ),
    _seen_peer(
        "prime-of-65535-octets",
        "a prime as long as the wire can tell",
        bend(finite, saying(with_prime(_HUGE_PRIME))),
        **{"tls-dh-prime": _NEVER},
    ),
    _seen_peer(
        "generator-of-0",
        "a generator of nought",
        bend(finite, saying(with_prime(2**2203 - 1, 0))),
        **{"tls-dh-prime": "fail|indeterminate"},
    ),
    _seen_peer(
        "malformed-certificate-message",
        "a Certificate message that does not fit behind a good ServerHello",
        bend(in_tls12, saying(flight(message(11, b"\0\xff\xff\0\0\x01a")))),
    ),
    _seen_peer("hangs-after-server-hello", "a good ServerHello and nothing more", bend(in_tls12, saying(flight()))),
    _seen_peer("closes-after-server-hello", "a good ServerHello, then closes", bend(in_tls12, saying(flight(), leave))),
    _seen_peer(
        "garbage-chain", "random octets as certificates", bend(in_tls12, saying(flight(certificate(NOISE, b""), DONE)))
    ),
    _seen_peer(
        "huge-staple",
        "an OCSP response of 64 kB",
        bend(in_tls12, saying(flight(certificate(b"0\0"), status(b"x" * 65536), DONE))),
        **{"certificate-staple": "fail|indeterminate"},
    ),
    _seen_peer(
        "garbage-staple",
        "an OCSP response of noise",
        bend(in_tls12, saying(flight(certificate(b"0\0"), status(NOISE), DONE))),
        **{"certificate-staple": "fail|indeterminate"},
    ),
    _seen_peer(
        "garbage-timestamps",
        "certificate timestamps of noise",
        bend(in_tls12, saying(flight(certificate(b"0\0"), DONE, more=extension(18, _SCTS[18])))),
    ),
    _seen_peer("interleaved", "an alert inside a message", bend(in_tls12, saying(interleaved))),
    _seen_peer(
        "fragments-later",
        "flights in records of one octet",
        bend(in_tls12, saying(lambda hello: one_octet_records(flight(certificate(b"0\0"), DONE)(hello)))),
    ),
    *(
        _seen_peer(
            f"{code}-in-the-middle",
            f"{code} to every connection after number {UNTIL}",
            _busy(b"%d 4.7.0 no\r\n" % code),
        )
        for code in (421, 454, 554)
    ),
    _seen_peer("starttls-vanishes", f"no STARTTLS after connection number {UNTIL}", _gone()),
    _seen_peer("hangs-in-the-middle", f"hangs after connection number {UNTIL}", bend(worn_out, doing(hang))),
    Peer(
        "huge-line-after-starttls",
        "a line without end as the answer to STARTTLS",
        OFFERED | {"starttls-works": "fail|indeterminate"},
        {"starttls": huge_line},
    ),
    _seen_peer(
        "clear-text-behind-starttls",
        "says something in clear behind its yes, when something stood behind STARTTLS",
        {
            "starttls": when(
                lambda dialogue: bool(dialogue.wire._buffer),
                then(usual("starttls"), say(b"250 ok\r\n")),
                usual("starttls"),
            )
        },
        **{"starttls-injection": "fail", "starttls-argument-refused": "advisory"},
    ),
    Peer(
        "injectable",
        "answers inside TLS what came before it",
        EVERYTHING | {"starttls-injection": "fail"},
        {"handshake": when(lambda dialogue: bool(dialogue.wire._buffer), answers_what_came_before, usual("handshake"))},
        limits=PATIENT,
    ),
    _seen_peer("drips-inside", "an octet now and then inside TLS", {"handshake": drips_inside}),
    _seen_peer(
        "floods-inside",
        "lines without end inside TLS",
        {"handshake": floods_inside},
        **{"starttls-injection": "fail|indeterminate"},
    ),
    Peer(
        "at-random",
        "takes, refuses or closes at random",
        {
            control: f"{statuses}|indeterminate|fail|not_applicable"
            for control, statuses in (OFFERED | EVERYTHING | SURVEYED).items()
        }
        | {"port-open": "pass"},
        {"handshake": at_random},
        limits=PATIENT,
    ),
)
