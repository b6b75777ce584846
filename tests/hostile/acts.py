"""Acts: what a peer does at a step instead of the usual. Each function here returns one."""

import asyncio
from collections.abc import Callable

from .dialogue import Act, Dialogue
from .records import Hello, read_hello
from .wire import Left


def say(*parts: bytes) -> Act:
    """These octets, inside TLS if that has begun."""

    async def act(dialogue: Dialogue) -> None:
        for part in parts:
            await dialogue.wire.send(part)

    return act


def usual(step: str) -> Act:
    """What a good server does."""

    async def act(dialogue: Dialogue) -> None:
        await dialogue.default(step)

    return act


async def hang(dialogue: Dialogue) -> None:
    """Nothing, for ever."""
    await dialogue.wire.hang()


async def leave(dialogue: Dialogue) -> None:
    """Close."""
    raise Left


async def read_the_hello(dialogue: Dialogue) -> None:
    """Take the client's first TLS message and do nothing with it."""
    await read_hello(dialogue.wire)


def flood(chunk: bytes, pause: float = 0.0) -> Act:
    """Raw octets without end."""

    async def act(dialogue: Dialogue) -> None:
        await dialogue.wire.flood(chunk, pause)

    return act


def flood_inside(chunk: bytes) -> Act:
    """Application octets without end, inside TLS if that has begun."""

    async def act(dialogue: Dialogue) -> None:
        while True:
            await dialogue.wire.send(chunk)
            await asyncio.sleep(0)

    return act


def then(*acts: Act) -> Act:
    """One after the other."""

    async def act(dialogue: Dialogue) -> None:
        for each in acts:
            await each(dialogue)

    return act


def when(condition: Callable[[Dialogue], bool], act: Act, otherwise: Act) -> Act:
    """One or the other."""

    async def chosen(dialogue: Dialogue) -> None:
        await (act if condition(dialogue) else otherwise)(dialogue)

    return chosen


def inside_tls(dialogue: Dialogue) -> bool:
    return dialogue.wire.inside_tls


def answer_hello(answer: Callable[[Hello], bytes], after: Act = hang) -> Act:
    """Raw octets made from the client's hello, then `after`."""

    async def act(dialogue: Dialogue) -> None:
        hello = await read_hello(dialogue.wire)
        await dialogue.wire.put(answer(hello))
        await after(dialogue)

    return act


def for_hellos(condition: Callable[[Hello], bool], act: Act) -> Act:
    """`act` for hellos of one kind; all others get a true handshake."""

    async def chosen(dialogue: Dialogue) -> None:
        hello = await read_hello(dialogue.wire)
        if condition(hello):
            await act(dialogue)
        await dialogue.wire.handshake(dialogue.context, hello.raw)

    return chosen
