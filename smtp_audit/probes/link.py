"""One socket to a peer, read as soon as something comes, with bounds on what is waited for; and how it is made.

A survey makes hundreds of connections of a few milliseconds each: streams, transports and a timer for every step took
more time than the rest of it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections import deque
from functools import cached_property, lru_cache
from typing import Any, Protocol

CHUNK = 16 * 1024

MAX_ARRIVED = 4
"""Chunks of a connection that are taken before anybody has asked for them."""

TIMER_SECONDS = 1.0
"""For how long the timer of a connection is set at most; see `_watch_the_time`."""


class Bound(Protocol):
    """Something that ends at a time (monotonic)."""

    until: float


class Late(Exception):
    """The time of a block has passed; for the block alone, which says what did not come."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound)
        self.bound = bound


class Link:
    """A connected socket. What comes is kept in `_arrived` until it is asked for; `_wait` for more ends at a bound."""

    def __init__(self, link: socket.socket) -> None:
        self._socket = link
        self._descriptor = link.fileno()
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[bytes] = deque()
        self._reading = False
        self._ended = False
        self._lost: OSError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._bounds: list[Bound] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._read_on()

    @cached_property
    def local_address(self) -> str:
        """The address of our own end."""
        return str(self._socket.getsockname()[0])

    def _read_on(self) -> None:
        self._reading = True
        self._loop.add_reader(self._descriptor, self._readable)

    def _read_no_more(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def _readable(self) -> None:
        """Take what has come, so much of it that whoever does not listen is not swamped."""
        try:
            data = self._socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost = error
            data = b""
        if data:
            self._arrived.append(data)
        else:
            self._ended = True
        if not data or len(self._arrived) >= MAX_ARRIVED:
            self._read_no_more()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        """Until something has happened on the socket. Raises Late when a bound has passed."""
        self._waiter = self._loop.create_future()
        try:
            self._watch_the_time()
            await self._waiter
        finally:
            self._waiter = None

    def _watch_the_time(self) -> None:
        """Have the waiter woken with an error when the first of the bounds has passed.

        The timer is armed for a second at most and again when that was too early: most connections are over by then,
        and need only one.
        """
        if not self._bounds:
            return
        until = min([bound.until for bound in self._bounds])
        if self._timer is not None:
            if self._timer_at <= until:
                return  # it looks again then
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        if until <= now:
            raise Late(min(self._bounds, key=lambda bound: bound.until))
        due = min(until, now + TIMER_SECONDS)
        self._timer_at = due
        self._timer = self._loop.call_later(due - now, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        try:
            self._watch_the_time()
        except Late as late:
            self._waiter.set_exception(late)

    def close(self) -> None:
        """Close; what was sent is on its way, and nothing is waited for."""
        self._read_no_more()
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()

    def abort(self) -> None:
        """Close at once; for when no time is left."""
        self.close()


@lru_cache(maxsize=64)
def _place(address: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Where `address`, which is no name, is to be reached."""
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return found[0][0], found[0][4]


async def linked(
    address: str, port: int, seconds: float, source: str | None = None, first: bytes = b""
) -> socket.socket | None:
    """A socket that is connected, from `source` if one is given, with `first` already sent; None when nobody answered
    in time.

    Raises:
        OSError: the connection cannot be made.
    """
    family, place = _place(address, port)
    link = socket.socket(family, socket.SOCK_STREAM)
    try:
        link.setblocking(False)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if first and hasattr(socket, "TCP_QUICKACK"):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        if source is not None:
            link.bind((source, 0))
        code = link.connect_ex(place)
        if code == errno.EINPROGRESS:
            # A server near by has answered before the call returns, and the next one tells.
            code = link.connect_ex(place)
        if code in (errno.EINPROGRESS, errno.EALREADY):
            if not await _writable(link, seconds):
                link.close()
                return None
            code = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code not in (0, errno.EISCONN):
            raise OSError(code, os.strerror(code))
        if first:
            link.send(first)
    except BaseException:
        link.close()
        raise
    return link


async def _writable(link: socket.socket, seconds: float) -> bool:
    """Wait until the connection is made or has failed; False when neither happens in time."""
    loop = asyncio.get_running_loop()
    settled: asyncio.Future[bool] = loop.create_future()

    def settle(answered: bool) -> None:
        if not settled.done():
            settled.set_result(answered)

    loop.add_writer(link, settle, True)
    timer = loop.call_later(seconds, settle, False)
    try:
        return await settled
    finally:
        loop.remove_writer(link)
        timer.cancel()
