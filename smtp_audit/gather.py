"""Gathering: every probe on every subject, concurrently, into a snapshot.

It runs in a thread of its own, so that judging can begin as facts arrive. Whatever happens, every (kind of facts,
subject) that was asked for ends with an observation: facts, or the reason why there are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from smtp_audit.configuration.model import Config
from smtp_audit.derived import DERIVED_OF_DOMAINS, compared_domain, compared_ports
from smtp_audit.facts.bounds import OpenPortsFacts
from smtp_audit.facts.certificate import CertificateFacts
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.matrix import MatrixFacts
from smtp_audit.facts.observation import Absence, Facts, Line, Observation
from smtp_audit.facts.snapshot import Snapshot, Vantage
from smtp_audit.facts.subject import AnySubject
from smtp_audit.facts.texts import texts_of
from smtp_audit.families import Families
from smtp_audit.probes.approach import Approach, GivenLogin, ThrowawayAccount
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.conversation.sink import Sinks
from smtp_audit.probes.dns import Addresses, addresses_of
from smtp_audit.probes.inspection import DERIVED_KINDS, Inspection
from smtp_audit.probes.tls.survey import broke
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.vantage import vantage
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.secret import Secret, redact
from smtp_audit.version import __version__
from smtp_audit.wanted import ask_for_matrix, wanted_kinds
from smtp_audit.wiretext import escape_text

A = TypeVar("A", GivenLogin, ThrowawayAccount)

Key = tuple[str, str]
"""A kind of facts and a subject's key."""

GRACE = 5.0
"""Seconds that the probes get to end when the run is stopped."""

CLEANUP = 0.5
"""Seconds more that the loop gets to clean up after them; nothing it could still say would count."""

INTERRUPTED = "the run was interrupted"

REPEATED = "the server repeated the password"
"""Why there are no facts where they would show a secret."""


class Gathering:
    """A gathering under way, in a thread of its own."""

    def __init__(
        self,
        config: Config,
        subjects: Sequence[AnySubject],
        *,
        kinds: Collection[Key],
        scope: Sequence[str] = ("server",),
        found: Iterable[Observation] = (),
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._config = config
        self._subjects = tuple(subjects)
        self._asked: dict[str, set[str]] = {}
        for kind, subject in kinds:
            self._asked.setdefault(subject, set()).add(kind)
        ask_for_matrix(self._asked, self._subjects)
        self._scope = tuple(scope)
        self._progress = _harmless(progress)
        self._anchors = Anchors(config.ca)
        self._anchors_name = self._anchors.name  # now: the file may be gone when it is over
        logins = (config.credentials, config.throwaway)
        self._secrets = tuple(login.password for login in logins if login and login.password)
        self._run_id = secrets.token_hex(8)
        self._state = threading.Condition()
        self._placed: dict[Key, list[Observation]] = {}
        self._pending: dict[Key, set[str | None]] = {}
        self._unresolved = {s.key for s in self._subjects if isinstance(s, Endpoint)}
        for other in (s for s in self._subjects if not isinstance(s, Endpoint)):
            self._pending.update({(kind, other.key): {None} for kind in self._wanted(other)})
        self._done = False
        self._stopping = False
        self._complete = False
        self._sinks = Sinks()
        self._budgets: dict[str, HostBudget] = {}
        self._logins: dict[str, GivenLogin] = {}
        self._accounts: dict[str, ThrowawayAccount] = {}
        """By host and by address: whatever they are called, the ports of both have the same accounts."""
        self._families = Families(config, self._subjects, self._anchors, self._run_id, self._secrets, self._progress)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._started = datetime.now(UTC)
        self._finished: datetime | None = None
        for observation in found:
            self._keep(observation)
        self._thread = threading.Thread(target=self._run, name="smtp-audit gathering", daemon=True)

    # From other threads

    @property
    def time(self) -> datetime:
        """When gathering began (UTC)."""
        return self._started

    def start(self) -> Gathering:
        """Begin."""
        self._thread.start()
        _ = self._vantage  # while there is time
        return self

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject, of all its addresses; blocks until they are there."""
        with self._state:
            while not (self._done or self._settled(kind, subject)):
                self._state.wait()
            # In the order of the snapshot, whoever came first.
            return tuple(sorted(self._placed.get((kind, subject), ()), key=lambda o: o.address or ""))

    def _keep(self, observation: Observation) -> None:
        """Keep what was observed. With the lock held."""
        self._placed.setdefault((observation.kind, observation.subject), []).append(observation)

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
            self._stopping = True
            if self._loop is not None and self._main is not None:
                with contextlib.suppress(RuntimeError):  # the loop is closed already
                    self._loop.call_soon_threadsafe(self._main.cancel)
            if self._thread.is_alive():
                self._state.wait_for(lambda: self._done, GRACE)
        self._end(Absence.INTERRUPTED, INTERRUPTED)
        if self._thread.is_alive():
            self._thread.join(CLEANUP)
        return self._snapshot()

    def _snapshot(self) -> Snapshot:
        with self._state:
            order = {key: place for place, key in enumerate(s.key for s in self._subjects)}
            observations = sorted(
                (o for placed in self._placed.values() for o in placed),
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
                vantage=self._vantage,
                efforts=tuple(self._budgets[address].effort() for address in sorted(self._budgets)),
                observations=tuple(observations),
            )

    @cached_property
    def _vantage(self) -> Vantage:
        return vantage(self._config, self._anchors_name)

    # In the gathering thread

    def _run(self) -> None:
        try:
            asyncio.run(self._gather())
        except BaseException as error:  # also SystemExit: the reader must not wait for ever
            self._end(Absence.BROKEN, f"gathering broke off: {_told(error)}")

    async def _gather(self) -> None:
        with self._state:
            self._loop = asyncio.get_running_loop()
            self._main = asyncio.current_task()
            stopping = self._stopping
        subjects = () if stopping else self._subjects
        try:
            with _undisturbed():  # until before `_end`: whoever waits for it has the process as it was
                results = await asyncio.gather(
                    *(self._endpoint(s) for s in subjects if isinstance(s, Endpoint)),
                    *(self._without_address(s) for s in subjects if not isinstance(s, Endpoint) and self._wanted(s)),
                    return_exceptions=True,
                )
        except asyncio.CancelledError:
            self._end(Absence.INTERRUPTED, INTERRUPTED)
            return
        if stopping:
            self._end(Absence.INTERRUPTED, INTERRUPTED)
            return
        broken = [r for r in results if isinstance(r, BaseException)]
        self._complete = not broken
        self._end(Absence.BROKEN, f"a probe broke off: {_told(broken[0])}" if broken else "the run ended before it")

    def _end(self, absence: Absence, reason: str) -> None:
        """Give every fact that is still missing this reason; from here on nobody waits.

        That is not left to the end of the thread, because the loop ends only when the system's resolver has answered.
        """
        with self._state:
            if self._done:
                return
            self._finished = datetime.now(UTC)
            try:
                self._fill_in(absence, reason)
            finally:
                self._done = True
                self._state.notify_all()

    async def _endpoint(self, endpoint: Endpoint) -> None:
        if not self._wanted(endpoint):
            found = Addresses(())
        elif endpoint.address:
            found = Addresses((endpoint.address,))
        else:
            found = await addresses_of(self._config, endpoint.host)
        addresses, trouble = found.addresses, found.trouble
        with self._state:
            for kind in self._wanted(endpoint):
                self._pending[kind, endpoint.key] = {*addresses, *({None} if trouble else ())}
            self._unresolved.discard(endpoint.key)
            self._derive(None)
            self._state.notify_all()
        if trouble:
            for kind in self._probed(endpoint):
                self._emit(endpoint, None, kind, PeerError(Absence.UNREACHABLE, trouble))
        await asyncio.gather(*(self._at_address(endpoint, address) for address in addresses))

    async def _without_address(self, subject: AnySubject) -> None:
        """Everything about a subject that is not connected to: a domain, a program."""

        def emit(kind: str, what: Facts | PeerError, transcript: Transcript, began: datetime) -> None:
            self._emit(subject, None, kind, what, transcript, began)

        await self._families.gather(subject, self._probed(subject), emit)

    def _wanted(self, subject: AnySubject) -> tuple[str, ...]:
        """The kinds to gather: those asked for, and those that come together with them."""
        return wanted_kinds(subject, self._asked.get(subject.key, set()))

    def _probed(self, subject: AnySubject) -> tuple[str, ...]:
        """The wanted kinds that a probe gives."""
        derived = (*DERIVED_KINDS, *DERIVED_OF_DOMAINS)
        return tuple(kind for kind in self._wanted(subject) if kind not in derived)

    async def _at_address(self, endpoint: Endpoint, address: str) -> None:
        wanted = self._probed(endpoint)
        budget = self._budgets.get(address)
        if budget is None:
            budget = self._budgets[address] = HostBudget(address, self._config.budget, self._progress)
        here = [e for e in self._subjects if isinstance(e, Endpoint) and e.host == endpoint.host]
        here = [e for e in here if e.address in (None, address)]
        asked = [e for e in here if OpenPortsFacts.kind in self._wanted(e)] or [endpoint]
        approach = Approach(
            endpoint,
            address,
            self._config,
            budget,
            self._anchors,
            self._secrets,
            sinks=self._sinks,
            login=_shared(self._logins, address, endpoint.host, GivenLogin),
            throwaway=_shared(self._accounts, address, endpoint.host, ThrowawayAccount),
            run_id=self._run_id,
            host_ports=tuple(e.port for e in here),
            speaks_for=min(asked, key=lambda e: e.port).key,
        )

        def emit(kind: str, what: Facts | PeerError, transcript: Transcript, began: datetime) -> None:
            self._emit(endpoint, address, kind, what, transcript, began)

        inspection = Inspection(approach, wanted, emit, self._progress)
        limit = self._config.limits.endpoint_seconds
        trouble = PeerError(Absence.BROKEN, "a probe ended without a result")
        try:
            async with asyncio.timeout(limit) as bound:
                with budget.extending(bound):
                    await inspection.run()
        except TimeoutError:
            trouble = _out_of_time(limit, budget) if bound.expired() else broke(TimeoutError())
        except asyncio.CancelledError:
            trouble = PeerError(Absence.INTERRUPTED, INTERRUPTED)
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
        subject: AnySubject,
        address: str | None,
        kind: str,
        what: Facts | PeerError,
        transcript: Transcript | None = None,
        began: datetime | None = None,
        *,
        only_if_missing: bool = False,
    ) -> None:
        if isinstance(what, Facts) and _repeats(what, self._secrets, subject.group):
            what = PeerError(Absence.MALFORMED, REPEATED)
        with self._state:
            if self._done:
                return  # too late
            pending = self._pending.setdefault((kind, subject.key), {address})
            if address not in pending:
                if only_if_missing:
                    return
                raise RuntimeError(f"{kind} of {subject.key} at {address} was observed twice")
            now = datetime.now(UTC)
            facts = what if isinstance(what, Facts) else None
            lines: tuple[Line, ...] = transcript.lines if transcript else ()
            self._keep(
                Observation(
                    kind=kind,
                    subject=subject.key,
                    address=address,
                    facts=facts,
                    absence=what.absence if isinstance(what, PeerError) else None,
                    reason=redact(what.reason, self._secrets) if isinstance(what, PeerError) else "",
                    transcript=lines,
                    started=began or self._started,
                    finished=now,
                )
            )
            pending.discard(address)
            if kind == CertificateFacts.kind or isinstance(subject, Domain):
                self._derive(subject.host if isinstance(subject, Endpoint) else None)
            self._state.notify_all()

    def _derive(self, host: str | None) -> None:
        """Add what follows from other facts, those of a host and of the domains, once they are there. With the lock
        held."""

        def look(kind: str, subject: str) -> tuple[Observation, ...] | None:
            return tuple(self._placed.get((kind, subject), ())) if self._settled(kind, subject) else None

        endpoints = [s for s in self._subjects if isinstance(s, Endpoint)]
        found = list(compared_ports([e for e in endpoints if e.host == host and self._wanted(e)], look))
        for domain in (s for s in self._subjects if isinstance(s, Domain)):
            if self._pending.get((MatrixFacts.kind, domain.key)):
                found += filter(None, [compared_domain(domain, endpoints, look)])
        for observation in found:
            pending = self._pending.get((observation.kind, observation.subject), set())
            if observation.address in pending:
                pending.discard(observation.address)
                self._keep(observation)

    def _fill_in(self, absence: Absence, reason: str) -> None:
        """Give a reason to everything that was asked for and never came. Called with the lock held."""
        for subject in self._subjects:
            for kind in self._wanted(subject):
                missing = self._pending.get((kind, subject.key), set())
                for address in missing if missing or (kind, subject.key) in self._placed else {None}:
                    self._keep(
                        Observation(
                            kind=kind,
                            subject=subject.key,
                            address=address,
                            absence=absence,
                            reason=reason,
                            started=self._started,
                            finished=self._finished or self._started,
                        )
                    )


def _shared(known: dict[str, A], address: str, host: str, new: Callable[[], A]) -> A:
    """That of the address under whatever name, else that of the host at another address, else a new one."""
    found = known.get(address) or known.get(host) or new()
    return known.setdefault(address, known.setdefault(host, found))


def _repeats(facts: Facts, secrets: Sequence[Secret], host: str) -> bool:
    """Whether any text among the facts, but for the host's name, which is ours, holds a secret in any of its forms.

    Text by text and not in JSON, whose own words (`port`, `true`) and escapes are nothing that a server said.
    """
    return bool(secrets) and any(text != host and redact(text, secrets) != text for text in texts_of(facts))


def _out_of_time(limit: float, budget: HostBudget) -> PeerError:
    last = budget.effort().backoff_reasons[-1:]
    why = f"; the server last made it wait: {last[0]}" if last else ""
    return PeerError(Absence.BUDGET, f"not finished within the {limit:g} s for one endpoint (endpoint_seconds){why}")


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {escape_text(str(error), 200)}"


def _harmless(progress: Callable[[str], None] | None) -> Callable[[str], None]:
    """Progress is for people: an output that is closed must cost no facts."""

    def say(text: str) -> None:
        if progress is not None:
            with contextlib.suppress(Exception):
                progress(text)

    return say


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """While the block lasts, the search for garbage passes over all that was there before: modules, models, tests.

    A gathering makes and drops hundreds of thousands of objects, and now and then the search goes through everything in
    the process. What is garbage of before waits until the end. A process that has frozen its memory itself is left so.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
