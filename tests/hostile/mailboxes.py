"""Peers of the other protocols: IMAP, POP3, ManageSieve, implicit TLS, and submission with its logins."""

import base64

from smtp_audit.facts.endpoint import Role

from .acts import flood, hang, inside_tls, leave, read_the_hello, say, then, usual, when
from .dialogue import Act, Dialogue
from .expected import CERTIFICATE, CONNECTED, GREETED, SUBMISSION
from .markers import MARKUP, NOISE
from .peers import Peer

_STARTTLS_MAILBOXES = {
    Role.IMAP: (b"* OK ready\r\n", b"* CAPABILITY X-ENDLESS\r\n" * 500),
    Role.POP3: (b"+OK ready\r\n", b"X-ENDLESS\r\n" * 500),
    Role.SIEVE: (b'"X-ENDLESS" "x"\r\n', b'"X-ENDLESS" "x"\r\n' * 500),
}
"""A greeting that names no capabilities (ManageSieve's greeting is its capabilities), and endless capability lines."""

_IMPLICIT_TLS_SEEN = (
    CONNECTED | CERTIFICATE | {"implicit-tls": "pass", "tls-obsolete-version": "pass", "tls-current-version": "pass"}
)

# On a port that speaks clear text where TLS belongs there is no TLS to judge.
_NO_TLS = dict.fromkeys(("tls-obsolete-version", "tls-current-version", *CERTIFICATE), "indeterminate|not_applicable")


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


async def _echo(dialogue: Dialogue) -> None:
    """535 with the password, its base64 and the client's line."""
    raw, password = await dialogue.credentials()
    told = [password, base64.b64encode(password), raw]
    await dialogue.wire.send(b"".join(b"535-5.7.8 not " + each + b"\r\n" for each in told) + b"535 5.7.8 no\r\n")


async def _echo_half(dialogue: Dialogue) -> None:
    raw, password = await dialogue.credentials()
    await dialogue.wire.send(b"535-5.7.8 not " + password + b" " + raw)


def _only_login(dialogue: Dialogue) -> bool:
    return dialogue.line.upper().startswith(b"AUTH LOGIN")


MAILBOX_PEERS = (
    Peer(
        "sound-submission",
        "nothing wrong",
        SUBMISSION | {"auth-works": "pass"},
        role=Role.SUBMISSION,
        login=True,
        sound=True,
    ),
    Peer(
        "sound-imaps",
        "nothing wrong",
        _IMPLICIT_TLS_SEEN | dict.fromkeys(("service-greeting", "auth-mechanisms", "auth-offered"), "pass"),
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
        CONNECTED | _NO_TLS | {"implicit-tls": "fail", "service-greeting": "fail|not_applicable|indeterminate"},
        {"handshake": then(say(b"220 mail " + NOISE + b"\r\n"), hang)},
        Role.SUBMISSIONS,
        markers=(MARKUP,),
    ),
    Peer(
        "mail-without-auth-closes",
        "takes MAIL without a login, then closes",
        SUBMISSION | {"submission-requires-auth": "fail|indeterminate"},
        {"mail": then(say(b"250 2.1.0 ok\r\n"), leave)},
        Role.SUBMISSION,
    ),
    Peer(
        "echoes-password",
        "refuses the login and repeats the password in every form it has seen",
        SUBMISSION | {"auth-works": "fail"},
        {"auth": _echo},
        Role.SUBMISSION,
        login=True,
    ),
    Peer(
        "echoes-password-of-login",
        "the same with AUTH LOGIN alone",
        SUBMISSION | {"auth-works": "fail"},
        {
            "capabilities": when(inside_tls, say(b"250-mail\r\n250 AUTH LOGIN\r\n"), usual("capabilities")),
            "auth": when(_only_login, _echo, say(b"504 5.5.4 not this one\r\n")),
        },
        Role.SUBMISSION,
        login=True,
    ),
    Peer(
        "echoes-password-and-closes",
        "the password in the middle of a reply that never ends",
        SUBMISSION | {"auth-works": "fail|indeterminate"},
        {"auth": then(_echo_half, leave)},
        Role.SUBMISSION,
        login=True,
    ),
)
