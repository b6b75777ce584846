"""Peers that are sound up to the capabilities, and misbehave in conversations."""

import asyncio
import base64
from collections.abc import Callable

from smtp_audit.facts.endpoint import Role
from smtp_audit.limits import Limits

from .acts import flood_inside, hang, leave, say, usual, when
from .conversed import CLEAR, LOGGED_IN, TALK, TALK_OF_SUBMISSION
from .dialogue import Act, Dialogue
from .expected import EVERYTHING, LOGIN_FAILED
from .markers import MARKUP, NOISE, PASSWORD, USER
from .peers import PATIENT, Peer

_TO_TLS = (b"EHLO", b"HELO", b"STARTTLS", b"QUIT")
"""What a client says that only wants to look at TLS."""

MEGABYTES = 10

HURRIED = Limits(connect_seconds=2, greeting_seconds=5, reply_seconds=1, handshake_seconds=5, endpoint_seconds=40)
"""For peers that never answer."""


def verb(dialogue: Dialogue) -> bytes:
    return dialogue.line.split(b" ")[0].upper()


def at(act: Act, *verbs: bytes) -> dict[str, Act]:
    """`act` for commands with these verbs."""
    return {"command": when(lambda dialogue: verb(dialogue) in verbs, act, usual("command"))}


def in_talk(act: Act) -> dict[str, Act]:
    """`act` for every command that a client on its way to TLS does not say."""
    return {"command": when(lambda dialogue: verb(dialogue) not in _TO_TLS, act, usual("command"))}


def reworded(change: Callable[[bytes], bytes]) -> Act:
    """The usual answer, in other words."""

    async def act(dialogue: Dialogue) -> None:
        dialogue.wire.reword = change
        try:
            await dialogue.default("command")
        finally:
            dialogue.wire.reword = None

    return act


async def one_behind(dialogue: Dialogue) -> None:
    """The answer to the command before; the first gets one that nobody asked for."""

    def change(answer: bytes) -> bytes:
        answer, dialogue.held = dialogue.held or b"250 2.0.0 ok\r\n", answer
        return answer

    await reworded(change)(dialogue)


def noisy(answer: bytes) -> bytes:
    """The same code, and the worst of texts."""
    return answer[:4] + NOISE.replace(b"\n", b"") + b" " + answer[4:]


async def drip(dialogue: Dialogue) -> None:
    """An octet now and then, and no end of the line."""
    await dialogue.wire.send(b"250-")
    while True:
        await dialogue.wire.send(b"a")
        await asyncio.sleep(0.2)


async def slowly(dialogue: Dialogue) -> None:
    await asyncio.sleep(0.05)
    await dialogue.default("command")


async def prompt_for_ever(dialogue: Dialogue) -> None:
    """334 to whatever comes."""
    while True:
        await dialogue.wire.send(b"334 VXNlcm5hbWU6\r\n")
        await dialogue.wire.line()


_WORDS = PASSWORD.encode()
_BLOB = base64.b64encode(b"\0" + USER.encode() + b"\0" + _WORDS)


def telling(answer: bytes) -> bytes:
    """The password in front of the answer, in every form in which it was seen."""
    code = answer[:3]
    return b"".join(code + b"-" + each + b"\r\n" for each in (_WORDS, base64.b64encode(_WORDS), _BLOB)) + answer


CUTS = (80, 120, 200, 300, 1000)
"""Octets after which texts of a peer are cut somewhere in the product."""


def cut_through(answer: bytes) -> bytes:
    """What is no reply, with the password wherever a cut may go through it."""
    line = bytearray(b"." * max(CUTS))
    for cut in CUTS:
        line[cut - len(_WORDS) + 3 : cut + 3] = _WORDS
    return bytes(line) + b"\r\n"


_SEEN = (
    "extension-impersonation",
    "extension-private",
    "extension-turn",
    "greeting-name-in-certificate",
    "smtp-chunk-needs-transaction",
    "smtp-chunk-size",
    "smtp-chunk-then-data",
    "starttls-argument-refused",
    "starttls-not-offered-inside",
)
"""What capabilities and the answer to STARTTLS show by themselves."""
_HELLO = ("smtp-hello-needs-name", "smtp-helo", "smtp-quit", "smtp-utf8")
"""What is asked with the commands that these peers answer."""
_HELP = ("greeting-product", "greeting-system", "greeting-version")

_MUTE: dict[str, str] = EVERYTHING | {control: "indeterminate" for control in (*CLEAR, *TALK) if control not in _SEEN}
_MUTE |= {control: CLEAR[control] for control in CLEAR if control.startswith(("greeting", "reverse"))}
"""Nothing is known but what was said in greeting and capabilities."""
_MUTE |= {
    control: f"{EVERYTHING[control]}|indeterminate"
    for control in ("smtp-greeting-name", "smtp-keywords-form", "smtp-size-announced", *_HELLO, "starttls-once")
}
"""These need nothing but EHLO, HELO and QUIT: what breaks the others off may break them off too."""

_NO_CHUNK = {"smtp-chunk-size": "indeterminate"}
"""What a conversation that is cut short has not come to."""


def _known(*controls: str, **more: str) -> dict[str, str]:
    """What is said of a mute one, and these as of a sound one."""
    return _MUTE | {control: EVERYTHING[control] for control in controls} | more


def _unknown(*controls: str, **more: str) -> dict[str, str]:
    """What is said of a sound one, but for these."""
    return EVERYTHING | dict.fromkeys(controls, "indeterminate") | more


def _talker(name: str, about: str, acts: dict[str, Act], expected: dict[str, str], limits: Limits = PATIENT) -> Peer:
    return Peer(name, about, expected, acts, limits=limits)


def _submission(name: str, about: str, acts: dict[str, Act], **more: str) -> Peer:
    return Peer(name, about, LOGIN_FAILED | more, acts, Role.SUBMISSION, limits=PATIENT, login=True)


_RELAY = ("relay-refused", "relay-routed-refused")
_RECIPIENTS = (*_RELAY, "smtp-address-length", "smtp-hundred-recipients", "smtp-early-talker")

_AT_MAIL = _unknown(
    *_RECIPIENTS,
    "smtp-8bitmime",
    "smtp-abuse-mailbox",
    "smtp-hello-resets",
    "smtp-path-case",
    "smtp-pipelining-complete",
    "smtp-postmaster",
    "smtp-recipient-nul",
    "smtp-reset-clears",
    "smtp-size-enforced",
    "smtp-unknown-parameter",
    "starttls-state-discarded",
) | {"smtp-null-sender": "fail"}
_AT_MAIL |= dict.fromkeys(
    ("smtp-address-forms", "smtp-data-needs-recipient", "smtp-mail-before-hello", "smtp-recipient-needs-path"),
    "advisory",
)
_AT_RCPT = _unknown(*_RECIPIENTS, "smtp-pipelining-complete", "smtp-recipient-nul") | dict.fromkeys(
    ("smtp-hello-resets", "smtp-null-sender", "smtp-path-case", "smtp-postmaster", "smtp-reset-clears"), "fail"
)
_AT_RCPT |= dict.fromkeys(
    ("smtp-abuse-mailbox", "smtp-address-forms", "smtp-recipient-needs-path", "smtp-recipient-needs-sender"),
    "advisory",
)
_AT_RSET = _unknown("smtp-pipelining-complete", "smtp-reset-clears") | {
    "smtp-command-case": "fail",
    # It hangs up at RSET, and that the LF is the reason nobody has said.
    "smtp-command-bare-lf": "pass|indeterminate",
}
_TWICE = _known(
    "smtp-command-bare-cr",
    "smtp-cross-protocol",
    "smtp-early-talker",
    "smtp-greeting-name",
    "smtp-keywords-form",
    "smtp-mail-before-hello",
    "smtp-quit",
    "smtp-reply-form",
    "smtp-size-announced",
    "smtp-utf8",
    "auth-refused-before-tls",
) | {"smtp-pipelining-complete": "fail"}
_TWICE |= dict.fromkeys(("smtp-hello-needs-name", "smtp-helo"), "indeterminate")
_NO_REPLIES = _MUTE | {"smtp-reply-form": "fail", "smtp-mail-before-hello": "pass|indeterminate"}
_LATER = _known(*_HELP, "smtp-cross-protocol", "smtp-enhanced-codes", "smtp-reply-form")
_ONE_TOO_MANY = _unknown(
    *_RELAY,
    "smtp-8bitmime",
    "smtp-abuse-mailbox",
    "smtp-address-forms",
    "smtp-address-length",
    "smtp-data-needs-recipient",
    "smtp-hello-resets",
    "smtp-hundred-recipients",
    "smtp-mail-needs-path",
    "smtp-null-sender",
    "smtp-one-sender",
    "smtp-path-case",
    "smtp-postmaster",
    "smtp-recipient-needs-path",
    "smtp-recipient-nul",
    "smtp-reset-clears",
    "smtp-size-enforced",
    "smtp-unknown-parameter",
    "smtp-utf8-needs-parameter",
    "starttls-once",
    "starttls-state-discarded",
) | {"smtp-pipelining-complete": "fail"}

_TAKES = {
    "auth-refused-before-tls": "fail",
    **dict.fromkeys(
        ("etrn-restricted", "smtp-data-needs-sender", "smtp-recipient-needs-sender", "smtp-unknown-command"), "advisory"
    ),
}
"""What it said yes to that has to be refused, whatever it means by it."""
# From its own host a server may relay for everybody; whether it does for strangers is not known here.
_TAKES_ALL = _unknown(*_RELAY) | _TAKES | {"starttls-state-discarded": "not_applicable"}
_TAKES_ALL |= dict.fromkeys(
    ("smtp-cross-protocol", "smtp-hello-resets", "smtp-recipient-nul", "smtp-reset-clears"), "fail"
)
_TAKES_ALL |= dict.fromkeys(("smtp-data-needs-recipient", "smtp-recipient-needs-path"), "advisory")
# Each of its answers is one to some command; that it is the command before it cannot be seen.
_BEHIND = _TAKES_ALL | {"starttls-state-discarded": "fail"}
_GO_ON = (
    _unknown(
        *_RECIPIENTS,
        "smtp-abuse-mailbox",
        "smtp-address-forms",
        "smtp-data-needs-recipient",
        "smtp-enhanced-codes",
        "smtp-hello-resets",
        "smtp-mail-before-hello",
        "smtp-null-sender",
        "smtp-one-sender",
        "smtp-overlong-command",
        "smtp-postmaster",
        "smtp-recipient-needs-path",
        "smtp-recipient-nul",
        "smtp-reset-clears",
        "smtp-unauthorised-pipelining",
        "smtp-vrfy",
    )
    | _TAKES
    | {"starttls-state-discarded": "not_applicable", "smtp-pipelining-complete": "fail"}
    | dict.fromkeys(("smtp-data-needs-sender", "smtp-help"), "indeterminate")
)

_UNSEEN_OF_SUBMISSION = {
    control: "indeterminate"
    for control in (*CLEAR, *TALK_OF_SUBMISSION, *LOGGED_IN)
    if not control.startswith("reverse") and (control not in _SEEN or control == "starttls-argument-refused")
} | {"greeting-name-agrees": "pass"}
"""Who repeats a password: what was gathered of it is thrown away."""

TALK_PEERS = (
    _talker("talk-drops-at-mail", "closes at MAIL", at(leave, b"MAIL"), _AT_MAIL),
    _talker("talk-drops-at-rcpt", "closes at RCPT", at(leave, b"RCPT"), _AT_RCPT),
    _talker("talk-drops-at-rset", "closes at RSET", at(leave, b"RSET"), _AT_RSET),
    _talker("talk-hangs", "says nothing behind EHLO", in_talk(hang), _known() | _NO_CHUNK, HURRIED),
    _talker("talk-answers-twice", "every answer twice", in_talk(reworded(lambda answer: answer * 2)), _TWICE),
    _talker("talk-one-behind", "answers the command before", in_talk(one_behind), _BEHIND),
    _talker("talk-999", "999 to everything", in_talk(say(b"999 what\r\n")), _NO_REPLIES),
    _talker("talk-25x", "25x to everything", in_talk(say(b"25x what\r\n")), _NO_REPLIES),
    _talker("talk-changing-codes", "250 and 550 in one reply", in_talk(say(b"250-yes\r\n550 no\r\n")), _NO_REPLIES),
    _talker("talk-451", "451 to everything", in_talk(say(b"451 4.3.0 later\r\n")), _LATER),
    _talker("talk-drips", "an octet now and then", in_talk(drip), _known() | _NO_CHUNK, HURRIED),
    _talker(
        "talk-many-lines",
        f"replies of {MEGABYTES} MB",
        in_talk(say(b"250-more of it\r\n" * (MEGABYTES << 16), b"250 ok\r\n")),
        _known(),
    ),
    _talker("talk-endless-line", "a line without end", in_talk(flood_inside(b"2" * 65536)), _known()),
    _talker("talk-250", "250 to everything, nonsense too", in_talk(say(b"250 2.0.0 ok\r\n")), _TAKES_ALL),
    _talker("talk-354", "354 to everything", in_talk(say(b"354 go on\r\n")), _GO_ON),
    _talker(
        "talk-one-too-many",
        "one reply too many to the first MAIL, and every other stands behind",
        at(
            when(lambda dialogue: not dialogue.begun, reworded(lambda answer: answer + answer), usual("command")),
            b"MAIL",
        ),
        _ONE_TOO_MANY,
    ),
    Peer(
        "talk-noisy",
        "escape sequences, HTML and NUL in every reply",
        EVERYTHING | {"smtp-reply-form": "fail", "smtp-enhanced-codes": "advisory"},
        in_talk(reworded(noisy)),
        limits=PATIENT,
        markers=(MARKUP,),
    ),
    Peer("talk-slow", "takes its time for every answer", None, {"command": slowly}, limits=PATIENT),
    _submission(
        "talk-submission-250",
        "250 to everything",
        in_talk(say(b"250 2.0.0 ok\r\n")),
        **_TAKES,
        **{
            "auth-cancel": "indeterminate",
            "auth-needs-mechanism": "advisory",
            "auth-not-in-transaction": "fail",
            "auth-works": "indeterminate",
            "smtp-cross-protocol": "fail",
            "smtp-mail-needs-path": "advisory",
            "starttls-state-discarded": "not_applicable",
            "submission-requires-auth": "fail",
        },
    ),
    _submission("talk-prompts", "334 without end", {"auth": prompt_for_ever}, **{"auth-works": "indeterminate"}),
    _submission(
        "talk-tells-password",
        "takes the login, with the password in every reply",
        in_talk(reworded(telling)),
        **_UNSEEN_OF_SUBMISSION,
        **{"auth-works": "pass", "submission-requires-auth": "indeterminate"},
    ),
    _submission(
        "talk-cuts-password",
        "no replies, and the password where they are cut",
        in_talk(reworded(cut_through)),
        **_UNSEEN_OF_SUBMISSION,
        **{"auth-works": "indeterminate", "submission-requires-auth": "indeterminate"},
    ),
)
