"""A server of known lists on stage, for implicit TLS: what a survey may find of it is known to the last number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from smtp_audit.facts.endpoint import Role
from smtp_audit.facts.tls import TlsVersion
from smtp_audit.probes.tls.ask import Knowledge, Prober
from tests.hostile.flights import Script
from tests.hostile.records import Hello, read_hello
from tests.hostile.wire import Left
from tests.probes import stage as on_stage
from tests.probes.stage import Peer, Stage

Bend = Callable[[Peer, Hello], Awaitable[None]]
"""Deals with a hello in another way; returns to leave it to the script."""


def playing(script: Script, bend: Bend | None = None) -> on_stage.Script:
    """A server that answers as the script says, but for the hellos that `bend` answers."""

    async def act(peer: Peer) -> None:
        hello = await read_hello(peer)
        if bend is not None:
            await bend(peer, hello)
        await peer.put(script.answer(hello))
        await peer.hang()

    return act


def dropping(condition: Callable[[Peer, Hello], bool]) -> Bend:
    """Closes on some hellos."""

    async def bend(peer: Peer, hello: Hello) -> None:
        if condition(peer, hello):
            raise Left

    return bend


def silent(condition: Callable[[Peer, Hello], bool]) -> Bend:
    """Gives no answer to some hellos."""

    async def bend(peer: Peer, hello: Hello) -> None:
        if condition(peer, hello):
            await peer.hang()

    return bend


def saying(condition: Callable[[Peer, Hello], bool], answer: Callable[[Hello], bytes]) -> Bend:
    """Answers some hellos with other octets."""

    async def bend(peer: Peer, hello: Hello) -> None:
        if condition(peer, hello):
            await peer.put(answer(hello))
            await peer.hang()

    return bend


def prober(stage: Stage, known: TlsVersion | None = None, **more) -> Prober:
    """One that has seen a hello of `known` accepted."""
    approach = stage.approach(more.pop("role", Role.IMAPS), **more)
    return Prober(approach, approach.transcript(), Knowledge(taken=known))
