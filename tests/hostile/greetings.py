"""Peers that misbehave before TLS: at the connection, the greeting, the capabilities or the answer to STARTTLS."""

from .acts import flood, hang, leave, say, then, usual, when
from .expected import ABSENT, BROKEN_CAPABILITIES, CONNECTED, EVERYTHING, GREETED, NOTHING, OFFERED, REFUSED
from .markers import MARKUP, NOISE
from .peers import PATIENT, Listening, Peer

LONG_LINE_CHUNK = b"A" * 65536
EHLO_LINES = 100_000
FINE_AFTER = 4
"""Connections that are turned away before the peer behaves."""
FINE_UNTIL = 3
DROPPED_EVERY = 10

_HUGE_EHLO = b"".join(b"250-X-CAPABILITY-%d\r\n" % n for n in range(EHLO_LINES)) + b"250 STARTTLS\r\n"

GREETING_PEERS = (
    Peer("sound", "nothing wrong: what the harmless peers are compared with", EVERYTHING, limits=PATIENT, sound=True),
    Peer("nothing-listening", "refuses the connection", ABSENT, listening=Listening.CLOSED),
    Peer("black-hole", "neither takes nor refuses the connection", NOTHING, listening=Listening.BLACK_HOLE),
    Peer("no-greeting", "accepts and says nothing", CONNECTED, {"greeting": hang}),
    Peer(
        "dripped-greeting",
        "an octet a second, without end",
        CONNECTED,
        {"greeting": then(say(b"220 "), flood(b"a", pause=1.0))},
    ),
    Peer("endless-greeting", "220- lines without end", CONNECTED, {"greeting": flood(b"220-still here\r\n" * 500)}),
    # RFC 5321 section 4.5.3.1.5 allows 512 octets: too long is wrong, whatever would have come.
    Peer(
        "long-greeting",
        "a line of many megabytes without end",
        CONNECTED | {"service-greeting": "fail|indeterminate"},
        {"greeting": flood(LONG_LINE_CHUNK)},
    ),
    Peer(
        "noise",
        "not UTF-8, NUL, escape sequences and HTML in every line, with sound TLS behind",
        EVERYTHING
        | {"service-greeting": "pass|fail", "smtp-reply-form": "fail"}
        | dict.fromkeys(("smtp-greeting-name", "smtp-keywords-form", "starttls-argument-refused"), "advisory")
        | dict.fromkeys(
            (
                "greeting-name-agrees",
                "greeting-name-in-certificate",
                "smtp-enhanced-codes",
                "smtp-pipelining-complete",
                "smtp-size-announced",
                "smtp-size-enforced",
            ),
            "not_applicable|advisory",
        ),
        {
            "greeting": say(b"220 mail " + NOISE + b" ESMTP\r\n"),
            "capabilities": when(
                lambda dialogue: dialogue.wire.inside_tls,
                say(b"250-mail " + NOISE + b"\r\n250-X" + NOISE + b"\r\n250 8BITMIME\r\n"),
                say(b"250-mail " + NOISE + b"\r\n250-X" + NOISE + b"\r\n250 STARTTLS\r\n"),
            ),
            "starttls": say(b"220 go " + NOISE + b"\r\n"),
        },
        markers=(MARKUP,),
    ),
    Peer(
        "http-greeting",
        "an HTTP reply instead of a greeting",
        CONNECTED | {"service-greeting": "fail"},
        {"greeting": then(say(b"HTTP/1.1 400 Bad Request\r\nServer: " + NOISE + b"\r\n\r\n"), leave)},
        markers=(MARKUP,),
    ),
    Peer("421-always", "421 at the greeting", CONNECTED, {"greeting": then(say(b"421 4.3.2 too busy\r\n"), leave)}),
    Peer(
        "421-then-fine",
        f"421 for the first {FINE_AFTER} connections, then sound",
        None,
        {
            "accept": when(
                lambda dialogue: dialogue.number <= FINE_AFTER,
                then(say(b"421 4.7.0 too many connections\r\n"), leave),
                usual("accept"),
            )
        },
        limits=PATIENT,
    ),
    Peer("554-greeting", "554 at the greeting", CONNECTED, {"greeting": then(say(b"554 5.7.1 go away\r\n"), leave)}),
    Peer("closes-at-once", "accepts and closes", CONNECTED, {"accept": leave}),
    Peer(
        "closes-later",
        f"sound for {FINE_UNTIL} connections, then accepts and closes",
        {control: f"{statuses}|indeterminate" for control, statuses in EVERYTHING.items()}
        | {"port-open": "pass", "tls-obsolete-version": "indeterminate"},
        {"accept": when(lambda dialogue: dialogue.number > FINE_UNTIL, leave, usual("accept"))},
    ),
    Peer(
        "drops-every-tenth",
        f"every connection number {DROPPED_EVERY}, {2 * DROPPED_EVERY} ... is dropped, starting with the fifth",
        None,
        {"accept": when(lambda dialogue: dialogue.number % DROPPED_EVERY == 5, leave, usual("accept"))},
        limits=PATIENT,
    ),
    Peer("hangs-after-ehlo", "greets, then never answers EHLO", GREETED, {"capabilities": hang}),
    Peer("huge-ehlo", f"{EHLO_LINES} capability lines", BROKEN_CAPABILITIES, {"capabilities": say(_HUGE_EHLO)}),
    Peer(
        "long-ehlo",
        "a capability line of many megabytes",
        BROKEN_CAPABILITIES,
        {"capabilities": then(say(b"250-"), flood(LONG_LINE_CHUNK))},
    ),
    Peer(
        "closes-inside-ehlo",
        "half a capability reply, then closed",
        GREETED,
        {"capabilities": then(say(b"250-mail\r\n250-SI"), leave)},
    ),
    Peer(
        "starttls-454",
        "offers STARTTLS and is never ready for it",
        REFUSED | {"starttls-works": "fail|indeterminate"},
        {"starttls": then(say(b"454 4.7.0 TLS not available\r\n"), leave)},
    ),
    Peer(
        "starttls-554",
        "offers STARTTLS and refuses it",
        REFUSED | {"starttls-works": "fail"},
        {"starttls": then(say(b"554 5.7.0 no\r\n"), leave)},
    ),
    Peer(
        "starttls-421",
        "offers STARTTLS and is too busy for it",
        OFFERED,
        {"starttls": then(say(b"421 4.3.2 too busy\r\n"), leave)},
    ),
    Peer("hangs-at-starttls", "never answers STARTTLS", OFFERED, {"starttls": hang}),
    Peer(
        "noise-at-starttls",
        "answers STARTTLS with what is no reply",
        OFFERED | {"starttls-works": "fail|indeterminate"},
        {"starttls": then(say(NOISE + b"\r\n"), hang)},
    ),
)
