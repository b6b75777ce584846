"""Runs the lab's sites on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from smtp_audit.facts.endpoint import Protocol, Role
from smtp_audit.lab.authority import Authority
from smtp_audit.lab.encryption import modern, outdated
from smtp_audit.lab.mail import Account, MailService, Manners
from smtp_audit.lab.mailbox import MailboxService
from smtp_audit.lab.sites import BAD, GOOD, PROFILE_TEXT, Plan, Service, Site, Wire

T = TypeVar("T")

START_SECONDS = 20.0


class Lab:
    """Both sites, for as long as the `with` block lasts. Ports are chosen by the system.

    Args:
        address: the loopback address to listen on.

    Raises:
        OSError: (on entering) the address cannot be bound.
    """

    good: Site
    bad: Site

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._address = address
        self._servers: list[asyncio.Server] = []
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="smtp-audit-lab-")))
            undo.enter_context(_silent(logging.getLogger("mail.log")))
            loop = undo.enter_context(_loop_in_thread())
            undo.callback(_run, loop, self._stop())
            authority = Authority(folder)
            self.good, self.bad = (_run(loop, self._start(plan, authority)) for plan in (GOOD, BAD))
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    @property
    def sites(self) -> tuple[Site, Site]:
        """The good one and the bad one."""
        return self.good, self.bad

    async def _start(self, plan: Plan, authority: Authority) -> Site:
        chain = authority.issue(plan.name, plan.certificate)
        tls = modern(chain) if plan.modern_tls else outdated(chain)
        account = Account(f"alice@{plan.domain}", secrets.token_urlsafe(12))
        ports: dict[Role, int] = {}
        for service in plan.services:
            server = await self._listen(plan, service, tls, account)
            self._servers.append(server)
            ports[service.role] = server.sockets[0].getsockname()[1]
        site = Site(plan, self._address, ports, authority.anchors, account)
        site.profile.write_text(PROFILE_TEXT, encoding="utf-8")
        return site

    async def _listen(self, plan: Plan, service: Service, tls: ssl.SSLContext, account: Account) -> asyncio.Server:
        first = tls if service.wire is Wire.TLS else None
        if service.role.protocol is Protocol.IMAP:
            door = MailboxService(plan.host, account, ("PLAIN",) if service.auth else ())
            return await asyncio.start_server(door, self._address, 0, ssl=first, limit=door.limit)
        manners = Manners(
            host=plan.host,
            domain=plan.domain,
            account=account,
            tls=tls if service.wire is Wire.CLEAR else None,
            auth=service.auth,
            auth_in_clear=service.auth_in_clear or service.wire is Wire.TLS,
            auth_needed=service.auth_needed,
            relays=service.relays,
            old_mechanism=service.old_mechanism,
            careless=plan.careless,
        )
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: MailService(manners, loop=loop), self._address, 0, ssl=first)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


@contextlib.contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    # Probes hang up in the middle of handshakes, on purpose: nothing to report.
    loop.set_exception_handler(lambda _loop, _context: None)
    thread = threading.Thread(target=loop.run_forever, name="smtp-audit-lab", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(START_SECONDS)


@contextlib.contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """aiosmtpd logs every connection that goes wrong, which here is most of them."""
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
