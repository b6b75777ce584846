"""Traps in a thread of this process, on an address of loopback, any scenario: for a team's own tests."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from smtp_audit.configuration.model import ClientSettings
from smtp_audit.facts.client import Channel, Delivery, Visit
from smtp_audit.probes.client.contract import TRUST_VARIABLES, Account, environment_for
from smtp_audit.probes.client.traps.certificates import Certificates
from smtp_audit.probes.client.traps.scenarios import SCENARIOS
from smtp_audit.probes.client.traps.trap import Trap
from smtp_audit.secret import Secret
from smtp_audit.suggestion import did_you_mean

SOUND: Final = "good-rsa"
"""The scenario of a sound server."""

ADDRESS: Final = "127.0.0.1"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 (of a trap that takes every password)
SENDER: Final = "sender@client-test.example"
NAMELESS: Final = frozenset({"good-wildcard"})
"""Scenarios whose server has to have a name, which a trap on an address has not."""

T = TypeVar("T")


class TrapStage:
    """The thread that the traps run in, and their certificates; `folder` is for the files."""

    def __init__(self, folder: Path) -> None:
        self._certificates = Certificates(folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp traps", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def authority(self) -> Path:
        """The PEM file of the authority that a client has to trust."""
        return self._certificates.authority

    @property
    def trust(self) -> dict[str, str]:
        """The variables that make runtimes trust it."""
        return dict.fromkeys(TRUST_VARIABLES, str(self.authority))

    def start(self, scenario: str) -> RunningTrap:
        """Start a trap on an unused port.

        Raises:
            LookupError: there is no scenario of that name, or none that can be played on an address.
            OSError: the trap cannot be played here.
        """
        known = {each.name: each for each in SCENARIOS if each.name not in NAMELESS}
        if scenario not in known:
            raise LookupError(f"there is no trap {scenario!r}{did_you_mean(scenario[:60], known)}")
        # Held until the trap listens, so that nobody else is given the port.
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((ADDRESS, 0))
            account = Account(
                host=ADDRESS,
                port=held.getsockname()[1],
                user=SENDER,
                password=Secret(PASSWORD),
                sender=SENDER,
                implicit=known[scenario].implicit,
            )
            trap = Trap(known[scenario], account, ADDRESS, self._certificates)
            why_not = self.wait_for(trap.open())
        if why_not:
            raise OSError(f"{scenario}: {why_not}")
        return RunningTrap(self, trap)

    def wait_for(self, what: Coroutine[Any, Any, T]) -> T:
        """The result of something that is done in the thread of the traps."""
        done: Future[T] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return done.result(timeout=30)


class RunningTrap:
    """A trap that listens. What it tells waits, a second at most, for connections that are still open."""

    def __init__(self, stage: TrapStage, trap: Trap) -> None:
        self._stage = stage
        self._trap = trap
        account = trap.account
        self.scenario = trap.scenario.name
        self.told = trap.scenario.told
        """What is wrong with this server, in words."""
        self.host, self.port = account.host, account.port
        self.user, self.sender = account.user, account.sender
        self.password = PASSWORD
        self.implicit = account.implicit
        """TLS begins with the first octet."""
        self.authority = stage.authority

    def __repr__(self) -> str:
        return f"<trap {self.scenario} on {self.host} port {self.port}>"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that is to send here, in the words of the contract."""
        settings = ClientSettings(name="own", argv=("own",))
        return environment_for(settings, self._trap.account, self.authority, {})

    @property
    def visits(self) -> tuple[Visit, ...]:
        """Every connection, with all that was said on it."""
        return self._stage.wait_for(self._visits())

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The messages that arrived, with their envelopes."""
        return tuple(delivery for visit in self.visits for delivery in visit.deliveries)

    @property
    def messages(self) -> tuple[EmailMessage, ...]:
        """The messages that arrived, parsed."""
        return tuple(
            message_from_bytes(delivery.content.encode("latin-1"), policy=policy.default)
            for delivery in self.deliveries
        )

    @property
    def exposed(self) -> Channel | None:
        """The worst way that a password or a message came; None when neither did."""
        ways = [way for visit in self.visits for way in (visit.credentials, visit.body) if way is not None]
        order = (Channel.CLEAR, Channel.BAD_TLS, Channel.GOOD_TLS)
        return next((channel for channel in order if channel in ways), None)

    def assert_nothing_given(self) -> None:
        """Assert that the client connected, and gave neither a password nor a message."""
        __tracebackhide__ = True
        visits = self.visits
        assert visits, f"{self!r}: nobody connected, so that nothing is shown"  # noqa: S101 (an assertion of a test)
        assert self.exposed is None, f"{self!r} ({self.told}) was given a secret over {self.exposed}"  # noqa: S101

    def close(self) -> None:
        """Hang up on everybody, and end."""
        self._stage.wait_for(self._trap.close())

    async def _visits(self) -> tuple[Visit, ...]:
        await self._trap.settle()
        return self._trap.visits
