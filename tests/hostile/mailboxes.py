"""Peers of the other protocols (IMAP, POP3, ManageSieve) and of implicit TLS."""

from smtp_audit.facts.endpoint import Role

from .acts import flood, hang, read_the_hello, say, then, usual
from .dialogue import Act, Dialogue
from .expected import CERTIFICATE, CONNECTED, GREETED, SURVEYED
from .markers import MARKUP, NOISE
from .peers import Peer

_STARTTLS_MAILBOXES = {
    Role.IMAP: (b"* OK ready\r\n", b"* CAPABILITY X-ENDLESS\r\n" * 500),
    Role.POP3: (b"+OK ready\r\n", b"X-ENDLESS\r\n" * 500),
    Role.SIEVE: (b'"X-ENDLESS" "x"\r\n', b'"X-ENDLESS" "x"\r\n' * 500),
}
"""A greeting that names no capabilities (ManageSieve's greeting is its capabilities), and endless capability lines."""

_SURVEYED = {control: statuses for control, statuses in SURVEYED.items() if control != "starttls-injection"}
_IMPLICIT_TLS_SEEN = (
    CONNECTED
    | CERTIFICATE
    | _SURVEYED
    | {"implicit-tls": "pass", "tls-obsolete-version": "pass", "tls-current-version": "pass"}
)

# On a port that speaks clear text where TLS belongs there is no TLS to judge.
_NO_TLS = dict.fromkeys(
    ("tls-obsolete-version", "tls-current-version", "certificate-revocation", *CERTIFICATE, *_SURVEYED),
    "indeterminate|not_applicable",
)


def _mailbox_peers() -> list[Peer]:
    peers: list[Peer] = []
    for role, (greeting, capabilities) in _STARTTLS_MAILBOXES.items():
        endless: dict[str, Act] = {
            "greeting": say(greeting),
            "capabilities": then(say(b"+OK\r\n") if role is Role.POP3 else usual("accept"), flood(capabilities)),
        }
        if role is Role.SIEVE:
            endless = {"greeting": flood(capabilities)}
        peers += [
            Peer(f"{role}-no-greeting", "accepts and says nothing", CONNECTED, {"greeting": hang}, role),
            Peer(
                f"{role}-noise",
                "noise instead of a greeting",
                CONNECTED | {"service-greeting": "fail|indeterminate"},
                {"greeting": then(say(NOISE + b"\r\n"), hang)},
                role,
                # It may be cut to a short piece, but it has to be shown.
                markers=("onerror",),
            ),
            Peer(
                f"{role}-endless-capabilities",
                "capability lines without end",
                CONNECTED if role is Role.SIEVE else GREETED,
                endless,
                role,
            ),
        ]
    return peers


async def _tagged_ok(dialogue: Dialogue) -> None:
    await dialogue.wire.send(dialogue.line.split(b" ")[0] + b" OK done\r\n")


MAILBOX_PEERS = (
    Peer(
        "sound-imaps",
        "nothing wrong",
        _IMPLICIT_TLS_SEEN
        | dict.fromkeys(("service-greeting", "auth-mechanisms", "auth-offered"), "pass")
        | dict.fromkeys(
            (
                "mailbox-capabilities-inside-tls",
                "mailbox-product-hidden",
                "mailbox-starttls-once",
                "mailbox-version-hidden",
            ),
            "pass",
        ),
        role=Role.IMAPS,
        sound=True,
    ),
    *_mailbox_peers(),
    Peer(
        "sieve-huge-literal",
        "a greeting with a string of 4 GB",
        CONNECTED | {"service-greeting": "fail|indeterminate"},
        {"greeting": then(say(b'"IMPLEMENTATION" {4000000000}\r\n'), flood(b"A" * 65536))},
        Role.SIEVE,
    ),
    Peer(
        "imap-huge-literal",
        "a capability reply with a literal of 4 GB",
        GREETED,
        {
            "greeting": say(b"* OK ready\r\n"),
            "capabilities": then(say(b"* CAPABILITY {4000000000}\r\n"), flood(b"A" * 65536)),
        },
        Role.IMAP,
    ),
    Peer(
        "imap-without-capabilities",
        "OK to CAPABILITY, and no list: nobody has seen whether LOGIN is allowed",
        GREETED,
        {"greeting": say(b"* OK ready\r\n"), "capabilities": _tagged_ok},
        Role.IMAP,
    ),
    Peer(
        "pop3-busy",
        "a temporary error (RFC 3206) to CAPA: nobody has seen what is offered",
        GREETED,
        {"capabilities": say(b"-ERR [SYS/TEMP] come back later\r\n")},
        Role.POP3,
    ),
    Peer(
        "imaps-silent-inside",
        "sound TLS, and not a word in it",
        _IMPLICIT_TLS_SEEN,
        {"greeting": hang},
        Role.IMAPS,
    ),
    Peer(
        "pop3s-noise-inside",
        "sound TLS, and noise instead of a greeting in it",
        _IMPLICIT_TLS_SEEN | {"service-greeting": "fail|indeterminate"},
        {"greeting": then(say(NOISE + b"\r\n"), hang)},
        Role.POP3S,
        markers=("onerror",),
    ),
    Peer(
        "submissions-silent",
        "takes the ClientHello and says nothing",
        CONNECTED,
        {"handshake": then(read_the_hello, hang)},
        Role.SUBMISSIONS,
    ),
    Peer(
        "submissions-clear",
        "greets in clear text, with noise, where TLS belongs",
        # There is no TLS to log in inside of: that was seen, and implicit-tls fails for it.
        CONNECTED
        | _NO_TLS
        | {"implicit-tls": "fail", "service-greeting": "fail|not_applicable|indeterminate"}
        | dict.fromkeys(("auth-mechanisms", "auth-offered", "greeting-name-in-certificate"), "not_applicable"),
        {"handshake": then(say(b"220 mail " + NOISE + b"\r\n"), hang)},
        Role.SUBMISSIONS,
        markers=(MARKUP,),
    ),
)
