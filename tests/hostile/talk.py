"""Peers that are sound up to the capabilities, and misbehave in conversations."""

import asyncio
import base64
from collections.abc import Callable

from smtp_audit.facts.endpoint import Role

from .acts import flood_inside, hang, leave, say, usual, when
from .dialogue import Act, Dialogue
from .expected import EVERYTHING, SUBMISSION
from .markers import MARKUP, NOISE, PASSWORD, USER
from .peers import PATIENT, Peer

_TO_TLS = (b"EHLO", b"HELO", b"STARTTLS", b"QUIT")
"""What a client says that only wants to look at TLS."""

MEGABYTES = 10


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


def _talker(name: str, about: str, acts: dict[str, Act], **more: str) -> Peer:
    return Peer(name, about, EVERYTHING | more, acts, limits=PATIENT)


def _submission(name: str, about: str, acts: dict[str, Act], **more: str) -> Peer:
    return Peer(name, about, SUBMISSION | more, acts, Role.SUBMISSION, limits=PATIENT, login=True)


TALK_PEERS = (
    _talker("talk-drops-at-mail", "closes at MAIL", at(leave, b"MAIL")),
    _talker("talk-drops-at-rcpt", "closes at RCPT", at(leave, b"RCPT")),
    _talker("talk-drops-at-rset", "closes at RSET", at(leave, b"RSET")),
    _talker("talk-hangs", "says nothing behind EHLO", in_talk(hang)),
    _talker("talk-answers-twice", "every answer twice", in_talk(reworded(lambda answer: answer * 2))),
    _talker("talk-one-behind", "answers the command before", in_talk(one_behind)),
    _talker("talk-999", "999 to everything", in_talk(say(b"999 what\r\n"))),
    _talker("talk-25x", "25x to everything", in_talk(say(b"25x what\r\n"))),
    _talker("talk-changing-codes", "250 and 550 in one reply", in_talk(say(b"250-yes\r\n550 no\r\n"))),
    _talker("talk-451", "451 to everything", in_talk(say(b"451 4.3.0 later\r\n"))),
    _talker("talk-drips", "an octet now and then", in_talk(drip)),
    _talker(
        "talk-many-lines",
        f"replies of {MEGABYTES} MB",
        in_talk(say(b"250-more of it\r\n" * (MEGABYTES << 16), b"250 ok\r\n")),
    ),
    _talker("talk-endless-line", "a line without end", in_talk(flood_inside(b"2" * 65536))),
    _talker("talk-250", "250 to everything, nonsense too", in_talk(say(b"250 2.0.0 ok\r\n"))),
    _talker("talk-354", "354 to everything", in_talk(say(b"354 go on\r\n"))),
    _talker(
        "talk-one-too-many",
        "one reply too many to the first MAIL, and every other stands behind",
        at(
            when(lambda dialogue: not dialogue.begun, reworded(lambda answer: answer + answer), usual("command")),
            b"MAIL",
        ),
    ),
    Peer(
        "talk-noisy",
        "escape sequences, HTML and NUL in every reply",
        None,
        in_talk(reworded(noisy)),
        limits=PATIENT,
        markers=(MARKUP,),
    ),
    Peer("talk-slow", "takes its time for every answer", None, {"command": slowly}, limits=PATIENT),
    _submission("talk-submission-250", "250 to everything", in_talk(say(b"250 2.0.0 ok\r\n"))),
    _submission("talk-prompts", "334 without end", {"auth": prompt_for_ever}),
    _submission("talk-tells-password", "the password in every reply", in_talk(reworded(telling))),
    _submission("talk-cuts-password", "no replies, the password where they are cut", in_talk(reworded(cut_through))),
)
