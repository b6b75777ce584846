"""Gathering: every probe on every subject, concurrently, into a snapshot.

It runs in a thread of its own, so that judging can begin as facts arrive. Whatever happens, every (kind of facts,
subject) that was asked for ends with an observation: facts, or the reason why there are none.
"""

from __future__ import annotations

import asyncio
import platform
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata

from smtp_audit.configuration.model import Config
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.observation import Absence, Facts, Line, Observation
from smtp_audit.facts.snapshot import Snapshot, Vantage
from smtp_audit.probes.approach import Approach
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.dns import Addresses, addresses_of, resolver_name
from smtp_audit.probes.inspection import FIRST_LOOK_KINDS, Inspection, broke, kinds_of
from smtp_audit.probes.trust import Anchors
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.version import __version__
from smtp_audit.wiretext import escape_text

Key = tuple[str, str]
"""A kind of facts and a subject's key."""

PACKAGES = ("smtp-audit", "pytest", "pydantic", "cryptography", "dnspython", "aiosmtplib", "jinja2")
"""The packages whose versions a report names."""

GRACE = 5.0
"""Seconds that the probes get to end when the run is stopped."""


class Gathering:
    """A gathering under way, in a thread of its own."""

    def __init__(
        self,
        config: Config,
        subjects: Sequence[Endpoint | Domain],
        *,
        kinds: Collection[Key],
        scope: Sequence[str] = ("server",),
        found: Iterable[Observation] = (),
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._config = config
        self._subjects = tuple(subjects)
        self._kinds = frozenset(kinds)
        self._scope = tuple(scope)
        self._progress = progress or (lambda _: None)
        self._anchors = Anchors(config.ca)
        self._secrets = (config.credentials.password,) if config.credentials and config.credentials.password else ()
        self._state = threading.Condition()
        self._observations: list[Observation] = list(found)
        self._pending: dict[Key, set[str | None]] = {}
        self._unresolved = {s.key for s in self._subjects if isinstance(s, Endpoint)}
        self._done = False
        self._complete = False
        self._trouble = ""
        self._budgets: dict[str, HostBudget] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._started = datetime.now(UTC)
        self._finished: datetime | None = None
        self._thread = threading.Thread(target=self._run, name="smtp-audit gathering", daemon=True)

    # From other threads

    @property
    def time(self) -> datetime:
        """When gathering began (UTC)."""
        return self._started

    def start(self) -> Gathering:
        """Begin."""
        self._thread.start()
        return self

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject, of all its addresses; blocks until they are there."""
        with self._state:
            while not (self._done or self._settled(kind, subject)):
                self._state.wait()
            return tuple(o for o in self._observations if o.kind == kind and o.subject == subject)

    def _settled(self, kind: str, subject: str) -> bool:
        return subject not in self._unresolved and not self._pending.get((kind, subject))

    def finish(self) -> Snapshot:
        """Wait for the end; everything that was gathered."""
        with self._state:
            while not self._done:
                self._state.wait()
        return self._snapshot()

    def stop(self) -> Snapshot:
        """End it now; what was gathered so far, the rest marked as interrupted."""
        with self._state:
            loop, main, running = self._loop, self._main, not self._done
        if running and loop is not None and main is not None:
            loop.call_soon_threadsafe(main.cancel)
        self._thread.join(GRACE)
        return self._snapshot()

    def _snapshot(self) -> Snapshot:
        with self._state:
            order = {key: place for place, key in enumerate(s.key for s in self._subjects)}
            observations = sorted(
                self._observations,
                key=lambda o: (order.get(o.subject, -1), o.kind, o.address or ""),
            )
            return Snapshot(
                tool=f"smtp_audit {__version__}",
                targets=self._config.targets,
                subjects=self._subjects,
                scope=self._scope,
                started=self._started,
                finished=self._finished or datetime.now(UTC),
                complete=self._complete,
                vantage=self._vantage(),
                efforts=tuple(self._budgets[address].effort() for address in sorted(self._budgets)),
                observations=tuple(observations),
            )

    def _vantage(self) -> Vantage:
        return Vantage(
            host=escape_text(socket.gethostname()),
            platform=escape_text(platform.platform()),
            python=platform.python_version(),
            openssl=ssl.OPENSSL_VERSION,
            resolver=resolver_name(self._config),
            anchors=self._anchors.name,
            versions={name: version for name in PACKAGES if (version := _version(name))},
            command=_command_line(),
        )

    # In the gathering thread

    def _run(self) -> None:
        try:
            asyncio.run(self._gather())
        except BaseException as error:  # also SystemExit: the reader must not wait for ever
            self._trouble = f"gathering broke off: {type(error).__name__}: {error}"
        finally:
            with self._state:
                self._finished = datetime.now(UTC)
                self._fill_in()
                self._done = True
                self._state.notify_all()

    async def _gather(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        endpoints = [s for s in self._subjects if isinstance(s, Endpoint)]
        try:
            results = await asyncio.gather(*(self._endpoint(e) for e in endpoints), return_exceptions=True)
        except asyncio.CancelledError:
            self._trouble = "the run was interrupted"
            return
        broken = [r for r in results if isinstance(r, BaseException)]
        if broken:
            self._trouble = f"a probe broke off: {type(broken[0]).__name__}: {escape_text(str(broken[0]))}"
        self._complete = not broken

    async def _endpoint(self, endpoint: Endpoint) -> None:
        if endpoint.address:
            found = Addresses((endpoint.address,))
        else:
            found = await addresses_of(self._config, endpoint.host)
        addresses, trouble = found.addresses, found.trouble
        with self._state:
            for kind in self._wanted(endpoint):
                self._pending[kind, endpoint.key] = {*addresses, *({None} if trouble else ())}
            self._unresolved.discard(endpoint.key)
            self._state.notify_all()
        if trouble:
            for kind in self._wanted(endpoint):
                self._emit(endpoint, None, kind, PeerError(Absence.UNREACHABLE, trouble))
        await asyncio.gather(*(self._at_address(endpoint, address) for address in addresses))

    def _wanted(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The kinds to gather: those asked for, and the first look's, which come together."""
        asked = {kind for kind, subject in self._kinds if subject == endpoint.key}
        return tuple(kind for kind in kinds_of(endpoint) if asked and (kind in asked or kind in FIRST_LOOK_KINDS))

    async def _at_address(self, endpoint: Endpoint, address: str) -> None:
        wanted = self._wanted(endpoint)
        if not wanted:
            return
        budget = self._budgets.get(address)
        if budget is None:
            budget = self._budgets[address] = HostBudget(address, self._config.budget, self._progress)
        approach = Approach(endpoint, address, self._config, budget, self._anchors, self._secrets)

        def emit(kind: str, what: Facts | PeerError, transcript: Transcript, began: datetime) -> None:
            self._emit(endpoint, address, kind, what, transcript, began)

        inspection = Inspection(approach, wanted, emit, self._progress)
        limit = self._config.limits.endpoint_seconds
        trouble = PeerError(Absence.BROKEN, "a probe ended without a result")
        try:
            async with asyncio.timeout(limit) as bound:
                await inspection.run()
        except TimeoutError:
            trouble = _out_of_time(limit, budget) if bound.expired() else broke(TimeoutError())
        except asyncio.CancelledError:
            trouble = PeerError(Absence.INTERRUPTED, "the run was interrupted")
            raise
        except Exception as error:  # a defect of ours: it must cost this endpoint's facts, not the run
            trouble = broke(error)
        finally:
            # Nothing already gathered is lost when something fails later.
            for kind, what, transcript in inspection.rest(trouble):
                self._emit(endpoint, address, kind, what, transcript, inspection.began, only_if_missing=True)
        self._progress(f"{endpoint.key}: done, {budget.effort().connections} connections to {address} so far")

    def _emit(
        self,
        endpoint: Endpoint,
        address: str | None,
        kind: str,
        what: Facts | PeerError,
        transcript: Transcript | None = None,
        began: datetime | None = None,
        *,
        only_if_missing: bool = False,
    ) -> None:
        with self._state:
            pending = self._pending.setdefault((kind, endpoint.key), {address})
            if address not in pending:
                if only_if_missing:
                    return
                raise RuntimeError(f"{kind} of {endpoint.key} at {address} was observed twice")
            now = datetime.now(UTC)
            facts = what if isinstance(what, Facts) else None
            lines: tuple[Line, ...] = transcript.lines if transcript else ()
            self._observations.append(
                Observation(
                    kind=kind,
                    subject=endpoint.key,
                    address=address,
                    facts=facts,
                    absence=what.absence if isinstance(what, PeerError) else None,
                    reason=what.reason if isinstance(what, PeerError) else "",
                    transcript=lines,
                    started=began or self._started,
                    finished=now,
                )
            )
            pending.discard(address)
            self._state.notify_all()

    def _fill_in(self) -> None:
        """Give a reason to everything that was asked for and never came. Called with the lock held."""
        reason = self._trouble or "the run ended before it"
        absence = Absence.INTERRUPTED if self._trouble.startswith("the run was") else Absence.BROKEN
        seen = {(o.kind, o.subject) for o in self._observations}
        for endpoint in (s for s in self._subjects if isinstance(s, Endpoint)):
            for kind in self._wanted(endpoint):
                missing = self._pending.get((kind, endpoint.key), set())
                for address in missing if missing or (kind, endpoint.key) in seen else {None}:
                    self._observations.append(
                        Observation(
                            kind=kind,
                            subject=endpoint.key,
                            address=address,
                            absence=absence,
                            reason=reason,
                            started=self._started,
                            finished=self._finished or self._started,
                        )
                    )


def _out_of_time(limit: float, budget: HostBudget) -> PeerError:
    last = budget.effort().backoff_reasons[-1:]
    why = f"; the server last made it wait: {last[0]}" if last else ""
    return PeerError(Absence.BUDGET, f"not finished within the {limit:g} s for one endpoint (endpoint_seconds){why}")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _command_line() -> str:
    """How this process was started; passwords are never on it, and what looks like one is masked all the same."""
    words: list[str] = []
    for word in sys.argv:
        name, equals, _ = word.partition("=")
        secret = equals and any(part in name.lower() for part in ("pass", "secret", "token", "key"))
        words.append(f"{name}=<masked>" if secret else word)
    return escape_text(" ".join(words))
