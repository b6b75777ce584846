"""Peers that misbehave inside TLS or late in a session: capabilities, mail, logins, the end."""

import base64

from smtp_audit.facts.endpoint import Role
from smtp_audit.limits import Limits

from .acts import flood, flood_inside, hang, inside_tls, leave, say, then, usual, when
from .conversed import LOGGED_IN
from .dialogue import Act, Dialogue
from .expected import CERTIFICATE, EVERYTHING, GREETED, LOGIN_FAILED, NO_TALK, OFFERED, SUBMISSION, open_or
from .peers import PATIENT, SHORT, SILENT, Peer

BUSY_FOR = 3
"""Connections whose EHLO is answered with 421 before the peer behaves."""

_INSIDE_UNKNOWN = EVERYTHING | NO_TALK | dict.fromkeys(("auth-mechanisms", "auth-absent-on-mx"), "indeterminate")

_BORDER_UNKNOWN = EVERYTHING | dict.fromkeys(
    (
        "starttls-injection",
        "smtp-command-bare-lf",
        "smtp-pipelining-complete",
        "smtp-quit",
        "smtp-unauthorised-pipelining",
    ),
    "indeterminate",
)
"""Only with the goodbye it is known that a server has said all: an answer to what came before TLS may yet come."""

_MAIL_TAKEN_SEEN = {"auth-not-in-transaction": "fail", "smtp-mail-needs-path": "advisory"}
"""This server takes AUTH at any time: where MAIL is taken without a login, that shows."""

_MAIL_UNKNOWN = SUBMISSION | dict.fromkeys(
    (
        "submission-requires-auth",
        "auth-not-in-transaction",
        "smtp-mail-before-hello",
        "smtp-mail-needs-path",
        "starttls-state-discarded",
    ),
    "indeterminate",
)

_LOGIN_UNKNOWN = LOGIN_FAILED | {"auth-works": "indeterminate", "auth-cancel": "indeterminate"}


def _inside(act: Act) -> Act:
    """`act` for capabilities inside TLS alone."""
    return when(inside_tls, act, usual("capabilities"))


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


def _at_mail(name: str, about: str, act: Act) -> Peer:
    return Peer(name, about, _MAIL_UNKNOWN, {"mail": act}, Role.SUBMISSION, limits=PATIENT)


def _at_auth(name: str, about: str, act: Act, limits: Limits = SHORT) -> Peer:
    return Peer(name, about, _LOGIN_UNKNOWN, {"auth": act}, Role.SUBMISSION, limits=limits, login=True)


_MAIL_TAKEN = say(b"250 2.1.0 ok\r\n")
_BUSY = b"421 4.3.2 too busy\r\n"

INSIDE_PEERS = (
    Peer(
        "sound-submission",
        "nothing wrong",
        SUBMISSION | LOGGED_IN | {"auth-works": "pass"},
        role=Role.SUBMISSION,
        limits=PATIENT,
        login=True,
        sound=True,
    ),
    Peer("hangs-inside-tls", "no capabilities inside TLS", _INSIDE_UNKNOWN, {"capabilities": _inside(hang)}),
    Peer(
        "closes-inside-tls",
        "closes when asked inside TLS",
        _INSIDE_UNKNOWN,
        {"capabilities": _inside(leave)},
        limits=PATIENT,
    ),
    Peer(
        "floods-inside-tls",
        "capability lines without end inside TLS",
        _INSIDE_UNKNOWN,
        {"capabilities": _inside(flood_inside(b"250-X-ENDLESS\r\n" * 500))},
    ),
    Peer(
        "dripped-ehlo",
        "a capability line every half second, without end: each in time, all of them never",
        GREETED,
        {"capabilities": flood(b"250-X-SLOW\r\n", pause=0.5)},
    ),
    Peer("ehlo-421", "421 to EHLO", GREETED, {"capabilities": then(say(_BUSY), leave)}),
    Peer("ehlo-450", "450 to EHLO", GREETED, {"capabilities": say(b"450 4.7.0 not yet\r\n")}),
    Peer(
        "ehlo-421-then-fine",
        f"421 to EHLO on {BUSY_FOR} connections, then sound",
        None,
        {
            "capabilities": when(
                lambda dialogue: dialogue.number <= BUSY_FOR, then(say(_BUSY), leave), usual("capabilities")
            )
        },
        limits=PATIENT,
    ),
    Peer(
        "offers-starttls-once",
        "STARTTLS on the first connection and never again",
        open_or(EVERYTHING)
        | OFFERED
        | CERTIFICATE
        | dict.fromkeys(("tls-obsolete-version", "certificate-staple", "certificate-transparency"), "indeterminate")
        # EHLO says less from the second connection on.
        | {"smtp-enhanced-codes": "not_applicable", "smtp-greeting-name": "advisory"},
        {
            "capabilities": when(
                lambda dialogue: dialogue.number == 1, usual("capabilities"), say(b"250-mail\r\n250 8BITMIME\r\n")
            )
        },
        limits=PATIENT,
    ),
    Peer("hangs-at-quit", "sound, but never answers QUIT", _BORDER_UNKNOWN, {"quit": hang}, limits=PATIENT),
    Peer(
        "floods-at-quit",
        "sound, but talks without end at QUIT",
        _BORDER_UNKNOWN,
        {"quit": flood_inside(b"x" * 9999)},
    ),
    _at_mail("mail-421", "421 to MAIL", then(say(_BUSY), leave)),
    _at_mail("mail-451", "a temporary refusal of MAIL", say(b"451 4.3.0 later\r\n")),
    Peer(
        "mail-hangs",
        "never answers MAIL",
        _MAIL_UNKNOWN | {"smtp-reply-form": "indeterminate"},
        {"mail": hang},
        Role.SUBMISSION,
        limits=PATIENT,
    ),
    Peer(
        "rcpt-451",
        "takes MAIL and refuses every recipient for now, as greylisting does",
        SUBMISSION | _MAIL_TAKEN_SEEN | {"submission-requires-auth": "indeterminate"},
        {"mail": _MAIL_TAKEN, "rcpt": say(b"451 4.7.1 greylisted\r\n")},
        Role.SUBMISSION,
    ),
    Peer(
        "rcpt-closes",
        "takes MAIL and closes at the recipient",
        SUBMISSION | _MAIL_TAKEN_SEEN | {"submission-requires-auth": "fail|indeterminate"},
        {"mail": _MAIL_TAKEN, "rcpt": leave},
        Role.SUBMISSION,
        limits=PATIENT,
    ),
    _at_auth("auth-454", "a temporary failure of AUTH", say(b"454 4.7.0 later\r\n")),
    _at_auth("auth-421", "421 to AUTH", then(say(_BUSY), leave)),
    _at_auth("auth-closes", "closes at AUTH", leave),
    _at_auth("auth-hangs", "never answers AUTH", hang, SILENT),
    _at_auth("auth-floods", "a reply to AUTH that never ends", flood_inside(b"535-no\r\n" * 999)),
    _at_auth("auth-long-line", "a line without end as the reply to AUTH", flood_inside(b"5" * 65536)),
    Peer(
        "mail-without-auth-closes",
        "takes MAIL without a login, then closes",
        _MAIL_UNKNOWN
        | {
            "submission-requires-auth": "fail|indeterminate",
            "smtp-mail-before-hello": "pass",
            "smtp-mail-needs-path": "advisory",
        },
        {"mail": then(say(b"250 2.1.0 ok\r\n"), leave)},
        Role.SUBMISSION,
        limits=PATIENT,
    ),
    Peer(
        "echoes-password",
        "refuses the login and repeats the password in every form it has seen",
        LOGIN_FAILED | {"auth-works": "fail"},
        {"auth": _echo},
        Role.SUBMISSION,
        login=True,
    ),
    Peer(
        "echoes-password-of-login",
        "the same with AUTH LOGIN alone",
        LOGIN_FAILED
        | {"auth-works": "fail", "greeting-name-agrees": "advisory"}
        | dict.fromkeys(("smtp-enhanced-codes", "smtp-pipelining-complete"), "not_applicable"),
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
        LOGIN_FAILED | {"auth-works": "fail|indeterminate", "auth-cancel": "indeterminate"},
        {"auth": then(_echo_half, leave)},
        Role.SUBMISSION,
        login=True,
    ),
)
