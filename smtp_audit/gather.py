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
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pydantic import BaseModel

from smtp_audit.configuration.model import Config
from smtp_audit.facts.bounds import OpenPortsFacts
from smtp_audit.facts.certificate import CertificateFacts, PortCertificatesFacts, port_certificates
from smtp_audit.facts.endpoint import Domain, Endpoint
from smtp_audit.facts.handshake import TlsSuiteFacts
from smtp_audit.facts.observation import Absence, Facts, Line, Observation
from smtp_audit.facts.snapshot import Snapshot, Vantage
from smtp_audit.facts.subject import AnySubject
from smtp_audit.probes.approach import Approach, GivenLogin, ThrowawayAccount
from smtp_audit.probes.budget import HostBudget
from smtp_audit.probes.conversation.sink import Sinks
from smtp_audit.probes.dns import Addresses, addresses_of
from smtp_audit.probes.inspection import DERIVED_KINDS, FIRST_LOOK_KINDS, Inspection, kinds_of
from smtp_audit.probes.tls.survey import SURVEY_KINDS, broke
from smtp_audit.probes.tls.trust import Anchors
from smtp_audit.probes.vantage import vantage
from smtp_audit.probes.wire import PeerError, Transcript
from smtp_audit.secret import Secret, redact
from smtp_audit.version import __version__
from smtp_audit.wiretext import escape_text

if TYPE_CHECKING:
    from smtp_audit.probes.domain.lookups import Lookups

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
        """By host: its addresses and ports have the same accounts."""
        self._lookups: Lookups | None = None
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
        return self

    def wait(self, kind: str, subject: str) -> tuple[Observation, ...]:
        """The observations of one kind on one subject, of all its addresses; blocks until they are there."""
        with self._state:
            while not (self._done or self._settled(kind, subject)):
                self._state.wait()
            return tuple(self._placed.get((kind, subject), ()))

    def _keep(self, observation: Observation) -> None:
        """Keep what was observed. With the lock held."""
        self._placed.setdefault((observation.kind, observation.subject), []).append(observation)

    def _settled(self, kind: str, subject: str) -> bool:
        return subject not in self._unresolved and not self._pending.get((kind, subject))

    def finish(self) -> Snapshot:
        """Wait for the end; everything that was gathered."""
        _ = self._vantage  # while there is time
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
                    *(self._domain(s) for s in subjects if isinstance(s, Domain) and self._wanted(s)),
                    *(self._program(s) for s in subjects if not isinstance(s, Endpoint | Domain) and self._wanted(s)),
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
            self._state.notify_all()
        if trouble:
            for kind in self._probed(endpoint):
                self._emit(endpoint, None, kind, PeerError(Absence.UNREACHABLE, trouble))
        await asyncio.gather(*(self._at_address(endpoint, address) for address in addresses))

    async def _domain(self, domain: Domain) -> None:
        """Every family of facts about a domain at once; a question that two of them put goes out once."""
        # Loaded here: a run about servers alone needs no second library for the DNS.
        from smtp_audit.probes.domain.approach import DomainApproach
        from smtp_audit.probes.domain.lookups import Lookups, servers_of
        from smtp_audit.probes.domain.table import FAMILY_BY_KIND

        if self._lookups is None:
            self._lookups = Lookups(servers_of(self._config))
        approach = DomainApproach(
            domain.name,
            self._config,
            self._lookups,
            self._anchors,
            tuple(s for s in self._subjects if isinstance(s, Endpoint)),
            self._run_id,
        )
        looks = [(kind, partial(FAMILY_BY_KIND[kind].look, approach)) for kind in self._wanted(domain)]
        limit = self._config.limits.endpoint_seconds
        await asyncio.gather(*(self._family(domain, kind, look, limit) for kind, look in looks))
        self._progress(f"{domain.key}: done, {self._lookups.count} questions to the DNS so far")

    async def _program(self, subject: AnySubject) -> None:
        """Every family of facts about something of the user's own, one after the other: they share its processors."""
        from smtp_audit.probes.programs import PROGRAM_FAMILIES
        from smtp_audit.probes.programs_approach import ProgramApproach

        approach = ProgramApproach(subject.key, self._config, self._run_id, self._progress)
        for kind in self._wanted(subject):
            family = PROGRAM_FAMILIES[kind]
            await self._family(subject, kind, partial(family.look, approach), family.seconds(approach))
        self._progress(f"{subject.key}: done")

    async def _family(
        self, subject: AnySubject, kind: str, look: Callable[[Transcript], Awaitable[Facts]], limit: float
    ) -> None:
        """One kind of facts about a subject without addresses; `limit` in seconds."""
        began = datetime.now(UTC)
        transcript = Transcript(self._secrets)
        what: Facts | PeerError
        try:
            async with asyncio.timeout(limit) as bound:
                what = await look(transcript)
        except TimeoutError:
            late = PeerError(Absence.BUDGET, f"not finished within the {limit:g} s for {subject.key}")
            what = late if bound.expired() else broke(TimeoutError())
        except PeerError as error:
            what = error
        except Exception as error:  # a defect of ours: it must cost these facts, not those of the other families
            what = broke(error)
        self._emit(subject, None, kind, what, transcript, began)

    def _wanted(self, subject: AnySubject) -> tuple[str, ...]:
        """The kinds to gather: those asked for, and those that come together with them."""
        asked = self._asked.get(subject.key, set())
        if isinstance(subject, Domain):
            if not asked:
                return ()
            from smtp_audit.probes.domain.table import FAMILY_BY_KIND

            return tuple(kind for kind in FAMILY_BY_KIND if kind in asked)
        if not isinstance(subject, Endpoint):
            if not asked:
                return ()
            from smtp_audit.probes.programs import PROGRAM_FAMILIES

            return tuple(kind for kind in PROGRAM_FAMILIES if kind in asked)
        # The tables of the report need a whole survey of TLS, though no control asks for some of it.
        along = (*FIRST_LOOK_KINDS, *(SURVEY_KINDS if TlsSuiteFacts.kind in asked else ()))
        return tuple(kind for kind in kinds_of(subject) if asked and (kind in asked or kind in along))

    def _probed(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The wanted kinds that a probe gives."""
        return tuple(kind for kind in self._wanted(endpoint) if kind not in DERIVED_KINDS)

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
            login=self._logins.setdefault(endpoint.host, GivenLogin()),
            throwaway=self._accounts.setdefault(endpoint.host, ThrowawayAccount()),
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
            if kind == CertificateFacts.kind and isinstance(subject, Endpoint):
                self._compare_ports(subject.host)
            self._state.notify_all()

    def _compare_ports(self, host: str) -> None:
        """Set the certificates of all endpoints of a host side by side, once they are known. With the lock held."""
        endpoints = [e for e in self._subjects if isinstance(e, Endpoint) and e.host == host and self._wanted(e)]
        if not all(self._settled(CertificateFacts.kind, endpoint.key) for endpoint in endpoints):
            return
        seen = [
            (endpoint, observation)
            for endpoint in endpoints
            for observation in self._placed.get((CertificateFacts.kind, endpoint.key), ())
        ]
        for endpoint, own in seen:
            pending = self._pending.get((PortCertificatesFacts.kind, endpoint.key), set())
            if own.address not in pending:
                continue
            pending.discard(own.address)
            others = [pair for pair in seen if pair[1] is not own]
            facts = port_certificates(endpoint, own, others)
            update = {"kind": PortCertificatesFacts.kind, "facts": facts, "transcript": ()}
            self._keep(own.model_copy(update=update))

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


def _repeats(facts: Facts, secrets: Sequence[Secret], host: str) -> bool:
    """Whether any text among the facts, but for the host's name, which is ours, holds a secret in any of its forms.

    Text by text and not in JSON, whose own words (`port`, `true`) and escapes are nothing that a server said.
    """
    return bool(secrets) and any(text != host and redact(text, secrets) != text for text in _texts(facts))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from _texts((*value.keys(), *value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str) and not isinstance(value, Enum):
        yield value


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
